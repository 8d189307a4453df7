// The layers above the file: environment variables and flags.
#include <algorithm>
#include <string>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/config/document.h"
#include "fairlead/config/problems.h"

namespace fairlead::config {
namespace {

constexpr std::size_t kLevelsMax = 64;
constexpr std::size_t kItemsMax = 10'000;

Place overlay_place(std::string source) {
  return {std::make_shared<const std::string>(std::move(source)), 0, 0};
}

Status refuse(const Place& place, std::string_view text) {
  Problems problems;
  problems.add(place, "config.bad_override", text);
  return problems.status();
}

Value* find_in_any_case(Value& map, std::string_view key) {
  if (Value* exact = map.find(key); exact != nullptr) return exact;
  for (const auto& child : map.children()) {
    if (equals_ignoring_case(child->key(), key)) return child.get();
  }
  return nullptr;
}

// The child `step` of `at`, made when it is not there. A null becomes a map, or a list when its
// first item is asked for.
Result<Value*> descend(Value& at, const std::string& step, const Place& place, bool any_case) {
  if (step.empty()) return refuse(place, "the path has an empty part; write it as a.b.c");
  if (at.is_null() && step == "0") at.make_list();
  if (at.kind() == Value::Kind::kList) {
    const auto index = parse_uint64(step);
    const std::size_t size = at.children().size();
    if (!index.has_value() || *index > size || *index >= kItemsMax) {
      return refuse(place, "'" + escape_text(step, 80) + "' is no item of the list '" + at.path() +
                               "'; give 0 to " + std::to_string(size) + " (the last appends)");
    }
    if (*index == size) return &at.add_item(place);
    return at.children()[*index].get();
  }
  if (at.kind() == Value::Kind::kScalar) {
    return refuse(place, "'" + at.path() + "' is a single value (" + at.place().to_string() +
                             "); it has no key '" + escape_text(step, 80) + "'");
  }
  if (at.is_null()) at.make_map();
  Value* found = any_case ? find_in_any_case(at, step) : at.find(step);
  return found != nullptr ? found : &at.add_member(step, place, place);
}

// A list of single values: another one may stand in its place.
bool is_plain(const Value& list) {
  return std::ranges::all_of(list.children(), [](const auto& item) {
    return item->kind() == Value::Kind::kScalar || item->is_null();
  });
}

Status set_at(Value& root, const std::vector<std::string>& steps, std::string_view text,
              const Place& place, bool any_case) {
  if (steps.size() > kLevelsMax) return refuse(place, "the path has too many levels");
  if (!is_utf8(text)) return refuse(place, "the value is not UTF-8");
  Value* at = &root;
  for (const std::string& step : steps) {
    FL_TRY_ASSIGN(at, descend(*at, step, place, any_case));
  }
  if (at->kind() == Value::Kind::kMap || (at->kind() == Value::Kind::kList && !is_plain(*at))) {
    return refuse(place,
                  "'" + at->path() + "' is " + at->describe() + "; name one value inside it");
  }
  at->make_scalar(std::string(text), Value::Style::kText);
  at->set_place(place);
  return {};
}

std::vector<std::string> environment_steps(std::string_view name) {
  std::vector<std::string> steps;
  while (true) {
    const std::size_t end = name.find("__");
    steps.push_back(to_lower(name.substr(0, end)));
    if (end == std::string_view::npos) return steps;
    name.remove_prefix(end + 2);
  }
}

// "a.b[2].c" as a, b, 2, c.
std::vector<std::string> flag_steps(std::string_view path) {
  std::vector<std::string> steps;
  for (std::string_view part : split(path, '.')) {
    const std::size_t bracket = part.find('[');
    if (bracket != 0) steps.emplace_back(part.substr(0, bracket));
    if (bracket == std::string_view::npos) continue;
    for (std::string_view index : split(part.substr(bracket + 1), '[')) {
      // A missing ']' leaves a step that is no number, which descend() refuses.
      if (index.ends_with(']'))
        index.remove_suffix(1);
      else
        index = "[";
      steps.emplace_back(index);
    }
  }
  return steps;
}

}  // namespace

Status Document::overlay_environment(std::string_view prefix, const Environment& environment) {
  Problems problems;
  for (const auto& [name, text] : environment) {
    if (!name.starts_with(prefix) || name.size() == prefix.size()) continue;
    const Place place = overlay_place("environment variable " + escape_text(name, 200));
    const auto steps = environment_steps(std::string_view(name).substr(prefix.size()));
    problems.add(set_at(*root_, steps, text, place, true));
  }
  return problems.status();
}

Status Document::overlay_flag(std::string_view setting, std::string_view option) {
  const std::size_t equals = setting.find('=');
  const std::string_view path = setting.substr(0, equals);
  const std::string text = "flag " + std::string(option);
  const Place place = overlay_place(option == "--set" ? text + " " + escape_text(path, 200) : text);
  if (equals == std::string_view::npos) {
    return refuse(place, "no '=' in it; write path.to.key=value");
  }
  return set_at(*root_, flag_steps(path), setting.substr(equals + 1), place, false);
}

}  // namespace fairlead::config
