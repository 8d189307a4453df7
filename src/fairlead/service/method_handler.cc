#include "fairlead/service/method_handler.h"

#include "fairlead/codec/codec.h"
#include "fairlead/contract/text_value.h"
#include "fairlead/service/default_codec.h"
#include "fairlead/service/pooled_handler.h"

namespace fairlead::service::internal {

Status read_argument(const contract::TypeInfo& type, const rpc::Context& context, void* argument) {
  if (type.kind == contract::Kind::kVoid) return {};
  const auto codec = static_cast<codec::CodecId>(context.body_codec());
  FL_TRY(codec::decode(codec, type, context.body_bytes(), argument));
  if (type.kind == contract::Kind::kStruct) {
    for (const contract::FieldInfo& field : type.structure->fields) {
      if (field.meta_key.empty()) continue;
      const std::optional<std::string> value = context.meta(field.meta_key);
      if (value.has_value()) FL_TRY(contract::set_from_text(field, argument, *value));
    }
  }
  return contract::validate(type, argument);
}

Status write_reply(const contract::TypeInfo& type, rpc::Context& context, const void* reply) {
  if (context.kind() == wire::Kind::kPush || type.kind == contract::Kind::kVoid) return {};
  std::optional<codec::CodecId> codec = codec::find_codec(context.wanted_reply_codec());
  if (!codec.has_value()) codec = codec::find_codec(context.body_codec());
  if (!codec.has_value() || *codec == codec::CodecId::kNone) {
    codec = type.kind == contract::Kind::kStruct ? codec::CodecId::kJson : default_codec(type);
  }
  Buffer* out = context.begin_reply(static_cast<std::uint8_t>(*codec));
  if (out == nullptr) return {};  // the session is gone
  return codec::encode(*codec, type, reply, *out);
}

void write_bytes(rpc::Context& context, Bytes reply) {
  std::uint8_t codec = context.body_codec();
  if (!context.metadata_text().empty()) {
    const std::uint8_t wanted = context.wanted_reply_codec();
    if (codec::find_codec(wanted).has_value()) codec = wanted;
  }
  if (codec == wire::kNoCodec) codec = wire::kPlainCodec;
  context.reply_with(codec, std::move(reply));
}

Status refused_by_pool(Status status) {
  if (status.reason() != "pool.full") return status;
  return Status(Code::kOverloaded, status.reason(), status.message());
}

}  // namespace fairlead::service::internal
