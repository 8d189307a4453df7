#include "heartbeat.h"

#include <chrono>
#include <string>
#include <utility>

namespace teleport_peer {

fl::Task<fl::Status> beat(fl::RawClient peer, std::int64_t seconds, fl::Duration timeout) {
  auto call = peer.call(kHeartbeat, fl::Bytes(), fl::with_codec(fl::CodecId::kJson),
                        fl::with_meta("hb_", std::to_string(seconds)), fl::within(timeout));
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
