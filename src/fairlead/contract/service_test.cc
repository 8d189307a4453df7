#include "fairlead/contract/service.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "fairlead/contract/contract.h"

// Methods named as functions of <unistd.h> are, with which they share the global namespace, as in a
// user's program. That this compiles without a warning is the test.
struct Pipe {
  static std::string read();
  static void write(std::string);
};
FL_SERVICE(Pipe, (read), (write))

namespace fairlead::contract {
namespace app {

struct DivideArg {
  double a = 0, b = 0;
};
struct DivideResult {
  double quotient = 0;
};
struct StatArg {
  std::int64_t ts = 0;
};
FL_STRUCT(DivideArg, (1, a), (2, b))
FL_STRUCT(DivideResult, (1, quotient))
FL_STRUCT(StatArg, (1, ts))

struct MathHTTPService {
  static DivideResult divide(DivideArg);
  static Push stat(StatArg);
  static void ping();
  static std::string invoke(Bytes);  // a name that the caller uses itself
};
FL_SERVICE(MathHTTPService, mount("/v1"), (divide, idempotent), (stat, serial, path("/other/stat")),
           (ping), (invoke))

struct Idle {};
FL_SERVICE(Idle)

}  // namespace app

using app::MathHTTPService;

struct Within {
  int milliseconds;
};

// Writes down what a real caller would send.
class FakeCaller {
 public:
  explicit FakeCaller(std::vector<std::string>& log) : log_(log) {}

  template <class S, std::size_t I, class Argument, class... Options>
  std::size_t invoke(Argument, Options... options) {
    static_assert(std::same_as<Argument, NoArgument> == std::is_void_v<ArgumentOf<S, I>>);
    log_.push_back(service_info<S>().methods[I].path);
    return (std::size_t{0} + ... + static_cast<std::size_t>(options.milliseconds));
  }

 private:
  std::vector<std::string>& log_;
};

TEST(FlService, DescribesMethodsInOrder) {
  const ServiceInfo& info = service_info<MathHTTPService>();

  ASSERT_EQ(info.methods.size(), 4U);
  EXPECT_EQ(info.name, "MathHTTPService");
  EXPECT_EQ(info.mount, "/v1");
  EXPECT_EQ(info.methods[0].path, "/v1/math_http_service/divide");
  EXPECT_TRUE(info.methods[0].idempotent);
  EXPECT_EQ(info.methods[0].kind, MethodKind::kCall);
  EXPECT_EQ(info.methods[0].argument, &type_info<app::DivideArg>());
  EXPECT_EQ(info.methods[0].reply, &type_info<app::DivideResult>());
  EXPECT_EQ(info.methods[1].path, "/v1/other/stat");
  EXPECT_EQ(info.methods[1].kind, MethodKind::kPush);
  EXPECT_EQ(info.methods[1].reply->kind, Kind::kVoid);
  EXPECT_FALSE(info.methods[1].idempotent);
  EXPECT_TRUE(info.methods[1].serial);
  EXPECT_FALSE(info.methods[0].serial);
  EXPECT_EQ(info.methods[2].argument->kind, Kind::kVoid);
  EXPECT_EQ(info.methods[2].reply->kind, Kind::kVoid);
  EXPECT_EQ(info.find("ping"), &info.methods[2]);
  EXPECT_EQ(info.find("pong"), nullptr);
  EXPECT_TRUE(service_info<app::Idle>().methods.empty());
}

TEST(FlService, WritesTheNamesOfServicesInSnakeCase) {
  EXPECT_EQ(snake_case("Math"), "math");
  EXPECT_EQ(snake_case("MathService"), "math_service");
  EXPECT_EQ(snake_case("HTTPProxy2Go"), "http_proxy2_go");
  EXPECT_EQ(snake_case("already_snake"), "already_snake");
  EXPECT_EQ(snake_case("A"), "a");
  EXPECT_EQ(snake_case(""), "");
}

TEST(Stub, CallsByNameWithABracedArgumentAndOptions) {
  std::vector<std::string> log;
  Stub<MathHTTPService, FakeCaller> math(log);

  EXPECT_EQ(math.divide({.a = 10, .b = 2}, Within{200}), 200U);
  EXPECT_EQ(math.stat({.ts = 4}), 0U);
  EXPECT_EQ(math.ping(Within{3}, Within{4}), 7U);
  EXPECT_EQ(math.invoke(Bytes("x")), 0U);

  EXPECT_EQ(log, (std::vector<std::string>{"/v1/math_http_service/divide", "/v1/other/stat",
                                           "/v1/math_http_service/ping",
                                           "/v1/math_http_service/invoke"}));
}

struct FakeContext {
  std::string log{};
};

// With and without a context, by value and by reference, with replies of any type.
struct Logic {
  double divide(FakeContext& context, app::DivideArg in) {
    context.log += "divide ";
    return in.a / in.b;
  }
  void stat(const app::StatArg& in) { last = in.ts; }
  int ping(FakeContext& context) const {
    context.log += "ping";
    return 7;
  }
  static std::string invoke(Bytes in) { return std::string(in.view()); }
  std::int64_t last = 0;
};

TEST(ForEachHandler, CallsTheMemberOfTheMethodsName) {
  Logic logic;
  FakeContext context;
  std::vector<std::size_t> seen;

  for_each_handler<MathHTTPService>([&]<std::size_t I>(auto invoker) {
    seen.push_back(I);
    if constexpr (I == 0) {
      EXPECT_EQ(invoker(logic, context, app::DivideArg{.a = 6, .b = 3}), 2.0);
    } else if constexpr (I == 1) {
      invoker(logic, context, app::StatArg{.ts = 5});
    } else if constexpr (I == 2) {
      EXPECT_EQ(invoker(logic, context), 7);
    } else {
      EXPECT_EQ(invoker(logic, context, Bytes("abc")), "abc");
    }
    static_assert(std::is_empty_v<decltype(invoker)>);
  });

  EXPECT_EQ(seen, (std::vector<std::size_t>{0, 1, 2, 3}));
  EXPECT_EQ(logic.last, 5);
  EXPECT_EQ(context.log, "divide ping");
}

}  // namespace fairlead::contract
