// ConnectionLimits: how many connections a process takes, from one address and in a second, and
// what becomes of those that are too many.
//
//   a connection waits in the backlog
//     │  too many in this second, or far too many in all ─► stays there; the listener looks again
//     v
//   accepted, has a ConnectionPass until its descriptor is closed, whatever it does meanwhile
//     ├─ within all limits ──────────────────────► ListenOptions' handler
//     ├─ over one by up to a tenth ──────────────► ListenOptions::refuse, which may say why
//     └─ farther over, or few descriptors left ──► closed at once
//   no descriptor at all ─► the spare one is given up for a moment, to accept and close
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/status.h"
#include "fairlead/base/time.h"
#include "fairlead/io/address.h"
#include "fairlead/io/address_range.h"
#include "fairlead/observe/bounds.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::io {

struct ConnectionLimitOptions {
  std::uint32_t connections_max = 0;  // 0: 80 % of the limit of descriptors
  // From one IPv4 address, or one /64 of IPv6; 0: no limit. Unix sockets have no address.
  std::uint32_t ip_connections_max = 256;
  std::vector<AddressRange> trusted_nets{};  // any number from there
  bool loopback_trusted = true;              // and from this machine
  // Over TCP. As many may come at once after a quiet second; 0: no limit. Unix sockets are exempt:
  // their backlog refuses where that of TCP lets wait.
  std::uint32_t accepts_per_second_max = 2000;

  // Errors: kInvalidOperation `limits.bad_option`.
  Status validate() const;
};

class ConnectionLimits;

// That a connection counts; ends with its descriptor.
class ConnectionPass {
 public:
  ConnectionPass() = default;
  ConnectionPass(ConnectionPass&& other) noexcept
      : limits_(std::exchange(other.limits_, nullptr)), key_(other.key_) {}
  ConnectionPass& operator=(ConnectionPass&& other) noexcept {
    std::swap(limits_, other.limits_);
    std::swap(key_, other.key_);
    return *this;
  }
  ~ConnectionPass() { reset(); }
  void reset();

 private:
  friend ConnectionLimits;
  ConnectionPass(ConnectionLimits& limits, std::uint64_t key) : limits_(&limits), key_(key) {}

  ConnectionLimits* limits_ = nullptr;  // null: it does not count
  std::uint64_t key_ = 0;               // of its address; 0: none is counted
};

// Thread: any. Lifetime: outlives the cores whose listeners it was given to. Cost: per connection
// some atomics and, where addresses count, a hash under a lock; nothing per message. The map has an
// entry for each address that has connections, no more.
class ConnectionLimits {
 public:
  static constexpr Duration kPause = std::chrono::milliseconds(100);  // without accepting

  enum class Verdict : std::uint8_t { kWelcome, kOver, kFarOver };

  // `options` have been validated. `bounds`: null counts nothing; outlives this.
  explicit ConnectionLimits(const ConnectionLimitOptions& options,
                            observe::Bounds* bounds = nullptr, observe::Gauge open = {});
  ~ConnectionLimits();
  ConnectionLimits(const ConnectionLimits&) = delete;
  ConnectionLimits& operator=(const ConnectionLimits&) = delete;

  // Other limits from the next connection on; nobody who is here is closed.
  // Errors: those of ConnectionLimitOptions::validate().
  Status update(const ConnectionLimitOptions& options);

  // From here on every new connection is refused like one that is over a limit, because the process
  // may have no more than `memory_max` bytes and has nearly that; 0: no longer.
  void refuse_for_memory(std::uint64_t memory_max) {
    refused_for_memory_.store(memory_max, std::memory_order_relaxed);
  }

  // How long connections are to be left in the backlog; zero: not at all.
  Duration wait_before_accept(Time now, bool tcp) const;

  struct Admitted {
    ConnectionPass pass;
    Verdict verdict = Verdict::kWelcome;
  };
  // Counts a connection that was accepted from `peer` as `descriptor`.
  Admitted admit(const Address& peer, int descriptor, Time now);

  // After accept() found no descriptor: takes one connection off the backlog of `listening` and
  // closes it, by means of the spare descriptor. False: that did not succeed.
  bool shed(int listening, Time now);

  // Those that are open, at this moment.
  std::size_t connections() const { return connections_.load(std::memory_order_relaxed); }
  std::size_t connections_max() const { return connections_max_.load(std::memory_order_relaxed); }
  std::size_t addresses() const;  // that have connections which count

 private:
  friend ConnectionPass;

  void release(std::uint64_t key);
  void apply(const ConnectionLimitOptions& options) FL_REQUIRES(mutex_);
  void charge(Time now);
  std::uint32_t count_address(const AddressRange::Bits& address, std::uint64_t& key)
      FL_REQUIRES(mutex_);
  void hit(observe::Bound bound, std::uint64_t limit, Time now) const {
    if (bounds_ != nullptr) bounds_->hit(bound, limit, now);
  }

  observe::Bounds* const bounds_;
  const observe::Gauge open_;
  std::atomic<std::size_t> connections_{0};
  std::atomic<std::size_t> connections_max_{0};
  std::atomic<std::size_t> descriptors_max_{0};
  std::atomic<std::uint32_t> accepts_per_second_max_{0};
  std::atomic<Time::rep> paid_until_{0};              // accepts; as in rpc's token bucket
  std::atomic<std::uint64_t> refused_for_memory_{0};  // 0: they are not
  mutable Mutex mutex_;
  ConnectionLimitOptions options_ FL_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, std::uint32_t> by_address_ FL_GUARDED_BY(mutex_);
  int spare_ FL_GUARDED_BY(mutex_) = -1;
};

inline void ConnectionPass::reset() {
  if (limits_ != nullptr) std::exchange(limits_, nullptr)->release(key_);
}

}  // namespace fairlead::io
