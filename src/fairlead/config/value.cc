#include "fairlead/config/value.h"

#include <algorithm>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"

namespace fairlead::config {
namespace {

constexpr std::size_t kShownBytesMax = 40;

}  // namespace

std::string Place::to_string() const {
  std::string out = source == nullptr ? std::string("(unknown place)") : *source;
  if (line != 0) out.append(":").append(std::to_string(line));
  if (line != 0 && column != 0) out.append(":").append(std::to_string(column));
  return out;
}

const Value* Value::find(std::string_view key) const {
  const auto found =
      std::ranges::find_if(children_, [&](const auto& child) { return child->key_ == key; });
  return kind_ == Kind::kMap && found != children_.end() ? found->get() : nullptr;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(std::as_const(*this).find(key));
}

std::string Value::path() const {
  if (parent_ == nullptr) return {};
  std::string out = parent_->path();
  if (parent_->kind_ == Kind::kList) return out.append("[" + std::to_string(index_) + "]");
  if (!out.empty()) out += '.';
  return out.append(escape_text(key_, kShownBytesMax));
}

std::string Value::describe() const {
  switch (kind_) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list of " + std::to_string(children_.size());
    case Kind::kMap:
      return "a map with " + std::to_string(children_.size()) + " keys";
    case Kind::kScalar:
      break;
  }
  const std::string shown = escape_text(text_, kShownBytesMax);
  return style_ == Style::kQuoted ? "the text \"" + shown + "\"" : "'" + shown + "'";
}

void Value::make_null() {
  kind_ = Kind::kNull;
  text_.clear();
  children_.clear();
}

void Value::make_scalar(std::string text, Style style) {
  make_null();
  kind_ = Kind::kScalar;
  style_ = style;
  text_ = std::move(text);
}

void Value::make_list() {
  make_null();
  kind_ = Kind::kList;
}

void Value::make_map() {
  make_null();
  kind_ = Kind::kMap;
}

Value& Value::add_item(Place place) {
  FL_CHECK(kind_ == Kind::kList);
  return add_child(std::make_unique<Value>(std::move(place)));
}

Value& Value::add_member(std::string key, Place key_place, Place place) {
  FL_CHECK(kind_ == Kind::kMap);
  auto child = std::make_unique<Value>(std::move(place));
  child->key_ = std::move(key);
  child->key_place_ = std::move(key_place);
  return add_child(std::move(child));
}

Value& Value::add_child(std::unique_ptr<Value> child) {
  child->parent_ = this;
  child->index_ = children_.size();
  children_.push_back(std::move(child));
  return *children_.back();
}

}  // namespace fairlead::config
