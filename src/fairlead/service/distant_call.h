// Distant: a result that another core makes. Here somebody waits for it: a coroutine or a function
// of this core, or a thread that runs none.
//
//   here:   auto distant = std::make_shared<Distant<R>>();
//           there.post([distant, ...] { ... distant->deliver(result); });
//           return distant->wait(cancel, give_up);        // a Call<R>
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "fairlead/async/cancel.h"
#include "fairlead/io/core.h"
#include "fairlead/service/call.h"

namespace fairlead::service::internal {

// Thread: made and waited for on one thread; deliver() on any. Lifetime: shared by both sides.
template <class R>
class Distant : public std::enable_shared_from_this<Distant<R>> {
 public:
  Distant() : home_(io::Core::current()) {
    if (home_ == nullptr) errand_ = std::make_shared<Errand<R>>();
  }

  // Once, in the turn in which this was made. `give_up` is called when nobody waits any more: the
  // call was dropped, or `cancel`, a token of this core, says so (then it ends with kCancelled
  // `call.cancelled`). On a thread without a core neither is looked at.
  Call<R> wait(const CancelToken& cancel, std::function<void()> give_up) {
    if (home_ == nullptr) return Call<R>(errand_);
    auto state = std::make_unique<State>(this->shared_from_this(), std::move(give_up));
    waiting_ = state.get();
    state->heed(cancel);
    return Call<R>(std::move(state));
  }

  // Once. The result is dropped when nobody waits any more.
  void deliver(Result<R> result) {
    if (home_ == nullptr) return errand_->deliver(std::move(result));
    auto held = std::make_shared<Result<R>>(std::move(result));  // letters are copied
    home_->post([self = this->shared_from_this(), held] {
      if (self->waiting_ != nullptr) self->waiting_->arrive(std::move(*held));
    });
  }

 private:
  class State final : public ReplyState<R>, private CancelListener {
   public:
    State(std::shared_ptr<Distant> distant, std::function<void()> give_up)
        : distant_(std::move(distant)), give_up_(std::move(give_up)) {}
    ~State() override {
      if (!this->done()) leave();
    }
    void heed(const CancelToken& cancel) {
      if (this->listen(cancel)) on_cancel();
    }
    void arrive(Result<R> result) {
      this->forget();
      distant_->waiting_ = nullptr;
      if constexpr (!std::is_void_v<R>) {
        if (result.ok()) this->reply_ = *std::move(result);
      }
      this->end(result.status());
    }

   private:
    void leave() {
      distant_->waiting_ = nullptr;
      give_up_();
    }
    void on_cancel() override {
      leave();
      this->end(Status(Code::kCancelled, "call.cancelled", "the caller cancelled the call"));
    }

    const std::shared_ptr<Distant> distant_;
    const std::function<void()> give_up_;
  };

  io::Core* const home_;               // null: a thread without one
  std::shared_ptr<Errand<R>> errand_;  // for that
  State* waiting_ = nullptr;           // home's; null: nobody
};

}  // namespace fairlead::service::internal
