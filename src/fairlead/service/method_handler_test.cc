#include "fairlead/service/method_handler.h"

#include <gtest/gtest.h>

#include "fairlead/codec/codec.h"
#include "fairlead/service/test_math.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::DivideArg;
using math_test::DivideResult;

// A server and a client peer on one core; bodies are written by hand, to see what travels.
class MethodHandlerTest : public ::testing::Test {
 protected:
  MethodHandlerTest() {
    const Status added =
        internal::add_routes<math_test::Math>(router, std::make_shared<math_test::MathLogic>());
    EXPECT_TRUE(added.ok()) << added;
    listener = core->listen(io::Address::loopback(0), {},
                            [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                              server.accept(std::move(stream));
                            })
                   .value();
    session = core->run(client.dial(listener->local(), core->deadline_after(5s))).value();
  }
  ~MethodHandlerTest() override {
    (void)core->run(client.close(core->deadline_after(1s)));
    (void)core->run(server.close(core->deadline_after(1s)));
  }
  Result<rpc::Reply> call(std::string method, char codec, std::string_view body,
                          std::string metadata = {}) {
    return core->run(session->call(std::move(method), static_cast<std::uint8_t>(codec), Bytes(body),
                                   std::move(metadata)));
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  rpc::Router router;
  rpc::Router no_routes;
  rpc::Peer server{*core, router, {}};
  rpc::Peer client{*core, no_routes, {}};
  std::unique_ptr<io::Listener> listener;
  rpc::Session* session = nullptr;
};

TEST_F(MethodHandlerTest, AnswersInTheCodecOfTheRequestOrTheOneAskedFor) {
  const auto json = call("/math/divide", 'j', R"({"a":10,"b":4})");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->body_codec, 'j');
  EXPECT_EQ(json->body.view(), R"({"quotient":2.5,"caller":""})");

  const auto form = call("/math/divide", 'f', "a=10&b=4", "X-Accept-Body-Codec=106");
  ASSERT_TRUE(form.ok()) << form.status();
  EXPECT_EQ(form->body_codec, 'j');
  EXPECT_TRUE(form->body.view().starts_with(R"({"quotient":2.5)"));

  EXPECT_EQ(call("/math/name", '\0', "")->body.view(), "math");
  EXPECT_EQ(call("/math/nothing", '\0', "")->body.size(), 0U);
  EXPECT_EQ(call("/math/echo", 's', "raw \x01 bytes")->body.view(), "raw \x01 bytes");
}

TEST_F(MethodHandlerTest, FillsFieldsFromMetadataAndChecksTheRules) {
  const auto named = call("/math/divide", 'j', R"({"a":1,"b":1})", "x-caller=me");
  EXPECT_TRUE(named->body.view().ends_with(R"("caller":"me"})")) << named->body.view();
  EXPECT_EQ(call("/math/divide", 'j', R"({"a":1,"b":1})", "x-caller=" + std::string(33, 'x'))
                .status()
                .reason(),
            "contract.len");
  const Status zero = call("/math/divide", 'j', R"({"a":1,"b":0})").status();
  EXPECT_EQ(zero.code(), static_cast<Code>(1001));
  EXPECT_EQ(zero.message(), "divisor out of range");
}

TEST_F(MethodHandlerTest, NamesTheFieldOfABadBodyAndKeepsTheConnection) {
  const Status wrong = call("/math/divide", 'j', R"({"a":"ten","b":1})").status();
  EXPECT_EQ(wrong.code(), Code::kBadMessage);
  EXPECT_EQ(wrong.reason(), "codec.json");
  EXPECT_NE(wrong.message().find("a"), std::string_view::npos);
  for (const char codec : {'j', 'p', 'f', 's', 't', 'x', '\x7F', '\0'}) {
    EXPECT_FALSE(call("/math/divide", codec, "\xFF\xFF\xFF garbage").ok()) << codec;
  }
  EXPECT_TRUE(call("/math/divide", 'j', R"({"a":1,"b":1})").ok());
}

TEST_F(MethodHandlerTest, PassesErrorsAndExceptionsOfHandlersOn) {
  EXPECT_EQ(call("/math/divide", 'j', R"({"a":1,"b":1})", "x-dry-run=1").status().code(),
            static_cast<Code>(1002));
  EXPECT_EQ(call("/math/broken", '\0', "").status().reason(), "handler.threw");
}

TEST_F(MethodHandlerTest, RunsCoroutineHandlersBesideEachOther) {
  Scope scope;
  int done = 0;
  const auto one = [](rpc::Session* on, int* count) -> Task<void> {
    auto running = on->call("/math/divide_slowly", 'j', Bytes(R"({"a":9,"b":3})"));
    Result<rpc::Reply> reply = co_await running;
    if (reply.ok() && reply->body.view().starts_with(R"({"quotient":3)")) ++*count;
  };
  for (int i = 0; i < 50; ++i) scope.spawn(one(session, &done));
  const Time end = steady_now() + 5s;
  while (scope.running() > 0 && steady_now() < end) core->turn(core->deadline_after(50ms));
  EXPECT_EQ(done, 50);
}

TEST_F(MethodHandlerTest, RefusesToServeOneMethodTwice) {
  EXPECT_EQ(internal::add_routes<math_test::Math>(router, std::make_shared<math_test::MathLogic>())
                .reason(),
            "route.taken");
}

}  // namespace
}  // namespace fairlead::service
