// The handler of a method whose logic runs on a pool: the core decodes and encodes, a thread of the
// pool does what may block in between.
#pragma once

#include <memory>
#include <utility>

#include "fairlead/service/method_handler.h"
#include "fairlead/service/pool.h"

namespace fairlead::service::internal {

// What a handler on a pool gets in place of a Context: nothing that it could take.
struct NoContext {};

// Of a job that did not run. Where the pool refused it the caller hears 503 and not a limit of our
// own, and that the call is safe to repeat.
Status refused_by_pool(rpc::Context& context, Status status);

template <contract::Service S, std::size_t I, class Logic, class Invoker>
class PooledMethodHandler final : public rpc::Handler {
  using Argument = contract::ArgumentOf<S, I>;
  using Reply = contract::ReplyOf<S, I>;
  using Held = std::conditional_t<std::is_void_v<Argument>, contract::NoArgument, Argument>;

 public:
  PooledMethodHandler(std::shared_ptr<Logic> logic, const Pool& pool)
      : logic_(std::move(logic)), pool_(pool) {}

  bool waits() const override { return true; }
  bool decodes() const override { return true; }
  Status handle(rpc::Context&) override {
    return Status(Code::kInternal, "handler.waits", "a handler on a pool was called as plain");
  }
  Task<Status> handle_later(rpc::Context& context) override {
    Held in{};
    FL_CO_TRY(read_argument(contract::type_info<Argument>(), context, &in));
    bool ran = false;
    Job job{logic_.get(), &in, &ran};
    auto running = blocking(pool_, context, job);
    auto returned = co_await running;
    if (!ran) {
      co_return refused_by_pool(context, ::fairlead::internal::take_status(std::move(returned)));
    }
    co_return answer<Reply>(contract::type_info<Reply>(), context, std::move(returned));
  }

 private:
  // A job that runs is waited for, so it may borrow from the coroutine.
  struct Job {
    Logic* logic;
    Held* in;
    bool* ran;
    auto operator()() const {
      *ran = true;
      NoContext none;
      if constexpr (std::same_as<Held, contract::NoArgument>)
        return Invoker{}(*logic, none);
      else
        return Invoker{}(*logic, none, std::move(*in));
    }
  };

  const std::shared_ptr<Logic> logic_;
  const Pool pool_;
};

// Adds a route for each method of S as add_routes() does; plain handlers run on the pool.
template <contract::Service S, class Logic>
Status add_routes(rpc::Router& router, std::shared_ptr<Logic> logic, const Pool& pool) {
  return add_each_route<S>(router, [&]<std::size_t I, class Invoker>() {
    using OnCore = MethodHandler<S, I, Logic, Invoker>;
    if constexpr (OnCore::kWaits) {
      return std::unique_ptr<rpc::Handler>(std::make_unique<OnCore>(logic));
    } else {
      return std::unique_ptr<rpc::Handler>(
          std::make_unique<PooledMethodHandler<S, I, Logic, Invoker>>(logic, pool));
    }
  });
}

}  // namespace fairlead::service::internal
