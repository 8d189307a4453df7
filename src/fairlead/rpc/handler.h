// Handler: what answers one route. And handlers over raw bodies.
#pragma once

#include <concepts>
#include <memory>
#include <utility>

#include "fairlead/async/task.h"
#include "fairlead/base/status.h"
#include "fairlead/rpc/context.h"

namespace fairlead::rpc {

// One object serves every core at the same time: it holds no state of its own that changes, or
// guards it. Exceptions that leave a handler become 500 `handler.threw` for that call alone.
class Handler {
 public:
  virtual ~Handler() = default;

  // Coroutine handlers run by handle_later(), plain ones by handle(), without a coroutine frame.
  virtual bool waits() const = 0;
  // True: it decodes the body and gives what it read to Context::read_body() itself.
  virtual bool decodes() const { return false; }
  // Answers now: begins the reply and appends its body, or returns an error.
  virtual Status handle(Context& context) = 0;
  // The same with waits in between. `context` lives until the task has ended.
  virtual Task<Status> handle_later(Context& context) = 0;
};

// A Handler from `Status f(Context&)` or `Task<Status> f(Context&)`.
template <class Function>
class FunctionHandler final : public Handler {
 public:
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}

  bool waits() const override { return kWaits; }
  Status handle(Context& context) override {
    if constexpr (kWaits) {
      return Status(Code::kInternal, "handler.waits", "a coroutine handler was called as plain");
    } else {
      return function_(context);
    }
  }
  Task<Status> handle_later(Context& context) override {
    if constexpr (kWaits) {
      return function_(context);
    } else {
      return done(function_(context));
    }
  }

 private:
  static constexpr bool kWaits =
      std::same_as<std::invoke_result_t<Function&, Context&>, Task<Status>>;
  static Task<Status> done(Status status) { co_return status; }

  Function function_;
};

template <class Function>
std::unique_ptr<Handler> make_handler(Function function) {
  return std::make_unique<FunctionHandler<Function>>(std::move(function));
}

}  // namespace fairlead::rpc
