// DialLimits: how many connections a process dials at once, and how many it begins in a second,
// over all of its cores and services. DialLine: the dials of one core that wait for their turn.
//
//   core 0: DialLine, in order ┐
//   core 1: DialLine, in order ┼─ DialLimits: places, and when the next one may begin
//   ...                        ┘  lines without a place take turns
//
// So a program that has lost a thousand links does not spend its descriptors and the network's
// patience on all of them at once.
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "fairlead/async/ambient.h"
#include "fairlead/async/cancel.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/io/core.h"

namespace fairlead::upstream {

struct DialLimitOptions {
  std::uint32_t dials_max = 64;         // at once, 1 .. kDialsMax
  std::uint32_t dials_per_second = 50;  // that begin, in any second; 1 .. kDialsMax

  static constexpr std::uint32_t kDialsMax = 100'000;
  // Errors: kInvalidOperation `dial.bad_limit`.
  Status validate() const;
};

class DialLine;

// Thread: any. Lifetime: outlives its lines and passes. Cost: a mutex per dial.
class DialLimits {
 public:
  // `options` have been validated, here and below.
  explicit DialLimits(const DialLimitOptions& options = {});

  // Dials under way go on; fewer places count from the next one on.
  void update(const DialLimitOptions& options) FL_EXCLUDES(mutex_);
  DialLimitOptions options() const FL_EXCLUDES(mutex_);
  // Places that are taken.
  std::size_t dialing() const FL_EXCLUDES(mutex_);

 private:
  friend DialLine;
  friend class DialPass;
  // What limits know of a line that waits for a place; outlives it while a letter is under way.
  struct Waiting {
    explicit Waiting(io::Core& on) : core(on) {}
    io::Core& core;
    DialLine* line = nullptr;  // the core's alone
  };

  // Takes a place; false: none is free, and `line` is told by a letter when it has one.
  bool take_place(const std::shared_ptr<Waiting>& line) FL_EXCLUDES(mutex_);
  // When the dial that has a place may begin; now or later. Each answer counts as one dial.
  Time next_start(Time now) FL_EXCLUDES(mutex_);
  void give_back() FL_EXCLUDES(mutex_);
  // A line that is destroyed waits no more.
  void forget(const std::shared_ptr<Waiting>& line) FL_EXCLUDES(mutex_);
  void tell(const std::shared_ptr<Waiting>& line);

  mutable Mutex mutex_;
  DialLimitOptions options_ FL_GUARDED_BY(mutex_);
  std::size_t dialing_ FL_GUARDED_BY(mutex_) = 0;
  // The latest `dials_per_second` starts: a ring, `oldest_` is overwritten next.
  std::vector<Time> starts_ FL_GUARDED_BY(mutex_);
  std::size_t oldest_ FL_GUARDED_BY(mutex_) = 0;
  Time latest_ FL_GUARDED_BY(mutex_) = Time::min();
  std::deque<std::shared_ptr<Waiting>> lines_ FL_GUARDED_BY(mutex_);  // each once at most
};

// The right to dial; its end makes room for another one. Thread: any.
class [[nodiscard]] DialPass {
 public:
  DialPass() = default;
  explicit DialPass(DialLimits& limits) : limits_(&limits) {}
  DialPass(DialPass&& other) noexcept : limits_(std::exchange(other.limits_, nullptr)) {}
  DialPass& operator=(DialPass&& other) noexcept {
    std::swap(limits_, other.limits_);
    return *this;
  }
  ~DialPass() {
    if (limits_ != nullptr) limits_->give_back();
  }

 private:
  DialLimits* limits_ = nullptr;
};

// Thread: its core. Lifetime: outlives those that wait in it.
class DialLine final : private Timer {
 public:
  class Wait;

  DialLine(io::Core& core, DialLimits& limits);
  ~DialLine();

  // co_await gives a Result<DialPass>, in the order in which they came. Keep the pass until the
  // dial has ended. Errors: kCancelled `dial.cancelled`.
  Wait enter(CancelToken cancel);
  std::size_t waiting() const { return queue_.size(); }

 private:
  friend DialLimits;
  enum class Turn : std::uint8_t { kNone, kAsked, kComing };  // of who is first

  void move_on();
  void on_place();  // a letter of the limits
  void on_timer() override;
  bool begin_at(Time start);
  void let_first_go();

  io::Core& core_;
  DialLimits& limits_;
  const std::shared_ptr<DialLimits::Waiting> self_;
  std::deque<Wait*> queue_;
  Turn turn_ = Turn::kNone;  // kAsked: waits for a place; kComing: has one, waits for its time
};

// Destroying it (with the coroutine) leaves the line.
class [[nodiscard]] DialLine::Wait final : private CancelListener {
 public:
  Wait(DialLine& line, CancelToken cancel) : line_(line), cancel_(std::move(cancel)) {}
  ~Wait() { leave(); }

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting);
  Result<DialPass> await_resume() { return std::move(result_); }

 private:
  friend DialLine;
  void on_cancel() override;
  void leave();
  void end(Result<DialPass> result);

  DialLine& line_;
  CancelToken cancel_;
  ResumePoint awaiting_;
  Result<DialPass> result_ = DialPass();
  bool done_ = false;
};

}  // namespace fairlead::upstream
