#include "fairlead/codec/codec.h"

#include <array>

#include "fairlead/base/text.h"
#include "fairlead/codec/codecs.h"

namespace fairlead::codec {
namespace {

struct Row {
  CodecId id;
  std::string_view name;
  std::string_view content_type;
};

constexpr std::array<Row, 7> kCodecs = {{
    {CodecId::kNone, "none", ""},
    {CodecId::kForm, "form", "application/x-www-form-urlencoded"},
    {CodecId::kJson, "json", "application/json"},
    {CodecId::kProtobuf, "protobuf", "application/x-protobuf"},
    {CodecId::kPlain, "plain", "text/plain"},
    {CodecId::kThrift, "thrift", "application/x-thrift"},
    {CodecId::kXml, "xml", "application/xml"},
}};

struct Alias {
  std::string_view content_type;
  CodecId id;
};
constexpr std::array<Alias, 4> kAliases = {{
    {"application/protobuf", CodecId::kProtobuf},
    {"application/vnd.google.protobuf", CodecId::kProtobuf},
    {"text/json", CodecId::kJson},
    {"text/xml", CodecId::kXml},
}};

const Row* row_of(CodecId id) {
  for (const Row& row : kCodecs) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

std::string unsupported(CodecId id) {
  return "there is no codec with the id " + std::to_string(static_cast<int>(id));
}

// The value of the parameter `charset` is one that our texts are in.
bool charset_fits(std::string_view parameters) {
  for (const std::string_view parameter : split(parameters, ';')) {
    const std::size_t equals = parameter.find('=');
    if (equals == std::string_view::npos) continue;
    if (!equals_ignoring_case(trim(parameter.substr(0, equals)), "charset")) continue;
    std::string_view charset = trim(parameter.substr(equals + 1));
    if (charset.size() >= 2 && charset.front() == '"' && charset.back() == '"') {
      charset = charset.substr(1, charset.size() - 2);
    }
    if (!equals_ignoring_case(charset, "utf-8") && !equals_ignoring_case(charset, "utf8") &&
        !equals_ignoring_case(charset, "us-ascii")) {
      return false;
    }
  }
  return true;
}

Status encode_any(CodecId id, const contract::TypeInfo& type, const void* value, Buffer& out) {
  if (type.kind == contract::Kind::kGenerated) {
    return internal::encode_generated(id, type, value, out);
  }
  switch (id) {
    case CodecId::kJson:
      return internal::encode_json(type, value, out);
    case CodecId::kProtobuf:
      return internal::encode_protobuf(type, value, out);
    case CodecId::kForm:
      return internal::encode_form(type, value, out);
    case CodecId::kPlain:
      return internal::encode_plain(type, value, out);
    case CodecId::kNone:
      if (type.kind == contract::Kind::kVoid) return Status();
      return Status(Code::kEncodeFailed, "codec.none", "a body needs a codec");
    case CodecId::kThrift:
      return internal::encode_thrift(type, value, out);
    case CodecId::kXml:
      return internal::encode_xml(type, value, out);
  }
  return Status(Code::kEncodeFailed, "codec.unsupported", unsupported(id));
}

}  // namespace

std::string_view codec_name(CodecId id) {
  const Row* row = row_of(id);
  return row == nullptr ? "unknown" : row->name;
}

std::optional<CodecId> find_codec(std::string_view name) {
  for (const Row& row : kCodecs) {
    if (row.name == name) return row.id;
  }
  return std::nullopt;
}

std::optional<CodecId> find_codec(std::uint8_t byte) {
  const Row* row = row_of(static_cast<CodecId>(byte));
  return row == nullptr ? std::nullopt : std::optional(row->id);
}

std::string_view content_type_of(CodecId id) {
  const Row* row = row_of(id);
  return row == nullptr ? std::string_view{} : row->content_type;
}

std::optional<CodecId> codec_of_content_type(std::string_view content_type) {
  const std::size_t semicolon = content_type.find(';');
  const std::string_view name = trim(content_type.substr(0, semicolon));
  if (semicolon != std::string_view::npos && !charset_fits(content_type.substr(semicolon + 1))) {
    return std::nullopt;
  }
  for (const Row& row : kCodecs) {
    if (!row.content_type.empty() && equals_ignoring_case(name, row.content_type)) return row.id;
  }
  for (const Alias& alias : kAliases) {
    if (equals_ignoring_case(name, alias.content_type)) return alias.id;
  }
  return std::nullopt;
}

Status encode(CodecId id, const contract::TypeInfo& type, const void* value, Buffer& out) {
  if (type.kind == contract::Kind::kBytes) {
    out.append(static_cast<const Bytes*>(value)->view());
    return Status();
  }
  const std::size_t before = out.size();
  Status status = encode_any(id, type, value, out);
  if (!status.ok()) out.truncate(before);
  return status;
}

Status decode(CodecId id, const contract::TypeInfo& type, const Bytes& body, void* value,
              const DecodeOptions& options) {
  if (type.kind == contract::Kind::kBytes) {
    *static_cast<Bytes*>(value) = Bytes(body).own();
    return Status();
  }
  if (type.kind == contract::Kind::kGenerated && id != CodecId::kNone) {
    return internal::decode_generated(id, type, body, value, options);
  }
  switch (id) {
    case CodecId::kJson:
      return internal::decode_json(type, body, value, options);
    case CodecId::kProtobuf:
      return internal::decode_protobuf(type, body, value, options);
    case CodecId::kForm:
      return internal::decode_form(type, body, value, options);
    case CodecId::kPlain:
      return internal::decode_plain(type, body, value);
    case CodecId::kNone:
      if (type.kind == contract::Kind::kVoid && body.empty()) return Status();
      return Status(Code::kBadMessage, "codec.none", "the message names no codec for its body");
    case CodecId::kThrift:
      return internal::decode_thrift(type, body, value, options);
    case CodecId::kXml:
      return internal::decode_xml(type, body, value, options);
  }
  return Status(Code::kBadMessage, "codec.unsupported", unsupported(id));
}

Status check_json(const Bytes& body) {
  bool is_null = false;
  return internal::check_json(body, is_null);
}

}  // namespace fairlead::codec
