#include "fairlead/codec/json_quick.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/codec/byte_lanes.h"
#include "fairlead/codec/codecs.h"

namespace fairlead::codec::internal {
namespace {

// Deeper objects are left to the reader of documents.
constexpr int kQuickDepthMax = 8;
constexpr std::size_t kQuickFieldsMax = 64;  // one bit each tells what is given twice

bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Bytes from 0x80 on are negative, whatever `char` is here.
signed char byte_at(const char* at) { return static_cast<signed char>(*at); }

class QuickReader {
 public:
  explicit QuickReader(std::string_view body) : at_(body.data()), end_(at_ + body.size()) {}

  bool read_object(const StructInfo& structure, void* value, int depth);
  bool at_end() {
    skip_space();
    return at_ == end_;
  }

 private:
  // What programs write has no space: one comparison.
  void skip_space() {
    if (at_ != end_ && static_cast<unsigned char>(*at_) <= ' ') skip_more_space();
  }
  void skip_more_space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  // Takes `c` if it comes next, behind any space.
  bool take(char c) {
    skip_space();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (static_cast<std::size_t>(end_ - at_) < word.size()) return false;
    if (std::memcmp(at_, word.data(), word.size()) != 0) return false;
    at_ += word.size();
    return true;
  }
  const FieldInfo* read_key(const StructInfo& structure, std::size_t next);
  bool read_value(const TypeInfo& type, void* value, int depth);
  bool read_text(std::string_view& text);
  template <class Number>
  bool read_integer(void* value);
  template <class Real>
  bool read_real(void* value);

  const char* at_;
  const char* const end_;
};

bool QuickReader::read_object(const StructInfo& structure, void* value, int depth) {
  if (depth == 0 || structure.fields.size() > kQuickFieldsMax || !take('{')) return false;
  if (take('}')) return true;
  std::uint64_t seen = 0;
  std::size_t next = 0;
  do {
    const FieldInfo* field = read_key(structure, next);
    if (field == nullptr || !take(':')) return false;
    const auto index = static_cast<std::size_t>(field - structure.fields.data());
    if ((seen >> index & 1) != 0) return false;
    seen |= std::uint64_t{1} << index;
    next = index + 1;
    skip_space();
    if (at_ != end_ && *at_ == 'n') {
      if (!take_word("null")) return false;
    } else if (!read_value(*field->type, field->in(value), depth)) {
      return false;
    }
  } while (take(','));
  return take('}');
}

// The field that the next member names: usually the one behind the last.
const FieldInfo* QuickReader::read_key(const StructInfo& structure, std::size_t next) {
  if (!take('"')) return nullptr;
  if (next < structure.fields.size()) {
    const std::string_view name = structure.fields[next].name;
    const auto left = static_cast<std::size_t>(end_ - at_);
    if (left > name.size() && at_[name.size()] == '"' &&
        std::memcmp(at_, name.data(), name.size()) == 0) {
      at_ += name.size() + 1;
      return &structure.fields[next];
    }
  }
  std::string_view key;
  return read_text(key) ? structure.find(key) : nullptr;
}

bool QuickReader::read_value(const TypeInfo& type, void* value, int depth) {
  switch (type.kind) {
    case Kind::kBool:
      if (take_word("true")) return *static_cast<bool*>(value) = true;
      *static_cast<bool*>(value) = false;
      return take_word("false");
    case Kind::kInt32:
      return read_integer<std::int32_t>(value);
    case Kind::kInt64:
      return read_integer<std::int64_t>(value);
    case Kind::kUint32:
      return read_integer<std::uint32_t>(value);
    case Kind::kUint64:
      return read_integer<std::uint64_t>(value);
    case Kind::kFloat:
      return read_real<float>(value);
    case Kind::kDouble:
      return read_real<double>(value);
    case Kind::kString: {
      std::string_view text;
      if (!take('"') || !read_text(text)) return false;
      static_cast<std::string*>(value)->assign(text);
      return true;
    }
    case Kind::kEnum: {
      std::string_view text;
      if (!take('"') || !read_text(text)) return false;
      const contract::EnumValue* known = type.enumeration->find(text);
      return known != nullptr && type.enumeration->set(value, known->number);
    }
    case Kind::kStruct:
      return read_object(*type.structure, value, depth - 1);
    case Kind::kOptional:
      return read_value(*type.element, type.optional->emplace(value), depth);
    default:
      return false;
  }
}

// What stands before the closing quote, which is taken too. No escapes, no control bytes, UTF-8.
bool QuickReader::read_text(std::string_view& text) {
  const char* const from = at_;
  bool ascii = true;
  while (true) {
    if (static_cast<std::size_t>(end_ - at_) >= kLanes) {
      const ByteLanes lanes = load_lanes(at_);
      const std::size_t plain = first_marked((lanes == '"') | (lanes == '\\') | (lanes < 0x20));
      at_ += plain;
      if (plain == kLanes) continue;
    } else {
      while (at_ != end_ && *at_ != '"' && *at_ != '\\' && byte_at(at_) >= 0x20) ++at_;
      if (at_ == end_) return false;
    }
    if (*at_ == '"') break;
    if (*at_ == '\\' || byte_at(at_) >= 0) return false;  // an escape, a control byte
    ascii = false;
    ++at_;
  }
  text = {from, static_cast<std::size_t>(at_ - from)};
  ++at_;
  return ascii || valid_utf8(text);
}

// Up to 18 digits, which cannot overflow. What follows is looked at by the caller, who finds
// further digits, or the point or exponent of a number that is no plain integer.
template <class Number>
bool QuickReader::read_integer(void* value) {
  const bool negative = at_ != end_ && *at_ == '-';
  if (negative) ++at_;
  const char* const from = at_;
  std::int64_t number = 0;
  while (at_ != end_ && is_digit(*at_) && at_ - from < 18) number = number * 10 + (*at_++ - '0');
  const auto digits = at_ - from;
  if (digits == 0 || (*from == '0' && digits > 1)) return false;
  if (negative) number = -number;
  if (!std::in_range<Number>(number)) return false;
  *static_cast<Number*>(value) = static_cast<Number>(number);
  return true;
}

template <class Real>
bool QuickReader::read_real(void* value) {
  const char* const from = at_;
  if (at_ != end_ && *at_ == '-') ++at_;
  const auto take_digits = [this] {
    const char* const first = at_;
    while (at_ != end_ && is_digit(*at_)) ++at_;
    return at_ - first;
  };
  const char first = at_ != end_ ? *at_ : '\0';
  const auto whole = take_digits();
  if (whole == 0 || (first == '0' && whole > 1)) return false;
  if (at_ != end_ && *at_ == '.') {
    ++at_;
    if (take_digits() == 0) return false;
  }
  if (at_ != end_ && (*at_ == 'e' || *at_ == 'E')) return false;
  double number = 0;
  const auto read = std::from_chars(from, at_, number);
  if (read.ec != std::errc() || read.ptr != at_) return false;
  if (number == 0 && *from == '-') return false;  // -0 is an integer, -0.0 is not
  *static_cast<Real*>(value) = static_cast<Real>(number);
  return std::isfinite(*static_cast<Real*>(value));
}

}  // namespace

bool quick_read_json(const StructInfo& structure, std::string_view body, void* value) {
  QuickReader reader(body);
  return reader.read_object(structure, value, kQuickDepthMax) && reader.at_end();
}

}  // namespace fairlead::codec::internal
