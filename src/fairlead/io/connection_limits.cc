#include "fairlead/io/connection_limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <span>

#include "fairlead/base/check.h"

namespace fairlead::io {
namespace {

using observe::Bound;

constexpr Time::rep kSecond = 1'000'000'000;

// What the system gives this process.
std::size_t descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return std::min<std::size_t>(limit.rlim_cur, 10'000'000);
}

// A tenth over a limit, and at least one.
std::size_t far_over(std::size_t limit) { return limit + std::max<std::size_t>(1, limit / 10); }

int open_spare() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

// The first four bytes that count of IPv4, the first eight of IPv6. They do not meet: what begins
// with four zero bytes is nobody's network in IPv6. Zero: loopback and Unix, or nobody.
std::uint64_t key_of(const AddressRange::Bits& bits) {
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  const bool ipv4 = std::ranges::equal(kMapped, std::span(bits).first(kMapped.size()));
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < (ipv4 ? 4U : 8U); ++i) key = key << 8 | bits[(ipv4 ? 12 : 0) + i];
  return key == 0 && bits[15] == 1 ? 1 : key;  // ::1
}

bool is_loopback(const AddressRange::Bits& bits) {
  static const AddressRange kNets[] = {AddressRange::parse("127.0.0.0/8").value(),
                                       AddressRange::parse("::1").value()};
  return std::ranges::any_of(kNets, [&](const auto& net) { return net.contains(bits); });
}

}  // namespace

Status ConnectionLimitOptions::validate() const {
  const auto bad = [](std::string_view what) {
    return Status(Code::kInvalidOperation, "limits.bad_option", what);
  };
  if (connections_max > 10'000'000) return bad("connections_max must be at most 10000000");
  if (ip_connections_max > 10'000'000) return bad("ip_connections_max must be at most 10000000");
  if (accepts_per_second_max > 1'000'000) {
    return bad("accepts_per_second_max must be at most 1000000");
  }
  if (trusted_nets.size() > 256) return bad("at most 256 nets can be trusted");
  return {};
}

ConnectionLimits::ConnectionLimits(const ConnectionLimitOptions& options, observe::Bounds* bounds,
                                   observe::Gauge open)
    : bounds_(bounds), open_(open) {
  const MutexLock lock(mutex_);
  apply(options);
  spare_ = open_spare();
}

ConnectionLimits::~ConnectionLimits() {
  FL_CHECK(connections() == 0);
  if (spare_ >= 0) close(spare_);
}

Status ConnectionLimits::update(const ConnectionLimitOptions& options) {
  FL_TRY(options.validate());
  const MutexLock lock(mutex_);
  apply(options);
  return {};
}

void ConnectionLimits::apply(const ConnectionLimitOptions& options) {
  options_ = options;
  const std::size_t descriptors = descriptor_limit();
  const std::size_t usual = std::max<std::size_t>(1, descriptors / 10 * 8);
  connections_max_.store(options.connections_max != 0 ? options.connections_max : usual,
                         std::memory_order_relaxed);
  // Small processes, where a tenth is a handful, need some for themselves in any case.
  const std::size_t own = std::min(descriptors, std::max<std::size_t>(descriptors / 10, 8));
  descriptors_max_.store(descriptors - own, std::memory_order_relaxed);
  accepts_per_second_max_.store(options.accepts_per_second_max, std::memory_order_relaxed);
}

Duration ConnectionLimits::wait_before_accept(Time now, bool tcp) const {
  if (connections() >= far_over(connections_max())) return kPause;
  const std::uint32_t rate = accepts_per_second_max_.load(std::memory_order_relaxed);
  if (!tcp || rate == 0) return {};
  const Time::rep ahead =
      paid_until_.load(std::memory_order_relaxed) - now.time_since_epoch().count();
  const Time::rep most = kSecond - kSecond / rate;
  if (ahead <= most) return {};
  hit(Bound::kAccepts, rate, now);
  return Duration(ahead - most);
}

// The generic cell rate algorithm, ITU-T I.371: what was accepted is paid for until then. Cores
// that look at the same time may together accept a few more than the rate allows, which the next
// ones pay.
void ConnectionLimits::charge(Time now) {
  const std::uint32_t rate = accepts_per_second_max_.load(std::memory_order_relaxed);
  if (rate == 0) return;
  const Time::rep at = now.time_since_epoch().count();
  Time::rep paid = paid_until_.load(std::memory_order_relaxed);
  while (!paid_until_.compare_exchange_weak(paid, std::max(paid, at) + kSecond / rate,
                                            std::memory_order_relaxed)) {
  }
}

// How many this address has now; zero where they do not count.
std::uint32_t ConnectionLimits::count_address(const AddressRange::Bits& address,
                                              std::uint64_t& key) {
  if (options_.ip_connections_max == 0) return 0;
  if (options_.loopback_trusted && is_loopback(address)) return 0;
  const auto trusts = [&](const AddressRange& net) { return net.contains(address); };
  if (std::ranges::any_of(options_.trusted_nets, trusts)) return 0;
  key = key_of(address);
  return key == 0 ? 0 : ++by_address_[key];
}

ConnectionLimits::Admitted ConnectionLimits::admit(const Address& peer, int descriptor, Time now) {
  const std::size_t total = connections_.fetch_add(1, std::memory_order_relaxed) + 1;
  open_.add(1);
  std::uint64_t key = 0;
  std::size_t of_address = 0;
  std::size_t ip_max = 0;
  if (!peer.is_unix()) {
    charge(now);
    const AddressRange::Bits bits = AddressRange::bits_of(peer);
    const MutexLock lock(mutex_);
    of_address = count_address(bits, key);
    ip_max = options_.ip_connections_max;
  }
  Admitted made{ConnectionPass(*this, key), Verdict::kWelcome};
  const auto judge = [&made](std::size_t count, std::size_t limit) {
    if (count <= limit) return false;
    const Verdict verdict = count > far_over(limit) ? Verdict::kFarOver : Verdict::kOver;
    made.verdict = std::max(made.verdict, verdict);
    return true;
  };
  // The system gives the lowest number that is free, so this one says how many are in use.
  const std::size_t descriptors_max = descriptors_max_.load(std::memory_order_relaxed);
  if (static_cast<std::size_t>(descriptor) >= descriptors_max) {
    hit(Bound::kDescriptors, descriptors_max, now);
    made.verdict = Verdict::kFarOver;
  } else if (judge(total, connections_max())) {
    hit(Bound::kConnections, connections_max(), now);
  } else if (judge(of_address, ip_max)) {
    hit(Bound::kIpConnections, ip_max, now);
  } else if (const auto most = refused_for_memory_.load(std::memory_order_relaxed); most != 0) {
    hit(Bound::kMemory, most, now);
    made.verdict = Verdict::kOver;
  }
  return made;
}

void ConnectionLimits::release(std::uint64_t key) {
  connections_.fetch_sub(1, std::memory_order_relaxed);
  open_.add(-1);
  if (key == 0) return;
  const MutexLock lock(mutex_);
  const auto found = by_address_.find(key);
  if (found != by_address_.end() && --found->second == 0) by_address_.erase(found);
}

bool ConnectionLimits::shed(int listening, Time now) {
  const MutexLock lock(mutex_);
  hit(Bound::kDescriptors, descriptors_max_.load(std::memory_order_relaxed), now);
  if (spare_ >= 0) close(std::exchange(spare_, -1));
  const int accepted = accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (accepted >= 0) close(accepted);
  spare_ = open_spare();
  return accepted >= 0;
}

std::size_t ConnectionLimits::addresses() const {
  const MutexLock lock(mutex_);
  return by_address_.size();
}

}  // namespace fairlead::io
