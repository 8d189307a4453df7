// TokenBucket: how many of something may happen each second, decided without a lock.
//
// Kept is one number, the time until which everything that was let through is paid for at the rate.
// Who comes while that lies less than the burst ahead is let through and moves it on. Source: the
// generic cell rate algorithm, ITU-T I.371 (virtual scheduling form).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "fairlead/base/time.h"

namespace fairlead::rpc {

// Thread: any. Cost: one compare-and-swap.
class TokenBucket {
 public:
  // `per_second` > 0. `burst`: what this much time brings may come at once, at least one.
  TokenBucket(std::uint64_t per_second, Duration burst)
      : interval_(std::max<std::int64_t>(
            1, kSecond / static_cast<std::int64_t>(std::min<std::uint64_t>(per_second, kSecond)))),
        ahead_(std::max<std::int64_t>(0, burst.count() - interval_)) {}

  // Zero: one was taken. Else none was, and it is the time until there is one.
  Duration take(Time now) {
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t paid = paid_until_.load(std::memory_order_relaxed);
    for (;;) {
      if (paid > at + ahead_) return Duration(paid - at - ahead_);
      const std::int64_t next = std::max(paid, at) + interval_;
      if (paid_until_.compare_exchange_weak(paid, next, std::memory_order_relaxed)) return {};
    }
  }

 private:
  static constexpr std::int64_t kSecond = 1'000'000'000;

  const std::int64_t interval_;  // ns
  const std::int64_t ahead_;     // ns
  std::atomic<std::int64_t> paid_until_{0};
};

}  // namespace fairlead::rpc
