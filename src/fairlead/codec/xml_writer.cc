// XML out: as Go's encoding/xml writes a struct, without declaration, blanks or attributes.
//
//   <Obj><name>andeya</name><num>7</num><tags>a</tags><tags>b</tags><labels><k>v</k></labels></Obj>
//
// The root is named after the struct, an element after its field; lists repeat the element, maps
// hold one element per key (xml_names.h). Texts are escaped as Go's EscapeText does and floating
// point is written as its shortest %g, so the bytes are the same for what both can describe.
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "fairlead/base/text.h"
#include "fairlead/codec/codecs.h"
#include "fairlead/codec/xml_names.h"
#include "fairlead/contract/text_value.h"

namespace fairlead::codec::internal {
namespace {

// What a byte becomes in a text; empty: itself. XML cannot hold most control characters at all.
std::string_view escape_of(char c) {
  switch (c) {
    case '"':
      return "&#34;";
    case '\'':
      return "&#39;";
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '\t':
      return "&#x9;";
    case '\n':
      return "&#xA;";
    case '\r':
      return "&#xD;";
    default:
      return {};
  }
}

// False from any member: status() says why. `depth`: structs and maps that may still open.
class XmlWriter {
 public:
  explicit XmlWriter(Buffer& out) : out_(out) {}

  // <name>value</name>
  bool write_element(std::string_view name, const TypeInfo& type, const void* value,
                     const FieldPath& path, int depth);
  Status status() && { return std::move(status_); }

 private:
  bool write_content(const TypeInfo& type, const void* value, const FieldPath& path, int depth);
  bool write_struct(const StructInfo& structure, const void* value, const FieldPath& path,
                    int depth);
  bool write_field(const FieldInfo& field, const void* value, const FieldPath& path, int depth);
  bool write_map(const TypeInfo& type, const void* value, const FieldPath& path, int depth);
  bool write_text(std::string_view text, const FieldPath& path);
  template <class Real>
  void write_real(Real real);
  bool fail(std::string_view reason, const FieldPath& path, std::string_view what) {
    status_ = Status(Code::kEncodeFailed, reason, path.to_string() + ": " + std::string(what));
    return false;
  }

  Buffer& out_;
  Status status_;
};

bool XmlWriter::write_element(std::string_view name, const TypeInfo& type, const void* value,
                              const FieldPath& path, int depth) {
  out_.append('<');
  out_.append(name);
  out_.append('>');
  if (!write_content(type, value, path, depth)) return false;
  out_.append("</");
  out_.append(name);
  out_.append('>');
  return true;
}

bool XmlWriter::write_content(const TypeInfo& type, const void* value, const FieldPath& path,
                              int depth) {
  switch (type.kind) {
    case Kind::kStruct:
      return write_struct(*type.structure, value, path, depth);
    case Kind::kMap:
      return write_map(type, value, path, depth);
    case Kind::kBytes:
      write_base64(static_cast<const Bytes*>(value)->view(), out_);
      return true;
    case Kind::kString:
      return write_text(*static_cast<const std::string*>(value), path);
    case Kind::kFloat:
      write_real(*static_cast<const float*>(value));
      return true;
    case Kind::kDouble:
      write_real(*static_cast<const double*>(value));
      return true;
    default:
      break;
  }
  std::string text;
  if (!contract::append_text(type, value, text)) return fail("codec.xml", path, "has no form");
  return write_text(text, path);  // enums may be named with anything
}

// The shortest %g that reads back, which has an exponent below 1e-4 and from 1e6 on.
template <class Real>
void XmlWriter::write_real(Real real) {
  if (!std::isfinite(real)) {
    out_.append(std::isnan(real) ? "NaN" : real > 0 ? "+Inf" : "-Inf");
    return;
  }
  std::array<char, 32> digits;
  const auto written =
      std::to_chars(digits.data(), digits.data() + digits.size(), real, std::chars_format::general);
  out_.append(std::string_view(digits.data(), written.ptr));
}

bool XmlWriter::write_struct(const StructInfo& structure, const void* value, const FieldPath& path,
                             int depth) {
  if (depth == 0) return fail("codec.depth", path, "nested deeper than 64 levels");
  for (const FieldInfo& field : structure.fields) {
    if (!write_field(field, field.in(value), FieldPath(path, field.name), depth - 1)) return false;
  }
  return true;
}

bool XmlWriter::write_field(const FieldInfo& field, const void* value, const FieldPath& path,
                            int depth) {
  const TypeInfo& type = *field.type;
  if (type.kind == Kind::kOptional) {
    const void* inner = type.optional->get(value);
    return inner == nullptr || write_element(field.name, *type.element, inner, path, depth);
  }
  if (type.kind != Kind::kList) return write_element(field.name, type, value, path, depth);
  const auto* data = static_cast<const std::byte*>(type.list->data(value));
  const std::size_t count = type.list->size(value);
  for (std::size_t i = 0; i < count; ++i) {
    const void* element = data + i * type.element->size;
    if (!write_element(field.name, *type.element, element, FieldPath(path, i), depth)) return false;
  }
  return true;
}

bool XmlWriter::write_map(const TypeInfo& type, const void* value, const FieldPath& path,
                          int depth) {
  if (depth == 0) return fail("codec.depth", path, "nested deeper than 64 levels");
  struct Visit {
    XmlWriter& writer;
    const TypeInfo& type;
    const FieldPath& path;
    int depth;
  };
  Visit visit{*this, type, path, depth - 1};
  const auto write_entry = [](void* state, const void* key, const void* element) {
    auto& at = *static_cast<Visit*>(state);
    std::string text;
    contract::append_text(*at.type.key, key, text);
    const FieldPath here = FieldPath::key(at.path, text);
    if (!valid_utf8(text)) return at.writer.fail("codec.xml", here, "the key is not UTF-8");
    std::string name;
    append_xml_name(name, text);
    return at.writer.write_element(name, *at.type.element, element, here, at.depth);
  };
  return type.map->each(value, &visit, write_entry);
}

bool XmlWriter::write_text(std::string_view text, const FieldPath& path) {
  if (!valid_utf8(text)) return fail("codec.xml", path, "the text is not UTF-8");
  std::size_t plain_from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::string_view escape = escape_of(c);
    const bool control = static_cast<unsigned char>(c) < 0x20 && escape.empty();
    const bool nonchar =
        c == '\xEF' && (text.substr(i, 3) == "\xEF\xBF\xBE" || text.substr(i, 3) == "\xEF\xBF\xBF");
    if (control || nonchar) {
      return fail("codec.xml", path, "the text has a character that XML cannot hold");
    }
    if (escape.empty()) continue;
    out_.append(text.substr(plain_from, i - plain_from));
    out_.append(escape);
    plain_from = i + 1;
  }
  out_.append(text.substr(plain_from));
  return true;
}

}  // namespace

// Scalars are named as Go names their types.
std::string xml_root_of(const TypeInfo& type) {
  std::string name;
  if (type.kind == Kind::kFloat) return "float32";
  if (type.kind == Kind::kDouble) return "float64";
  // A name may have been given with its namespace.
  const std::string_view full = type.name();
  const std::size_t colon = full.rfind(':');
  append_xml_name(name, colon == std::string_view::npos ? full : full.substr(colon + 1));
  return name;
}

Status encode_xml(const TypeInfo& type, const void* value, Buffer& out) {
  if (type.kind == Kind::kVoid) return Status();
  if (type.kind == Kind::kOptional) {
    const void* inner = type.optional->get(value);
    return inner == nullptr ? Status() : encode_xml(*type.element, inner, out);
  }
  if (type.kind == Kind::kList) {
    return Status(Code::kEncodeFailed, "codec.xml",
                  "an XML body has one root element: wrap the list in a struct");
  }
  XmlWriter writer(out);
  if (writer.write_element(xml_root_of(type), type, value, FieldPath(), contract::kDepthMax)) {
    return Status();
  }
  return std::move(writer).status();
}

}  // namespace fairlead::codec::internal
