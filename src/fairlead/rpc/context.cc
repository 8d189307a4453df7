#include "fairlead/rpc/context.h"

#include "fairlead/base/text.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/session.h"

namespace fairlead::rpc {

io::Core& Context::core() const { return session_.core(); }

CancelToken Context::cancel() const { return session_.cancel_token(); }

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

Buffer* Context::begin_reply(std::uint8_t codec) {
  if (kind() == wire::Kind::kPush) return nullptr;
  if (session_.state_ == Session::State::kClosed || session_.cut_) return nullptr;
  FL_CHECK(!reply_.has_value() && !session_.frame_open_);
  Buffer& out = session_.stream_->output();
  reply_ = wire::raw::begin(out, {.seq = message_.seq,
                                  .kind = wire::Kind::kReply,
                                  .body_codec = codec,
                                  .metadata = reply_metadata_,
                                  .transforms = message_.transforms});
  session_.frame_open_ = true;
  return &out;
}

void Context::reply_with(std::uint8_t codec, Bytes body) {
  Buffer* out = begin_reply(codec);
  if (out == nullptr) return;
  if (Session::shares(body, message_.transforms))
    shared_body_ = std::move(body);
  else
    out->append(body.view());
}

}  // namespace fairlead::rpc
