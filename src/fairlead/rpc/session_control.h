// Names and words of what two of us tell each other about the link. Private to the session's
// sources; docs/wire/control.md says it all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fairlead/codec/codec.h"
#include "fairlead/rpc/resend_line.h"
#include "fairlead/rpc/session.h"

namespace fairlead::rpc {

inline constexpr std::string_view kHelloMethod = "/_fl/hello";
inline constexpr std::string_view kCancelMethod = "/_fl/cancel";
inline constexpr std::string_view kGoAwayMethod = "/_fl/goaway";
inline constexpr std::string_view kAckMethod = "/_fl/ack";

// Not one of those: erpc's name, which anybody may serve as a route (session_liveness.cc).
inline constexpr std::string_view kHeartbeatMethod = "/heartbeat";
inline constexpr auto kHeartbeatCodec = static_cast<std::uint8_t>(codec::CodecId::kJson);

// Metadata of a refusal before the handler: X-Fl-Refused.
inline constexpr std::string_view kRefusedMark = "X-Fl-Refused=1";

// A number that a word's metadata holds.
std::optional<std::uint64_t> number_in(std::string_view metadata, std::string_view key);

// What a peer understands; the bits are ours, the words travel.
enum Feature : std::uint8_t {
  kHello = 1,  // always, once both have said it
  kCancels = 2,
  kGoesAway = 4,
  kMarksRefusals = 8,
  kBeats = 16,    // heartbeats are pairs of PUSHes
  kResumes = 32,  // the accepting side keeps windows
};

// Our hello, waiting for its answer. What else is sent meanwhile is plain.
class Session::Hello final : public PendingCall {
 public:
  explicit Hello(Session& session) : owner_(session), shows_secret_(session.line() != nullptr) {}

 private:
  void on_done(Status status, const wire::MessageView& reply, const Bytes&) override {
    if (status.ok()) owner_.heard_hello(reply.metadata);
    if (owner_.line() == nullptr) return;
    // Both may destroy this object.
    if (status.code() == Code::kDeadlineExceeded && owner_.line()->needs_answer(owner_)) {
      return owner_.say_hello();
    }
    const bool heard = status.ok() || status.outcome() == Outcome::kProcessed ||
                       status.outcome() == Outcome::kNotProcessed;
    owner_.hear_window(shows_secret_, heard, reply.metadata);
  }
  Session& owner_;
  const bool shows_secret_;
};

// A heartbeat to a peer that takes it for a CALL; any reply is an answer.
class Session::Beat final : public PendingCall {
 public:
  Beat(Session& session, std::uint32_t number) : owner_(session), number_(number) {}

 private:
  void on_done(Status, const wire::MessageView&, const Bytes&) override {
    if (owner_.open()) owner_.ping_answered(number_);  // which destroys this object
  }
  Session& owner_;
  std::uint32_t number_;
};

}  // namespace fairlead::rpc
