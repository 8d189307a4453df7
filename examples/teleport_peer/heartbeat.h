// Heartbeats as erpc has them: CALL or PUSH /heartbeat, its metadata hb_ says how many seconds lie
// between two of them. The name is the same under every mapper.
#pragma once

#include <cstdint>
#include <string>

#include <fairlead/fairlead.h>

namespace teleport_peer {

inline constexpr std::string_view kHeartbeat = "/heartbeat";

// What a client knows of its heartbeats.
struct Heart {
  std::int64_t answered = 0;
  fl::Status failed{};  // OK as long as each was answered
};

// One heartbeat. OK when its reply is that of a peer that knows them.
fl::Task<fl::Status> beat(fl::RawClient peer, std::int64_t seconds, fl::Duration timeout);

// A heartbeat every `seconds` until `cancel` says so or one fails. Whoever awaits the task owns
// `heart`.
fl::Task<void> beat_on(fl::RawClient peer, std::int64_t seconds, fl::Duration timeout,
                       fl::CancelToken cancel, Heart& heart);

}  // namespace teleport_peer
