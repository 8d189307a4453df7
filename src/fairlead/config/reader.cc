#include "fairlead/config/reader.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "fairlead/base/text.h"

namespace fairlead::config {
namespace {

constexpr std::size_t kTypoBytesMax = 64;  // longer keys are not compared with known ones

std::string subject(const Value& value) {
  const std::string path = value.path();
  return path.empty() ? "the document" : "key '" + path + "'";
}

Status problem(const Value& value, std::string_view reason, std::string_view text) {
  Problems problems;
  problems.add(value.place(), reason, subject(value).append(" ").append(text));
  return problems.status();
}

// A scalar that may mean something other than text.
bool bare(const Value& value) {
  return value.kind() == Value::Kind::kScalar && value.style() != Value::Style::kQuoted;
}

bool is_bool(std::string_view text) {
  return text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" ||
         text == "FALSE";
}

bool is_whole_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

template <class T>
Status read_integer(const Value& value, T& out) {
  constexpr T kMin = std::numeric_limits<T>::min();
  constexpr T kMax = std::numeric_limits<T>::max();
  if (!bare(value) || !is_whole_number(value.text())) return wrong_type(value, "a whole number");
  bool fits = false;
  if constexpr (std::unsigned_integral<T>) {
    const auto number = parse_uint64(value.text());
    fits = number.has_value() && *number <= kMax;
    if (fits) out = static_cast<T>(*number);
  } else {
    const auto number = parse_int64(value.text());
    fits = number.has_value() && *number >= kMin && *number <= kMax;
    if (fits) out = static_cast<T>(*number);
  }
  if (fits) return {};
  return internal::out_of_range(value, internal::show_limit(kMin), internal::show_limit(kMax));
}

std::string hint(std::string_view key, const std::vector<std::string_view>& known) {
  if (known.empty()) return "; no keys are allowed here";
  const std::string_view nearest =
      key.size() <= kTypoBytesMax ? nearest_name(key, known) : std::string_view();
  if (!nearest.empty()) return std::string("; did you mean '").append(nearest).append("'?");
  std::string text = "; known keys:";
  for (const std::string_view name : known) text.append(" ").append(name);
  return text;
}

}  // namespace

namespace internal {

std::string show(std::int64_t number) { return std::to_string(number); }
std::string show(std::uint64_t number) { return std::to_string(number); }
std::string show(double number) {
  std::string text = std::to_string(number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}
std::string show(Duration duration) { return to_text(duration); }
std::string show(ByteSize size) {
  constexpr const char* kUnits[] = {"", "KiB", "MiB", "GiB", "TiB", "PiB"};
  std::size_t unit = 0;
  std::uint64_t number = size.bytes;
  while (number != 0 && number % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    number /= 1024;
    ++unit;
  }
  return std::to_string(number) + kUnits[unit];
}

Status out_of_range(const Value& value, std::string_view min, std::string_view max) {
  return problem(value, "config.out_of_range",
                 "is " + value.describe() + "; give a value from " + std::string(min) + " to " +
                     std::string(max));
}

}  // namespace internal

Status wrong_type(const Value& value, std::string_view wanted) {
  return problem(value, "config.wrong_type",
                 std::string("wants ").append(wanted).append(", got ") + value.describe());
}

Status read(const Value& value, bool& out) {
  if (!bare(value) || !is_bool(value.text())) return wrong_type(value, "true or false");
  out = value.text()[0] == 't' || value.text()[0] == 'T';
  return {};
}

Status read(const Value& value, std::int32_t& out) { return read_integer(value, out); }
Status read(const Value& value, std::int64_t& out) { return read_integer(value, out); }
Status read(const Value& value, std::uint16_t& out) { return read_integer(value, out); }
Status read(const Value& value, std::uint32_t& out) { return read_integer(value, out); }
Status read(const Value& value, std::uint64_t& out) { return read_integer(value, out); }

Status read(const Value& value, double& out) {
  const auto number = bare(value) ? parse_double(value.text()) : std::nullopt;
  if (!number.has_value() || !std::isfinite(*number)) return wrong_type(value, "a number");
  out = *number;
  return {};
}

Status read(const Value& value, std::string& out) {
  if (value.kind() != Value::Kind::kScalar) return wrong_type(value, "text");
  if (value.style() == Value::Style::kPlain && is_bool(value.text())) {
    return wrong_type(value, "text (put it in quotes if you mean the word)");
  }
  out = value.text();
  return {};
}

// Quotes are fine for durations and sizes: JSON knows no other way to write them.
Status read(const Value& value, Duration& out) {
  const auto duration =
      value.kind() == Value::Kind::kScalar ? parse_duration(value.text()) : std::nullopt;
  if (!duration.has_value()) {
    return wrong_type(value, "a duration with its unit, such as 250ms, 1.5s, 2m or 1h");
  }
  out = *duration;
  return {};
}

Status read(const Value& value, ByteSize& out) {
  const auto size = value.kind() == Value::Kind::kScalar ? parse_size(value.text()) : std::nullopt;
  if (!size.has_value()) {
    return wrong_type(value, "a size such as 512, 64KiB, 8MiB, 1GiB or 10MB");
  }
  out.bytes = *size;
  return {};
}

ObjectReader::ObjectReader(const Value& value) : value_(value) {
  if (!value.is_null() && value.kind() != Value::Kind::kMap) {
    problems_.add(wrong_type(value, "a map of keys"));
  }
}

const Value* ObjectReader::look(std::string_view key) {
  known_.push_back(key);
  const Value* found = value_.find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

const Value* ObjectReader::need(std::string_view key) {
  const Value* found = look(key);
  if (found == nullptr && (value_.is_null() || value_.kind() == Value::Kind::kMap)) {
    problems_.add(
        problem(value_, "config.missing_key", "lacks the key '" + std::string(key) + "'; add it"));
  }
  return found;
}

void ObjectReader::list(std::string_view key,
                        const std::function<Status(const Value& item)>& each) {
  const Value* found = look(key);
  if (found == nullptr) return;
  if (found->kind() != Value::Kind::kList) return problems_.add(wrong_type(*found, "a list"));
  for (const auto& child : found->children()) problems_.add(each(*child));
}

void ObjectReader::map(std::string_view key,
                       const std::function<Status(const Value& member)>& each) {
  const Value* found = look(key);
  if (found == nullptr) return;
  if (found->kind() != Value::Kind::kMap) return problems_.add(wrong_type(*found, "a map"));
  for (const auto& child : found->children()) problems_.add(each(*child));
}

void ObjectReader::reject(std::string_view key, std::string_view reason, std::string_view text) {
  const Value* found = value_.find(key);
  problems_.add(problem(found != nullptr ? *found : value_, reason, text));
}

Status ObjectReader::finish() {
  if (value_.kind() == Value::Kind::kMap) {
    for (const auto& child : value_.children()) {
      if (std::ranges::find(known_, child->key()) != known_.end()) continue;
      std::string text = "unknown key '" + escape_text(child->key(), 80) + "'";
      if (const std::string path = value_.path(); !path.empty()) text += " in '" + path + "'";
      problems_.add(child->key_place(), "config.unknown_key", text + hint(child->key(), known_));
    }
  }
  return problems_.status();
}

}  // namespace fairlead::config
