// Second looks at a body that simdjson refused. It says only that something is wrong, so the place
// is found by a slow reader that stops at the first byte that RFC 8259 does not allow; and it
// refuses integers beyond 64 bits, which are good values of floating-point fields.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/codec/codecs.h"

namespace fairlead::codec::internal {
namespace {

// Whether `number`, which is well-formed, is beyond what a double holds. Of the numbers that have
// no double some are too small, which is no fault: they are zero. The power of ten of the first
// digit tells them apart.
bool too_large(std::string_view number) {
  if (parse_double(number).has_value()) return false;
  if (number.front() == '-') number.remove_prefix(1);
  const std::size_t mark = std::min(number.find_first_of("eE"), number.size());
  const std::string_view digits = number.substr(0, mark);
  const auto point = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  const auto first = static_cast<std::int64_t>(digits.find_first_of("123456789"));
  const std::int64_t power = first < point ? point - first - 1 : point - first;
  if (mark == number.size()) return power > 0;
  std::string_view exponent = number.substr(mark + 1);
  if (exponent.front() == '+') exponent.remove_prefix(1);
  const std::optional<std::int64_t> scale = parse_int64(exponent);
  return scale.has_value() ? *scale > -power : exponent.front() != '-';
}

class JsonChecker {
 public:
  JsonChecker(std::string_view text, int depth_max) : text_(text), depth_max_(depth_max) {}

  // Null when the text is fine, else what was wanted at place().
  const char* check();
  std::size_t place() const { return at_; }
  bool too_deep() const { return too_deep_; }

 private:
  bool done() const { return at_ >= text_.size(); }
  char peek() const { return done() ? '\0' : text_[at_]; }
  bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (!done() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')) ++at_;
  }
  const char* value();
  const char* key();
  const char* after_value();
  const char* text();
  const char* escape();
  const char* unicode_escape();
  bool hexadecimal(std::uint32_t& value);
  const char* number();
  bool digits() {
    const std::size_t from = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > from;
  }
  const char* word(std::string_view word) {
    for (const char c : word) {
      if (!take(c)) return "a value";
    }
    return nullptr;
  }

  std::string_view text_;
  const int depth_max_;
  std::size_t at_ = 0;
  bool too_deep_ = false;
  std::vector<char> open_{};  // the brackets that are open: '[' or '{'
};

const char* JsonChecker::check() {
  if (text_.starts_with("\xEF\xBB\xBF")) return "JSON without a byte order mark";
  skip_space();
  if (const char* wanted = value()) return wanted;
  while (!open_.empty()) {
    if (const char* wanted = after_value()) return wanted;
  }
  skip_space();
  return done() ? nullptr : "nothing after the document";
}

// A value, or the opening of one: an array or object goes on in after_value().
const char* JsonChecker::value() {
  while (true) {
    const char c = peek();
    if (c == '"') return text();
    if (c == 't') return word("true");
    if (c == 'f') return word("false");
    if (c == 'n') return word("null");
    if (c == '-' || (c >= '0' && c <= '9')) return number();
    if (c != '[' && c != '{') return "a value";
    const std::size_t from = at_++;
    skip_space();
    if (take(c == '[' ? ']' : '}')) return nullptr;
    if (static_cast<int>(open_.size()) >= depth_max_) {
      at_ = from;
      too_deep_ = true;
      return "at most 64 levels of nesting";
    }
    open_.push_back(c);
    if (c == '{') {
      if (const char* wanted = key()) return wanted;
    }
  }
}

const char* JsonChecker::key() {
  if (peek() != '"') return "a name in quotes";
  if (const char* wanted = text()) return wanted;
  skip_space();
  if (!take(':')) return "a colon";
  skip_space();
  return nullptr;
}

const char* JsonChecker::after_value() {
  skip_space();
  const bool array = open_.back() == '[';
  if (take(array ? ']' : '}')) {
    open_.pop_back();
    return nullptr;
  }
  if (!take(',')) return array ? "a comma or ]" : "a comma or }";
  skip_space();
  if (!array) {
    if (const char* wanted = key()) return wanted;
  }
  return value();
}

const char* JsonChecker::text() {
  const std::size_t from = ++at_;
  while (!done() && peek() != '"') {
    if (static_cast<unsigned char>(peek()) < 0x20) return "an escaped control character";
    if (take('\\')) {
      if (const char* wanted = escape()) return wanted;
    } else {
      ++at_;
    }
  }
  if (done()) return "the closing quote of a text";
  if (!valid_utf8(text_.substr(from, at_ - from))) {
    at_ = from;
    return "UTF-8 in the text that begins here";
  }
  ++at_;
  return nullptr;
}

const char* JsonChecker::escape() {
  if (done()) return "the rest of an escape";
  const char c = text_[at_++];
  if (c == 'u') return unicode_escape();
  if (std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos) return nullptr;
  --at_;
  return "one of \" \\ / b f n r t u after a backslash";
}

// Characters beyond U+FFFF are two escapes in a row, and neither half stands alone.
const char* JsonChecker::unicode_escape() {
  constexpr const char* kNoDigits = "four hexadecimal digits";
  const std::size_t from = at_ - 2;
  std::uint32_t unit = 0;
  if (!hexadecimal(unit)) return kNoDigits;
  if (unit < 0xD800 || unit > 0xDFFF) return nullptr;
  std::uint32_t second = 0;
  if (unit < 0xDC00 && take('\\') && take('u')) {
    if (!hexadecimal(second)) return kNoDigits;
    if (second >= 0xDC00 && second <= 0xDFFF) return nullptr;
  }
  at_ = from;
  return "both halves of a surrogate pair";
}

bool JsonChecker::hexadecimal(std::uint32_t& value) {
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = peek();
    if (c >= '0' && c <= '9') {
      value = value * 16 + static_cast<std::uint32_t>(c - '0');
    } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
      value = value * 16 + static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
    } else {
      return false;
    }
  }
  return true;
}

const char* JsonChecker::number() {
  const std::size_t from = at_;
  (void)take('-');
  if (!take('0') && !digits()) return "a digit";
  if (peek() >= '0' && peek() <= '9') return "a number without leading zeros";
  if (take('.') && !digits()) return "a digit after the point";
  if (take('e') || take('E')) {
    if (!take('+')) (void)take('-');
    if (!digits()) return "a digit of the exponent";
  }
  if (!too_large(text_.substr(from, at_ - from))) return nullptr;
  at_ = from;
  return "a number that a double holds";
}

}  // namespace

Status explain_json(std::string_view text, int depth_max) {
  JsonChecker checker(text, depth_max);
  const char* wanted = checker.check();
  if (wanted == nullptr) return Status();
  std::size_t line = 1;
  std::size_t line_from = 0;
  for (std::size_t i = 0; i < checker.place(); ++i) {
    if (text[i] != '\n') continue;
    ++line;
    line_from = i + 1;
  }
  std::string what = "the body: line " + std::to_string(line) + ", column ";
  what += std::to_string(checker.place() - line_from + 1) + " (byte ";
  what += std::to_string(checker.place()) + "): wanted ";
  what += wanted;
  return Status(Code::kBadMessage, checker.too_deep() ? "codec.depth" : "codec.json", what);
}

std::string widen_json(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  bool quoted = false;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (quoted || (c != '-' && (c < '0' || c > '9'))) {
      if (c == '"') quoted = !quoted;
      const std::size_t size = quoted && c == '\\' ? 2 : 1;
      out += text.substr(at, size);
      at += size;
      continue;
    }
    const std::size_t end = std::min(text.find_first_not_of("+-.eE0123456789", at), text.size());
    const std::string_view number = text.substr(at, end - at);
    out += number;
    if (number.find_first_of(".eE") == std::string_view::npos && !parse_int64(number) &&
        !parse_uint64(number)) {
      out += "e0";
    }
    at = end;
  }
  return out;
}

}  // namespace fairlead::codec::internal
