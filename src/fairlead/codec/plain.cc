// Plain: one scalar or string as text; nothing for void.
#include <string>

#include "fairlead/codec/codecs.h"
#include "fairlead/contract/text_value.h"

namespace fairlead::codec::internal {

Status encode_plain(const TypeInfo& type, const void* value, Buffer& out) {
  if (type.kind == Kind::kVoid) return Status();
  if (type.kind == Kind::kString) {
    out.append(*static_cast<const std::string*>(value));
    return Status();
  }
  if (type.kind == Kind::kOptional) {
    const void* inner = type.optional->get(value);
    return inner == nullptr ? Status() : encode_plain(*type.element, inner, out);
  }
  std::string text;
  if (!contract::append_text(type, value, text)) {
    return Status(Code::kEncodeFailed, "codec.plain",
                  "plain bodies hold text, numbers and bytes, not a " + std::string(type.name()));
  }
  out.append(text);
  return Status();
}

Status decode_plain(const TypeInfo& type, const Bytes& body, void* value) {
  if (type.kind == Kind::kVoid) {
    if (body.empty()) return Status();
    return Status(Code::kBadMessage, "codec.plain", "the body: wanted an empty body");
  }
  if (type.kind == Kind::kOptional && body.empty()) {
    type.optional->reset(value);
    return Status();
  }
  if (type.kind == Kind::kList || type.kind == Kind::kStruct || type.kind == Kind::kMap) {
    return Status(Code::kBadMessage, "codec.plain",
                  "plain bodies hold text, numbers and bytes, not a " + std::string(type.name()));
  }
  Status status = contract::value_from_text(type, value, body.view());
  if (status.ok()) return status;
  return Status(Code::kBadMessage, "codec.plain", status.message()).with_context("the body");
}

}  // namespace fairlead::codec::internal
