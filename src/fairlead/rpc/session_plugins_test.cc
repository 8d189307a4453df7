// What each hook sees of our own calls and of sessions, and what it can do to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/rpc/plugin_script.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// ---- calling

TEST_F(SessionPlugins, ACallOfOursPassesItsHooks) {
  ASSERT_TRUE(at_client.add(Calls(client_script, "a")).ok());
  ASSERT_TRUE(at_client.add(Calls(client_script, "b")).ok());
  start();
  ASSERT_TRUE(dial().ok());

  ASSERT_TRUE(ask("/echo").ok());

  EXPECT_THAT(
      client_script.seen,
      ElementsAre("a pre_write_call /echo", "b pre_write_call /echo", "a post_write_call",
                  "b post_write_call", "a pre_read_header REPLY", "b pre_read_header REPLY",
                  "b post_read_reply_header ok", "a post_read_reply_header ok",
                  "b pre_read_reply_body", "a pre_read_reply_body", "b post_read_reply_body hi",
                  "a post_read_reply_body hi", "b post_call /echo ok", "a post_call /echo ok"));
}

TEST_F(SessionPlugins, ACallMayGetAnotherMethodAndMoreMetadata) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  client_script.on_out = [](OutgoingHead& head) {
    head.set_method("/metadata");
    head.add_meta("b", "2");
  };

  const Result<Reply> reply = ask("/elsewhere", "", "a=1");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_TRUE(reply->body.view().starts_with("a=1&b=2")) << reply->body.view();
}

// Asks for the beginning of each body.
class Keeps final : public Plugin {
 public:
  Keeps(std::size_t bytes, std::vector<std::string>& kept)
      : Plugin("keeps " + std::to_string(bytes)), bytes_(bytes), kept_(kept) {}
  Status pre_write_call(OutgoingHead& head) override {
    head.keep_body(bytes_);
    return {};
  }
  Status post_call(const EndedCall& call) override {
    kept_.emplace_back(call.sent.kept_body());
    EXPECT_EQ(call.sent.body_bytes(), 10U);
    return {};
  }

 private:
  const std::size_t bytes_;
  std::vector<std::string>& kept_;
};

TEST_F(SessionPlugins, OfABodyAsMuchIsKeptAsThePluginThatWantsMostSaid) {
  std::vector<std::string> kept;
  ASSERT_TRUE(at_client.add(Keeps(4, kept)).ok());
  ASSERT_TRUE(at_client.add(Keeps(2, kept)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  ASSERT_TRUE(ask("/echo", "0123456789").ok());

  EXPECT_THAT(kept, ElementsAre("0123", "0123"));
}

TEST_F(SessionPlugins, ACallThatAPluginRefusesIsNotSent) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  client_script.answers = {{"pre_write_call", refusal()}};

  const Result<Reply> reply = ask("/echo");

  EXPECT_EQ(reply.status().reason(), "test.refused");
  EXPECT_EQ(reply.status().outcome(), Outcome::kNotSent);
  EXPECT_EQ(server->metrics().calls_received.value(), 0U);
  EXPECT_EQ(client_script.seen.back(), "post_call /echo test.refused");
}

TEST_F(SessionPlugins, AnErrorAfterWritingIsLoggedAndNoMore) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  client_script.answers = {{"post_write_call", refusal()}, {"post_call", refusal()}};

  EXPECT_TRUE(ask("/echo").ok());
}

TEST_F(SessionPlugins, AnErrorOfAReplysHookIsWhatTheCallerHears) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  for (const char* hook :
       {"post_read_reply_header", "pre_read_reply_body", "post_read_reply_body"}) {
    client_script.answers = {{hook, refusal()}};

    EXPECT_EQ(ask("/echo").status().reason(), "test.refused") << hook;
    EXPECT_EQ(client_script.seen.back(), "post_call /echo test.refused") << hook;
  }
}

TEST_F(SessionPlugins, AnErrorReplyHasNoBodyForPlugins) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  EXPECT_EQ(ask("/fail").status().code(), Code{1001});

  EXPECT_THAT(client_script.seen,
              ElementsAre("pre_write_call /fail", "post_write_call", "pre_read_header REPLY",
                          "post_read_reply_header test.fail", "post_call /fail test.fail"));
}

TEST_F(SessionPlugins, AReplyMayEndTheConnection) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  client_script.answers = {{"pre_read_header", refusal()}};

  EXPECT_EQ(ask("/echo").status().reason(), "session.closed");

  turn_until([&] { return session == nullptr; });
}

// The call is written while a read is handled whose next message ends the connection: what was
// written leaves all the same, and may be served.
TEST_F(SessionPlugins, ACallThatLeavesWithTheConnectionsEndIsNotToldUnsent) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  const auto last_of_three = [](Session* over, Script* script) -> Task<Status> {
    RawCall first;
    RawCall second;
    RawCall third;
    over->start_call(first, {.method = "/echo", .body_codec = 's'}, Deadline(), {}, Bytes());
    over->start_call(second, {.method = "/echo", .body_codec = 's'}, Deadline(), {}, Bytes());
    Result<Reply> reply = co_await first;
    EXPECT_TRUE(reply.ok()) << reply.status();
    script->answers = {{"pre_read_header", refusal()}};
    over->start_call(third, {.method = "/echo", .body_codec = 's'}, Deadline(), {}, Bytes());
    Result<Reply> last = co_await third;
    co_return last.status();
  };

  const Status told_last = core->run(last_of_three(session, &client_script));
  turn_until([&] { return session == nullptr && server->session_count() == 0; });

  EXPECT_EQ(told_last.reason(), "session.closed");
  EXPECT_EQ(told_last.outcome(), Outcome::kUnknown);
  EXPECT_EQ(server->metrics().calls_received.value(), 3U);
}

TEST_F(SessionPlugins, ACallWithoutAnAnswerEndsOnceToo) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  const CallHead head{.method = "/wait", .body_codec = 's'};
  {
    RawCall dropped;
    session->start_call(dropped, head, {}, {}, Bytes());
  }
  EXPECT_EQ(client_script.seen.back(), "post_call /wait call.dropped");
  RawCall late;
  session->start_call(late, head, core->deadline_after(5ms), {}, Bytes());
  turn_until([&] { return !late.waiting(); });
  EXPECT_EQ(client_script.seen.back(), "post_call /wait call.deadline");
  CancelSource source;
  RawCall cancelled;
  session->start_call(cancelled, head, {}, source.token(), Bytes());
  source.cancel();
  EXPECT_EQ(client_script.seen.back(), "post_call /wait call.cancelled");
  release->set();
}

TEST_F(SessionPlugins, APushOfOursPassesItsHooks) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  push("news");

  EXPECT_THAT(client_script.seen, ElementsAre("pre_write_push /told", "post_write_push"));
  turn_until([&] { return !told.empty(); });
}

TEST_F(SessionPlugins, APushThatAPluginRefusesIsNotSent) {
  ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  client_script.answers = {{"pre_write_push", refusal()}};

  const Status pushed = session->push({.method = "/told", .body_codec = 's'}, Bytes());

  EXPECT_EQ(pushed.reason(), "test.refused");
  EXPECT_EQ(pushed.outcome(), Outcome::kNotSent);
  client_script.answers.clear();
  push("second");
  turn_until([&] { return !told.empty(); });
  EXPECT_EQ(told, (std::vector<std::string>{"second"}));
}

// ---- sessions

TEST_F(SessionPlugins, BothSidesHearOfASessionAndOfItsEnd) {
  ASSERT_TRUE(at_server.add(Sessions(server_script)).ok());
  ASSERT_TRUE(at_client.add(Sessions(client_script)).ok());
  start();

  ASSERT_TRUE(dial({.again = true}).ok());
  turn_until([&] { return accepted != nullptr; });
  ASSERT_TRUE(core->run(session->close(core->deadline_after(1s))).ok());
  turn_until([&] { return server->session_count() == 0; });

  EXPECT_THAT(server_script.seen, ElementsAre("post_accept", "post_disconnect"));
  EXPECT_THAT(client_script.seen, ElementsAre("pre_dial", "post_dial again", "post_disconnect"));
}

TEST_F(SessionPlugins, AConnectionThatIsRefusedServesNothing) {
  ASSERT_TRUE(at_server.add(Sessions(server_script, "a")).ok());
  ASSERT_TRUE(at_server.add(Sessions(server_script, "b")).ok());
  start();
  server_script.answers = {{"post_accept", refusal()}};

  ASSERT_TRUE(dial().ok());
  EXPECT_EQ(ask("/echo").status().reason(), "session.closed");
  turn_until([&] { return server->session_count() == 0; });

  EXPECT_THAT(server_script.seen, ElementsAre("a post_accept", "a post_disconnect"));
  EXPECT_EQ(server->metrics().calls_received.value(), 0U);
}

TEST_F(SessionPlugins, ADialThatIsRefusedMakesNoConnection) {
  ASSERT_TRUE(at_client.add(Sessions(client_script)).ok());
  start();
  client_script.answers = {{"pre_dial", refusal()}};

  const Status dialled = dial();

  EXPECT_EQ(dialled.reason(), "test.refused");
  EXPECT_EQ(dialled.outcome(), Outcome::kNotSent);
  EXPECT_EQ(client->session_count(), 0U);
}

TEST_F(SessionPlugins, ASessionThatIsRefusedAfterTheDialIsClosed) {
  ASSERT_TRUE(at_client.add(Sessions(client_script)).ok());
  start();
  client_script.answers = {{"post_dial", refusal()}};

  EXPECT_EQ(dial().reason(), "test.refused");

  turn_until([&] { return client->session_count() == 0; });
  EXPECT_EQ(client_script.seen.back(), "post_disconnect");
}

TEST_F(SessionPlugins, WhatIsThrownWhileDiallingIsADialThatFailed) {
  ASSERT_TRUE(at_client.add(Sessions(client_script)).ok());
  start();
  for (const char* hook : {"pre_dial", "post_dial"}) {
    client_script.throws_in = hook;

    const Status dialled = dial();

    EXPECT_EQ(dialled.code(), Code::kDialFailed) << hook;
    EXPECT_EQ(dialled.reason(), "plugin.threw") << hook;
  }
}

}  // namespace
}  // namespace fairlead::rpc
