// The border to yaml-cpp: its events become Values, its exceptions become Status.
//
// The builder works on events and not on yaml-cpp's nodes because only so can it count what
// aliases expand to, see duplicate keys, and stop keeping things once a limit is hit.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <unordered_set>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/config/internal.h"
#include "fairlead/config/problems.h"

namespace fairlead::config::internal {
namespace {

class Builder final : public YAML::EventHandler {
 public:
  Builder(const Place& start, const Options& options)
      : start_(start), options_(options), root_(std::make_unique<Value>(start)) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0) {
      problems_.add(place(mark), "config.bad_syntax",
                    "a second document begins here; keep one document in the file");
      stopped_ = true;
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (stopped_) return;
    if (wants_key()) return refuse_key(place(mark), "an empty key");
    Value* value = next(place(mark));
    remember(anchor, value);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (stopped_) return;
    const bool plain = tag.empty() || tag == "?";
    if (!plain && tag != "!" && tag != "tag:yaml.org,2002:str") {
      return refuse_tag(place(mark), tag);
    }
    if (!spend(place(mark), 0, text.size())) return;
    if (wants_key()) return take_key(place(mark), text, plain);
    Value* value = next(place(mark));
    if (value == nullptr) return;
    const bool null = plain && (text.empty() || text == "~" || text == "null" || text == "Null" ||
                                text == "NULL");
    if (!null) value->make_scalar(text, plain ? Value::Style::kPlain : Value::Style::kQuoted);
    remember(anchor, value);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (stopped_) return;
    if (wants_key()) return refuse_key(place(mark), "an alias");
    const auto found = anchors_.find(anchor);
    Value* value = next(place(mark));
    if (value == nullptr) return;
    if (found == anchors_.end() || is_open(found->second)) {
      problems_.add(place(mark), "config.bad_syntax",
                    "this alias contains itself; write the value out");
      stopped_ = true;
      return;
    }
    if (!spend(place(mark), 0, found->second->text().size())) return;
    copy(*found->second, *value, open_.size());
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, false);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, tag, anchor, true);
  }
  void OnMapEnd() override { end(); }

  Result<std::unique_ptr<Value>> take() {
    if (!problems_.empty()) return problems_.status();
    return std::move(root_);
  }
  bool failed() const { return !problems_.empty(); }

 private:
  struct Level {
    Value* value;
    Value* member = nullptr;  // the map's member whose key was read and whose value comes next
    std::unordered_set<std::string> keys;
  };

  Place place(const YAML::Mark& mark) const {
    Place out = start_;
    out.line = static_cast<std::uint32_t>(mark.line + 1);
    out.column = static_cast<std::uint32_t>(mark.column + 1);
    return out;
  }

  bool wants_key() const {
    return !open_.empty() && open_.back().value->kind() == Value::Kind::kMap &&
           open_.back().member == nullptr;
  }
  bool is_open(const Value* value) const {
    return std::ranges::any_of(open_, [&](const Level& level) { return level.value == value; });
  }

  void take_key(Place place, const std::string& text, bool plain) {
    Level& level = open_.back();
    if (plain && text == "<<") return refuse_key(place, "the merge key '<<'");
    if (!level.keys.insert(text).second) {
      const Place& first = level.value->find(text)->key_place();
      problems_.add(place, "config.duplicate_key",
                    "key '" + escape_text(text, 80) + "' is already set at line " +
                        std::to_string(first.line) + "; remove one of the two");
      // Goes on with a value that nobody finds, to report further problems.
    }
    level.member = &level.value->add_member(text, place, place);
  }

  void refuse_key(const Place& place, std::string_view what) {
    problems_.add(place, "config.unsupported",
                  std::string(what).append(" cannot be a key here; write keys as plain text"));
    stopped_ = true;
  }
  void refuse_tag(const Place& place, const std::string& tag) {
    problems_.add(place, "config.unsupported",
                  "the tag '" + escape_text(tag, 80) + "' is not supported; remove it");
    stopped_ = true;
  }

  // Counts values and bytes of text. False, and nothing more is kept, above a limit.
  bool spend(const Place& place, std::size_t nodes, std::size_t bytes) {
    nodes_ += nodes;
    bytes_ += bytes;
    if (nodes_ <= options_.nodes_max && bytes_ <= options_.text_bytes_max) return true;
    problems_.add(Status(Code::kTooLarge, "config.too_big",
                         place.to_string() + ": more than " + std::to_string(options_.nodes_max) +
                             " values or " + std::to_string(options_.text_bytes_max) +
                             " bytes of text once aliases are expanded; split the file"));
    stopped_ = true;
    return false;
  }

  // Where the next value goes.
  Value* next(const Place& place) {
    if (!spend(place, 1, 0)) return nullptr;
    if (open_.empty()) {
      root_->set_place(place);
      return root_.get();
    }
    Level& level = open_.back();
    if (level.value->kind() == Value::Kind::kList) return &level.value->add_item(place);
    Value* value = level.member;
    level.member = nullptr;
    value->set_place(place);
    return value;
  }

  void remember(YAML::anchor_t anchor, Value* value) {
    if (anchor != YAML::NullAnchor && value != nullptr) anchors_[anchor] = value;
  }

  bool deep(const Place& place, std::size_t depth) {
    if (depth <= options_.depth_max) return false;
    problems_.add(Status(Code::kTooLarge, "config.too_deep",
                         place.to_string() + ": lists and maps nested deeper than " +
                             std::to_string(options_.depth_max) + " levels; flatten the document"));
    stopped_ = true;
    return true;
  }

  void begin(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, bool map) {
    if (stopped_) return;
    const Place at = place(mark);
    if (wants_key()) return refuse_key(at, map ? "a map" : "a list");
    if (!tag.empty() && tag != "?" && tag != "!") return refuse_tag(at, tag);
    if (deep(at, open_.size() + 1)) return;
    Value* value = next(at);
    if (value == nullptr) return;
    if (map)
      value->make_map();
    else
      value->make_list();
    remember(anchor, value);
    open_.push_back({.value = value, .member = nullptr, .keys = {}});
  }

  void end() {
    if (!stopped_) open_.pop_back();
  }

  // Fills `to` with what `from` holds. `depth` is the number of levels around `to`.
  void copy(const Value& from, Value& to, std::size_t depth) {
    if (from.kind() == Value::Kind::kScalar) {
      to.make_scalar(std::string(from.text()), from.style());
      return;
    }
    if (from.is_null() || deep(to.place(), depth + 1)) return;
    if (from.kind() == Value::Kind::kMap)
      to.make_map();
    else
      to.make_list();
    for (const auto& child : from.children()) {
      if (stopped_ || !spend(to.place(), 1, child->key().size() + child->text().size())) return;
      Value& copied =
          to.kind() == Value::Kind::kList
              ? to.add_item(child->place())
              : to.add_member(std::string(child->key()), child->key_place(), child->place());
      copy(*child, copied, depth + 1);
    }
  }

  const Place start_;
  const Options& options_;
  std::unique_ptr<Value> root_;
  std::vector<Level> open_;
  std::map<YAML::anchor_t, const Value*> anchors_;
  Problems problems_;
  std::size_t documents_ = 0;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
  bool stopped_ = false;
};

// yaml-cpp's own words for a tab in the indentation mislead. The first line up to the reported
// one that is indented by a tab is what the user must mend.
Status describe_failure(std::string_view text, const Place& start, const YAML::Exception& error) {
  const std::size_t last_line =
      error.mark.is_null() ? 0 : static_cast<std::size_t>(error.mark.line);
  const std::vector<std::string_view> lines = split(text, '\n');
  for (std::size_t i = 0; i < lines.size() && i <= last_line; ++i) {
    const std::size_t content = lines[i].find_first_not_of(" \t\r");
    const std::size_t tab = lines[i].find('\t');
    if (tab == std::string_view::npos || content == std::string_view::npos || tab > content)
      continue;
    Place place = start;
    place.line = static_cast<std::uint32_t>(i + 1);
    place.column = static_cast<std::uint32_t>(tab + 1);
    return Status(Code::kBadMessage, "config.tab_indent",
                  place.to_string() + ": a tab in the indentation; indent with blanks");
  }
  Place place = start;
  place.line = error.mark.is_null() ? 0 : static_cast<std::uint32_t>(error.mark.line + 1);
  place.column = error.mark.is_null() ? 0 : static_cast<std::uint32_t>(error.mark.column + 1);
  return Status(Code::kBadMessage, "config.bad_syntax",
                place.to_string() + ": not valid YAML: " + escape_text(error.msg) +
                    "; check this line and the one before it");
}

}  // namespace

Result<std::unique_ptr<Value>> parse_yaml(std::string_view text, const Place& start,
                                          const Options& options) {
  Builder builder(start, options);
  try {
    std::istringstream input{std::string(text)};
    YAML::Parser parser(input);
    while (!builder.failed() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    // A limit or a duplicate key that came first is the better explanation. A refused key is not:
    // yaml-cpp takes a list that never ends for a key before it finds the end missing.
    Result<std::unique_ptr<Value>> built = builder.take();
    if (!built.ok() && built.status().reason() != "config.unsupported") return built;
    return describe_failure(text, start, error);
  } catch (const std::exception& error) {
    return Status(Code::kBadMessage, "config.bad_syntax",
                  *start.source + ": not valid YAML: " + escape_text(error.what()));
  }
  return builder.take();
}

}  // namespace fairlead::config::internal
