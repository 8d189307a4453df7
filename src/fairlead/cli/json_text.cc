#include "fairlead/cli/json_text.h"

#include "fairlead/base/text.h"

namespace fairlead::cli {

namespace {

constexpr int kDepthMax = 64;

// Recognises the grammar of RFC 8259, section by section.
class Recogniser {
 public:
  explicit Recogniser(std::string_view text) : text_(text) {}

  bool whole() {
    blanks();
    if (!value(0)) return false;
    blanks();
    return at_ == text_.size();
  }

 private:
  bool value(int depth) {
    switch (peek()) {
      case '{':
        return depth < kDepthMax && members(depth + 1);
      case '[':
        return depth < kDepthMax && items(depth + 1);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool members(int depth) {
    ++at_;
    blanks();
    if (take('}')) return true;
    while (true) {
      if (!string()) return false;
      blanks();
      if (!take(':')) return false;
      blanks();
      if (!value(depth)) return false;
      blanks();
      if (take('}')) return true;
      if (!take(',')) return false;
      blanks();
    }
  }

  bool items(int depth) {
    ++at_;
    blanks();
    if (take(']')) return true;
    while (true) {
      if (!value(depth)) return false;
      blanks();
      if (take(']')) return true;
      if (!take(',')) return false;
      blanks();
    }
  }

  bool string() {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }

  bool escape() {
    constexpr std::string_view kShort = "\"\\/bfnrt";
    const char c = peek();
    ++at_;
    if (c != 'u') return c != '\0' && kShort.find(c) != std::string_view::npos;
    for (int i = 0; i < 4; ++i) {
      constexpr std::string_view kHex = "0123456789abcdefABCDEF";
      const char digit = peek();
      if (digit == '\0' || kHex.find(digit) == std::string_view::npos) return false;
      ++at_;
    }
    return true;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return digits();
    }
    return true;
  }

  bool digits() {
    const std::size_t from = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ > from;
  }

  bool word(std::string_view wanted) {
    if (!text_.substr(at_).starts_with(wanted)) return false;
    at_ += wanted.size();
    return true;
  }

  void blanks() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

bool is_json(std::string_view text) { return is_utf8(text) && Recogniser(text).whole(); }

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

}  // namespace fairlead::cli
