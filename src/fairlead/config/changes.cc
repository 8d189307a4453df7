#include "fairlead/config/changes.h"

#include <map>
#include <utility>

namespace fairlead::config {
namespace {

using Steps = std::vector<std::string>;

// A value in one line, as YAML's flow form would have it.
std::string show(const Value& value) {
  if (value.kind() == Value::Kind::kNull) return "null";
  if (value.kind() == Value::Kind::kScalar) return std::string(value.text());
  const bool map = value.kind() == Value::Kind::kMap;
  std::string out(map ? "{" : "[");
  for (const auto& child : value.children()) {
    if (out.size() > 1) out += ", ";
    if (map) out.append(child->key()).append(": ");
    out += show(*child);
  }
  return out += map ? '}' : ']';
}

void collect(const Value& value, Steps& steps, std::map<Steps, std::string>& out) {
  if (value.is_null()) return;
  if (value.kind() != Value::Kind::kMap) {
    out.emplace(steps, show(value));
    return;
  }
  for (const auto& child : value.children()) {
    steps.emplace_back(child->key());
    collect(*child, steps, out);
    steps.pop_back();
  }
}

std::map<Steps, std::string> values_of(const Document& document) {
  std::map<Steps, std::string> out;
  Steps steps;
  collect(document.root(), steps, out);
  return out;
}

void copy(const Value& from, Value& to) {
  to.set_place(from.place());
  switch (from.kind()) {
    case Value::Kind::kNull:
      return to.make_null();
    case Value::Kind::kScalar:
      return to.make_scalar(std::string(from.text()), from.style());
    case Value::Kind::kList:
      to.make_list();
      for (const auto& item : from.children()) copy(*item, to.add_item(item->place()));
      return;
    case Value::Kind::kMap:
      to.make_map();
      for (const auto& member : from.children()) {
        copy(*member,
             to.add_member(std::string(member->key()), member->key_place(), member->place()));
      }
  }
}

}  // namespace

std::string Change::path() const {
  std::string out;
  for (const std::string& step : steps) out.append(out.empty() ? "" : ".").append(step);
  return out;
}

std::vector<Change> changes(const Document& before, const Document& after) {
  std::map<Steps, std::string> was = values_of(before);
  std::map<Steps, std::string> is = values_of(after);
  std::map<Steps, Change> found;
  for (auto& [steps, text] : was) {
    const auto now = is.find(steps);
    if (now == is.end() || now->second != text) found[steps].before = std::move(text);
  }
  for (auto& [steps, text] : is) {
    if (found.contains(steps) || !was.contains(steps)) found[steps].after = std::move(text);
  }
  std::vector<Change> out;
  for (auto& [steps, change] : found) {
    out.push_back({steps, std::move(change.before), std::move(change.after)});
  }
  return out;
}

Merged merge(const Document& in_use, const Document& written,
             const std::function<bool(const std::vector<std::string>& steps)>& is_live) {
  Merged out{.document = Document(in_use.name()), .live = {}, .at_start = {}};
  out.document.take(in_use, {});
  for (Change& change : changes(in_use, written)) {
    const bool live = is_live(change.steps);
    if (live) out.document.take(written, change.steps);
    (live ? out.live : out.at_start).push_back(std::move(change));
  }
  return out;
}

void Document::take(const Document& other, const std::vector<std::string>& steps) {
  const Value* from = &other.root();
  for (const std::string& step : steps) {
    if (from != nullptr) from = from->find(step);
  }
  Value* to = root_.get();
  for (const std::string& step : steps) {
    Value* next = to->kind() == Value::Kind::kMap ? to->find(step) : nullptr;
    if (next == nullptr) {
      if (from == nullptr) return;  // it is in neither
      if (to->kind() != Value::Kind::kMap) to->make_map();
      next = &to->add_member(step, from->key_place(), from->place());
    }
    to = next;
  }
  if (from == nullptr)
    to->make_null();
  else
    copy(*from, *to);
}

}  // namespace fairlead::config
