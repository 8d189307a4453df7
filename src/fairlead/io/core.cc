#include "fairlead/io/core.h"

#include <algorithm>

namespace fairlead::io {
namespace {

thread_local Core* current_core = nullptr;

// Names the core of this thread for the length of a turn.
class CurrentCore {
 public:
  CurrentCore(Core* core, std::atomic<bool>& turning)
      : before_(std::exchange(current_core, core)),
        turning_(turning),
        was_turning_(turning.exchange(true, std::memory_order_relaxed)) {
    FL_CHECK(!was_turning_ || before_ != nullptr);  // two threads run one core
  }
  ~CurrentCore() {
    current_core = before_;
    turning_.store(was_turning_, std::memory_order_relaxed);
  }
  CurrentCore(const CurrentCore&) = delete;
  CurrentCore& operator=(const CurrentCore&) = delete;
  bool inside_another() const { return was_turning_; }

 private:
  Core* before_;
  std::atomic<bool>& turning_;
  const bool was_turning_;  // a turn inside a turn: Core::run() called by a letter
};

}  // namespace

Stream::~Stream() {
  if (flush_scheduled_) core_.forget_flush(*this);
}

void Stream::schedule_flush() {
  flush_scheduled_ = true;
  core_.flushes_.push_back(this);
}

Core::~Core() = default;

Core* Core::current() { return current_core; }

void Core::assert_here() const {
  FL_CHECK(current_core == this || !turning_.load(std::memory_order_relaxed));
}

void Core::post(Mailbox::Letter letter) {
  if (mailbox_.put(std::move(letter)) && current_core != this) wake();
}

void Core::stop() {
  stopping_.store(true, std::memory_order_release);
  wake();
}

void Core::run() {
  const CurrentCore here(this, turning_);
  while (!stopping_.load(std::memory_order_acquire)) turn_here(Deadline(), here.inside_another());
  stopping_.store(false, std::memory_order_relaxed);
}

void Core::turn(Deadline deadline) {
  const CurrentCore here(this, turning_);
  turn_here(deadline, here.inside_another());
}

void Core::spawn_here(Task<void> task) {
  const CurrentCore here(this, turning_);
  scope_.spawn(std::move(task));
}

void Core::turn_here(Deadline deadline, bool inside_another) {
  Deadline wait = deadline;
  if (const std::optional<Time> timer = timers_.next_expiry())
    wait = earlier(wait, Deadline(*timer));
  if (has_work() || stopping_.load(std::memory_order_acquire)) {
    wait = Deadline(now_);
  }
  poll(wait);
  timers_.advance(now_);
  if (has_letters()) mailbox_.run_all();
  if (!flushes_.empty() || !disposed_.empty()) end_turn();
  turns_.store(turns_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (!inside_another) turn_began_.store(0, std::memory_order_release);
}

CoreActivity Core::activity() const {
  CoreActivity seen;
  Time::rep began = turn_began_.load(std::memory_order_acquire);
  // A method belongs to the turn in which it was read: if another began meanwhile, look again. A
  // core that begins turns faster than this can be read is well, and its method is nobody's worry.
  for (int tries = 0; tries < 3; ++tries) {
    seen.method = method_.load(std::memory_order_acquire);
    const Time::rep again = turn_began_.load(std::memory_order_acquire);
    if (std::exchange(began, again) == again) break;
  }
  seen.running = began != 0;
  seen.turn_began = Time(Duration(began));
  if (!seen.running) seen.method = nullptr;
  seen.turns = turns_.load(std::memory_order_relaxed);
  return seen;
}

void Core::end_turn() {
  // A flush may close a stream, whose handler may write to others: until nothing is left.
  // NOLINTNEXTLINE(modernize-loop-convert): the list grows while it is walked
  for (std::size_t i = 0; i < flushes_.size(); ++i) {
    Stream* stream = flushes_[i];
    if (stream == nullptr) continue;
    flushes_[i] = nullptr;
    stream->flush_scheduled_ = false;
    stream->flush();
  }
  flushes_.clear();
  while (!disposed_.empty()) {
    const std::vector<std::unique_ptr<Disposable>> dying = std::exchange(disposed_, {});
  }
}

void Core::forget_flush(Stream& stream) {
  std::ranges::replace(flushes_, &stream, static_cast<Stream*>(nullptr));
}

void Core::dispose(std::unique_ptr<Disposable> object) {
  if (object != nullptr) disposed_.push_back(std::move(object));
}

void Core::shut_down() {
  // Tasks hear the token, and what they own needs a few turns to close.
  const Deadline patience = Deadline::after(read_clock(), std::chrono::seconds(2));
  bool closed = false;
  Scope closing;
  const auto close = [](Core* core, Deadline until, bool* done) -> Task<void> {
    Status status = co_await core->scope_.close(core->timers_, until);
    *done = true;
  };
  closing.spawn(close(this, patience, &closed));
  while (!closed) turn(patience);
  turn(Deadline(now_));
}

}  // namespace fairlead::io
