// Heartbeats keep a session alive; a wrong rate is refused.
#include <chrono>
#include <string>

#include "checks.h"

namespace teleport_peer {
namespace {

fl::Task<fl::Status> beat_once(Caller& caller) {
  return beat(caller.client(), caller.flags().heartbeat, caller.flags().timeout);
}

// Three of those that go out while the checks run.
fl::Task<fl::Status> stay_alive(Caller& caller) {
  auto number = number_of_call(caller);
  FL_CO_TRY_ASSIGN(const std::int64_t before, co_await number);
  fl::io::Core& core = *fl::io::Core::current();
  const fl::Deadline deadline =
      core.deadline_after(std::chrono::seconds(3 * caller.flags().heartbeat + 2));
  while (caller.heart().answered < 3 && !deadline.passed(core.now())) {
    FL_CO_TRY(fl::Status(caller.heart().failed));
    fl::Sleep pause(core.timers(), core.deadline_after(std::chrono::milliseconds(50)));
    FL_CO_TRY(co_await pause);
  }
  FL_CO_TRY(expect("three heartbeats were answered", caller.heart().answered >= 3, true));
  auto same = expect_same_session(caller, before);
  co_return co_await same;
}

}  // namespace

void add_heartbeat_checks(const Flags&, Checks& checks) {
  checks.push_back({"heartbeat/call", beat_once});
  checks.push_back({"heartbeat/keeps_session", stay_alive});
}

// On a session that has no rate yet.
Checks bad_rate_checks() {
  return {{"heartbeat/bad_rate", [](Caller& caller) -> fl::Task<fl::Status> {
             auto call = caller.call(kHeartbeat, fl::CodecId::kJson, "", fl::with_meta("hb_", "x"));
             const fl::Result<fl::Reply> reply = co_await call;
             co_return expect_status(reply, 400, "invalid heartbeat rate", "x");
           }}};
}

}  // namespace teleport_peer
