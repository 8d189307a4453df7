// One push to many sessions: encoded once for each codec, framed once for each protocol.
//
//   hub.all<Room>().say(line)  ─► Job ─► one letter per core ─► the same bytes to each session
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "fairlead/base/bytes.h"
#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/contract/service.h"
#include "fairlead/service/call.h"
#include "fairlead/service/distant_call.h"

namespace fairlead::service {

class Hub;

// What became of a broadcast.
struct BroadcastResult {
  std::size_t sent = 0;  // sessions whose output it was appended to
  std::size_t skipped =
      0;  // whose peer does not read: broadcast_queue_bytes_max wait for it already
  std::size_t failed = 0;  // that ended meanwhile, or whose protocol cannot carry it
};

// A broadcast that was begun. Dropping it is fine, it goes on all the same. Thread: as fl::Call.
class Broadcast {
 public:
  explicit Broadcast(Call<BroadcastResult> call) : call_(std::move(call)) {}

  // Gives Result<BroadcastResult>, once. On the core on which it was begun.
  // Errors: kEncodeFailed `codec.*`; kLocalLimit `broadcast.inflight`: too many, or too large ones,
  //         are under way.
  auto operator co_await() & noexcept { return call_.operator co_await(); }
  // Waits, on a thread that runs no core. Errors: also `call.would_block`.
  Result<BroadcastResult> get() { return call_.get(); }
  // Calls `function` with the Result<BroadcastResult> on its core.
  template <class Function>
  void then(Function function) && {
    std::move(call_).then(std::move(function));
  }

 private:
  Call<BroadcastResult> call_;
};

namespace internal {

struct HubEntry;

// Whom a broadcast is for.
struct Audience {
  std::shared_ptr<HubEntry> without{};                   // null: nobody is left out
  std::function<bool(const rpc::Session&)> predicate{};  // empty: everybody
};

// What the broadcasts of a hub that are under way take together.
struct BroadcastLoad {
  std::atomic<std::size_t> jobs{0};
  std::atomic<std::size_t> bytes{0};
};

// One broadcast, shared by the cores. Thread: any.
class BroadcastJob {
 public:
  static constexpr std::size_t kJobsMax = 1024;               // under way in a hub
  static constexpr std::size_t kBytesMax = 64 * 1024 * 1024;  // of their bodies

  BroadcastJob(std::shared_ptr<BroadcastLoad> load, const contract::MethodInfo& method,
               std::shared_ptr<const void> argument, CallOptions options, Audience audience);
  ~BroadcastJob();
  BroadcastJob(const BroadcastJob&) = delete;
  BroadcastJob& operator=(const BroadcastJob&) = delete;

  // Encodes the body as most sessions want it, so that mistakes show here, and takes part in the
  // load. Errors: those of Broadcast.
  Status begin();
  // What waits for the end: wait() of `distant`, which deliver() tells when `cores` of them are
  // done.
  void ends_after(std::size_t cores, std::shared_ptr<Distant<BroadcastResult>> distant);

  // On the session's core: sends, unless it is not for this one. True: its peer does not read.
  bool send(rpc::Session& session, const HubEntry& entry, std::size_t unsent_bytes_max)
      FL_EXCLUDES(mutex_);
  // One core has told all of its sessions.
  void core_done();

 private:
  template <class Key>
  using Made = std::vector<std::pair<Key, Result<Bytes>>>;

  codec::CodecId codec_for(const wire::Protocol& protocol) const;
  Result<Bytes> body(codec::CodecId codec) FL_REQUIRES(mutex_);
  Result<Bytes> frame_for(const rpc::Session& session) FL_EXCLUDES(mutex_);
  Status send_to(rpc::Session& session, std::size_t unsent_bytes_max) FL_EXCLUDES(mutex_);

  const std::shared_ptr<BroadcastLoad> load_;
  const contract::MethodInfo& method_;
  const std::shared_ptr<const void> argument_;
  const CallOptions options_;
  const Audience audience_;
  std::shared_ptr<Distant<BroadcastResult>> distant_;
  std::size_t load_bytes_ = 0;
  bool loaded_ = false;
  std::atomic<std::size_t> sent_{0};
  std::atomic<std::size_t> skipped_{0};
  std::atomic<std::size_t> failed_{0};
  std::atomic<std::size_t> cores_left_{0};
  Mutex mutex_;
  Made<codec::CodecId> bodies_ FL_GUARDED_BY(mutex_);
  Made<const wire::Protocol*> frames_ FL_GUARDED_BY(mutex_);
};

// Makes the pushes of Hub::all<S>() and its like.
class BroadcastCaller {
 public:
  BroadcastCaller(Hub& hub, Audience audience) : hub_(&hub), audience_(std::move(audience)) {}

 protected:
  template <contract::Service S, std::size_t I, class In, class... Words>
  Broadcast invoke(In in, Words... words) const {
    static_assert(contract::kIsPush<S, I>, "only a push can be sent to many; a call has one reply");
    CallOptions options;
    (apply(options, words), ...);
    return begin(contract::service_info<S>().methods[I], std::make_shared<In>(std::move(in)),
                 std::move(options));
  }

 private:
  Broadcast begin(const contract::MethodInfo& method, std::shared_ptr<const void> argument,
                  CallOptions options) const;

  Hub* hub_;
  Audience audience_;
};

}  // namespace internal
}  // namespace fairlead::service
