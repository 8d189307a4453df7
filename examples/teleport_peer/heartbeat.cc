#include "heartbeat.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <fairlead/base/text.h>

#include "services.h"

namespace teleport_peer {
namespace {

constexpr std::string_view kRateKey = "hb_";

// A CALL and a PUSH are the same to this handler; the reply to a PUSH goes nowhere.
fl::Status answer_heartbeat(fl::Context& context) {
  const std::string rate = context.meta(kRateKey).value_or("");
  if (fl::parse_int64(rate).value_or(0) < kHeartbeatSecondsMin) {
    return fl::error(400, "invalid heartbeat rate").with_cause(rate);
  }
  context.reply_with(static_cast<std::uint8_t>(fl::CodecId::kJson), fl::Bytes::borrow("null"));
  return {};
}

}  // namespace

void serve_heartbeat(fl::App& app) {
  const auto answer = [](fl::Context& context) { return answer_heartbeat(context); };
  app.on_call(kHeartbeat, answer);
  app.on_push(kHeartbeat, answer);
}

fl::Task<fl::Status> beat(fl::RawClient peer, std::int64_t seconds, fl::Duration timeout) {
  auto call = peer.call(kHeartbeat, fl::Bytes(), fl::with_codec(fl::CodecId::kJson),
                        fl::with_meta(kRateKey, std::to_string(seconds)), fl::within(timeout));
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  if (!reply.body.empty() && reply.body.view() != "null") {
    co_return fl::error(1000, "the reply to a heartbeat holds something");
  }
  co_return fl::Status();
}

fl::Task<void> beat_on(fl::RawClient peer, std::int64_t seconds, fl::Duration timeout,
                       fl::CancelToken cancel, Heart& heart) {
  while (heart.failed.ok()) {
    fl::io::Core& core = *fl::io::Core::current();
    fl::Sleep sleep(core.timers(), core.deadline_after(std::chrono::seconds(seconds)), cancel);
    const fl::Status slept = co_await sleep;
    if (!slept.ok()) co_return;
    auto one = beat(peer, seconds, timeout);
    heart.failed = co_await one;
    if (heart.failed.ok()) ++heart.answered;
  }
}

}  // namespace teleport_peer
