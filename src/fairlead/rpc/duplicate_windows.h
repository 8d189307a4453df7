// DuplicateWindows: the windows of all senders of a process, by the secrets that they show.
//
//   take(): a session shows a secret --> its Lease owns the window; a later one takes it over
//   the Lease ends                   --> the window is parked, for DuplicateOptions::age
//
// A window outlives its connection, and the next one may be accepted by another core: so a window
// has a mutex, which only numbered messages take, and the table another, which hellos take.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "fairlead/base/mutex.h"
#include "fairlead/base/secure_random.h"
#include "fairlead/io/core.h"
#include "fairlead/rpc/duplicate_window.h"
#include "fairlead/rpc/resume_words.h"

namespace fairlead::rpc {

class DuplicateWindows;

namespace internal {

// One window and whose it is. Thread: any.
class SharedWindow {
 public:
  SharedWindow(DuplicateWindows& windows, const ResumeSecret& secret, std::uint64_t name)
      : windows_(windows), secret_(secret), name_(name) {}
  ~SharedWindow();
  SharedWindow(const SharedWindow&) = delete;
  SharedWindow& operator=(const SharedWindow&) = delete;

  // nullopt: the window is another owner's by now.
  std::optional<DuplicateWindow::Answer> look(std::uint64_t id, std::uint64_t print, Time now,
                                              std::uint64_t owner,
                                              const DuplicateWindow::Waiter& waiter);
  // Tells those who wait.
  void complete(std::uint64_t id, std::shared_ptr<const KeptReply> reply, Time now);
  void forget_old(Duration age, Time now);
  const ResumeSecret& secret() const { return secret_; }
  std::uint64_t name() const { return name_; }

 private:
  friend DuplicateWindows;

  void count_bytes() FL_REQUIRES(mutex_);

  DuplicateWindows& windows_;
  const ResumeSecret secret_;
  const std::uint64_t name_;
  Mutex mutex_;  // may be taken while the table's is held, never the other way round
  DuplicateWindow window_ FL_GUARDED_BY(mutex_);
  std::uint64_t owner_ FL_GUARDED_BY(mutex_) = 0;  // 0: parked
  std::size_t counted_bytes_ FL_GUARDED_BY(mutex_) = 0;
};

}  // namespace internal

// Thread: any. Lifetime: outlives the peers that use it.
class DuplicateWindows {
 public:
  // A session's hold on its sender's window. Its end parks the window, if it is still its own.
  // Thread: the core it was taken on. Lifetime: within that of its DuplicateWindows.
  class Lease {
   public:
    ~Lease() { windows_.park(window_, owner_, core_.now()); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    std::uint64_t owner() const { return owner_; }
    const std::shared_ptr<internal::SharedWindow>& window() const { return window_; }

   private:
    friend DuplicateWindows;
    Lease(DuplicateWindows& windows, io::Core& core, std::shared_ptr<internal::SharedWindow> window,
          std::uint64_t owner)
        : windows_(windows), core_(core), window_(std::move(window)), owner_(owner) {}

    DuplicateWindows& windows_;
    io::Core& core_;
    const std::shared_ptr<internal::SharedWindow> window_;
    const std::uint64_t owner_;
  };

  // `options` have been validated.
  explicit DuplicateWindows(const DuplicateOptions& options = {});
  DuplicateWindows(const DuplicateWindows&) = delete;
  DuplicateWindows& operator=(const DuplicateWindows&) = delete;

  // The window of this secret with a new owner; an empty one where there was none. null: there are
  // windows_max, all with connections. `core`: this one.
  std::unique_ptr<Lease> take(const ResumeSecret& secret, io::Core& core);
  // New rules, from now on. They have been validated.
  void update(const DuplicateOptions& options);

  DuplicateOptions options() const;
  std::size_t count() const;
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  friend internal::SharedWindow;
  using Parked = std::list<std::pair<Time, std::shared_ptr<internal::SharedWindow>>>;
  struct Place {
    std::shared_ptr<internal::SharedWindow> window;
    std::optional<Parked::iterator> parked{};
  };
  using Places = std::unordered_multimap<std::uint64_t, Place>;

  void park(const std::shared_ptr<internal::SharedWindow>& window, std::uint64_t owner, Time now);
  bool is_much() const;
  // Forgets parked windows that are too old, or too much for the process; then what is old in all.
  void relieve(Time now);
  void tidy(Time now) FL_REQUIRES(mutex_);
  void sweep(Time now) FL_REQUIRES(mutex_);
  Places::iterator find(const ResumeSecret& secret) FL_REQUIRES(mutex_);

  // Read for every numbered message, changed almost never.
  struct Rules {
    std::atomic<std::size_t> ids_max;
    std::atomic<Duration> age;
    std::atomic<std::size_t> reply_bytes_max;
    std::atomic<std::size_t> windows_max;
    std::atomic<std::size_t> process_bytes_max;
  };

  std::array<std::uint64_t, 2> place_key_{};
  Rules rules_;
  std::atomic<std::size_t> bytes_{0};
  mutable Mutex mutex_;
  SecureRandom random_ FL_GUARDED_BY(mutex_);
  Places places_ FL_GUARDED_BY(mutex_);
  Parked parked_ FL_GUARDED_BY(mutex_);  // the longest ago first
  std::uint64_t last_owner_ FL_GUARDED_BY(mutex_) = 0;
  Time sweep_at_ FL_GUARDED_BY(mutex_){};
};

}  // namespace fairlead::rpc
