// A whole process at its limits, as its clients see it.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/config/document.h"
#include "fairlead/runtime/protection.h"
#include "fairlead/service/live_settings.h"
#include "fairlead/service/process.h"
#include "fairlead/service/test_math.h"
#include "tests/testkit/shell.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::Math;
using math_test::MathLogic;
using testkit::output_of;

class ProcessLimitsTest : public ::testing::Test {
 protected:
  ProcessLimitsTest() {
    serving.cores = 2;
    serving.log_level = "off";
    serving.listen = {"tcp://127.0.0.1:0"};
  }
  ~ProcessLimitsTest() override {
    EXPECT_TRUE(core->run(caller.close(core->deadline_after(5s))).ok());
  }
  void serve() {
    ASSERT_TRUE(internal::add_routes<Math>(server.router(), std::make_shared<MathLogic>()).ok());
    Status served = server.start(serving);
    if (served.ok()) served = server.serve(false);
    ASSERT_TRUE(served.ok()) << served;
    at = server.addresses().at(0);
  }
  rpc::Session* dial() {
    auto dialled = core->run(caller.dial(at, core->deadline_after(10s)));
    EXPECT_TRUE(dialled.ok()) << dialled.status();
    return dialled.value_or(nullptr);
  }
  Status call(rpc::Session& session) {
    auto calling = session.call("/math/name", 'j', Bytes(), {}, core->deadline_after(10s));
    return core->run(std::move(calling)).status();
  }
  // Keeps the connections that a limit lets in.
  void fill(int count) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(call(*dial()), Status());
  }
  // A link that the program dials, over which it is called.
  rpc::Session* be_dialled() {
    rpc::Session* accepted = nullptr;
    const auto accept = [&](io::Core&, std::unique_ptr<io::Stream> made) {
      accepted = &caller.accept(std::move(made));
    };
    listener = core->listen(io::Address::loopback(0), {}, accept).value();
    const Result<SessionRef> dialled = server.dial(listener->local().to_text(), {});
    EXPECT_TRUE(dialled.ok()) << dialled.status();
    const Time end = steady_now() + 20s;
    while (accepted == nullptr && steady_now() < end) core->turn(core->deadline_after(1s));
    listener.reset();  // what was accepted stays
    return accepted;
  }
  std::string curl() { return output_of("curl -s -m 10 -i http://" + at.to_text() + "/math/name"); }
  std::uint64_t hits(std::string_view bound) {
    return server.metrics()
        .counter({"fairlead_rpc_bound_hits_total", ""}, {{"bound", bound}})
        ->value();
  }

  Spec serving;
  Process server{"math"};
  io::Address at;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  rpc::Router no_routes;
  rpc::Peer caller{*core, no_routes, {.hello = true}};
  std::unique_ptr<io::Listener> listener;
};

TEST_F(ProcessLimitsTest, OneConnectionTooManyIsToldInTheWordsOfItsProtocol) {
  serving.protection.connections.connections_max = 10;
  serve();
  fill(10);

  const Status called = call(*dial());
  EXPECT_EQ(called.code(), Code::kOverloaded);
  EXPECT_EQ(called.reason(), "session.conn_limit");
  EXPECT_EQ(called.outcome(), Outcome::kNotProcessed);
  const std::string asked = curl();
  EXPECT_TRUE(asked.starts_with("HTTP/1.1 503 ")) << asked;
  EXPECT_NE(asked.find("Retry-After: 5"), std::string::npos) << asked;
  EXPECT_EQ(hits("connections"), 2U);
}

TEST_F(ProcessLimitsTest, WhoIsInsideIsServedMeanwhileAndAPlaceIsFreeAgainAfterwards) {
  serving.protection.connections.connections_max = 10;
  serve();
  fill(9);
  rpc::Session* const last = dial();
  ASSERT_EQ(call(*last), Status());
  EXPECT_EQ(call(*dial()).code(), Code::kOverloaded);

  EXPECT_EQ(call(*last), Status());
  ASSERT_TRUE(core->run(last->close(core->deadline_after(5s))).ok());
  std::string asked;
  const Time end = steady_now() + 20s;
  while (!asked.starts_with("HTTP/1.1 200 ") && steady_now() < end) asked = curl();
  EXPECT_TRUE(asked.starts_with("HTTP/1.1 200 ")) << asked;
}

TEST_F(ProcessLimitsTest, OneAddressMayBeLimitedToo) {
  serving.protection.connections.ip_connections_max = 2;
  serving.protection.connections.loopback_trusted = false;
  serve();
  fill(2);

  EXPECT_EQ(call(*dial()).reason(), "session.conn_limit");
  EXPECT_EQ(hits("ip_connections"), 1U);
}

TEST_F(ProcessLimitsTest, WithoutMemoryNobodyNewIsTakenAndWhoIsHereIsServed) {
  serve();
  rpc::Session* const here = dial();
  ASSERT_EQ(call(*here), Status());
  ASSERT_TRUE(server.protection().update({.memory_max = 1U << 20U}).ok());
  Status called;
  const Time end = steady_now() + 20s;
  while (called.ok() && steady_now() < end) called = call(*dial());

  EXPECT_EQ(called.reason(), "session.conn_limit");
  EXPECT_GE(hits("memory"), 1U);
  EXPECT_EQ(call(*here), Status());
  const auto ask = [&](std::string metadata) {
    auto calling =
        here->call("/math/name", 'j', Bytes(), std::move(metadata), core->deadline_after(10s));
    return core->run(std::move(calling)).status();
  };
  EXPECT_EQ(ask("X-Fl-Class=sheddable_plus").reason(), "process.memory");

  ASSERT_TRUE(server.protection().update({}).ok());
  while (!called.ok() && steady_now() < end) called = call(*dial());
  EXPECT_EQ(called, Status()) << "there is memory again";
}

TEST_F(ProcessLimitsTest, WithoutMemoryCallsOverLinksThatItDialledAreShedToo) {
  (void)server.sessions();
  serve();
  rpc::Session* const dialled = be_dialled();
  ASSERT_NE(dialled, nullptr);
  ASSERT_EQ(call(*dialled), Status());
  const auto ask = [&] {
    auto calling = dialled->call("/math/name", 'j', Bytes(), "X-Fl-Class=sheddable",
                                 core->deadline_after(10s));
    return core->run(std::move(calling)).status();
  };
  ASSERT_EQ(ask(), Status());

  ASSERT_TRUE(server.protection().update({.memory_max = 1U << 20U}).ok());
  Status asked;
  const Time end = steady_now() + 20s;
  while (asked.ok() && steady_now() < end) asked = ask();

  EXPECT_EQ(asked.reason(), "process.memory");
  EXPECT_EQ(call(*dialled), Status());
}

TEST_F(ProcessLimitsTest, HandlersThatWaitAreCountedTogetherWhoeverDialled) {
  serving.cores = 1;
  serving.handlers_max = 1;
  (void)server.sessions();
  serve();
  rpc::Session* const here = dial();
  rpc::Session* const dialled = be_dialled();
  ASSERT_NE(dialled, nullptr);
  auto wait = [](rpc::Session* over, CancelToken cancel) -> Task<Status> {
    auto calling = over->call("/math/divide_slowly", 'j', Bytes(R"({"a":60000,"b":1})"), {},
                              over->core().deadline_after(60s), std::move(cancel));
    Result<rpc::Reply> reply = co_await calling;
    co_return reply.status();
  };
  auto begin = [](Task<Status> task) -> Task<void> { (void)co_await task; };
  CancelSource enough;
  core->spawn(begin(wait(here, enough.token())));
  ASSERT_EQ(call(*here), Status()) << "which came behind it";

  const Status second = core->run(wait(dialled, CancelToken()));

  EXPECT_EQ(second.reason(), "peer.handlers");
  EXPECT_EQ(hits("handlers"), 1U);
  enough.cancel();
}

TEST(LimitsSpec, IsReadFromTheSectionLimits) {
  config::Document document("test");
  for (const char* setting :
       {"limits.connections_max=5000", "limits.ip_connections_max=7",
        "limits.accepts_per_second_max=100", "limits.loopback_trusted=false",
        "limits.trusted_nets.0=10.0.0.0/8", "limits.trusted_nets.1=fd00::/8", "limits.memory=2GiB",
        "limits.handlers_max=1000", "limits.frame_time_max=5s", "limits.frame_rate_min=10",
        "limits.slow_reader_after=3s"}) {
    ASSERT_TRUE(document.overlay_flag(setting, "--set").ok()) << setting;
  }
  Spec spec;
  const Status bound = config::bind(document, spec);

  ASSERT_TRUE(bound.ok()) << bound;
  EXPECT_EQ(spec.protection.connections.connections_max, 5000U);
  EXPECT_EQ(spec.protection.connections.ip_connections_max, 7U);
  EXPECT_EQ(spec.protection.connections.accepts_per_second_max, 100U);
  EXPECT_FALSE(spec.protection.connections.loopback_trusted);
  EXPECT_EQ(spec.protection.connections.trusted_nets.size(), 2U);
  EXPECT_EQ(spec.protection.memory_max, 2ULL << 30U);
  EXPECT_EQ(spec.handlers_max, 1000U);
  EXPECT_EQ(spec.limits.guards.frame_time_max, 5s);
  EXPECT_EQ(spec.limits.guards.frame_rate_min, 10U);
  EXPECT_EQ(spec.limits.guards.slow_reader_after, 3s);
  EXPECT_EQ(limits_of(spec, 4).guards.handlers_max, 250U);
}

TEST(LimitsSpec, ANetThatIsNoneIsTold) {
  config::Document document("test");
  ASSERT_TRUE(document.overlay_flag("limits.trusted_nets.0=10.0.0.0/40", "--set").ok());
  Spec spec;

  const Status bound = config::bind(document, spec);
  EXPECT_NE(bound.message().find("10.0.0.0/40"), std::string::npos) << bound;
}

}  // namespace
}  // namespace fairlead::service
