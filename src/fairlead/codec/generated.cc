// Bodies of types that another generator made. The type reads and writes itself; the outer form is
// checked here first, so that its library sees no body that nests too deep, promises what does not
// follow, or means two things.
#include <string>

#include "fairlead/codec/codecs.h"

namespace fairlead::codec::internal {
namespace {

bool has_form(const TypeInfo& type, CodecId id) {
  return type.generated->codecs.find(static_cast<char>(id)) != std::string_view::npos;
}

std::string no_form(const TypeInfo& type, CodecId id) {
  return std::string(type.name()) + " has no form in the codec " + std::string(codec_name(id));
}

}  // namespace

Status encode_generated(CodecId id, const TypeInfo& type, const void* value, Buffer& out) {
  if (!has_form(type, id)) {
    return Status(Code::kEncodeFailed, "codec.unsupported", no_form(type, id));
  }
  return type.generated->encode(static_cast<std::uint8_t>(id), value, out);
}

Status decode_generated(CodecId id, const TypeInfo& type, const Bytes& body, void* value,
                        const DecodeOptions& options) {
  if (!has_form(type, id)) {
    return Status(Code::kBadMessage, "codec.unsupported", no_form(type, id));
  }
  bool is_null = false;
  if (id == CodecId::kJson) FL_TRY(check_json(body, is_null));
  if (is_null) return Status();
  if (id == CodecId::kThrift) FL_TRY(check_thrift(body, options));
  const bool refuse_unknown = options.unknown_fields == DecodeOptions::Unknown::kRefuse;
  return type.generated->decode(static_cast<std::uint8_t>(id), body, value, refuse_unknown,
                                options.memory_bytes_max);
}

}  // namespace fairlead::codec::internal
