// Client<S>: calls to a service, typed by its contract.
//
//   fl::Client<Math> math = app.client<Math>("math");
//   auto call = math.divide({.a = 10, .b = 2}, fl::within(200ms));
//   FL_CO_TRY_ASSIGN(DivideResult reply, co_await call);
#pragma once

#include <memory>
#include <utility>

#include "fairlead/contract/service.h"
#include "fairlead/service/call.h"
#include "fairlead/service/process.h"

namespace fairlead::service {

namespace internal {

// Makes the calls; the stub of the contract puts the methods on top of it.
class Caller {
 public:
  explicit Caller(const Target& target) : target_(&target) {}

 protected:
  template <contract::Service S, std::size_t I, class In, class... Words>
  auto invoke(In in, Words... words) const {
    CallOptions options;
    (apply(options, words), ...);
    const contract::MethodInfo& method = contract::service_info<S>().methods[I];
    if (!options.codec.has_value()) options.codec = target_->codec_for(*method.argument);
    if constexpr (contract::kIsPush<S, I>) {
      return push(method, std::move(in), std::move(options));
    } else {
      return call<contract::ReplyOf<S, I>>(method, std::move(in), std::move(options));
    }
  }

 private:
  template <class R, class In>
  Call<R> call(const contract::MethodInfo& method, In in, CallOptions options) const {
    if (upstream::Service* here = target_->on_this_core())
      return start<R>(*here, method, std::move(in), std::move(options));
    // From a thread without a core: a core runs the errand.
    auto errand = std::make_shared<Errand<R>>();
    auto argument = std::make_shared<In>(std::move(in));
    target_->next_core().post([target = target_, &method, errand, argument, options] {
      upstream::Service* there = target->on_this_core();
      start<R>(*there, method, std::move(*argument), options).then([errand](Result<R> reply) {
        errand->deliver(std::move(reply));
      });
    });
    return Call<R>(std::move(errand));
  }

  template <class R, class In>
  static Call<R> start(upstream::Service& upstream, const contract::MethodInfo& method, In in,
                       CallOptions options) {
    auto state =
        std::make_unique<TypedState<R, In>>(upstream, method, std::move(options), std::move(in));
    state->start();
    return Call<R>(std::move(state));
  }

  template <class In>
  PushCall push(const contract::MethodInfo& method, In in, CallOptions options) const {
    if (upstream::Service* here = target_->on_this_core()) {
      return PushCall::start(*here, method, &in, std::move(options));
    }
    auto errand = std::make_shared<Errand<void>>();
    auto argument = std::make_shared<In>(std::move(in));
    target_->next_core().post([target = target_, &method, errand, argument, options] {
      PushCall::start(*target->on_this_core(), method, argument.get(), options)
          .then([errand](const Status& status) { errand->deliver(Result<void>(status)); });
    });
    return PushCall(std::move(errand));
  }

  const Target* target_;
};

}  // namespace internal

// Copyable handle. Thread: any; on a core's thread its calls go over that core's sessions, from
// other threads they are carried to a core. Lifetime: the App or Runtime that made it.
template <contract::Service S>
using Client = contract::Stub<S, internal::Caller>;

}  // namespace fairlead::service
