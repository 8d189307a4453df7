// JSON out: straight from the descriptors into the buffer.
//
// Texts are escaped as Go's encoding/json does (<, >, & and U+2028/9 too), so that a body may stand
// inside HTML or JavaScript; numbers are the shortest that read back to the same value.
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstring>
#include <string>

#include "fairlead/codec/byte_lanes.h"
#include "fairlead/codec/codecs.h"
#include "fairlead/contract/text_value.h"

namespace fairlead::codec::internal {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// Bytes that stand for themselves; everything else takes the slow way.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned c = 0x20; c < 0x80; ++c) {
    plain[c] = c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
  }
  return plain;
}();

// How many bytes at the front stand for themselves.
std::size_t plain_prefix(std::string_view text) {
  std::size_t at = 0;
  for (; at + kLanes <= text.size(); at += kLanes) {
    const ByteLanes lanes = load_lanes(text.data() + at);
    const std::size_t plain = first_marked((lanes < 0x20) | (lanes == '"') | (lanes == '\\') |
                                           (lanes == '<') | (lanes == '>') | (lanes == '&'));
    if (plain < kLanes) return at + plain;
  }
  while (at < text.size() && kPlain[static_cast<unsigned char>(text[at])]) ++at;
  return at;
}

// Writes a number of at most four digits behind the point, which most are, much faster than the
// general way. Correct and shortest, too: `scaled` / 10^4 divides two exact doubles, so it is the
// double nearest to that decimal, and of decimals with at most 15 digits only one is nearest.
// Answers with the end, or null when `real` is no such number.
char* write_short_decimal(double real, char* at) {
  constexpr double kScale = 1e4;
  if (!(std::fabs(real) < 1e11)) return nullptr;
  const auto scaled = static_cast<std::int64_t>(real * kScale + (real < 0 ? -0.5 : 0.5));
  if (static_cast<double>(scaled) / kScale != real) return nullptr;
  if (real < 0) *at++ = '-';
  const auto size = static_cast<std::uint64_t>(scaled < 0 ? -scaled : scaled);
  at = std::to_chars(at, at + 16, size / 10'000).ptr;
  std::uint64_t rest = size % 10'000;
  if (rest == 0) return at;
  *at++ = '.';
  for (std::uint64_t digit = 1'000; rest != 0; digit /= 10) {
    *at++ = static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
  return at;
}

class JsonWriter {
 public:
  explicit JsonWriter(Buffer& out) : out_(out) {}

  // False: status() says why. `depth`: levels that may still open.
  bool write(const TypeInfo& type, const void* value, const FieldPath& path, int depth);
  Status status() && { return std::move(status_); }

 private:
  template <class Number>
  bool write_integer(const void* value) {
    char* at = out_.prepare(24);
    const auto written = std::to_chars(at, at + 24, *static_cast<const Number*>(value));
    out_.commit(static_cast<std::size_t>(written.ptr - at));
    return true;
  }
  template <class Real>
  bool write_real(const void* value);
  bool write_text(std::string_view text, const FieldPath& path);
  void write_escaped(std::string_view text);
  bool write_enum(const TypeInfo& type, const void* value, const FieldPath& path);
  bool write_struct(const StructInfo& structure, const void* value, const FieldPath& path,
                    int depth);
  bool write_list(const TypeInfo& type, const void* value, const FieldPath& path, int depth);
  bool write_map(const TypeInfo& type, const void* value, const FieldPath& path, int depth);
  bool fail(std::string_view reason, const FieldPath& path, std::string_view what) {
    status_ = Status(Code::kEncodeFailed, reason, path.to_string() + ": " + std::string(what));
    return false;
  }
  bool too_deep(const FieldPath& path) {
    return fail("codec.depth", path, "nested deeper than 64 levels");
  }

  Buffer& out_;
  Status status_;
};

bool JsonWriter::write(const TypeInfo& type, const void* value, const FieldPath& path, int depth) {
  switch (type.kind) {
    case Kind::kVoid:
      out_.append("null");
      return true;
    case Kind::kBool:
      out_.append(*static_cast<const bool*>(value) ? "true" : "false");
      return true;
    case Kind::kInt32:
      return write_integer<std::int32_t>(value);
    case Kind::kInt64:
      return write_integer<std::int64_t>(value);
    case Kind::kUint32:
      return write_integer<std::uint32_t>(value);
    case Kind::kUint64:
      return write_integer<std::uint64_t>(value);
    case Kind::kFloat:
      return write_real<float>(value);
    case Kind::kDouble:
      return write_real<double>(value);
    case Kind::kString:
      return write_text(*static_cast<const std::string*>(value), path);
    case Kind::kBytes:
      out_.append('"');
      write_base64(static_cast<const Bytes*>(value)->view(), out_);
      out_.append('"');
      return true;
    case Kind::kEnum:
      return write_enum(type, value, path);
    case Kind::kStruct:
      return write_struct(*type.structure, value, path, depth);
    case Kind::kList:
      return write_list(type, value, path, depth);
    case Kind::kMap:
      return write_map(type, value, path, depth);
    case Kind::kOptional: {
      const void* inner = type.optional->get(value);
      if (inner != nullptr) return write(*type.element, inner, path, depth);
      out_.append("null");
      return true;
    }
    case Kind::kGenerated:
      break;
  }
  return fail("codec.json", path, "has no form in JSON");
}

// Plain decimals between 1e-6 and 1e21, as JavaScript and Go write them, otherwise an exponent.
template <class Real>
bool JsonWriter::write_real(const void* value) {
  const Real real = *static_cast<const Real*>(value);
  const Real size = std::fabs(real);
  if (!std::isfinite(real)) {
    out_.append(std::isnan(real) ? "\"NaN\"" : real > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return true;
  }
  if (real == 0) {
    out_.append(std::signbit(real) ? "-0.0" : "0");  // a bare -0 would be read as an integer
    return true;
  }
  if constexpr (std::same_as<Real, double>) {
    char* from = out_.prepare(32);
    if (const char* end = write_short_decimal(real, from)) {
      out_.commit(static_cast<std::size_t>(end - from));
      return true;
    }
  }
  const bool decimal = size >= static_cast<Real>(1e-6) && size < static_cast<Real>(1e21);
  const auto format = decimal ? std::chars_format::fixed : std::chars_format::scientific;
  char* at = out_.prepare(48);
  const auto written = std::to_chars(at, at + 48, real, format);
  out_.commit(static_cast<std::size_t>(written.ptr - at));
  return true;
}

bool JsonWriter::write_text(std::string_view text, const FieldPath& path) {
  const std::size_t plain = plain_prefix(text);
  if (plain == text.size()) {
    char* at = out_.prepare(text.size() + 2);
    *at = '"';
    if (!text.empty()) std::memcpy(at + 1, text.data(), text.size());
    at[text.size() + 1] = '"';
    out_.commit(text.size() + 2);
    return true;
  }
  if (!valid_utf8(text.substr(plain))) return fail("codec.json", path, "the text is not UTF-8");
  out_.append('"');
  write_escaped(text);
  out_.append('"');
  return true;
}

// `text` is UTF-8.
void JsonWriter::write_escaped(std::string_view text) {
  std::size_t plain_from = 0;
  const auto replace = [&](std::size_t at, std::size_t size, std::string_view by) {
    out_.append(text.substr(plain_from, at - plain_from));
    out_.append(by);
    plain_from = at + size;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (kPlain[byte]) continue;
    const char unicode[] = {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
    switch (byte) {
      case '"':
        replace(i, 1, "\\\"");
        break;
      case '\\':
        replace(i, 1, "\\\\");
        break;
      case '\n':
        replace(i, 1, "\\n");
        break;
      case '\r':
        replace(i, 1, "\\r");
        break;
      case '\t':
        replace(i, 1, "\\t");
        break;
      case 0xE2:
        if (text.substr(i, 3) == "\xE2\x80\xA8")
          replace(i, 3, "\\u2028");
        else if (text.substr(i, 3) == "\xE2\x80\xA9")
          replace(i, 3, "\\u2029");
        break;
      default:
        if (byte < 0x80 && byte != 0x7F) replace(i, 1, {unicode, sizeof unicode});
        break;
    }
  }
  out_.append(text.substr(plain_from));
}

bool JsonWriter::write_enum(const TypeInfo& type, const void* value, const FieldPath& path) {
  const std::int32_t number = type.enumeration->get(value);
  const contract::EnumValue* known = type.enumeration->find(number);
  if (known != nullptr) return write_text(known->name, path);
  return write_integer<std::int32_t>(&number);
}

bool JsonWriter::write_struct(const StructInfo& structure, const void* value, const FieldPath& path,
                              int depth) {
  if (depth == 0) return too_deep(path);
  char before = '{';
  for (const FieldInfo& field : structure.fields) {
    const TypeInfo* type = field.type;
    const void* inner = field.in(value);
    if (type->kind == Kind::kOptional) {
      inner = type->optional->get(inner);
      if (inner == nullptr) continue;
      type = type->element;
    }
    const std::size_t size = field.name.size();
    char* at = out_.prepare(size + 4);
    at[0] = before;
    at[1] = '"';
    std::memcpy(at + 2, field.name.data(), size);
    at[size + 2] = '"';
    at[size + 3] = ':';
    out_.commit(size + 4);
    before = ',';
    if (!write(*type, inner, FieldPath(path, field.name), depth - 1)) return false;
  }
  if (before == '{') out_.append('{');
  out_.append('}');
  return true;
}

bool JsonWriter::write_list(const TypeInfo& type, const void* value, const FieldPath& path,
                            int depth) {
  if (depth == 0) return too_deep(path);
  const auto* data = static_cast<const std::byte*>(type.list->data(value));
  const std::size_t count = type.list->size(value);
  out_.append('[');
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out_.append(',');
    const void* element = data + i * type.element->size;
    if (!write(*type.element, element, FieldPath(path, i), depth - 1)) return false;
  }
  out_.append(']');
  return true;
}

bool JsonWriter::write_map(const TypeInfo& type, const void* value, const FieldPath& path,
                           int depth) {
  if (depth == 0) return too_deep(path);
  struct Visit {
    JsonWriter& writer;
    const TypeInfo& type;
    const FieldPath& path;
    int depth;
    char before = '{';
  };
  Visit visit{*this, type, path, depth - 1};
  const auto write_entry = [](void* state, const void* key, const void* element) {
    auto& at = *static_cast<Visit*>(state);
    std::string name;
    contract::append_text(*at.type.key, key, name);
    at.writer.out_.append(at.before);
    at.before = ',';
    const FieldPath here = FieldPath::key(at.path, name);
    if (!at.writer.write_text(name, here)) return false;
    at.writer.out_.append(':');
    return at.writer.write(*at.type.element, element, here, at.depth);
  };
  if (!type.map->each(value, &visit, write_entry)) return false;
  if (visit.before == '{') out_.append('{');
  out_.append('}');
  return true;
}

}  // namespace

Status encode_json(const TypeInfo& type, const void* value, Buffer& out) {
  JsonWriter writer(out);
  if (writer.write(type, value, FieldPath(), contract::kDepthMax)) return Status();
  return std::move(writer).status();
}

}  // namespace fairlead::codec::internal
