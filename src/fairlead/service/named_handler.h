// Handlers that are registered under a text, for methods that no contract describes: those of a Go
// peer, or names made by contract/name_mapper.h. A handler is a function object, raw or typed:
//
//   Status f(fl::Context&)                    reads the body's bytes, replies with bytes; also
//   Task<Status> R f(fl::Context&, In)                     In and R as for the methods of a
//   service, with the
//                                             same codecs and rules (method_handler.h)
#pragma once

#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fairlead/service/method_handler.h"

namespace fairlead::service::internal {

// The second parameter of a function object; void when it has only the context.
template <class Member>
struct ArgumentOfFunction;
template <class F, class R>
struct ArgumentOfFunction<R (F::*)(rpc::Context&)> {
  using Type = void;
};
template <class F, class R>
struct ArgumentOfFunction<R (F::*)(rpc::Context&) const> {
  using Type = void;
};
template <class F, class R, class In>
struct ArgumentOfFunction<R (F::*)(rpc::Context&, In)> {
  using Type = std::remove_cvref_t<In>;
};
template <class F, class R, class In>
struct ArgumentOfFunction<R (F::*)(rpc::Context&, In) const> {
  using Type = std::remove_cvref_t<In>;
};

// What a handler's result stands for: Task and Result are taken off, a Status is an empty reply.
template <class Returned>
using ReplyOfReturned = std::conditional_t<
    std::same_as<typename ResultTraits<typename TaskTraits<Returned>::Value>::Value, Status>, void,
    typename ResultTraits<typename TaskTraits<Returned>::Value>::Value>;

struct CallFunction {
  template <class Function, class In>
  decltype(auto) operator()(Function& function, rpc::Context& context, In in) const {
    return function(context, std::move(in));
  }
};

template <class Function>
using ArgumentOfNamed = typename ArgumentOfFunction<decltype(&Function::operator())>::Type;

// The handler of a function object; null with `bad` set when its argument's rules are no good.
// Errors in `bad`: kInvalidOperation `contract.bad_pattern`.
template <class Function>
std::unique_ptr<rpc::Handler> make_named_handler(Function function, Status& bad) {
  using Argument = ArgumentOfNamed<Function>;
  if constexpr (std::is_void_v<Argument>) {
    return rpc::make_handler(std::move(function));
  } else {
    bad = contract::check_rules(contract::type_info<Argument>());
    if (!bad.ok()) return nullptr;
    using Reply = ReplyOfReturned<std::invoke_result_t<Function&, rpc::Context&, Argument>>;
    return std::make_unique<TypedHandler<Argument, Reply, Function, CallFunction>>(
        std::make_shared<Function>(std::move(function)));
  }
}

// Errors: that above; kConflict `route.taken`; kBadMessage `route.bad_method`.
template <class Function>
Status add_named(rpc::Router& router, wire::Kind kind, std::string_view method, Function function,
                 std::shared_ptr<const rpc::PluginChain> plugins = nullptr) {
  Status added;
  std::unique_ptr<rpc::Handler> handler = make_named_handler(std::move(function), added);
  if (added.ok()) added = router.add(kind, method, std::move(handler), std::move(plugins));
  return added;
}

}  // namespace fairlead::service::internal
