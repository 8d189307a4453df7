// What each hook of a plugin sees and can do, between two peers over TCP.
#include <deque>
#include <functional>
#include <map>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/rpc/plugin.h"
#include "fairlead/wire/status_text.h"
#include "tests/testkit/two_peers.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

// What happened, in order, and what hooks are to answer.
struct Script {
  std::vector<std::string> seen;
  std::map<std::string, Status> answers;  // by hook
  std::string throws_in;
  std::function<void(IncomingHead&)> on_head;
  std::function<void(OutgoingHead&)> on_out;
  std::function<void(Context&)> on_reply;

  Status note(const std::string& who, const std::string& hook, const std::string& what = {}) {
    seen.push_back(who + (who.empty() ? "" : " ") + hook + (what.empty() ? "" : " " + what));
    if (throws_in == hook) throw std::runtime_error("boom");
    const auto answer = answers.find(hook);
    return answer != answers.end() ? answer->second : Status();
  }
};

std::string text_of(const Status& status) {
  return status.ok() ? "ok" : std::string(status.reason());
}

class Sessions final : public Plugin {
 public:
  explicit Sessions(Script& script, std::string name = "") : Plugin(std::move(name)), s_(script) {}
  Status pre_dial(Dialling&) override { return s_.note(name(), "pre_dial"); }
  Status post_dial(Session&, bool again) override {
    return s_.note(name(), "post_dial", again ? "again" : "");
  }
  Status post_accept(Session&) override { return s_.note(name(), "post_accept"); }
  Status post_disconnect(Session&, const Status&) override {
    return s_.note(name(), "post_disconnect");
  }

 private:
  Script& s_;
};

class Calls final : public Plugin {
 public:
  explicit Calls(Script& script, std::string name = "") : Plugin(std::move(name)), s_(script) {}
  Status pre_write_call(OutgoingHead& head) override {
    if (s_.on_out) s_.on_out(head);
    return s_.note(name(), "pre_write_call", std::string(head.method()));
  }
  Status post_write_call(const OutgoingHead& head) override {
    EXPECT_GT(head.frame_bytes(), 0U);
    return s_.note(name(), "post_write_call");
  }
  Status pre_write_push(OutgoingHead& head) override {
    if (s_.on_out) s_.on_out(head);
    return s_.note(name(), "pre_write_push", std::string(head.method()));
  }
  Status post_write_push(const OutgoingHead& head) override {
    EXPECT_GT(head.frame_bytes(), 0U);
    return s_.note(name(), "post_write_push");
  }
  Status pre_read_header(Session&, const wire::MessageView& message) override {
    return s_.note(name(), "pre_read_header", std::string(wire::kind_name(message.kind)));
  }
  Status post_read_reply_header(const IncomingReply& reply) override {
    return s_.note(name(), "post_read_reply_header", text_of(reply.status));
  }
  Status pre_read_reply_body(const IncomingReply&) override {
    return s_.note(name(), "pre_read_reply_body");
  }
  Status post_read_reply_body(const IncomingReply& reply) override {
    return s_.note(name(), "post_read_reply_body", std::string(reply.message.body));
  }
  Status post_call(const EndedCall& call) override {
    return s_.note(name(), "post_call", std::string(call.method) + " " + text_of(call.status));
  }

 private:
  Script& s_;
};

class Serves final : public Plugin {
 public:
  explicit Serves(Script& script, std::string name = "") : Plugin(std::move(name)), s_(script) {}
  Status pre_read_header(Session&, const wire::MessageView& message) override {
    return s_.note(name(), "pre_read_header", std::string(wire::kind_name(message.kind)));
  }
  Status post_read_call_header(IncomingHead& head) override {
    if (s_.on_head) s_.on_head(head);
    return s_.note(name(), "post_read_call_header", std::string(head.method()));
  }
  Status post_read_push_header(IncomingHead& head) override {
    if (s_.on_head) s_.on_head(head);
    return s_.note(name(), "post_read_push_header", std::string(head.method()));
  }
  Status pre_read_call_body(Context&) override { return s_.note(name(), "pre_read_call_body"); }
  Status pre_read_push_body(Context&) override { return s_.note(name(), "pre_read_push_body"); }
  Status post_read_call_body(Context&, const ReadBody& body) override {
    EXPECT_EQ(body.type, nullptr);
    return s_.note(name(), "post_read_call_body");
  }
  Status post_read_push_body(Context&, const ReadBody&) override {
    return s_.note(name(), "post_read_push_body");
  }
  Status pre_write_reply(const OutgoingReply& reply) override {
    if (s_.on_reply) s_.on_reply(reply.context);
    return s_.note(name(), "pre_write_reply",
                   reply.status.ok() ? std::string(reply.body) : text_of(reply.status));
  }
  Status post_write_reply(const OutgoingReply&) override {
    return s_.note(name(), "post_write_reply");
  }
  Status post_serve(const Served& served) override {
    return s_.note(name(), "post_serve",
                   text_of(served.status) + (served.answered ? " answered" : ""));
  }

 private:
  Script& s_;
};

// Nothing but news of the end: replies need not be kept back for it.
class Ends final : public Plugin {
 public:
  explicit Ends(Script& script) : Plugin("ends"), s_(script) {}
  Status post_serve(const Served& served) override {
    return s_.note("", "post_serve", std::to_string(served.route) + " " + text_of(served.status));
  }

 private:
  Script& s_;
};

Status refusal() { return Status(Code::kForbidden, "test.refused", "no"); }

class SessionPlugins : public testkit::TwoPeers {
 protected:
  SessionPlugins() {
    release.emplace();
    serve(wire::Kind::kCall, "/echo", echo);
    serve(wire::Kind::kCall, "/fail", [](Context&) { return Status(Code{1001}, "test.fail", ""); });
    serve(wire::Kind::kCall, "/wait", [this](Context& context) { return wait(context); });
    serve(wire::Kind::kCall, "/metadata", [](Context& context) {
      context.reply_with('s', Bytes(context.metadata_text()));
      return Status();
    });
    serve(wire::Kind::kPush, "/told", [this](Context& context) {
      told.emplace_back(context.body());
      return Status();
    });
  }
  Task<Status> wait(Context& context) {
    Status waited = co_await release->wait(core->timers(), Deadline(), context.cancel());
    if (!waited.ok()) co_return waited;
    co_return echo(context);
  }
  void start(PeerOptions options = {}) {
    options.plugins = &at_server;
    client_options = options;
    client_options->plugins = &at_client;
    listen(options);
  }
  Result<Reply> ask(std::string_view method, std::string_view body = "hi",
                    std::string_view metadata = {}) {
    return call({.method = method, .body_codec = 's', .metadata = metadata}, body);
  }
  void push(std::string_view body) {
    ASSERT_TRUE(session->push({.method = "/told", .body_codec = 's'}, Bytes(body)).ok());
  }
  // Counters of the server.
  std::uint64_t failed_pushes() { return server->metrics().pushes_failed.value(); }

  Script server_script;
  Script client_script;
  PluginChain at_server;
  PluginChain at_client;
  std::vector<std::string> told;
  std::optional<Event> release;
};

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
  std::string method;
  serve(wire::Kind::kCall, "/a_name_that_is_longer_than_small_strings",
        [&](Context& context) -> Task<Status> {
          Status waited = co_await release->wait(core->timers(), Deadline(), context.cancel());
          method = context.method();
          co_return waited;
        });
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

  EXPECT_TRUE(ask("/x").ok());

  EXPECT_EQ(method, "/a_name_that_is_longer_than_small_strings");
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
