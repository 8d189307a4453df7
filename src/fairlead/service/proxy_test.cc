#include "fairlead/service/proxy.h"

#include <unistd.h>

#include <atomic>

#include <gtest/gtest.h>

#include "fairlead/rpc/plugins/overloader.h"
#include "fairlead/service/app.h"
#include "tests/testkit/run_on_core.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

// caller ─► proxy ─► backend, each a process's worth of objects.
class ProxyTest : public ::testing::Test {
 protected:
  ProxyTest() {
    spec.cores = 1;
    spec.log_level = "off";
    on_call("/seen", [](rpc::Context& context) {
      context.add_reply_meta("from", "backend");
      context.reply_with(context.body_codec(), Bytes(std::string(context.metadata_text()) + "|" +
                                                     std::string(context.transforms()) + "|" +
                                                     std::string(context.body())));
      return Status();
    });
    on_call("/fail", [](rpc::Context&) { return Status(Code{1001}, "test.fail", "no"); });
    on_call("/busy", [](rpc::Context& context) {
      context.add_reply_meta("hint", "a&b");
      context.add_reply_meta("hint", "again");
      return Status(Code{1001}, "test.fail", "no");
    });
    on_call("/nothing", [](rpc::Context&) { return Status(); });
    EXPECT_TRUE(backend.router()
                    .add(wire::Kind::kPush, "/told", rpc::make_handler([this](rpc::Context& c) {
                           told = std::string(c.body()) == "news";
                           return Status();
                         }))
                    .ok());
    start(backend, "backend");
    EXPECT_TRUE(middle.plugins().add(proxy).ok());
  }
  template <class Function>
  void on_call(const char* method, Function function) {
    EXPECT_TRUE(backend.router().add(wire::Kind::kCall, method, rpc::make_handler(function)).ok());
  }
  std::string address(const std::string& name) const {
    return "unix:" + ::testing::TempDir() + "fl_proxy_" + std::to_string(getpid()) + name;
  }
  void start(Process& process, const std::string& name) {
    Spec own = spec;
    own.listen = {address(name)};
    ASSERT_TRUE(process.start(own).ok());
    if (name == "middle" && to_backend) proxy->to(RawClient(**process.target(address(target))));
    const Status served = process.serve(false);
    ASSERT_TRUE(served.ok()) << served;
  }
  void connect() {
    start(middle, "middle");
    ASSERT_TRUE(caller.start(spec).ok());
    client.emplace(**caller.target(address("middle")));
  }
  io::Core& calling_core() { return (*caller.target(address("middle")))->next_core(); }
  Result<rpc::Reply> ask(upstream::RawRequest request) {
    return testkit::run_on_core(calling_core(),
                                client->call_request(std::move(request), {.within = 5s}));
  }

  upstream::Answer ask_for_all(upstream::RawRequest request) {
    return testkit::run_on_core(calling_core(),
                                client->ask_request(std::move(request), {.within = 5s}));
  }

  Spec spec;
  std::string target = "backend";
  std::atomic<bool> told = false;
  bool to_backend = true;
  std::shared_ptr<Proxy> proxy = std::make_shared<Proxy>();
  Process backend{"backend"};
  Process limited{"limited"};
  Process middle{"middle"};
  Process caller{"caller"};
  std::optional<RawClient> client;
};

TEST_F(ProxyTest, KeepsCodecTransformsMetadataAndTheCallersAddress) {
  connect();

  const Result<rpc::Reply> reply = ask({.method = "/seen",
                                        .body_codec = 'Z',
                                        .body = Bytes(std::string_view("any bytes")),
                                        .metadata = "a=1&X-Real-IP=10.1.1.1",
                                        .transforms = "gm"});

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body_codec, 'Z');
  EXPECT_EQ(reply->transforms, "gm");
  EXPECT_EQ(wire::find_in_encoded(reply->metadata, "from"), "backend");
  const std::string body(reply->body.view());
  EXPECT_TRUE(body.starts_with("a=1&X-Real-IP=10.1.1.1")) << body;
  EXPECT_TRUE(body.ends_with("|gm|any bytes")) << body;
}

TEST_F(ProxyTest, SaysWhoCallsWhereNobodyDid) {
  connect();

  const Result<rpc::Reply> reply = ask({.method = "/seen", .body_codec = 's'});

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(wire::find_in_encoded(reply->body.view().substr(0, reply->body.view().find('|')),
                                  "X-Real-IP"),
            "unix");
}

TEST_F(ProxyTest, ErrorsOfTheServiceComeBackAsTheyAre) {
  connect();

  const Result<rpc::Reply> failed = ask({.method = "/fail"});
  const Result<rpc::Reply> unknown = ask({.method = "/nobody"});

  EXPECT_EQ(failed.status().code(), Code{1001});
  EXPECT_EQ(failed.status().reason(), "test.fail");
  EXPECT_EQ(unknown.status().code(), Code::kNotFound);
}

TEST_F(ProxyTest, AnErrorKeepsItsMetadata) {
  connect();

  const upstream::Answer answer = ask_for_all({.method = "/busy"});

  EXPECT_EQ(answer.reply.status().reason(), "test.fail");
  EXPECT_EQ(answer.error_metadata, "hint=a%26b&hint=again");
}

TEST_F(ProxyTest, ARefusalByALimitBehindItIsTheCallersWithTimeAndName) {
  const auto overloader = rpc::Overloader::make({.methods = {{"/nothing", 1}}, .burst = 1min});
  ASSERT_TRUE(limited.plugins().add(*overloader).ok());
  ASSERT_TRUE(limited.router()
                  .add(wire::Kind::kCall, "/nothing",
                       rpc::make_handler([](rpc::Context&) { return Status(); }))
                  .ok());
  start(limited, "limited");
  target = "limited";
  connect();
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(ask({.method = "/nothing"}).ok()) << i;

  const upstream::Answer answer = ask_for_all({.method = "/nothing"});

  const Status& status = answer.reply.status();
  EXPECT_EQ(status.code(), Code::kOverloaded);
  EXPECT_EQ(status.reason(), "overloader.method");
  EXPECT_NE(status.message().find("the limit of 1 a second of /nothing"), std::string_view::npos)
      << status;
  const auto retry_after = wire::find_in_encoded(answer.error_metadata, wire::kRetryAfterKey);
  ASSERT_TRUE(retry_after.has_value()) << answer.error_metadata;
  EXPECT_GT(std::stoi(*retry_after), 0);
  EXPECT_EQ(status.outcome(), Outcome::kNotProcessed) << "no handler has seen it";
}

TEST_F(ProxyTest, AnErrorOfAHandlerIsNotSafeToRepeat) {
  connect();

  EXPECT_EQ(ask({.method = "/fail"}).status().outcome(), Outcome::kProcessed);
}

TEST_F(ProxyTest, AReplyWithoutABodyHasNone) {
  connect();

  const Result<rpc::Reply> reply = ask({.method = "/nothing"});

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_TRUE(reply->body.empty());
  EXPECT_EQ(reply->body_codec, wire::kNoCodec);
}

TEST_F(ProxyTest, AServiceThatIsAwayIsABadGateway) {
  connect();
  backend.stop();

  const Result<rpc::Reply> reply = ask({.method = "/seen"});

  EXPECT_EQ(reply.status().code(), Code::kBadGateway) << reply.status();
}

TEST_F(ProxyTest, NobodyToPassItOnToIsABadGatewayToo) {
  to_backend = false;
  proxy->choose([](const rpc::Context&) { return std::optional<RawClient>(); });
  connect();

  EXPECT_EQ(ask({.method = "/seen"}).status().reason(), "proxy.no_target");
}

TEST_F(ProxyTest, PushesPassToo) {
  connect();
  const Status pushed = testkit::run_on_core(
      calling_core(), client->push("/told", Bytes(std::string_view("news")), within(5s)));
  ASSERT_TRUE(pushed.ok()) << pushed;

  const Time end = steady_now() + 10s;
  while (!told && steady_now() < end) (void)ask({.method = "/nothing"});
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace fairlead::service
