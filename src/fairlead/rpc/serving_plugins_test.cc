// What each hook sees of messages that come in, and what it can do to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/rpc/plugin_script.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// ---- serving

TEST_F(SessionPlugins, ACallPassesAllHooksOfAServer) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  const Result<Reply> reply = ask("/echo");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "hi");
  EXPECT_THAT(server_script.seen,
              ElementsAre("pre_read_header CALL", "post_read_call_header /echo",
                          "pre_read_call_body", "post_read_call_body", "pre_write_reply hi",
                          "post_write_reply", "post_serve ok answered"));
}

TEST_F(SessionPlugins, APushPassesItsHooks) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  push("news");
  turn_until([&] { return !told.empty(); });

  EXPECT_THAT(server_script.seen,
              ElementsAre("pre_read_header PUSH", "post_read_push_header /told",
                          "pre_read_push_body", "post_read_push_body", "post_serve ok"));
}

TEST_F(SessionPlugins, AHandlerThatWaitsPassesThemToo) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  release->set();

  const Result<Reply> reply = ask("/wait", "later");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "later");
  EXPECT_THAT(server_script.seen,
              ElementsAre("pre_read_header CALL", "post_read_call_header /wait",
                          "pre_read_call_body", "post_read_call_body", "pre_write_reply later",
                          "post_write_reply", "post_serve ok answered"));
}

TEST_F(SessionPlugins, AnErrorOfTheHandlerIsAReplyLikeOthers) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  server_script.on_reply = [](Context& context) { context.add_reply_meta("hint", "1"); };

  EXPECT_EQ(ask("/fail").status().code(), Code{1001});

  EXPECT_EQ(server_script.seen[4], "pre_write_reply test.fail");
  EXPECT_EQ(server_script.seen.back(), "post_serve test.fail answered");
}

TEST_F(SessionPlugins, AnUnknownMethodPassesHeaderAndReplyHooks) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  EXPECT_EQ(ask("/nobody").status().code(), Code::kNotFound);

  EXPECT_THAT(server_script.seen,
              ElementsAre("pre_read_header CALL", "post_read_call_header /nobody",
                          "pre_write_reply route.unknown", "post_write_reply",
                          "post_serve route.unknown answered"));
}

TEST_F(SessionPlugins, AnErrorOfAnyReadHookIsTheReply) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  for (const char* hook : {"post_read_call_header", "pre_read_call_body", "post_read_call_body"}) {
    server_script.answers = {{hook, refusal()}};
    const Result<Reply> reply = ask("/echo");

    EXPECT_EQ(reply.status().code(), Code::kForbidden) << hook;
    EXPECT_EQ(reply.status().reason(), "test.refused") << hook;
  }
  EXPECT_EQ(server->metrics().calls_refused.value(), 3U);
}

TEST_F(SessionPlugins, AnErrorOfAPushIsCountedAndItsHandlerDoesNotRun) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  std::uint64_t expected = 0;
  for (const char* hook : {"post_read_push_header", "pre_read_push_body", "post_read_push_body"}) {
    server_script.answers = {{hook, refusal()}};
    push("news");
    ++expected;
    turn_until([&] { return failed_pushes() == expected; });
  }

  EXPECT_TRUE(told.empty());
}

TEST_F(SessionPlugins, AnErrorBeforeTheHeaderEndsTheConnection) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  server_script.answers = {{"pre_read_header", refusal()}};

  EXPECT_EQ(ask("/echo").status().reason(), "session.closed");

  turn_until([&] { return server->session_count() == 0; });
}

TEST_F(SessionPlugins, ErrorsAroundAReplyAreLoggedAndNoMore) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  server_script.answers = {
      {"pre_write_reply", refusal()}, {"post_write_reply", refusal()}, {"post_serve", refusal()}};

  EXPECT_TRUE(ask("/echo").ok());
}

TEST_F(SessionPlugins, WhatAHookThrowsIsThatCallsReply) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  server_script.throws_in = "pre_read_call_body";

  const Result<Reply> reply = ask("/echo");
  server_script.throws_in.clear();

  EXPECT_EQ(reply.status().code(), Code::kInternal);
  EXPECT_EQ(reply.status().reason(), "plugin.threw");
  EXPECT_TRUE(ask("/echo").ok());
}

TEST_F(SessionPlugins, AHeaderHookMayChangeMethodAndMetadata) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  server_script.on_head = [](IncomingHead& head) {
    head.set_method("/metadata");
    EXPECT_TRUE(head.remove_meta("secret").ok());
    EXPECT_TRUE(head.set_meta("b", "3").ok());
  };

  const Result<Reply> reply = ask("/elsewhere", "", "a=1&secret=x&b=2&secret=y");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_TRUE(reply->body.view().starts_with("a=1&")) << reply->body.view();
  EXPECT_TRUE(reply->body.view().ends_with("&b=3")) << reply->body.view();
  EXPECT_EQ(reply->body.view().find("secret"), std::string_view::npos);
}

TEST_F(SessionPlugins, AChangedMethodLivesAsLongAsAHandlerThatWaits) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  serve(wire::Kind::kCall, "/a_name_that_is_longer_than_small_strings",
        [this](Context& context) { return method_later(context); });
  start();
  ASSERT_TRUE(dial().ok());
  server_script.on_head = [&](IncomingHead& head) {
    head.set_method("/a_name_that_is_longer_than_small_strings");
  };
  core->spawn([](io::Core& on, Event& set) -> Task<void> {
    Status slept = co_await Sleep(on.timers(), on.deadline_after(10ms));
    EXPECT_TRUE(slept.ok());
    set.set();
  }(*core, *release));

  const Result<Reply> reply = ask("/x");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "/a_name_that_is_longer_than_small_strings");
}

TEST_F(SessionPlugins, NoPluginMakesAMessageOneOfTheFramework) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  server_script.on_head = [](IncomingHead& head) { head.set_method("/_fl/hello"); };

  EXPECT_EQ(ask("/echo").status().code(), Code::kNotFound);
}

TEST_F(SessionPlugins, WordsOfTheLinkAreNotForPlugins) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start({.hello = true});
  ASSERT_TRUE(dial().ok());
  turn_until([&] { return session->said_hello(); });

  EXPECT_TRUE(server_script.seen.empty());
}

TEST_F(SessionPlugins, ARefusalByAPluginIsSafeToRepeatAfterAHello) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start({.hello = true});
  ASSERT_TRUE(dial().ok());
  turn_until([&] { return session->said_hello(); });
  for (const char* hook : {"post_read_call_header", "pre_read_call_body"}) {
    server_script.answers = {{hook, Status(Code::kOverloaded, "test.busy", "")}};

    EXPECT_EQ(ask("/echo").status().outcome(), Outcome::kNotProcessed) << hook;
  }
}

TEST_F(SessionPlugins, MetadataOfARefusalReachesTheCaller) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  server_script.on_head = [](IncomingHead& head) {
    head.add_reply_meta(wire::kRetryAfterKey, "250");
  };
  server_script.answers = {{"post_read_call_header", refusal()}};
  std::unique_ptr<Probe> plain = probe();

  plain->send(frame({.seq = 7, .kind = wire::Kind::kCall, .method = "/echo"}));
  turn_until([&] { return !plain->received.empty(); });

  EXPECT_NE(plain->received.find("X-Fl-Retry-After=250"), std::string::npos);
}

TEST_F(SessionPlugins, ALateHandlerEndsOnceForPluginsToo) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start({.request_time_max = 20ms});
  ASSERT_TRUE(dial().ok());

  EXPECT_EQ(ask("/wait").status().code(), Code::kHandlerTimeout);
  turn_until([&] { return accepted->handlers_running() == 0; });

  EXPECT_THAT(
      server_script.seen,
      ElementsAre("pre_read_header CALL", "post_read_call_header /wait", "pre_read_call_body",
                  "post_read_call_body", "pre_write_reply handler.deadline", "post_write_reply",
                  "post_serve handler.deadline answered"));
}

TEST_F(SessionPlugins, AHandlerWhoseSessionIsGoneEndsUnanswered) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  RawCall call;
  session->start_call(call, {.method = "/wait", .body_codec = 's'}, {}, {}, Bytes());
  turn_until([&] { return accepted != nullptr && accepted->handlers_running() == 1; });

  EXPECT_EQ(core->run(accepted->close(core->deadline_after(1ms))).reason(), "wait.deadline");

  EXPECT_EQ(server_script.seen.back(), "post_serve call.cancelled");
  turn_until([&] { return !call.waiting(); });
}

TEST_F(SessionPlugins, LargeBodiesPassAsTheyAre) {
  ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());
  const std::string large(100'000, 'x');

  const Result<Reply> reply = ask("/echo", large);

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), large);
}

TEST_F(SessionPlugins, APluginOfTheEndAloneKnowsTheRoute) {
  ASSERT_TRUE(at_server.add(Ends(server_script)).ok());
  start();
  ASSERT_TRUE(dial().ok());

  EXPECT_TRUE(ask("/echo").ok());
  EXPECT_FALSE(ask("/fail").ok());
  EXPECT_FALSE(ask("/nobody").ok());

  EXPECT_THAT(server_script.seen,
              ElementsAre("post_serve 0 ok", "post_serve 1 test.fail",
                          "post_serve " + std::to_string(Served::kNoRoute) + " route.unknown"));
}

// ---- order

TEST_F(SessionPlugins, GlobalOnesComeFirstAndLeaveLast) {
  ASSERT_TRUE(at_server.add(Serves(server_script, "global")).ok());
  auto own = std::make_shared<PluginChain>();
  ASSERT_TRUE(own->add(Serves(server_script, "group")).ok());
  ASSERT_TRUE(own->add(Serves(server_script, "route")).ok());
  ASSERT_TRUE(server_router.add(wire::Kind::kCall, "/own", make_handler(echo), own).ok());
  start();
  ASSERT_TRUE(dial().ok());

  ASSERT_TRUE(ask("/own").ok());

  EXPECT_THAT(
      server_script.seen,
      ElementsAre("global pre_read_header CALL", "global post_read_call_header /own",
                  "global pre_read_call_body", "group pre_read_call_body",
                  "route pre_read_call_body", "global post_read_call_body",
                  "group post_read_call_body", "route post_read_call_body",
                  "route pre_write_reply hi", "group pre_write_reply hi",
                  "global pre_write_reply hi", "route post_write_reply", "group post_write_reply",
                  "global post_write_reply", "route post_serve ok answered",
                  "group post_serve ok answered", "global post_serve ok answered"));
}

TEST_F(SessionPlugins, ARoutesPluginsNeedNoGlobalOnesAndSeeNoOtherRoute) {
  auto own = std::make_shared<PluginChain>();
  ASSERT_TRUE(own->add(Serves(server_script)).ok());
  ASSERT_TRUE(server_router.add(wire::Kind::kCall, "/own", make_handler(echo), own).ok());
  listen();
  ASSERT_TRUE(dial().ok());

  ASSERT_TRUE(ask("/echo").ok());
  EXPECT_TRUE(server_script.seen.empty());
  ASSERT_TRUE(ask("/own").ok());

  EXPECT_THAT(server_script.seen,
              ElementsAre("pre_read_call_body", "post_read_call_body", "pre_write_reply hi",
                          "post_write_reply", "post_serve ok answered"));
}

}  // namespace
}  // namespace fairlead::rpc
