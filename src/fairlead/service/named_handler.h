// Handlers that are registered under a text, for methods that no contract describes: those of a Go
// peer, or names made by contract/name_mapper.h. A handler is a function object, raw or typed:
//
//   Status f(fl::Context&)    reads the body's bytes, replies with bytes; also Task<Status>
//   R f(fl::Context&, In)     In and R as for the methods of a service, with the same codecs and
//                             rules (method_handler.h)
//
// Another shape does not compile, and the message says so.
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

template <class Function>
concept TakesContext = requires { typename ArgumentOfNamed<Function>; };
// Of those without an argument.
template <class Function>
concept AnswersStatus = std::same_as<std::invoke_result_t<Function&, rpc::Context&>, Status> ||
                        std::same_as<std::invoke_result_t<Function&, rpc::Context&>, Task<Status>>;

// The handler of a function object; null with `bad` set when its argument's rules are no good.
// Errors in `bad`: kInvalidOperation `contract.bad_pattern`.
template <class Function>
std::unique_ptr<rpc::Handler> make_named_handler(Function function, Status& bad) {
  static_assert(TakesContext<Function>,
                "a handler is a function object R f(fl::Context&) or R f(fl::Context&, Argument)");
  if constexpr (!TakesContext<Function>) {
    return nullptr;
  } else if constexpr (std::is_void_v<ArgumentOfNamed<Function>>) {
    static_assert(AnswersStatus<Function>,
                  "a handler without an argument returns Status or Task<Status>, and replies with "
                  "bytes by context.reply_with()");
    return rpc::make_handler(std::move(function));
  } else {
    using Argument = ArgumentOfNamed<Function>;
    bad = contract::check_rules(contract::type_info<Argument>());
    if (!bad.ok()) return nullptr;
    using Reply = ReplyOfReturned<std::invoke_result_t<Function&, rpc::Context&, Argument>>;
    return std::make_unique<TypedHandler<Argument, Reply, Function, CallFunction>>(
        std::make_shared<Function>(std::move(function)));
  }
}

}  // namespace fairlead::service::internal
