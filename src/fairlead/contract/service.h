// FL_SERVICE: describe a service once; client stubs, handlers and routes come from it.
//
//   struct Math {
//     static DivideResult divide(DivideArg);   // CALL /math/divide
//     static contract::Push stat(StatArg);     // PUSH /math/stat: no reply
//   };
//   FL_SERVICE(Math, (divide, idempotent), (stat))
//
// The functions are declared and never defined. Each takes one argument or none and returns the
// reply, void (an empty reply) or Push. A method is (name, words...):
//   idempotent       repeating the call does no harm, so retries and hedging may
//   serial           pushes of one session are handled one after the other, in their order
//   path("/other")   instead of "/<service in snake case>/<method>"
// Words of the service itself stand outside parentheses: FL_SERVICE(Math, mount("/v1"), (divide))
// puts "/v1" before every path. Write it in the namespace of the struct.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "fairlead/contract/describe.h"
#include "fairlead/contract/for_each.h"
#include "fairlead/contract/type_info.h"

namespace fairlead::contract {

// Return type of methods that are pushes. Never made.
struct Push {};

// Stands for the argument of a method without one, so that every call has the same shape.
struct NoArgument {};

enum class MethodKind : std::uint8_t { kCall, kPush };

struct MethodInfo {
  std::string name;  // as written, "divide"
  std::string path;  // "/math/divide", with the mount
  MethodKind kind = MethodKind::kCall;
  bool idempotent = false;
  bool serial = false;                 // of a push: handlers of a session end in order
  const TypeInfo* argument = nullptr;  // kind kVoid: no argument
  const TypeInfo* reply = nullptr;     // kind kVoid: empty, also for pushes
};

struct ServiceInfo {
  std::string name;   // as written, "Math"
  std::string mount;  // "/v1" or empty
  std::vector<MethodInfo> methods;

  // Null when there is no method of this name.
  const MethodInfo* find(std::string_view method) const;
};

// "MathService" → "math_service", "HTTPProxy2" → "http_proxy2": the words of a service's path.
std::string snake_case(std::string_view name);

namespace rules {
struct Idempotent {};
struct Serial {};
struct Path {
  std::string_view text;
};
struct Mount {
  std::string_view text;
};
void a_path_begins_with_a_slash_and_does_not_end_with_one();  // never defined: names the mistake
consteval std::string_view checked_path(std::string_view text) {
  if (text.size() < 2 || text.front() != '/' || text.back() == '/') {
    a_path_begins_with_a_slash_and_does_not_end_with_one();
  }
  return text;
}
[[maybe_unused]] inline constexpr Idempotent idempotent{};
[[maybe_unused]] inline constexpr Serial serial{};
consteval Path path(std::string_view text) { return {checked_path(text)}; }
consteval Mount mount(std::string_view text) { return {checked_path(text)}; }
}  // namespace rules

namespace internal {

template <class Method>
struct MethodTypes {
  static_assert(kNever<Method>, "FL_SERVICE: a method takes one argument or none, by value");
};
template <class R>
struct MethodTypes<R (*)()> {
  using Argument = void;
  using Parameter = NoArgument;
  using Declared = R;
};
template <class R, class A>
struct MethodTypes<R (*)(A)> {
  static_assert(!std::is_reference_v<A>, "FL_SERVICE: arguments are taken by value");
  using Argument = A;
  using Parameter = A;
  using Declared = R;
};

// Methods in the order of the macro; the leading void makes the commas come out even.
template <class, class... Methods>
struct MethodList {
  template <std::size_t I>
  using At = MethodTypes<std::tuple_element_t<I, std::tuple<Methods...>>>;
};

template <class S>
using Description = decltype(fl_service(Tag<S>{}));
template <class S, std::size_t I>
using MethodAt = typename Description<S>::Methods::template At<I>;

inline void apply(MethodInfo& method, rules::Idempotent) { method.idempotent = true; }
inline void apply(MethodInfo& method, rules::Serial) { method.serial = true; }
inline void apply(MethodInfo& method, rules::Path word) { method.path = word.text; }
inline void apply(ServiceInfo& service, rules::Mount word) { service.mount = word.text; }

template <class Types, class... Words>
void add_method(ServiceInfo& service, std::string_view name, Words... words) {
  MethodInfo method;
  method.name = name;
  constexpr bool push = std::same_as<typename Types::Declared, Push>;
  static_assert(push || !(std::same_as<Words, rules::Serial> || ...),
                "FL_SERVICE: serial is a word of pushes; calls hold each other up for nothing");
  using Reply = std::conditional_t<push, void, typename Types::Declared>;
  method.kind = push ? MethodKind::kPush : MethodKind::kCall;
  method.argument = &type_info<typename Types::Argument>();
  method.reply = &type_info<Reply>();
  (apply(method, words), ...);
  service.methods.push_back(std::move(method));
}

// Always false; its arguments put the names of both into the compiler's message.
template <class Contract, class Handlers>
inline constexpr bool kHandlersFit = false;

// Fills in the paths.
ServiceInfo finish(ServiceInfo service);

}  // namespace internal

// S was described by FL_SERVICE.
template <class S>
concept Service = requires { fl_service(Tag<S>{}); };

// Number of methods; indices below go from 0 in the order of the macro.
template <Service S>
inline constexpr std::size_t kMethodCount = internal::Description<S>::kCount;
// The argument type of method I, void if it takes none.
template <Service S, std::size_t I>
using ArgumentOf = typename internal::MethodAt<S, I>::Argument;
template <Service S, std::size_t I>
inline constexpr bool kIsPush = std::same_as<typename internal::MethodAt<S, I>::Declared, Push>;
// The reply type of method I, void for an empty reply and for pushes.
template <Service S, std::size_t I>
using ReplyOf =
    std::conditional_t<kIsPush<S, I>, void, typename internal::MethodAt<S, I>::Declared>;

// The description of S, made at the first call and kept for good. Thread: any.
template <Service S>
const ServiceInfo& service_info() {
  static const ServiceInfo info = internal::finish(internal::Description<S>::describe());
  return info;
}

// Caller with one member function per method of S:
//
//   auto divide(DivideArg in, auto... options)
//     → Caller::template invoke<S, index>(std::move(in), std::move(options)...)
//   auto ping(auto... options)                       for a method without an argument
//     → Caller::template invoke<S, index>(NoArgument{}, std::move(options)...)
//
// Caller's constructors are inherited.
template <Service S, class Caller>
using Stub = typename internal::Description<S>::template Stub<Caller>;

// Calls visitor.template operator()<index>(invoker) for each method. An invoker is an empty,
// copyable object: invoker(logic, context, argument) calls logic.<method>(context, argument), or
// logic.<method>(argument) if the handler takes no context, and returns what it returns; for a
// method without an argument, invoker(logic, context). A handler that is missing or does not fit
// stops the compiler with a message that names service and method.
template <Service S, class Visitor>
constexpr void for_each_handler(Visitor&& visitor) {
  internal::Description<S>::handlers(visitor);
}

}  // namespace fairlead::contract

#define FL_SERVICE(Type, ...)                                                                  \
  struct FL_INTERNAL_JOIN(FlService, Type) {                                                   \
    typedef Type FlSelf;                                                                       \
    enum class Index : ::std::size_t {                                                         \
      FL_INTERNAL_FOR_EACH(FL_INTERNAL_SERVICE_INDEX, __VA_ARGS__) fl_count                    \
    };                                                                                         \
    [[maybe_unused]] static constexpr ::std::size_t kCount = FL_INTERNAL_SERVICE_AT(fl_count); \
    typedef ::fairlead::contract::internal::MethodList<void FL_INTERNAL_FOR_EACH(              \
        FL_INTERNAL_SERVICE_METHOD, __VA_ARGS__)>                                              \
        Methods;                                                                               \
    static ::fairlead::contract::ServiceInfo describe() {                                      \
      using ::fairlead::contract::rules::idempotent, ::fairlead::contract::rules::mount,       \
          ::fairlead::contract::rules::path, ::fairlead::contract::rules::serial;              \
      ::fairlead::contract::ServiceInfo service;                                               \
      service.name = #Type;                                                                    \
      FL_INTERNAL_FOR_EACH(FL_INTERNAL_SERVICE_DESCRIBE, __VA_ARGS__)                          \
      return service;                                                                          \
    }                                                                                          \
    template <class Caller>                                                                    \
    struct Stub : Caller {                                                                     \
      using Caller::Caller;                                                                    \
      FL_INTERNAL_FOR_EACH(FL_INTERNAL_SERVICE_STUB, __VA_ARGS__)                              \
    };                                                                                         \
    template <class Visitor>                                                                   \
    static constexpr void handlers([[maybe_unused]] Visitor& visitor) {                        \
      FL_INTERNAL_FOR_EACH(FL_INTERNAL_SERVICE_HANDLER, __VA_ARGS__)                           \
    }                                                                                          \
  };                                                                                           \
  [[maybe_unused]] constexpr FL_INTERNAL_JOIN(FlService, Type)                                 \
      fl_service(::fairlead::contract::Tag<Type>) {                                            \
    return {};                                                                                 \
  }

// The number of a method. A scoped enumeration: its names are not seen as shadows of functions that
// are called as a method is, `read` of <unistd.h> for instance.
#define FL_INTERNAL_SERVICE_AT(method) static_cast<::std::size_t>(Index::method)

// Each argument of FL_SERVICE is a method in parentheses or a word of the service.
#define FL_INTERNAL_SERVICE_INDEX(x) \
  FL_INTERNAL_JOIN(FL_INTERNAL_SERVICE_INDEX_, FL_INTERNAL_IS_GROUP(x))(x)
#define FL_INTERNAL_SERVICE_INDEX_0(x)
#define FL_INTERNAL_SERVICE_INDEX_1(x) FL_INTERNAL_SERVICE_NAME x,
#define FL_INTERNAL_SERVICE_NAME(name, ...) name

#define FL_INTERNAL_SERVICE_METHOD(x) \
  FL_INTERNAL_JOIN(FL_INTERNAL_SERVICE_METHOD_, FL_INTERNAL_IS_GROUP(x))(x)
#define FL_INTERNAL_SERVICE_METHOD_0(x)
#define FL_INTERNAL_SERVICE_METHOD_1(x) , decltype(&FlSelf::FL_INTERNAL_SERVICE_NAME x)

#define FL_INTERNAL_SERVICE_DESCRIBE(x) \
  FL_INTERNAL_JOIN(FL_INTERNAL_SERVICE_DESCRIBE_, FL_INTERNAL_IS_GROUP(x))(x)
#define FL_INTERNAL_SERVICE_DESCRIBE_0(x) ::fairlead::contract::internal::apply(service, x);
#define FL_INTERNAL_SERVICE_DESCRIBE_1(x) FL_INTERNAL_SERVICE_DESCRIBE_OF x
#define FL_INTERNAL_SERVICE_DESCRIBE_OF(method, ...)                                       \
  ::fairlead::contract::internal::add_method<Methods::At<FL_INTERNAL_SERVICE_AT(method)>>( \
      service, #method __VA_OPT__(, ) __VA_ARGS__);

#define FL_INTERNAL_SERVICE_STUB(x) \
  FL_INTERNAL_JOIN(FL_INTERNAL_SERVICE_STUB_, FL_INTERNAL_IS_GROUP(x))(x)
#define FL_INTERNAL_SERVICE_STUB_0(x)
#define FL_INTERNAL_SERVICE_STUB_1(x) FL_INTERNAL_SERVICE_STUB_OF x
#define FL_INTERNAL_SERVICE_STUB_OF(method, ...)                                                   \
  auto method(typename Methods::template At<FL_INTERNAL_SERVICE_AT(method)>::Parameter in,         \
              auto... options)                                                                     \
    requires(!::std::is_void_v<                                                                    \
             typename Methods::template At<FL_INTERNAL_SERVICE_AT(method)>::Argument>)             \
  {                                                                                                \
    return this->Caller::template invoke<FlSelf, FL_INTERNAL_SERVICE_AT(method)>(                  \
        ::std::move(in), ::std::move(options)...);                                                 \
  }                                                                                                \
  auto method(auto... options)                                                                     \
    requires(                                                                                      \
        ::std::is_void_v<typename Methods::template At<FL_INTERNAL_SERVICE_AT(method)>::Argument>) \
  {                                                                                                \
    return this->Caller::template invoke<FlSelf, FL_INTERNAL_SERVICE_AT(method)>(                  \
        ::fairlead::contract::NoArgument{}, ::std::move(options)...);                              \
  }

#define FL_INTERNAL_SERVICE_HANDLER(x) \
  FL_INTERNAL_JOIN(FL_INTERNAL_SERVICE_HANDLER_, FL_INTERNAL_IS_GROUP(x))(x)
#define FL_INTERNAL_SERVICE_HANDLER_0(x)
#define FL_INTERNAL_SERVICE_HANDLER_1(x) FL_INTERNAL_SERVICE_HANDLER_OF x
#define FL_INTERNAL_SERVICE_HANDLER_OF(method, ...)                                                \
  visitor.template operator()<FL_INTERNAL_SERVICE_AT(method)>([]([[maybe_unused]] auto& logic,     \
                                                                 [[maybe_unused]] auto& context,   \
                                                                 auto&&... in) -> decltype(auto) { \
    if constexpr (requires { logic.method(context, ::std::move(in)...); }) {                       \
      return logic.method(context, ::std::move(in)...);                                            \
    } else if constexpr (requires { logic.method(::std::move(in)...); }) {                         \
      return logic.method(::std::move(in)...);                                                     \
    } else {                                                                                       \
      static_assert(                                                                               \
          ::fairlead::contract::internal::kHandlersFit<FlSelf,                                     \
                                                       ::std::remove_cvref_t<decltype(logic)>>,    \
          "the handlers of this service lack a method of its contract: no member `" #method        \
          "` that can be called with (Context&, argument) or (argument)");                         \
    }                                                                                              \
  });
