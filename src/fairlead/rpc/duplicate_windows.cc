#include "fairlead/rpc/duplicate_windows.h"

#include <cstring>
#include <vector>

namespace fairlead::rpc {
namespace {

std::uint64_t draw_number(SecureRandom& random) {
  std::uint64_t number = 0;
  while (number == 0) {
    const std::array<char, sizeof(number)> bytes = random.draw<sizeof(number)>();
    std::memcpy(&number, bytes.data(), sizeof(number));
  }
  return number;
}

constexpr std::size_t kWindowBytes = 512;  // of an empty one, with its places in the table
constexpr std::size_t kIdsMin = 64;        // that a window may have, whatever the others hold
constexpr Duration kSweepEvery = std::chrono::seconds(1);

}  // namespace

// ---- one window

namespace internal {

SharedWindow::~SharedWindow() {
  windows_.bytes_.fetch_sub(counted_bytes_, std::memory_order_relaxed);
}

void SharedWindow::count_bytes() {
  const std::size_t bytes = kWindowBytes + window_.bytes();
  windows_.bytes_.fetch_add(bytes - counted_bytes_, std::memory_order_relaxed);
  counted_bytes_ = bytes;
}

std::optional<DuplicateWindow::Answer> SharedWindow::look(std::uint64_t id, std::uint64_t print,
                                                          Time now, std::uint64_t owner,
                                                          const DuplicateWindow::Waiter& waiter) {
  if (windows_.is_much()) windows_.relieve(now);
  DuplicateOptions options = windows_.options();
  MutexLock lock(mutex_);
  if (owner_ != owner) return std::nullopt;
  if (windows_.is_much()) {  // nobody else's can go: this one keeps no answers, and hardly grows
    window_.drop_replies(0);
    options.ids_max = std::min(options.ids_max, std::max(window_.ids(), kIdsMin));
  }
  DuplicateWindow::Answer answer = window_.look(id, print, options, now, owner, waiter);
  count_bytes();
  return answer;
}

void SharedWindow::forget_old(Duration age, Time now) {
  MutexLock lock(mutex_);
  window_.forget_old(age, now);
  count_bytes();
}

void SharedWindow::complete(std::uint64_t id, std::shared_ptr<const KeptReply> reply, Time now) {
  std::vector<DuplicateWindow::Waiter> waiters;
  const std::shared_ptr<const KeptReply> told = reply;
  {
    const DuplicateOptions options = windows_.options();
    MutexLock lock(mutex_);
    waiters = window_.complete(id, std::move(reply), options, now);
    count_bytes();
  }
  for (const DuplicateWindow::Waiter& waiter : waiters) waiter(told);
  if (windows_.is_much()) windows_.relieve(now);
}

}  // namespace internal

// ---- all of them

DuplicateWindows::DuplicateWindows(const DuplicateOptions& options) {
  SecureRandom random;
  place_key_ = {draw_number(random), draw_number(random)};
  update(options);
}

void DuplicateWindows::update(const DuplicateOptions& options) {
  rules_.ids_max = options.ids_max;
  rules_.age = options.age;
  rules_.reply_bytes_max = options.reply_bytes_max;
  rules_.windows_max = options.windows_max;
  rules_.process_bytes_max = options.process_bytes_max;
}

DuplicateOptions DuplicateWindows::options() const {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  return {.ids_max = rules_.ids_max.load(kRelaxed),
          .age = rules_.age.load(kRelaxed),
          .reply_bytes_max = rules_.reply_bytes_max.load(kRelaxed),
          .windows_max = rules_.windows_max.load(kRelaxed),
          .process_bytes_max = rules_.process_bytes_max.load(kRelaxed)};
}

std::size_t DuplicateWindows::count() const {
  MutexLock lock(mutex_);
  return places_.size();
}

bool DuplicateWindows::is_much() const {
  return bytes() > rules_.process_bytes_max.load(std::memory_order_relaxed);
}

DuplicateWindows::Places::iterator DuplicateWindows::find(const ResumeSecret& secret) {
  const auto [first, last] = places_.equal_range(secret.place(place_key_));
  for (auto at = first; at != last; ++at) {
    if (at->second.window->secret().equals(secret)) return at;
  }
  return places_.end();
}

std::unique_ptr<DuplicateWindows::Lease> DuplicateWindows::take(const ResumeSecret& secret,
                                                                io::Core& core) {
  MutexLock lock(mutex_);
  tidy(core.now());
  auto place = find(secret);
  if (place == places_.end()) {
    while (places_.size() >= options().windows_max) {
      if (parked_.empty()) return nullptr;
      places_.erase(find(parked_.front().second->secret()));
      parked_.pop_front();
    }
    place = places_.emplace(
        secret.place(place_key_),
        Place{std::make_shared<internal::SharedWindow>(*this, secret, draw_number(random_))});
  } else if (place->second.parked.has_value()) {
    parked_.erase(*std::exchange(place->second.parked, std::nullopt));
  }
  const std::shared_ptr<internal::SharedWindow>& window = place->second.window;
  const std::uint64_t owner = ++last_owner_;
  {
    MutexLock window_lock(window->mutex_);
    window->owner_ = owner;
    window->count_bytes();
  }
  return std::unique_ptr<Lease>(new Lease(*this, core, window, owner));
}

void DuplicateWindows::park(const std::shared_ptr<internal::SharedWindow>& window,
                            std::uint64_t owner, Time now) {
  MutexLock lock(mutex_);
  {
    MutexLock window_lock(window->mutex_);
    window->window_.forget_waiters(owner);
    if (window->owner_ != owner) return;
    window->owner_ = 0;
  }
  const auto place = find(window->secret());
  place->second.parked = parked_.emplace(parked_.end(), now, window);
  tidy(now);
}

void DuplicateWindows::relieve(Time now) {
  MutexLock lock(mutex_);
  tidy(now);
  if (is_much() && now >= sweep_at_) sweep(now);
}

// A window forgets when its next message comes; those whose senders are silent do it here. They
// may be many, so it is not for each message that finds too much.
void DuplicateWindows::sweep(Time now) {
  sweep_at_ = now + kSweepEvery;
  const Duration age = options().age;
  for (auto& [place, one] : places_) one.window->forget_old(age, now);
}

void DuplicateWindows::tidy(Time now) {
  while (!parked_.empty()) {
    const auto& [since, window] = parked_.front();
    if (now - since < options().age && !is_much()) return;
    places_.erase(find(window->secret()));
    parked_.pop_front();
  }
}

}  // namespace fairlead::rpc
