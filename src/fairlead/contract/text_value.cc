#include "fairlead/contract/text_value.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "fairlead/base/bytes.h"
#include "fairlead/base/text.h"

namespace fairlead::contract {
namespace {

Status refused(const TypeInfo& type, std::string_view text) {
  std::string message = "wanted ";
  if (type.kind == Kind::kEnum) message += "a name of ";
  message.append(type.name()).append(", got \"").append(escape_text(text, 64)).append("\"");
  return Status(Code::kBadMessage, "contract.text", message);
}

template <class Number>
bool read_number(std::string_view text, void* object) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || at != end) return false;
  *static_cast<Number*>(object) = value;
  return true;
}

// from_chars also takes "inf", "nan(...)"; bodies have three names only, and what Go writes for two
// of them.
template <class Real>
bool read_real(std::string_view text, void* object) {
  using Limits = std::numeric_limits<Real>;
  auto& value = *static_cast<Real*>(object);
  if (text == "NaN")
    value = Limits::quiet_NaN();
  else if (text == "Infinity" || text == "+Inf")
    value = Limits::infinity();
  else if (text == "-Infinity" || text == "-Inf")
    value = -Limits::infinity();
  else if (text.find_first_not_of("0123456789+-.eE") != std::string_view::npos)
    return false;
  else
    return read_number<Real>(text, object);
  return true;
}

bool read_bool(std::string_view text, void* object) {
  const bool yes = text == "true" || text == "1" || text == "on";
  if (!yes && text != "false" && text != "0" && text != "off") return false;
  *static_cast<bool*>(object) = yes;
  return true;
}

bool read_enum(const EnumInfo& info, std::string_view text, void* object) {
  if (const EnumValue* value = info.find(text)) return info.set(object, value->number);
  std::int32_t number = 0;
  return read_number<std::int32_t>(text, &number) && info.set(object, number);
}

bool read_scalar(const TypeInfo& type, std::string_view text, void* object) {
  switch (type.kind) {
    case Kind::kBool:
      return read_bool(text, object);
    case Kind::kInt32:
      return read_number<std::int32_t>(text, object);
    case Kind::kInt64:
      return read_number<std::int64_t>(text, object);
    case Kind::kUint32:
      return read_number<std::uint32_t>(text, object);
    case Kind::kUint64:
      return read_number<std::uint64_t>(text, object);
    case Kind::kFloat:
      return read_real<float>(text, object);
    case Kind::kDouble:
      return read_real<double>(text, object);
    case Kind::kString:
      static_cast<std::string*>(object)->assign(text);
      return true;
    case Kind::kBytes:
      *static_cast<Bytes*>(object) = Bytes(text);
      return true;
    case Kind::kEnum:
      return read_enum(*type.enumeration, text, object);
    default:
      return false;
  }
}

template <class Number>
void write_number(const void* object, std::string& out) {
  std::array<char, 24> digits;
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(),
                                     *static_cast<const Number*>(object));
  out.append(digits.data(), written.ptr);
}

template <class Real>
void write_real(const void* object, std::string& out) {
  const Real value = *static_cast<const Real*>(object);
  if (std::isnan(value))
    out += "NaN";
  else if (std::isinf(value))
    out += value < 0 ? "-Infinity" : "Infinity";
  else {
    std::array<char, 1100> digits;  // the smallest double has 1,076 digits after the point
    const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), value,
                                       std::chars_format::fixed);
    out.append(digits.data(), written.ptr);
  }
}

}  // namespace

Status value_from_text(const TypeInfo& type, void* object, std::string_view text) {
  const TypeInfo& scalar =
      type.kind == Kind::kOptional || type.kind == Kind::kList ? *type.element : type;
  if (scalar.kind == Kind::kString && !is_utf8(text)) {
    return Status(Code::kBadMessage, "contract.text", "wanted UTF-8 text");
  }
  if (&scalar == &type) {
    return read_scalar(type, text, object) ? Status() : refused(type, text);
  }
  // Read into a new element only if the text is good: a list must not keep a broken one.
  const bool is_list = type.kind == Kind::kList;
  if (scalar.kind != Kind::kString && scalar.kind != Kind::kBytes) {
    alignas(8) std::array<std::byte, 8> probe{};
    if (scalar.size > probe.size() || !read_scalar(scalar, text, probe.data())) {
      return refused(scalar, text);
    }
  }
  void* target = is_list ? type.list->append(object) : type.optional->emplace(object);
  return read_scalar(scalar, text, target) ? Status() : refused(scalar, text);
}

Status set_from_text(const FieldInfo& field, void* object, std::string_view text) {
  return value_from_text(*field.type, field.in(object), text).with_context(field.name);
}

bool append_text(const TypeInfo& type, const void* object, std::string& out) {
  switch (type.kind) {
    case Kind::kBool:
      out += *static_cast<const bool*>(object) ? "true" : "false";
      return true;
    case Kind::kInt32:
      write_number<std::int32_t>(object, out);
      return true;
    case Kind::kInt64:
      write_number<std::int64_t>(object, out);
      return true;
    case Kind::kUint32:
      write_number<std::uint32_t>(object, out);
      return true;
    case Kind::kUint64:
      write_number<std::uint64_t>(object, out);
      return true;
    case Kind::kFloat:
      write_real<float>(object, out);
      return true;
    case Kind::kDouble:
      write_real<double>(object, out);
      return true;
    case Kind::kString:
      out += *static_cast<const std::string*>(object);
      return true;
    case Kind::kBytes:
      out += static_cast<const Bytes*>(object)->view();
      return true;
    case Kind::kEnum: {
      const std::int32_t number = type.enumeration->get(object);
      const EnumValue* value = type.enumeration->find(number);
      if (value != nullptr)
        out += value->name;
      else
        out += std::to_string(number);
      return true;
    }
    default:
      return false;
  }
}

}  // namespace fairlead::contract
