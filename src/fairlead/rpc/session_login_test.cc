// Sessions that begin with a login: AUTH_CALL and AUTH_REPLY.
#include "tests/testkit/two_peers.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

class SessionLogin : public testkit::TwoPeers {
 protected:
  void SetUp() override {
    serve(wire::Kind::kCall, "/echo", echo);
    serve(wire::Kind::kCall, "/who", [](Context& context) {
      context.reply_with('s', Bytes(context.session().values().get("user").value_or("nobody")));
      return Status();
    });
  }
  void ask_for_login() {
    ASSERT_TRUE(
        server_router
            .set_login(make_handler([](Context& context) -> Status {
              if (context.body() != "secret") {
                return Status(Code::kForbidden, "", "auth fail").with_cause("auth fail detail");
              }
              FL_TRY(context.session().values().set("user", "ann"));
              context.reply_with('s', Bytes(std::string_view("pass")));
              return Status();
            }))
            .ok());
  }
  std::uint64_t refused() const { return server->metrics().logins_refused.value(); }
};

TEST_F(SessionLogin, OpensWithTheRightToken) {
  ask_for_login();
  listen();

  ASSERT_TRUE(dial({.login = Login{.body = "secret"}}).ok());

  EXPECT_EQ(session->values().get(Session::kLoginReply), "pass");
  const Result<Reply> who = call({.method = "/who", .body_codec = 's'}, "");
  ASSERT_TRUE(who.ok()) << who.status();
  EXPECT_EQ(who->body.view(), "ann");
}

TEST_F(SessionLogin, AWrongTokenFailsTheDialWithWhatTheServerSaid) {
  ask_for_login();
  listen();

  const Status refused_dial = dial({.login = Login{.body = "guess"}});

  EXPECT_EQ(refused_dial.code(), Code::kForbidden);
  EXPECT_EQ(refused_dial.message(), "auth fail");
  ASSERT_NE(refused_dial.cause(), nullptr);
  EXPECT_EQ(*refused_dial.cause(), "auth fail detail");
  turn_until([&] { return server->session_count() == 0 && client->session_count() == 0; });
  EXPECT_EQ(refused(), 1U);
}

TEST_F(SessionLogin, TheCheckMayWait) {
  ASSERT_TRUE(server_router
                  .set_login(make_handler([](Context& context) -> Task<Status> {
                    Sleep sleep(context.core().timers(), context.core().deadline_after(20ms),
                                CancelToken());
                    Status slept = co_await sleep;
                    if (!slept.ok()) co_return slept;
                    co_return echo(context);
                  }))
                  .ok());
  listen();

  ASSERT_TRUE(dial({.login = Login{.body = "anything"}}).ok());
  EXPECT_EQ(session->values().get(Session::kLoginReply), "anything");
}

TEST_F(SessionLogin, AServerThatAsksForNoneSaysSo) {
  listen();

  const Status status = dial({.login = Login{.body = "secret"}});

  EXPECT_EQ(status.reason(), "session.no_login");
  turn_until([&] { return client->session_count() == 0; });
}

TEST_F(SessionLogin, ThriftCarriesNoLoginAndTheDialSaysSo) {
  ask_for_login();
  listen({}, wire::find_protocol("thrift-binary"));

  const Status status =
      dial({.protocol = wire::find_protocol("thrift-binary"), .login = Login{.body = "secret"}});

  EXPECT_EQ(status.reason(), "frame.kind_not_carried");
  turn_until([&] { return client->session_count() == 0; });
}

TEST_F(SessionLogin, NothingButALoginIsTakenFirst) {
  ask_for_login();
  listen();
  const auto caller = probe();
  caller->send(frame({.seq = 1, .method = "/echo"}));

  turn_until([&] { return caller->closed; });

  EXPECT_NE(caller->received.find("code=401"), std::string::npos) << caller->received;
  EXPECT_EQ(caller->received.find("code=0"), std::string::npos);
}

TEST_F(SessionLogin, AHugeTokenIsRefusedBeforeItsBytesCome) {
  ask_for_login();
  listen();
  const auto caller = probe();
  caller->send(
      frame({.seq = 1, .kind = wire::Kind::kAuthCall}, std::string(1'000'000, 't')).substr(0, 100));

  turn_until([&] { return caller->closed; });

  EXPECT_TRUE(caller->received.find("code=0") == std::string::npos) << caller->received;
}

TEST_F(SessionLogin, WhoSaysNothingIsClosedAfterItsTime) {
  ask_for_login();
  listen({.login_timeout = 30ms});
  const auto silent = probe();

  turn_until([&] { return silent->closed; });

  EXPECT_TRUE(silent->received.empty());
  EXPECT_EQ(refused(), 1U);
}

TEST_F(SessionLogin, ASecondLoginEndsTheSession) {
  ask_for_login();
  listen();
  const auto caller = probe();
  const std::string login =
      frame({.seq = 1, .kind = wire::Kind::kAuthCall, .body_codec = 's'}, "secret");
  caller->send(login);
  turn_until([&] { return !caller->received.empty(); });
  EXPECT_NE(caller->received.find("pass"), std::string::npos);

  caller->send(login);

  turn_until([&] { return caller->closed; });
  EXPECT_NE(caller->received.find("code=405"), std::string::npos);
}

TEST_F(SessionLogin, CallsBehindTheLoginInOneReadAreServed) {
  ask_for_login();
  listen();
  const auto caller = probe();
  caller->send(frame({.seq = 1, .kind = wire::Kind::kAuthCall, .body_codec = 's'}, "secret") +
               frame({.seq = 2, .body_codec = 's', .method = "/who"}));

  turn_until([&] { return caller->received.find("ann") != std::string::npos; });

  EXPECT_FALSE(caller->closed);
}

TEST_F(SessionLogin, AServerThatNeverAnswersEndsTheDialAtItsDeadline) {
  listen();
  auto silent = core->listen(io::Address::loopback(0), {},
                             [](io::Core& here, auto stream) { here.dispose(std::move(stream)); })
                    .value();
  Result<Session*> made = core->run(client->dial(silent->local(), core->deadline_after(50ms), {},
                                                 {.login = Login{.body = "secret"}}));

  EXPECT_FALSE(made.ok());
  turn_until([&] { return client->session_count() == 0; });
}

// erpc's AUTH_REPLY carries the first number of the server's own counter.
TEST_F(SessionLogin, TheAnswersNumberIsTheServersOwn) {
  listen();
  auto server_of_erpc = std::make_unique<Probe>();
  auto listening =
      core->listen(io::Address::loopback(0), {},
                   [&](io::Core&, std::unique_ptr<io::Stream> stream) {
                     server_of_erpc->stream = std::move(stream);
                     server_of_erpc->stream->start(*server_of_erpc);
                     server_of_erpc->send(frame(
                         {.seq = 77, .kind = wire::Kind::kAuthReply, .body_codec = 's'}, "pass"));
                   })
          .value();

  const Result<Session*> made = core->run(client->dial(listening->local(), core->deadline_after(5s),
                                                       {}, {.login = Login{.body = "secret"}}));

  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ((*made)->values().get(Session::kLoginReply), "pass");
}

TEST_F(SessionLogin, ThePeerThatSpeaksBeforeItsAnswerIsRefused) {
  std::unique_ptr<Probe> liar = std::make_unique<Probe>();
  listen();
  auto listening = core->listen(io::Address::loopback(0), {},
                                [&](io::Core&, std::unique_ptr<io::Stream> stream) {
                                  liar->stream = std::move(stream);
                                  liar->stream->start(*liar);
                                  liar->send(frame({.seq = 1, .method = "/echo"}));
                                })
                       .value();

  const Result<Session*> made = core->run(client->dial(listening->local(), core->deadline_after(5s),
                                                       {}, {.login = Login{.body = "secret"}}));

  EXPECT_EQ(made.status().reason(), "session.login_expected");
  turn_until([&] { return liar->closed; });
}

}  // namespace
}  // namespace fairlead::rpc
