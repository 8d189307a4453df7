// Second looks at a body that simdjson refused. It says only that something is wrong, so the place
// is found by a slow reader that stops at the first byte that RFC 8259 does not allow; and it
// refuses integers beyond 64 bits, which are good values of floating-point fields.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/codec/codecs.h"

namespace fairlead::codec::internal {
namespace {

class JsonChecker {
 public:
  JsonChecker(std::string_view text, int depth_max) : text_(text), depth_max_(depth_max) {}

  // Null when the text is fine, else what was wanted at place().
  const char* check();
  std::size_t place() const { return at_; }

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
    if (static_cast<int>(open_.size()) >= depth_max_) return "at most 64 levels of nesting";
    ++at_;
    skip_space();
    if (take(c == '[' ? ']' : '}')) return nullptr;
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
  if (c == 'u') {
    for (int i = 0; i < 4; ++i, ++at_) {
      const char digit = peek();
      const bool hex = (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f') ||
                       (digit >= 'A' && digit <= 'F');
      if (!hex) return "four hexadecimal digits";
    }
    return nullptr;
  }
  if (std::string_view("\"\\/bfnrt").find(c) != std::string_view::npos) return nullptr;
  --at_;
  return "one of \" \\ / b f n r t u after a backslash";
}

const char* JsonChecker::number() {
  (void)take('-');
  if (!take('0') && !digits()) return "a digit";
  if (peek() >= '0' && peek() <= '9') return "a number without leading zeros";
  if (take('.') && !digits()) return "a digit after the point";
  if (take('e') || take('E')) {
    if (!take('+')) (void)take('-');
    if (!digits()) return "a digit of the exponent";
  }
  return nullptr;
}

}  // namespace

std::string explain_json(std::string_view text, int depth_max) {
  JsonChecker checker(text, depth_max);
  const char* wanted = checker.check();
  if (wanted == nullptr) return {};
  std::size_t line = 1;
  std::size_t line_from = 0;
  for (std::size_t i = 0; i < checker.place(); ++i) {
    if (text[i] != '\n') continue;
    ++line;
    line_from = i + 1;
  }
  std::string out = "line " + std::to_string(line) + ", column ";
  out += std::to_string(checker.place() - line_from + 1) + " (byte ";
  out += std::to_string(checker.place()) + "): wanted ";
  return out + wanted;
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
