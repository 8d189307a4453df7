// What plugins see and refuse does not depend on how a call came: one process whose port is asked
// over HTTP and over WebSocket.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/base/mutex.h"
#include "fairlead/rpc/plugins/overloader.h"
#include "fairlead/service/raw_client.h"
#include "tests/testkit/run_on_core.h"
#include "tests/testkit/shell.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testkit::output_of;

// What hooks of several cores saw.
class Notes {
 public:
  Status add(std::string text) {
    const MutexLock lock(mutex_);
    seen_.push_back(std::move(text));
    return {};
  }
  std::vector<std::string> take() {
    const MutexLock lock(mutex_);
    return std::exchange(seen_, {});
  }

 private:
  Mutex mutex_;
  std::vector<std::string> seen_ FL_GUARDED_BY(mutex_);
};

// Writes down what it sees, and refuses what is marked.
class Witness final : public rpc::Plugin {
 public:
  explicit Witness(Notes& notes) : Plugin("witness"), notes_(notes) {}
  Status post_accept(rpc::Session&) override { return notes_.add("accepted"); }
  Status post_disconnect(rpc::Session&, const Status&) override { return notes_.add("gone"); }
  Status post_read_call_header(rpc::IncomingHead& head) override {
    (void)notes_.add("call " + std::string(head.method()) + " x-mark=" + mark(head));
    if (mark(head) != "refuse") return {};
    head.add_reply_meta(wire::kRetryAfterKey, "1500");
    return Status(Code::kOverloaded, "test.busy", "the limit of the test is reached");
  }
  Status post_read_push_header(rpc::IncomingHead& head) override {
    (void)notes_.add("push " + std::string(head.method()) + " x-mark=" + mark(head));
    return mark(head) == "refuse" ? Status(Code::kOverloaded, "test.busy", "no") : Status();
  }
  Status post_read_call_body(rpc::Context& context, const rpc::ReadBody&) override {
    return notes_.add("body " + std::string(context.body()));
  }
  Status pre_write_reply(const rpc::OutgoingReply& reply) override {
    reply.context.add_reply_meta("x-witness", "1");
    return notes_.add("reply " + std::string(reply.body));
  }
  Status post_serve(const rpc::Served& served) override {
    return notes_.add("served " + std::string(served.status.reason()) +
                      (served.answered ? " answered" : ""));
  }

 private:
  static std::string mark(const rpc::IncomingHead& head) {
    return head.meta("x-mark").value_or("");
  }
  Notes& notes_;
};

class PluginWays : public ::testing::Test {
 protected:
  PluginWays() {
    serve(wire::Kind::kCall, "/v1/echo");
    serve(wire::Kind::kPush, "/v1/told");
    spec.cores = 1;
    spec.log_level = "off";
  }
  ~PluginWays() override {
    caller.stop();
    server.stop();
  }
  void serve(wire::Kind kind, std::string_view method) {
    const auto echo = [this](rpc::Context& context) {
      if (context.kind() == wire::Kind::kPush) return notes.add("told");
      context.reply_with(context.body_codec(), context.body_bytes());
      return Status();
    };
    EXPECT_TRUE(server.router().add(kind, method, rpc::make_handler(echo)).ok());
  }
  void start(rpc::PluginHandle plugin) {
    ASSERT_TRUE(server.plugins().add(std::move(plugin)).ok());
    Spec serving = spec;
    serving.listen = {"tcp://127.0.0.1:0"};
    Status served = server.start(serving);
    if (served.ok()) served = server.serve(false);
    ASSERT_TRUE(served.ok()) << served;
    at = server.addresses().at(0).to_text();
  }
  // Head and body of the answer.
  std::string curl(const std::string& more) { return output_of("curl -s -i -m 10 " + more); }
  upstream::Answer over_websocket(const std::string& protocol, std::string metadata) {
    EXPECT_TRUE(caller.start(spec).ok());
    const Target* const target = *caller.target("ws://" + at, {.protocol = protocol});
    upstream::RawRequest request{.method = "/v1/echo",
                                 .body_codec = 's',
                                 .body = Bytes(std::string_view("hi")),
                                 .metadata = std::move(metadata)};
    const RawClient client(*target);
    return testkit::run_on_core(target->next_core(),
                                client.ask_request(std::move(request), {.within = 5s}));
  }

  Spec spec;
  Notes notes;
  Process server{"server"};
  Process caller{"caller"};
  std::string at;
};

// ---- HTTP

TEST_F(PluginWays, ARequestPassesTheHooksOfMessagesWithItsFields) {
  start(Witness(notes));

  const std::string answer =
      curl("-H 'X-Mark: 7' -H 'Content-Type: text/plain' -d hi '" + at + "/v1/echo?lang=en'");

  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_THAT(answer, HasSubstr("x-witness: 1\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nhi")) << answer;
  EXPECT_THAT(notes.take(), ElementsAre("call /v1/echo?lang=en x-mark=7", "body hi", "reply hi",
                                        "served  answered"))
      << "and none of sessions";
}

TEST_F(PluginWays, ARefusedRequestIsAProblemThatSaysWhenToComeAgain) {
  start(Witness(notes));

  const std::string answer = curl("-H 'X-Mark: refuse' -d '{}' " + at + "/v1/echo");

  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503 ")) << answer;
  EXPECT_THAT(answer, HasSubstr("Content-Type: application/problem+json\r\n"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 2\r\n")) << "1500 ms, upwards";
  EXPECT_THAT(answer, HasSubstr(R"("reason":"test.busy")"));
  EXPECT_THAT(answer, HasSubstr("the limit of the test is reached"));
  EXPECT_THAT(answer, HasSubstr("x-witness: 1\r\n")) << "the reply's hooks were asked";
  EXPECT_THAT(notes.take(),
              ElementsAre("call /v1/echo x-mark=refuse", "reply ", "served test.busy answered"));
}

TEST_F(PluginWays, ARequestThatIsAPushPassesTheHooksOfPushes) {
  start(Witness(notes));

  const std::string taken = curl("-d '{}' " + at + "/v1/told");
  EXPECT_TRUE(taken.starts_with("HTTP/1.1 202 ")) << taken;
  EXPECT_THAT(notes.take(), ElementsAre("push /v1/told x-mark=", "told", "served "));

  const std::string dropped = curl("-H 'X-Mark: refuse' -d '{}' " + at + "/v1/told");
  EXPECT_TRUE(dropped.starts_with("HTTP/1.1 202 ")) << dropped << "nobody waits for a PUSH";
  EXPECT_THAT(notes.take(), ElementsAre("push /v1/told x-mark=refuse", "served test.busy"));
}

TEST_F(PluginWays, TheOverloaderCountsRequestsAsCallsAndNamesItsLimit) {
  const auto overloader =
      rpc::Overloader::make({.connections_max = 1, .methods = {{"/v1/echo", 1}}, .burst = 2s});
  start(*overloader);
  const std::string request = "-H 'Content-Type: text/plain' -d hi " + at + "/v1/echo ";

  // One curl, so that no time passes that matters: two are served and the third is one too many.
  const std::string answers = curl(request + request + request);

  EXPECT_TRUE(answers.starts_with("HTTP/1.1 200 ")) << answers;
  const std::size_t refused = answers.find("HTTP/1.1 503 ");
  ASSERT_NE(refused, std::string::npos) << answers;
  EXPECT_THAT(answers.substr(refused), HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(answers.substr(refused), HasSubstr("the limit of 1 a second of /v1/echo"));
  EXPECT_EQ((*overloader)->connections(), 0U) << "requests are no connections of it";
}

// ---- WebSocket

class PluginsOverWebSocket : public PluginWays,
                             public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(All, PluginsOverWebSocket, ::testing::Values("raw", "json", "pb"));

TEST_P(PluginsOverWebSocket, ACallPassesTheHooksOfSessionsAndMessages) {
  start(Witness(notes));

  const upstream::Answer answer = over_websocket(GetParam(), "x-mark=7");

  ASSERT_TRUE(answer.reply.ok()) << answer.reply.status();
  EXPECT_EQ(wire::find_in_encoded(answer.reply->metadata, "x-witness"), "1");
  EXPECT_THAT(notes.take(), ElementsAre("accepted", "call /v1/echo x-mark=7", "body hi", "reply hi",
                                        "served  answered"));
  caller.stop();
  server.stop();
  EXPECT_THAT(notes.take(), ElementsAre("gone"));
}

TEST_P(PluginsOverWebSocket, ARefusalSaysWhenToComeAgain) {
  start(Witness(notes));

  const upstream::Answer answer = over_websocket(GetParam(), "x-mark=refuse");

  EXPECT_EQ(answer.reply.status().code(), Code::kOverloaded);
  EXPECT_EQ(answer.reply.status().reason(), "test.busy");
  EXPECT_EQ(wire::find_in_encoded(answer.error_metadata, wire::kRetryAfterKey), "1500");
}

}  // namespace
}  // namespace fairlead::service
