// From a user's handler to an rpc::Handler: decode and check the argument, call, encode the reply.
//
// A handler is a member function named like the method, with or without the context:
//   DivideResult                       divide(DivideArg in);
//   fl::Result<DivideResult>           divide(fl::Context& context, DivideArg in);
//   fl::Task<fl::Result<DivideResult>> divide(fl::Context& context, DivideArg in);
// also Task<DivideResult>; for methods without reply void, Status, Task<void> and Task<Status>.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/contract/service.h"
#include "fairlead/contract/validate.h"
#include "fairlead/rpc/context.h"
#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/router.h"
#include "fairlead/rpc/serial_handler.h"

namespace fairlead::service::internal {

// Decodes the body by its codec, fills the fields that come from metadata, query or session, checks
// the rules; the same for a CALL and a PUSH. A field from the query is looked up behind the "?" of
// the method, then in the metadata, where a gateway puts the query of an HTTP request. Without a
// body, whatever its codec, the argument begins as it is initialised. Then plugins see it.
// Errors: kBadMessage `codec.*`, `contract.*` and the codes of the contract; those of plugins.
Status read_argument(const contract::TypeInfo& type, rpc::Context& context, void* argument);

// Writes the reply in the codec that the caller wants. Nothing for a PUSH.
// Errors: kEncodeFailed `codec.*`.
Status write_reply(const contract::TypeInfo& type, rpc::Context& context, const void* reply);
// The same for a body that is bytes already, which need no codec and are not copied when large.
void write_bytes(rpc::Context& context, Bytes reply);

template <class T>
struct ResultTraits {
  using Value = T;
  static constexpr bool kIsResult = false;
};
template <class T>
struct ResultTraits<Result<T>> {
  using Value = T;
  static constexpr bool kIsResult = true;
};
template <class T>
struct TaskTraits {
  using Value = T;
};
template <class T>
struct TaskTraits<Task<T>> {
  using Value = T;
};

// Turns what a handler returned into the reply.
template <class Reply, class Returned>
Status answer(const contract::TypeInfo& type, rpc::Context& context, Returned&& returned) {
  using Plain = std::remove_cvref_t<Returned>;
  if constexpr (std::same_as<Plain, Status>) {
    static_assert(std::is_void_v<Reply>, "a handler that returns Status answers an empty reply");
    if (!returned.ok()) return std::forward<Returned>(returned);
    return write_reply(type, context, nullptr);
  } else if constexpr (ResultTraits<Plain>::kIsResult) {
    if (!returned.ok()) return returned.status();
    if constexpr (std::is_void_v<typename ResultTraits<Plain>::Value>) {
      return write_reply(type, context, nullptr);
    } else {
      return answer<Reply>(type, context, *std::forward<Returned>(returned));
    }
  } else {
    static_assert(std::convertible_to<Returned, Reply>,
                  "the handler returns another type than its contract declares");
    if constexpr (std::same_as<Plain, Bytes>) {
      write_bytes(context, std::forward<Returned>(returned));
      return {};
    } else {
      const Reply& reply = returned;
      return write_reply(type, context, &reply);
    }
  }
}

// Calls the user's function; without the argument when its method takes none.
template <class Invoker, class Logic, class In>
decltype(auto) call_logic(Logic& logic, rpc::Context& context, In in) {
  if constexpr (std::same_as<In, contract::NoArgument>)
    return Invoker{}(logic, context);
  else
    return Invoker{}(logic, context, std::move(in));
}

// Argument and Reply: types of contracts, or void. Invoker calls the user's function on a Logic&.
template <class Argument, class Reply, class Logic, class Invoker>
class TypedHandler final : public rpc::Handler {
  using Held = std::conditional_t<std::is_void_v<Argument>, contract::NoArgument, Argument>;
  using Returned = decltype(call_logic<Invoker>(
      std::declval<Logic&>(), std::declval<rpc::Context&>(), std::declval<Held>()));

 public:
  static constexpr bool kWaits = is_task_v<Returned>;

  explicit TypedHandler(std::shared_ptr<Logic> logic) : logic_(std::move(logic)) {}

  bool waits() const override { return kWaits; }
  bool decodes() const override { return true; }

  Status handle(rpc::Context& context) override {
    if constexpr (kWaits) {
      return Status(Code::kInternal, "handler.waits", "a coroutine handler was called as plain");
    } else {
      Held in{};
      FL_TRY(read(context, in));
      if constexpr (std::is_void_v<Returned>) {
        call(context, std::move(in));
        return write_reply(reply_type(), context, nullptr);
      } else {
        return answer<Reply>(reply_type(), context, call(context, std::move(in)));
      }
    }
  }

  Task<Status> handle_later(rpc::Context& context) override {
    Held in{};
    FL_CO_TRY(read(context, in));
    if constexpr (!kWaits) {
      co_return handle(context);
    } else {
      auto running = call(context, std::move(in));
      if constexpr (std::is_void_v<typename TaskTraits<Returned>::Value>) {
        co_await running;
        co_return write_reply(reply_type(), context, nullptr);
      } else {
        auto returned = co_await running;
        co_return answer<Reply>(reply_type(), context, std::move(returned));
      }
    }
  }

 private:
  static Status read(rpc::Context& context, Held& in) {
    if constexpr (std::same_as<Argument, Bytes>) {  // the body itself: nothing to decode or check
      in = context.body_bytes().own();
      return context.read_body({&contract::type_info<Bytes>(), &in});
    }
    return read_argument(contract::type_info<Argument>(), context, &in);
  }
  static const contract::TypeInfo& reply_type() { return contract::type_info<Reply>(); }
  decltype(auto) call(rpc::Context& context, Held in) {
    return call_logic<Invoker>(*logic_, context, std::move(in));
  }

  const std::shared_ptr<Logic> logic_;
};

template <contract::Service S, std::size_t I, class Logic, class Invoker>
using MethodHandler =
    TypedHandler<contract::ArgumentOf<S, I>, contract::ReplyOf<S, I>, Logic, Invoker>;

// Adds a route for each method of S; make.template operator()<index, Invoker>() gives its handler.
// Errors: kInvalidOperation `contract.bad_pattern`; kConflict `route.taken`.
template <contract::Service S, class Make>
Status add_each_route(rpc::Router& router, Make make,
                      const std::shared_ptr<const rpc::PluginChain>& plugins = nullptr) {
  Status added;
  const contract::ServiceInfo& info = contract::service_info<S>();
  contract::for_each_handler<S>([&]<std::size_t I>(auto invoker) {
    const contract::MethodInfo& method = info.methods[I];
    if (added.ok()) added = contract::check_rules(*method.argument);
    if (!added.ok()) return;
    const bool push = method.kind == contract::MethodKind::kPush;
    std::unique_ptr<rpc::Handler> handler = make.template operator()<I, decltype(invoker)>();
    if (method.serial) handler = rpc::make_serial(std::move(handler));
    added = router.add(push ? wire::Kind::kPush : wire::Kind::kCall, method.path,
                       std::move(handler), plugins);
  });
  return added;
}

// All methods handled by `logic`, on every core at the same time. Errors: those above.
template <contract::Service S, class Logic>
Status add_routes(rpc::Router& router, std::shared_ptr<Logic> logic,
                  const std::shared_ptr<const rpc::PluginChain>& plugins = nullptr) {
  return add_each_route<S>(
      router,
      [&]<std::size_t I, class Invoker>() {
        return std::make_unique<MethodHandler<S, I, Logic, Invoker>>(logic);
      },
      plugins);
}

}  // namespace fairlead::service::internal
