#include "fairlead/rpc/context.h"

#include "fairlead/base/text.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/session.h"
#include "fairlead/rpc/session_resume.h"

namespace fairlead::rpc {

Context::Extras::Extras() = default;
Context::Extras::~Extras() = default;

io::Core& Context::core() const { return session_.core(); }

CancelToken Context::cancel() const {
  return waiting_.has_value() ? waiting_->source.token() : session_.cancel_token();
}

std::string Context::real_ip() const {
  if (std::optional<std::string> told = meta(wire::kRealIpKey);
      told.has_value() && !told->empty()) {
    return *std::move(told);
  }
  return session_.peer_address().host();
}

std::uint8_t Context::asked_reply_codec() const {
  if (const std::optional<std::string> wanted = meta(wire::kAcceptBodyCodecKey)) {
    const std::optional<std::uint64_t> id = parse_uint64(*wanted);
    if (id.has_value() && *id > 0 && *id < 256) return static_cast<std::uint8_t>(*id);
  }
  return message_.body_codec;
}

Status Context::add_reply_transform(std::uint8_t id) {
  FL_CHECK(!reply_.has_value());
  const wire::Protocol* protocol = session_.protocol_;
  if (protocol != nullptr && !protocol->carries().transforms) {
    return Status(Code::kInvalidOperation, "frame.transforms_not_carried",
                  std::string(protocol->name()) + " carries no transforms");
  }
  const wire::TransformSet* known = session_.peer_.options().transforms;
  if (known == nullptr || known->find(id) == nullptr) {
    return Status(Code::kInvalidOperation, "frame.unknown_transform",
                  "this peer knows no transform with the id " + std::to_string(id));
  }
  extras().transforms.push_back(static_cast<char>(id));
  return {};
}

// Always inlined: this is most of what a plain reply costs here.
[[gnu::always_inline]] inline Buffer* Context::frame(std::uint8_t codec,
                                                     std::string_view transforms) {
  static_assert(static_cast<int>(wire::Kind::kCall) + 1 == static_cast<int>(wire::Kind::kReply) &&
                static_cast<int>(wire::Kind::kAuthCall) + 1 ==
                    static_cast<int>(wire::Kind::kAuthReply));
  reply_ =
      session_.begin_on_wire({.seq = message_.seq,
                              .kind = static_cast<wire::Kind>(static_cast<int>(message_.kind) + 1),
                              .body_codec = codec,
                              .metadata = reply_metadata_,
                              .transforms = transforms});
  session_.frame_open_ = true;
  return &session_.stream_->output();
}

[[gnu::always_inline]] inline Buffer* Context::start_reply(std::uint8_t codec) {
  if (kind() == wire::Kind::kPush) return nullptr;
  // One that came with a number is answered over the next connection.
  if ((session_.state_ == Session::State::kClosed || session_.cut()) && admitted() == nullptr)
    return nullptr;
  if (waiting_.has_value() && waiting_->ended) return nullptr;
  FL_CHECK(!reply_.has_value() && !session_.frame_open_);
  if (extras_ != nullptr) [[unlikely]]
    return start_reply_with_extras(codec);
  return frame(codec, message_.transforms);
}

Buffer* Context::start_reply_with_extras(std::uint8_t codec) {
  if (extras_->secure == nullptr) {
    if (!extras_->hooked.has_value() || !extras_->hooked->keeps_reply) return begin_frame(codec);
    internal::HookedMessage& hooked = *extras_->hooked;
    FL_CHECK(!hooked.reply_begun);
    hooked.reply_begun = true;
    hooked.reply_codec = codec;
    session_.frame_open_ = true;
    return &hooked.add().reply_body;  // Session::finish_extended() makes the frame
  }
  FL_CHECK(!extras_->secure_begun);
  extras_->secure_begun = true;
  extras_->secure->body_codec = codec;
  session_.frame_open_ = true;
  return &extras_->secure->plain;  // Session::seal_reply() makes the frame
}

Buffer* Context::begin_frame(std::uint8_t codec) {
  std::string_view transforms = message_.transforms;
  if (extras_ != nullptr && !extras_->transforms.empty()) {
    transforms = extras_->transforms.insert(0, message_.transforms);
  }
  Buffer* const out = frame(codec, transforms);
  if (internal::Admitted* numbered = admitted()) {
    numbered->body_codec = codec;
    numbered->transforms = transforms;
    numbered->body_from = out->size();
  }
  return out;
}

Buffer* Context::begin_reply(std::uint8_t codec) { return start_reply(codec); }

void Context::reply_with(std::uint8_t codec, Bytes body) {
  Buffer* out = start_reply(codec);
  if (out == nullptr) return;
  const bool plain =
      extras_ == nullptr || (extras_->secure == nullptr && extras_->transforms.empty());
  if (session_.shares(body, message_.transforms) && plain)
    shared_body_ = std::move(body);
  else
    out->append(body.view());
}

}  // namespace fairlead::rpc
