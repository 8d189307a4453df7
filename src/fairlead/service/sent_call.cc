#include "fairlead/service/sent_call.h"

#include <string>
#include <utility>

#include "fairlead/service/default_codec.h"

namespace fairlead::service::internal {

SentCall::SentCall(const contract::MethodInfo& method, CallOptions options)
    : method_(method),
      options_(std::move(options)),
      codec_(options_.codec.value_or(default_codec(*method.argument))) {}

void SentCall::send(rpc::Session& session, Deadline deadline) {
  const rpc::CallHead head{.method = method_.path,
                           .body_codec = static_cast<std::uint8_t>(codec_),
                           .metadata = options_.metadata,
                           .transforms = options_.transforms,
                           .secure = options_.secure};
  if (method_.argument->kind == contract::Kind::kBytes) {
    return session.start_call(*this, head, deadline, options_.cancel,
                              *static_cast<const Bytes*>(argument()));
  }
  session.start_call(*this, head, deadline, options_.cancel, [this](Buffer& out) {
    return codec::encode(codec_, *method_.argument, argument(), out);
  });
}

// Ends as the call itself does.
class SentCall::InLine final : public rpc::ResentMessage {
 public:
  InLine(SentCall& of, rpc::RawRequest request, wire::Kind kind)
      : rpc::ResentMessage(std::move(request), kind), of_(of) {}

 private:
  void on_result(Status status, const wire::MessageView& reply, const Bytes& input) override {
    of_.on_done(std::move(status), reply, input);
  }
  bool moves_elsewhere() override { return of_.may_move(); }
  SentCall& of_;
};

SentCall::~SentCall() = default;

void SentCall::send(rpc::ResendLine& line, Deadline deadline) {
  if (!body_.has_value()) {
    Buffer out;
    Status encoded;
    if (method_.argument->kind == contract::Kind::kBytes)
      body_ = *static_cast<const Bytes*>(argument());
    else
      encoded = codec::encode(codec_, *method_.argument, argument(), out);
    if (!encoded.ok()) return ended(std::move(encoded).with_outcome(Outcome::kNotSent));
    if (!body_.has_value()) body_ = Bytes(out.view());
  }
  in_line_ =
      std::make_unique<InLine>(*this,
                               rpc::RawRequest{.method = method_.path,
                                               .body_codec = static_cast<std::uint8_t>(codec_),
                                               .body = *body_,
                                               .metadata = options_.metadata,
                                               .transforms = options_.transforms,
                                               .secure = options_.secure,
                                               .delivery = options_.delivery},
                               is_push() ? wire::Kind::kPush : wire::Kind::kCall);
  line.start(*in_line_, deadline, options_.cancel);
}

void SentCall::on_done(Status status, const wire::MessageView& reply, const Bytes& input) {
  if (!status.ok() || is_push()) return ended(std::move(status));
  const auto codec = static_cast<codec::CodecId>(reply.body_codec);
  const Status decoded =
      codec::decode(codec, *method_.reply, Bytes(input.chunk(), reply.body), this->reply());
  if (decoded.ok()) return ended(Status());
  ended(Status(Code::kDecodeReplyFailed, decoded.reason(),
               "the reply of " + method_.path + ": " + std::string(decoded.message())));
}

}  // namespace fairlead::service::internal
