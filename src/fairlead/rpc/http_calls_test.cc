// Requests of HTTP to handlers and back, without sockets: tests/e2e and the server's tests have
// those.
#include "fairlead/rpc/http_calls.h"

#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/session.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

struct Answer {
  int count = 0;
  int status = 0;
  std::map<std::string, std::string> fields;
  std::string body;

  HttpReplyTo here() {
    return {this, [](void* to, int told, std::span<const http::Field> list, std::string_view text) {
              auto& answer = *static_cast<Answer*>(to);
              ++answer.count;
              answer.status = told;
              answer.body = text;
              for (const auto& [name, value] : list) answer.fields.emplace(name, value);
            }};
  }
  bool has_reason(std::string_view reason) const {
    return body.find("\"reason\":\"" + std::string(reason) + "\"") != std::string::npos;
  }
};

http::Request request(std::string method, std::string path, std::string_view body = {},
                      std::initializer_list<http::Field> fields = {}) {
  http::Request made;
  made.method = std::move(method);
  made.path = std::move(path);
  made.body = Bytes(body);
  made.peer = io::Address::parse("10.1.2.3:999").value();
  made.id = "id1";
  for (const http::Field& field : fields) made.fields.add(field.name, field.value);
  return made;
}

Status echo(Context& context) {
  context.reply_with(context.body_codec(), context.body_bytes());
  return {};
}

// Ends when `release` is set, or hears that nobody waits.
std::optional<Event> release;
Task<Status> wait_and_echo(Context& context) {
  Status waited = co_await release->wait(context.core().timers(), Deadline(), context.cancel());
  if (!waited.ok()) co_return waited;
  co_return echo(context);
}

class HttpCallsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    release.emplace();
    serve(wire::Kind::kCall, "/echo", echo);
    serve(wire::Kind::kCall, "/later", wait_and_echo);
    serve(wire::Kind::kCall, "/metadata", [](Context& context) {
      context.reply_with('s', Bytes(context.metadata_text()));
      return Status();
    });
    serve(wire::Kind::kCall, "/method", [](Context& context) {
      context.reply_with('s', Bytes(context.method()));
      return Status();
    });
    serve(wire::Kind::kCall, "/nothing", [](Context&) { return Status(); });
    serve(wire::Kind::kCall, "/fail", [](Context& context) {
      context.add_reply_meta("x-hint", "later");
      context.add_reply_meta(wire::kRetryAfterKey, "1500");
      return Status(Code::kOverloaded, "math.busy", "too many");
    });
    serve(wire::Kind::kCall, "/business",
          [](Context&) { return Status(Code{1001}, "math.zero", "divided by zero"); });
    serve(wire::Kind::kPush, "/told", [](Context& context) {
      told = context.body();
      return Status();
    });
    serve(wire::Kind::kPush, "/told_later", [](Context& context) -> Task<Status> {
      Status waited = co_await release->wait(context.core().timers(), Deadline(), context.cancel());
      if (!waited.ok()) co_return waited;
      told = context.body();
      co_return Status();
    });
    told.clear();
  }
  void TearDown() override {
    if (calls == nullptr) return;
    EXPECT_TRUE(core->run(peer->close(core->deadline_after(1s))).ok());
    EXPECT_EQ(calls->sessions(), 0U);
  }
  template <class Function>
  void serve(wire::Kind kind, std::string_view method, Function function) {
    ASSERT_TRUE(router.add(kind, method, make_handler(std::move(function))).ok());
  }
  void ask_for_login() {
    ASSERT_TRUE(router
                    .set_login(make_handler([](Context& context) -> Status {
                      if (context.body() != "secret") {
                        return Status(Code::kForbidden, "login.wrong", "no such token");
                      }
                      return context.session().values().set("user", "ann");
                    }))
                    .ok());
  }
  HttpCalls& http(HttpCallsOptions options = {}, PeerOptions peer_options = {}) {
    if (calls == nullptr) {
      peer = std::make_unique<Peer>(*core, router, peer_options, Metrics::make(registry).value());
      EXPECT_TRUE(options.validate().ok());
      calls = std::make_unique<HttpCalls>(*peer, std::move(options));
    }
    return *calls;
  }
  Answer ask(const http::Request& from) {
    Answer answer;
    http().respond(from, answer.here());
    EXPECT_EQ(answer.count, 1);
    return answer;
  }
  void turn() { core->turn(Deadline(core->now())); }

  static inline std::string told;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  observe::Registry registry;
  Router router;
  std::unique_ptr<Peer> peer;
  std::unique_ptr<HttpCalls> calls;
};

TEST_F(HttpCallsTest, APostIsACallAndItsReplyTheAnswer) {
  const Answer answer =
      ask(request("POST", "/echo", R"({"a":10})", {{"Content-Type", "application/json"}}));

  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"a":10})");
  EXPECT_EQ(answer.fields.at("Content-Type"), "application/json");
  EXPECT_EQ(answer.fields.at("X-Request-Id"), "id1");
}

TEST_F(HttpCallsTest, AGetCallsWithTheQueryBesideIt) {
  http::Request get = request("GET", "/method");
  get.query = "a=1&b=2";

  EXPECT_EQ(ask(get).body, "/method?a=1&b=2");
  get.path = "/metadata";
  EXPECT_TRUE(ask(get).body.ends_with("&a=1&b=2"));
}

TEST_F(HttpCallsTest, HandlersSeeWhoAskedAndWhatForAndNothingThatIsPretended) {
  const Answer answer =
      ask(request("GET", "/metadata", "",
                  {{"X-Real-IP", "9.9.9.9"}, {"X-Fl-Timeout", "1"}, {"traceparent", "00-ab"}}));

  EXPECT_EQ(answer.body,
            "X-Accept-Body-Codec=106&X-Real-IP=10.1.2.3&x-request-id=id1&traceparent=00-ab");
}

TEST_F(HttpCallsTest, TheSessionIsThatOfTheClient) {
  serve(wire::Kind::kCall, "/peer", [](Context& context) {
    context.reply_with('s', Bytes(context.session().peer_address().to_text()));
    return Status();
  });

  EXPECT_EQ(ask(request("GET", "/peer")).body, "10.1.2.3:999");
}

TEST_F(HttpCallsTest, AReplyWithoutABodyIsAnEmptyAnswerWithoutAType) {
  const Answer answer = ask(request("POST", "/nothing"));

  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_FALSE(answer.fields.contains("Content-Type"));
}

TEST_F(HttpCallsTest, AcceptChoosesTheCodecThatTheHandlerIsAskedFor) {
  serve(wire::Kind::kCall, "/wanted", [](Context& context) {
    context.reply_with(context.wanted_reply_codec(), Bytes());
    return Status();
  });

  EXPECT_EQ(ask(request("GET", "/wanted")).fields.at("Content-Type"), "application/json");
  EXPECT_EQ(ask(request("GET", "/wanted", "", {{"Accept", "application/x-protobuf"}}))
                .fields.at("Content-Type"),
            "application/x-protobuf");
}

TEST_F(HttpCallsTest, AHandlerMayAnswerWithAPage) {
  serve(wire::Kind::kCall, "/page", [](Context& context) {
    context.add_reply_meta("content-type", "text/html; charset=utf-8");
    context.reply_with(wire::kPlainCodec, Bytes("<p>"));
    return context.query_text().empty() ? Status() : Status(Code{1001}, "", "no page");
  });

  const Answer answer = ask(request("GET", "/page"));

  EXPECT_EQ(answer.body, "<p>");
  EXPECT_EQ(answer.fields.at("Content-Type"), "text/html; charset=utf-8");
  http::Request bad = request("GET", "/page");
  bad.query = "bad";
  EXPECT_EQ(ask(bad).fields.at("Content-Type"), "application/problem+json");
}

TEST_F(HttpCallsTest, AnErrorIsAProblemWithWhatTheHandlerAdded) {
  const Answer answer = ask(request("POST", "/fail"));

  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has_reason("math.busy")) << answer.body;
  EXPECT_EQ(answer.fields.at("Content-Type"), "application/problem+json");
  EXPECT_EQ(answer.fields.at("x-hint"), "later");
  EXPECT_EQ(answer.fields.at("Retry-After"), "2");
}

TEST_F(HttpCallsTest, ABusinessErrorIs422OrAsTheStyleSays) {
  EXPECT_EQ(ask(request("POST", "/business")).status, 422);
}

TEST_F(HttpCallsTest, ABusinessErrorIs299InTheStyleOfTheGoFramework) {
  http({.style = HttpStyle::kBiz299});

  EXPECT_EQ(ask(request("POST", "/business")).status, 299);
}

TEST_F(HttpCallsTest, AnUnknownPathIsToldTheNearestName) {
  for (const char* method : {"GET", "POST", "DELETE", "OPTIONS"}) {
    const Answer answer = ask(request(method, "/ecko"));
    EXPECT_EQ(answer.status, 404) << method;
    EXPECT_TRUE(answer.has_reason("route.unknown")) << answer.body;
    EXPECT_NE(answer.body.find("did you mean '/echo'"), std::string::npos) << answer.body;
  }
}

TEST_F(HttpCallsTest, UnknownPathsGoToTheHandlerForThemWhereThereIsOne) {
  ASSERT_TRUE(router
                  .add_unknown(wire::Kind::kCall, make_handler([](Context& context) {
                                 context.reply_with('s', Bytes(context.method()));
                                 return Status();
                               }))
                  .ok());

  EXPECT_EQ(ask(request("POST", "/elsewhere")).body, "/elsewhere");
}

TEST_F(HttpCallsTest, OtherMethodsAreToldWhichThereAre) {
  for (const char* method : {"PUT", "DELETE", "PATCH", "TRACE", "post"}) {
    const Answer answer = ask(request(method, "/echo"));
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_TRUE(answer.has_reason("http.method"));
    EXPECT_EQ(answer.fields.at("Allow"), "GET, HEAD, OPTIONS, POST");
  }
  const Answer get = ask(request("GET", "/told"));
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.fields.at("Allow"), "OPTIONS, POST");
}

TEST_F(HttpCallsTest, OptionsTellsWhatCanBeDone) {
  EXPECT_EQ(ask(request("OPTIONS", "/echo")).status, 204);
  EXPECT_EQ(ask(request("OPTIONS", "/echo")).fields.at("Allow"), "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(ask(request("OPTIONS", "/told")).fields.at("Allow"), "OPTIONS, POST");
  EXPECT_EQ(ask(request("OPTIONS", "*")).fields.at("Allow"), "GET, HEAD, OPTIONS, POST");
}

TEST_F(HttpCallsTest, RefusesWhatItCannotRead) {
  const Answer type = ask(request("POST", "/echo", "x", {{"Content-Type", "image/png"}}));
  EXPECT_EQ(type.status, 415);
  EXPECT_TRUE(type.fields.at("Accept").starts_with("application/json"));
  EXPECT_EQ(ask(request("POST", "/echo", "x", {{"Accept", "image/png"}})).status, 406);
  EXPECT_TRUE(ask(request("GET", "/echo", "x")).has_reason("http.body_in_get"));
  http::Request broken = request("GET", "/echo");
  broken.query = "a=%zz";
  EXPECT_TRUE(ask(broken).has_reason("http.bad_query"));
}

TEST_F(HttpCallsTest, RefusesMoreMetadataThanACallCarries) {
  const std::string much(wire::kMetadataBytesMax - 100, 'x');

  EXPECT_EQ(ask(request("POST", "/echo", "", {{"x-a", much}})).status, 200);
  const Answer answer = ask(request("POST", "/echo", "", {{"x-a", much + std::string(100, 'x')}}));
  EXPECT_EQ(answer.status, 431);
  EXPECT_TRUE(answer.has_reason("http.metadata_too_big"));
}

TEST_F(HttpCallsTest, BodiesAreBoundedAsFramesAre) {
  http({}, {.limits = {.frame_bytes_max = 1000}});
  serve(wire::Kind::kCall, "/long", [](Context& context) {
    context.reply_with('s', Bytes(std::string(1001, 'x')));
    return Status();
  });

  EXPECT_EQ(ask(request("POST", "/echo", std::string(1000, 'x'))).status, 200);
  EXPECT_TRUE(
      ask(request("POST", "/echo", std::string(1001, 'x'))).has_reason("http.body_too_large"));
  EXPECT_TRUE(ask(request("POST", "/long")).has_reason("reply.not_sent"));
}

TEST_F(HttpCallsTest, APushIsAcceptedOnceItWasStarted) {
  const Answer answer = ask(request("POST", "/told", "news"));

  EXPECT_EQ(answer.status, 202);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(told, "news");
}

TEST_F(HttpCallsTest, APushThatWaitsGoesOnBehindItsAnswer) {
  CancelSource gone;
  http::Request post = request("POST", "/told_later", "news");
  post.cancelled = gone.token();

  EXPECT_EQ(ask(post).status, 202);
  post = {};  // the server uses it again
  gone.cancel();
  turn();
  EXPECT_EQ(told, "");
  release->set();
  turn();

  EXPECT_EQ(told, "news");
  EXPECT_EQ(calls->sessions(), 0U);
}

TEST_F(HttpCallsTest, AHandlerMayWait) {
  Answer answer;
  const http::Request post = request("POST", "/later", "x");

  http().respond(post, answer.here());
  turn();
  EXPECT_EQ(answer.count, 0);
  release->set();
  turn();

  EXPECT_EQ(answer.count, 1);
  EXPECT_EQ(answer.body, "x");
  ask(request("POST", "/echo", "y"));
  EXPECT_EQ(calls->sessions(), 1U) << "the next one has the same session";
}

TEST_F(HttpCallsTest, RequestsAtTheSameTimeShareNothing) {
  Answer answers[3];
  http::Request posts[3];
  for (int i = 0; i < 3; ++i) {
    posts[i] = request("POST", "/later", std::to_string(i));
    http().respond(posts[i], answers[i].here());
  }
  release->set();
  turn();

  for (int i = 0; i < 3; ++i) EXPECT_EQ(answers[i].body, std::to_string(i));
  EXPECT_EQ(calls->sessions(), 3U);
}

TEST_F(HttpCallsTest, AHandlerHearsThatItsClientIsGone) {
  CancelSource gone;
  http::Request post = request("POST", "/later", "x");
  post.cancelled = gone.token();
  Answer answer;

  http().respond(post, answer.here());
  gone.cancel();
  turn();

  EXPECT_EQ(answer.count, 1);
  EXPECT_EQ(answer.status, 499);
  EXPECT_EQ(calls->sessions(), 0U);
}

TEST_F(HttpCallsTest, AClientThatIsGoneBeforeIsAnsweredToo) {
  CancelSource gone;
  gone.cancel();
  http::Request post = request("POST", "/later", "x");
  post.cancelled = gone.token();
  Answer answer;

  http().respond(post, answer.here());
  turn();

  EXPECT_EQ(answer.count, 1);
  EXPECT_EQ(calls->sessions(), 0U);
}

TEST_F(HttpCallsTest, OneSessionServesRequestAfterRequestAndForgetsEach) {
  serve(wire::Kind::kCall, "/remember", [](Context& context) {
    SessionValues& values = context.session().values();
    const std::string before(values.get("seen").value_or("nothing"));
    FL_TRY(values.set("seen", "before"));
    context.reply_with('s', Bytes(before + " " + std::to_string(context.session().id())));
    return Status();
  });

  EXPECT_EQ(ask(request("GET", "/remember")).body, "nothing 1");
  EXPECT_EQ(ask(request("GET", "/remember")).body, "nothing 2");
  EXPECT_EQ(calls->sessions(), 1U);
  EXPECT_EQ(peer->session_count(), 0U) << "it is no connection";
}

TEST_F(HttpCallsTest, WhoKeepsASessionsTokenHearsTheRequestsEnd) {
  static CancelToken kept;
  static int closed;
  closed = 0;
  serve(wire::Kind::kCall, "/keep", [](Context& context) {
    kept = context.cancel();
    context.session().on_closed([](Session&, const Status& why) { closed += why.ok() ? 1 : 100; });
    EXPECT_FALSE(kept.cancelled());
    return Status();
  });

  EXPECT_EQ(ask(request("GET", "/keep")).status, 200);

  EXPECT_TRUE(kept.cancelled());
  EXPECT_EQ(closed, 1);
  kept = {};
}

TEST_F(HttpCallsTest, NobodyCanCallBack) {
  static Status called;
  static Status pushed;
  serve(wire::Kind::kCall, "/call_back", [](Context& context) -> Task<Status> {
    Result<Reply> reply = co_await context.session().call("/x", 's', Bytes());
    called = reply.status();
    pushed = context.session().push({.method = "/x"}, Bytes());
    co_return Status();
  });

  EXPECT_EQ(ask(request("POST", "/call_back")).status, 200);

  for (const Status& status : {called, pushed}) {
    EXPECT_EQ(status.code(), Code::kInvalidOperation);
    EXPECT_EQ(status.reason(), "session.one_way");
    EXPECT_EQ(status.outcome(), Outcome::kNotSent);
  }
}

TEST_F(HttpCallsTest, ATokenLogsInWhereThatIsAskedFor) {
  ask_for_login();
  serve(wire::Kind::kCall, "/who", [](Context& context) {
    context.reply_with('s', Bytes(context.session().values().get("user").value_or("nobody")));
    return Status();
  });

  for (int times = 0; times < 2; ++times) {
    EXPECT_EQ(ask(request("GET", "/who", "", {{"Authorization", "Bearer secret"}})).body, "ann");
  }
  EXPECT_EQ(calls->sessions(), 1U);
}

TEST_F(HttpCallsTest, WithoutATokenOrWithAWrongOneNothingIsServed) {
  ask_for_login();

  const Answer none = ask(request("POST", "/told", "news"));
  EXPECT_EQ(none.status, 401);
  EXPECT_TRUE(none.has_reason("session.login_expected"));
  EXPECT_EQ(none.fields.at("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(ask(request("POST", "/told", "news", {{"Authorization", "Basic c2VjcmV0"}})).status,
            401);
  const Answer wrong = ask(request("POST", "/told", "news", {{"Authorization", "bearer guess"}}));
  EXPECT_EQ(wrong.status, 403);
  EXPECT_TRUE(wrong.has_reason("login.wrong")) << wrong.body;
  EXPECT_EQ(told, "");
  turn();
  EXPECT_EQ(calls->sessions(), 0U) << "a refused session is not used again";
}

TEST_F(HttpCallsTest, ALoginThatTakesTooLongIsRefused) {
  ASSERT_TRUE(router
                  .set_login(make_handler([](Context& context) -> Task<Status> {
                    co_return co_await release->wait(context.core().timers(), Deadline(),
                                                     context.cancel());
                  }))
                  .ok());
  http({}, {.login_timeout = 5ms});
  Answer answer;
  const http::Request post = request("POST", "/echo", "", {{"Authorization", "Bearer secret"}});

  http().respond(post, answer.here());
  for (int turns = 0; turns < 100 && answer.count == 0; ++turns) {
    core->turn(core->deadline_after(5ms));
  }

  EXPECT_EQ(answer.count, 1);
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(peer->metrics().logins_refused.value(), 1U);
}

TEST_F(HttpCallsTest, TheProgramMayTellTheSessionWhoAsks) {
  http({.on_request = [](Session& session, const http::Request& from) {
    EXPECT_TRUE(session.values().set("user", from.peer.host()).ok());
  }});
  serve(wire::Kind::kCall, "/who", [](Context& context) {
    context.reply_with('s', Bytes(context.session().values().get("user").value_or("nobody")));
    return Status();
  });

  EXPECT_EQ(ask(request("GET", "/who")).body, "10.1.2.3");
}

TEST_F(HttpCallsTest, PagesOfNamedOriginsMayReadAnswersAndProblems) {
  http({.cors = {.origins = {"https://app.example"}}});

  for (const char* path : {"/echo", "/fail", "/missing"}) {
    const Answer answer = ask(request("POST", path, "", {{"Origin", "https://app.example"}}));
    EXPECT_EQ(answer.fields.at("Access-Control-Allow-Origin"), "https://app.example") << path;
  }
  const Answer preflight =
      ask(request("OPTIONS", "/echo", "",
                  {{"Origin", "https://app.example"}, {"Access-Control-Request-Method", "POST"}}));
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(preflight.fields.at("Access-Control-Allow-Methods"), "GET, HEAD, OPTIONS, POST");
}

TEST_F(HttpCallsTest, SpareSessionsAreBounded) {
  http({.spare_sessions_max = 1});
  Answer answers[2];
  const http::Request post = request("POST", "/later");
  for (Answer& answer : answers) http().respond(post, answer.here());
  release->set();
  turn();

  EXPECT_EQ(calls->sessions(), 1U);
  EXPECT_TRUE(HttpCallsOptions{.spare_sessions_max = 65536}.validate().ok());
  EXPECT_EQ(HttpCallsOptions{.spare_sessions_max = 65537}.validate().reason(),
            "http_calls.bad_option");
}

TEST_F(HttpCallsTest, WhatWasAnsweredIsNotLostWithASpareSession) {
  EXPECT_EQ(ask(request("POST", "/echo", R"({"a":10})")).status, 200);

  EXPECT_TRUE(core->run(peer->close(core->deadline_after(1s))).ok());

  EXPECT_EQ(peer->metrics().output_lost_bytes.value(), 0U);
}

TEST_F(HttpCallsTest, ADrainLetsRequestsEndAndTakesNoMore) {
  Answer answer;
  const http::Request post = request("POST", "/later", "x");
  http().respond(post, answer.here());
  core->spawn([](Peer* closing, io::Core* on) -> Task<void> {
    Status closed = co_await closing->close(on->deadline_after(1s));
    EXPECT_TRUE(closed.ok());
  }(peer.get(), core.get()));

  const Answer late = ask(request("POST", "/echo"));
  EXPECT_EQ(late.status, 503);
  EXPECT_TRUE(late.has_reason("peer.closing"));
  EXPECT_EQ(answer.count, 0);
  release->set();
  for (int turns = 0; turns < 4; ++turns) turn();

  EXPECT_EQ(answer.body, "x");
  EXPECT_EQ(calls->sessions(), 0U);
}

TEST_F(HttpCallsTest, ADrainsDeadlineCutsWhatStillRuns) {
  Answer answer;
  const http::Request post = request("POST", "/later", "x");
  http().respond(post, answer.here());

  EXPECT_FALSE(core->run(peer->close(core->deadline_after(1ms))).ok());

  EXPECT_EQ(answer.count, 1);
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.has_reason("session.closed"));
}

}  // namespace
}  // namespace fairlead::rpc
