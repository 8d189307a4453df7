// Call<R>: one call that was sent, and what waits for its reply.
//
//   auto call = math.divide({.a = 10, .b = 2}, fl::within(200ms));   // sent here
//   fl::Result<DivideResult> reply = co_await call;                   // on a core
//   fl::Result<DivideResult> reply = call.get();                      // on any other thread
//   math.divide({.a = 1, .b = 2}).then([](fl::Result<DivideResult> reply) { ... });
#pragma once

#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "fairlead/async/ambient.h"
#include "fairlead/async/frame_pool.h"
#include "fairlead/async/task.h"
#include "fairlead/base/check.h"
#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/contract/service.h"
#include "fairlead/service/call_options.h"
#include "fairlead/service/sent_call.h"
#include "fairlead/upstream/service.h"

namespace fairlead::service {

namespace internal {

// A call as the one who waits for it sees it. Memory comes from the pool of coroutine frames.
// Thread: the core on which it was made.
class CallState : public fairlead::internal::PooledFrame {
 public:
  using Listener = std::function<void(CallState& state)>;

  CallState() = default;
  CallState(const CallState&) = delete;
  CallState& operator=(const CallState&) = delete;
  virtual ~CallState() = default;

  bool done() const { return done_; }
  Status& status() { return status_; }
  // One of the two, before the call is done.
  void resume_when_done(std::coroutine_handle<> awaiting) { awaiting_.keep(awaiting); }
  void tell_when_done(Listener listener) { listener_ = std::move(listener); }

 protected:
  // Once. May destroy this object.
  void end(Status status);

 private:
  Status status_;
  ResumePoint awaiting_;
  Listener listener_;
  bool done_ = false;
};

template <class T>
using Held = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

// The part that knows the reply's type.
template <class R>
class ReplyState : public CallState {
 public:
  Result<R> take() {
    if (!status().ok()) return std::move(status());
    if constexpr (std::is_void_v<R>)
      return Result<R>();
    else
      return std::move(reply_);
  }

 protected:
  Held<R> reply_{};
};

// A call to a service: waits for a session, sends, waits for the reply, tries elsewhere while
// nothing was sent.
class ServiceCall : private SentCall, private upstream::SessionWaiter {
 public:
  ServiceCall(upstream::Service& upstream, const contract::MethodInfo& method, CallOptions options);

  void start();

 protected:
  ~ServiceCall() = default;

 private:
  virtual void finished(Status status) = 0;  // once; may destroy this object
  void on_session(Result<rpc::Session*> session) override;
  void ended(Status status) override;
  bool may_move() override;

  upstream::Service& upstream_;
  Deadline deadline_;
  int attempts_ = 0;
};

template <class R, class A>
class TypedState final : public ReplyState<R>, private ServiceCall {
 public:
  TypedState(upstream::Service& upstream, const contract::MethodInfo& method, CallOptions options,
             A in)
      : ServiceCall(upstream, method, std::move(options)), argument_(std::move(in)) {}
  using ServiceCall::start;

 private:
  const void* argument() const override { return &argument_; }
  void* reply() override { return &this->reply_; }
  void finished(Status status) override { this->end(std::move(status)); }
  A argument_;
};

// A call made by a thread that runs no core: a core makes it, the thread waits.
template <class R>
struct Errand {
  Mutex mutex;
  CondVar arrived;
  std::optional<Result<R>> result FL_GUARDED_BY(mutex);

  void deliver(Result<R> value) {
    MutexLock lock(mutex);
    result.emplace(std::move(value));
    arrived.notify_all();
  }
  Result<R> wait() {
    MutexLock lock(mutex);
    while (!result.has_value()) arrived.wait(mutex);
    return std::move(*result);
  }
};

Status would_block();

}  // namespace internal

// Move-only. Dropping it forgets the call; a late reply is thrown away.
// Errors of the reply: those of upstream::SessionWaiter and rpc::Session::start_call(),
// kEncodeFailed `codec.*`, kDecodeReplyFailed `codec.*`, and whatever the handler returned.
template <class R>
class [[nodiscard]] Call {
 public:
  explicit Call(std::unique_ptr<internal::ReplyState<R>> state) : state_(std::move(state)) {}
  explicit Call(std::shared_ptr<internal::Errand<R>> errand) : errand_(std::move(errand)) {}

  // Gives Result<R>, once. On the core on which the call was made.
  auto operator co_await() & noexcept { return Awaiter{state_.get()}; }
  auto operator co_await() && noexcept { return Awaiter{state_.get()}; }

  // Waits for the reply, on a thread that runs no core.
  // Errors: kInvalidOperation `call.would_block` on a core's thread, where it would stop the loop.
  Result<R> get() {
    if (errand_ == nullptr) return internal::would_block();
    return errand_->wait();
  }

  // Calls `function` with the Result<R> on the call's core, and lets go of the call. Of calls made
  // on a core; on other threads there is get().
  template <class Function>
  void then(Function function) && {
    FL_CHECK(state_ != nullptr);
    if (state_->done()) return function(state_->take());
    internal::ReplyState<R>* state = state_.release();  // owns itself until it is done
    state->tell_when_done([state, function = std::move(function)](internal::CallState&) mutable {
      const std::unique_ptr<internal::ReplyState<R>> ended(state);
      function(ended->take());
    });
  }

 private:
  friend class PushCall;

  struct Awaiter {
    internal::ReplyState<R>* state;
    bool await_ready() const noexcept { return state->done(); }
    void await_suspend(std::coroutine_handle<> awaiting) { state->resume_when_done(awaiting); }
    Result<R> await_resume() { return state->take(); }
  };

  std::unique_ptr<internal::ReplyState<R>> state_;
  std::shared_ptr<internal::Errand<R>> errand_;
};

// One push: it ends when it was handed to a session. Dropping it is fine, it is sent all the same.
// Errors: those of upstream::Service::push(), kEncodeFailed `codec.*`.
class PushCall {
 public:
  // A push of an encoded body; on the upstream's core.
  static PushCall start(upstream::Service& upstream, const contract::MethodInfo& method,
                        const void* argument, CallOptions options);
  explicit PushCall(std::shared_ptr<internal::Errand<void>> errand) : errand_(std::move(errand)) {}
  // One that another core makes.
  explicit PushCall(Call<void> call);
  // One that has ended already.
  explicit PushCall(Status status);

  // Gives Status. On the core on which the push was made.
  auto operator co_await() const noexcept { return Awaiter{state_.get()}; }
  // Waits, on a thread that runs no core. Errors: as Call::get().
  Status get() {
    if (errand_ == nullptr) return internal::would_block();
    return errand_->wait().status();
  }
  // Calls `function` with the Status, on the push's core.
  void then(std::function<void(Status)> function) {
    if (state_->done) return function(state_->status);
    state_->listener = std::move(function);
  }

 private:
  struct State {
    Status status;
    ResumePoint awaiting;
    std::function<void(Status)> listener;
    bool done = false;

    void end(Status result);
  };
  struct Awaiter {
    State* state;
    bool await_ready() const noexcept { return state->done; }
    void await_suspend(std::coroutine_handle<> awaiting) { state->awaiting.keep(awaiting); }
    Status await_resume() { return state->status; }
  };

  explicit PushCall(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static Task<void> run(upstream::Service& upstream, upstream::RawRequest request,
                        Deadline deadline, CancelToken cancel, std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
  std::shared_ptr<internal::Errand<void>> errand_;
};

// Waits for all of them. The calls were sent when they were made, so they run beside each other.
inline Task<std::tuple<>> all() { co_return std::tuple<>(); }
template <class First, class... Rest>
Task<std::tuple<Result<First>, Result<Rest>...>> all(Call<First> first, Call<Rest>... rest) {
  Result<First> head = co_await first;
  auto others = all(std::move(rest)...);
  auto tail = co_await others;
  co_return std::tuple_cat(std::tuple<Result<First>>(std::move(head)), std::move(tail));
}

}  // namespace fairlead::service
