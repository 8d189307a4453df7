// The load of a soak: one of these per core, which serves, and calls what another one serves.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "fairlead/async/scope.h"
#include "fairlead/base/random.h"
#include "fairlead/io/core.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::soak {

// What happened so far, on all cores.
struct Counts {
  std::atomic<std::uint64_t> calls{0};  // that ended
  std::atomic<std::uint64_t> pushes{0};
  std::atomic<std::uint64_t> late{0};  // deadline passed
  std::atomic<std::uint64_t> cancelled{0};
  std::atomic<std::uint64_t> dials{0};
  std::atomic<std::uint64_t> cut{0};    // ended with their session
  std::atomic<std::uint64_t> wrong{0};  // a reply or an error that must not be
};

// Thread: its core, but for stop() and settle(). Lifetime: core, router and counts outlive it.
class Load {
 public:
  Load(io::Core& core, const rpc::Router& router, Counts& counts, std::uint64_t seed);

  // Before the core runs. Errors: those of io::Core::listen().
  Status serve(const io::Address& address);
  const io::Address& address() const { return listener_->local(); }

  // Starts the users, which call `server` until stop(). Until settle() large bodies are ten times
  // as frequent, so that the most memory that the load needs is needed soon. Both: any thread.
  void start(io::Address server);
  void settle() { settled_.store(true, std::memory_order_relaxed); }
  void stop() { stopping_.store(true, std::memory_order_relaxed); }
  // When all users have gone.
  Task<void> close();

 private:
  struct Visit;  // one session's use

  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  Task<void> be_user(io::Address server);
  Task<void> be_lane(Visit& visit);
  Task<void> call(Visit& visit, const char* method, Deadline deadline, CancelToken cancel);
  Task<void> cancel_soon(std::shared_ptr<CancelSource> source);
  void push(Visit& visit, const char* method);
  std::string_view draw_body();

  io::Core& core_;
  rpc::Peer server_;
  rpc::Peer client_;
  Counts& counts_;
  Random random_;
  const std::string pattern_;
  std::unique_ptr<io::Listener> listener_;
  std::atomic<bool> settled_{false};
  std::atomic<bool> stopping_{false};
  Scope users_;
};

// What every Load serves: /echo, /slow (waits 5 ms), /note, /leave (closes the session).
void add_routes(rpc::Router& router);

}  // namespace fairlead::soak
