#include "fairlead/service/method_handler.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fairlead/codec/codec.h"
#include "fairlead/contract/bind.h"
#include "fairlead/rpc/session.h"
#include "fairlead/service/default_codec.h"
#include "fairlead/service/pooled_handler.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::service::internal {
namespace {

// Appends the values of `key` in a text of pairs. A text with more pairs than a message may have
// gives a single field its value and a list none.
void find_in_text(std::string_view text, std::string_view key, bool all,
                  std::vector<std::string>& values) {
  if (text.empty()) return;
  if (!all) {
    if (std::optional<std::string> value = wire::find_in_encoded(text, key)) {
      values.push_back(*std::move(value));
    }
    return;
  }
  const Result<wire::Metadata> pairs = wire::parse_metadata_text(text);
  if (!pairs.ok()) return;
  for (const auto& [name, value] : pairs->pairs()) {
    if (name == key) values.push_back(value);
  }
}

class CallSources final : public contract::Sources {
 public:
  explicit CallSources(const rpc::Context& context) : context_(context) {}

  void find(contract::Source source, std::string_view key, bool all,
            std::vector<std::string>& values) const override {
    switch (source) {
      case contract::Source::kSession:
        if (const auto value = context_.session().values().get(key)) values.emplace_back(*value);
        return;
      case contract::Source::kQuery:
        find_in_text(context_.query_text(), key, all, values);
        if (!values.empty()) return;
        [[fallthrough]];
      case contract::Source::kMeta:
        return find_in_text(context_.metadata_text(), key, all, values);
      case contract::Source::kBody:
        return;
    }
  }

 private:
  const rpc::Context& context_;
};

}  // namespace

Status read_argument(const contract::TypeInfo& type, rpc::Context& context, void* argument) {
  if (type.kind == contract::Kind::kVoid) return context.read_body({});
  const auto codec = static_cast<codec::CodecId>(context.body_codec());
  // An argument that nobody sent, as with a GET or from an erpc peer that has none, whatever codec
  // it names, is what it is initialised to. In protobuf nothing is a message like any other.
  if (!context.body().empty() || codec == codec::CodecId::kProtobuf) {
    FL_TRY(codec::decode(codec, type, context.body_bytes(), argument));
  }
  if (type.kind == contract::Kind::kStruct) {
    FL_TRY(contract::bind(*type.structure, argument, CallSources(context)));
  }
  FL_TRY(contract::validate(type, argument));
  return context.read_body({&type, argument});
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

Status refused_by_pool(rpc::Context& context, Status status) {
  if (status.code() != Code::kLocalLimit) return status;
  if (context.session().said_hello()) context.add_reply_meta(wire::kRefusedKey, "1");
  return Status(Code::kOverloaded, status.reason(), status.message());
}

}  // namespace fairlead::service::internal
