#include "fairlead/gateway/gateway.h"

#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "fairlead/gateway/testing.h"
#include "fairlead/observe/prometheus.h"
#include "tests/testkit/raw_client.h"

namespace fairlead::gateway {
namespace {

using namespace std::chrono_literals;

using testing::GatewayTest;

TEST_F(GatewayTest, LeadsARequestToACallAndTheReplyBack) {
  handle("/math/echo", [](rpc::Context& context) {
    EXPECT_EQ(context.body_codec(), 'j');
    EXPECT_EQ(context.meta("X-Real-IP"), "127.0.0.1");
    EXPECT_EQ(context.meta("x-caller"), "ann");
    EXPECT_EQ(context.meta("q"), "1");
    EXPECT_TRUE(context.deadline().is_set());
    context.add_reply_meta("x-cost", "7");
    context.begin_reply(context.wanted_reply_codec())->append(context.body());
    return Status();
  });
  start();

  http::ClientRequest request{
      .address = address_, .method = "POST", .target = "/api/math/echo?q=1"};
  request.fields.add("Content-Type", "application/json");
  request.fields.add("X-Caller", "ann");
  request.body = Bytes(R"({"a":1})");
  const http::Response response = send(std::move(request));

  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.view(), R"({"a":1})");
  EXPECT_EQ(response.fields.value_or("Content-Type", ""), "application/json");
  EXPECT_EQ(response.fields.value_or("x-cost", ""), "7");
  EXPECT_FALSE(response.fields.value_or("X-Request-Id", "").empty());
}

TEST_F(GatewayTest, AsksForJsonWhateverCameIn) {
  handle("/math/codec", [](rpc::Context& context) {
    EXPECT_EQ(context.body_codec(), 'f');
    EXPECT_EQ(context.wanted_reply_codec(), 'j');
    context.reply_with('j', Bytes("1"));
    return Status();
  });
  start();

  const auto response = post("/api/math/codec", "application/x-www-form-urlencoded", "a=1");

  EXPECT_EQ(response.status, 200);
}

TEST_F(GatewayTest, AnswersErrorsByTheTableWithoutTheirCause) {
  handle("/math/business", [](rpc::Context&) {
    return Status(Code{1001}, "", "divisor out of range").with_cause("secret");
  });
  handle("/math/throws", [](rpc::Context&) -> Status { throw std::runtime_error("secret"); });
  start();

  const http::Response business = get("/api/math/business");
  const http::Response thrown = get("/api/math/throws");
  const http::Response unknown = get("/api/math/none");

  EXPECT_EQ(business.status, 422);
  EXPECT_NE(business.body.view().find("\"code\":1001"), std::string_view::npos);
  EXPECT_EQ(business.fields.value_or("Content-Type", ""), "application/problem+json");
  EXPECT_EQ(thrown.status, 500);
  EXPECT_TRUE(says(thrown, "handler.threw"));
  EXPECT_EQ(unknown.status, 404);
  for (const http::Response* response : {&business, &thrown, &unknown}) {
    EXPECT_EQ(response->body.view().find("secret"), std::string_view::npos);
    EXPECT_NE(response->body.view().find(response->fields.value_or("X-Request-Id", "?")),
              std::string_view::npos);
  }
}

TEST_F(GatewayTest, SaysWhenToComeAgainAndWhatElseAnErrorTells) {
  handle("/math/busy", [](rpc::Context& context) {
    context.add_reply_meta(wire::kRetryAfterKey, "1500");
    context.add_reply_meta("limit", "5000");
    return Status(Code::kOverloaded, "test.busy", "too many");
  });
  start();

  const http::Response busy = get("/api/math/busy");

  EXPECT_EQ(busy.status, 503);
  EXPECT_TRUE(says(busy, "test.busy"));
  EXPECT_EQ(busy.fields.value_or("Retry-After", ""), "2");
  EXPECT_EQ(busy.fields.value_or("limit", ""), "5000");
}

TEST_F(GatewayTest, ShowsBusinessCodesAs299WhenToldTo) {
  handle("/math/business", [](rpc::Context&) { return Status(Code{1001}, "", "no"); });
  spec_.status_style = HttpStyle::kBiz299;
  start();

  EXPECT_EQ(get("/api/math/business").status, 299);
  EXPECT_NE(observe::prometheus_text(metrics_).find(
                "fairlead_gateway_requests_total{route=\"/api\",code_class=\"business\"} 1"),
            std::string::npos);
}

TEST_F(GatewayTest, RefusesWhatNoRouteCovers) {
  start();

  const http::Response response = get("/nothing");

  EXPECT_EQ(response.status, 404);
  EXPECT_TRUE(says(response, "gateway.no_route"));
}

TEST_F(GatewayTest, AnswersOtherMethodsWith405AndWhatIsAllowed) {
  start();

  const http::Response put =
      send({.address = address_, .method = "PUT", .target = "/api/math/divide"});
  const http::Response options =
      send({.address = address_, .method = "OPTIONS", .target = "/api/math/divide"});
  const http::Response star = send({.address = address_, .method = "OPTIONS", .target = "*"});
  const http::Response nowhere =
      send({.address = address_, .method = "OPTIONS", .target = "/nothing"});

  EXPECT_EQ(put.status, 405);
  EXPECT_EQ(put.fields.value_or("Allow", ""), "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.fields.value_or("Allow", ""), "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(star.status, 204);
  EXPECT_EQ(nowhere.status, 404);
}

TEST_F(GatewayTest, AnswersHeadLikeGetWithoutTheBody) {
  handle("/math/now", [](rpc::Context& context) {
    context.reply_with('j', Bytes("12345"));
    return Status();
  });
  start();

  const http::Response response =
      send({.address = address_, .method = "HEAD", .target = "/api/math/now"});

  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.fields.value_or("Content-Length", ""), "5");
  EXPECT_TRUE(response.body.empty());
}

TEST_F(GatewayTest, RefusesOtherContentTypesAndBodiesThatAreTooLarge) {
  spec_.body_bytes_max = 8;
  handle("/math/any", [](rpc::Context& context) {
    context.reply_with('j', Bytes("{}"));
    return Status();
  });
  start();

  EXPECT_EQ(post("/api/math/any", "application/json", "12345678").status, 200);
  EXPECT_EQ(post("/api/math/any", "application/json", "123456789").status, 413);
  EXPECT_EQ(post("/api/math/any", "application/xml", "<a/>").status, 415);
}

TEST_F(GatewayTest, SaysThatNoCopyLives) {
  start();

  const http::Response response = get("/away/x");

  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(says(response, "upstream.no_endpoint"));
  EXPECT_EQ(gateway_->ready().reason(), "upstream.no_endpoint");
}

TEST_F(GatewayTest, GivesUpAtItsTimeout) {
  spec_.timeout = 30ms;
  handle_later("/math/slow", [](rpc::Context& context) -> Task<Status> {
    Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(10s),
                                  context.cancel());
    co_return slept;
  });
  start();

  const http::Response response = get("/api/math/slow");

  EXPECT_EQ(response.status, 504);
  EXPECT_TRUE(says(response, "call.deadline"));
}

TEST_F(GatewayTest, GivesUpTheCallOfAClientThatIsGone) {
  handle_later("/math/slow", [this](rpc::Context& context) { return wait_for_leave(context); });
  start();

  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::connect(client, address_.get(), address_.length()), 0);
  constexpr std::string_view kRequest = "GET /api/math/slow HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(::send(client, kRequest.data(), kRequest.size(), 0), ssize_t{kRequest.size()});
  while (!entered_.is_set()) core_->turn(core_->deadline_after(5ms));
  const linger reset{.l_onoff = 1,
                     .l_linger = 0};  // one that only shuts down still wants its answer
  ASSERT_EQ(::setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
  ::close(client);

  const auto counted = [this] {
    return observe::prometheus_text(metrics_).find(
               "fairlead_gateway_requests_total{route=\"/api\",code_class=\"4xx\"} 1") !=
           std::string::npos;
  };
  const Time end = steady_now() + 5s;
  while (!counted() && steady_now() < end) core_->turn(core_->deadline_after(5ms));
  EXPECT_TRUE(counted());
  leave_.set();
  core_->turn(core_->deadline_after(0ms));
}

Task<void> close_and_tell(Gateway& gateway, Deadline deadline, bool* done) {
  Status status = co_await gateway.close(deadline);
  EXPECT_TRUE(status.ok()) << status;
  *done = true;
}

// A client that has a connection may have written its request: it is not reset.
TEST_F(GatewayTest, AnswersWhoWasConnectedAlreadyWhenItBeganToClose) {
  handle("/math/one", [](rpc::Context& context) {
    context.reply_with('j', Bytes("1"));
    return Status();
  });
  start();
  testkit::RawClient client(*core_, address_);  // in the backlog: nobody has accepted it
  bool closed = false;

  core_->spawn(close_and_tell(*gateway_, core_->deadline_after(5s), &closed));
  client.send("GET /api/math/one HTTP/1.1\r\nHost: a\r\n\r\n");

  EXPECT_NE(client.wait_for_close().find("200 OK"), std::string::npos) << client.received();
  while (!closed) core_->turn(core_->deadline_after(10ms));
  gateway_.reset();
}

TEST_F(GatewayTest, AnswersRequestsUnderWayWhileItDrains) {
  handle_later("/math/wait", [this](rpc::Context& context) { return wait_for_leave(context); });
  start();
  Result<http::Response> response = Status(Code::kInternal, "", "");
  begin_waiting(&response);

  bool closed = false;
  core_->spawn(close_and_tell(*gateway_, core_->deadline_after(5s), &closed));
  EXPECT_EQ(gateway_->ready().reason(), "gateway.draining");
  EXPECT_FALSE(closed);
  leave_.set();
  while (!closed) core_->turn(core_->deadline_after(10ms));
  while (!response.ok()) core_->turn(core_->deadline_after(10ms));

  EXPECT_EQ(response->status, 200);
  gateway_.reset();
}

TEST_F(GatewayTest, CountsTheRequestsThatItCuts) {
  handle_later("/math/wait", [this](rpc::Context& context) { return wait_for_leave(context); });
  start();
  const auto idle = http::Client::make(*core_, {}).value();
  Result<http::Response> answer = core_->run(
      idle->send({.address = address_, .target = "/api/math/none"}, core_->deadline_after(5s)));
  EXPECT_TRUE(answer.ok()) << answer.status();
  Result<http::Response> response = Status(Code::kInternal, "", "");
  begin_waiting(&response);
  EXPECT_EQ(gateway_->drain_state().phase_name(), "serving");

  const Status closed = core_->run(gateway_->close(core_->deadline_after(10ms)));

  EXPECT_EQ(closed.reason(), "http.drain_cut");
  EXPECT_EQ(gateway_->drain_state().calls_cut(), 1U) << "not the connection without a request";
  EXPECT_EQ(gateway_->drain_state().phase_name(), "closing");
  EXPECT_EQ(metrics_.counter({"fairlead_gateway_drain_cut_total", ""})->value(), 1U);
  while (response.status().reason().empty()) core_->turn(core_->deadline_after(10ms));
  EXPECT_FALSE(response.ok());
  gateway_.reset();
  leave_.set();
  EXPECT_TRUE(core_->run(idle->close(core_->deadline_after(5s))).ok());
}

TEST_F(GatewayTest, CountsWhatOneCoreCutsWhileAnotherOneHangs) {
  const std::unique_ptr<io::Core> other = io::Core::make().value();
  cores_ = {core_.get(), other.get()};
  std::size_t waiting = 0;
  handle_later("/math/wait", [&](rpc::Context& context) {
    ++waiting;
    return wait_for_leave(context);
  });
  start();
  std::vector<std::unique_ptr<testkit::RawClient>> clients;  // so many that both cores have some
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<testkit::RawClient>(*core_, address_));
    clients.back()->send("GET /api/math/wait HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  const auto turn_both = [&] {
    other->turn(Deadline(other->now()));
    core_->turn(core_->deadline_after(1ms));
  };
  while (waiting < clients.size()) turn_both();
  bool closed = false;
  const auto cut_all = [](Gateway* gateway, Deadline deadline, bool* over) -> Task<void> {
    const Status ended = co_await gateway->close(deadline);
    EXPECT_EQ(ended.reason(), "http.drain_cut");
    *over = true;
  };
  core_->spawn(cut_all(gateway_.get(), core_->deadline_after(10ms), &closed));
  while (gateway_->drain_state().phase() != runtime::DrainState::Phase::kDraining) turn_both();

  const auto cut = [this] { return gateway_->drain_state().calls_cut(); };
  EXPECT_TRUE(testkit::turn_until(*core_, [&] { return cut() > 0; })) << "the other core hangs";
  EXPECT_LT(cut(), clients.size());
  EXPECT_FALSE(closed);

  while (!closed) turn_both();
  EXPECT_EQ(cut(), clients.size());
  gateway_.reset();
  leave_.set();
}

TEST_F(GatewayTest, SaysInItsNoticeThatItGoesAndServesWhoComes) {
  handle("/math/one", [](rpc::Context& context) {
    context.reply_with('j', Bytes("1"));
    return Status();
  });
  start();
  bool left = false;
  const auto leave = [](Gateway* gateway, Deadline patience, bool* over) -> Task<void> {
    const Status ended = co_await gateway->leave("stop", patience);
    EXPECT_TRUE(ended.ok()) << ended;
    *over = true;
  };
  const testkit::RawClient connected(*core_, address_);  // it stays until the patience is over
  core_->turn(core_->deadline_after(10ms));
  core_->spawn(leave(gateway_.get(), core_->deadline_after(300ms), &left));

  const http::Response response = get("/api/math/one");

  EXPECT_EQ(gateway_->ready().reason(), "gateway.draining");
  EXPECT_EQ(gateway_->drain_state().phase_name(), "notice");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.fields.value_or("Connection", ""), "close");
  while (!left) core_->turn(core_->deadline_after(10ms));
}

TEST_F(GatewayTest, GoesByOtherRoutesFromTheNextRequestOn) {
  handle("/math/one", [](rpc::Context& context) {
    context.reply_with('j', Bytes("1"));
    return Status();
  });
  start();
  ASSERT_EQ(get("/api/math/one").status, 200);

  spec_.routes = {{"/v2", "math", true}, {"/new", "new", true}};
  ASSERT_TRUE(gateway_->update(spec_).ok());

  EXPECT_EQ(get("/v2/math/one").status, 200);
  EXPECT_TRUE(says(get("/api/math/one"), "gateway.no_route"));
  EXPECT_EQ(gateway_->services(), (std::vector<std::string>{"math", "new"}));
  EXPECT_FALSE(gateway_->knows_all()) << "nobody has told of `new` yet";
}

TEST_F(GatewayTest, RemembersTheCopiesOfAServiceThatNoRouteNamedForAWhile) {
  handle("/math/one", [](rpc::Context& context) {
    context.reply_with('j', Bytes("1"));
    return Status();
  });
  start();
  const std::vector<RouteSpec> routes = spec_.routes;
  spec_.routes = {{"/away", "away", true}};
  ASSERT_TRUE(gateway_->update(spec_).ok());
  EXPECT_EQ(get("/api/math/one").status, 404);

  spec_.routes = routes;
  ASSERT_TRUE(gateway_->update(spec_).ok());

  EXPECT_EQ(get("/api/math/one").status, 200);
}

TEST_F(GatewayTest, EndsARequestByTheRulesByWhichItBegan) {
  handle_later("/math/wait", [this](rpc::Context& context) { return wait_for_leave(context); });
  start();
  Result<http::Response> response = Status(Code::kInternal, "", "");
  begin_waiting(&response);

  spec_.routes = {{"/away", "away", true}};
  spec_.timeout = 1ms;
  ASSERT_TRUE(gateway_->update(spec_).ok());
  core_->turn(core_->deadline_after(10ms));
  leave_.set();
  while (!response.ok()) core_->turn(core_->deadline_after(10ms));

  EXPECT_EQ(response->status, 200);
}

TEST_F(GatewayTest, TakesOtherBoundsOfRequestsBothWays) {
  handle("/math/one", [](rpc::Context& context) {
    context.reply_with('j', Bytes("1"));
    return Status();
  });
  handle_later("/math/wait", [this](rpc::Context& context) { return wait_for_leave(context); });
  start();
  const auto post_json = [this] { return post("/api/math/one", "application/json", "[1,2]"); };
  ASSERT_EQ(post_json().status, 200);

  spec_.body_bytes_max = 4;
  spec_.timeout = 20ms;
  ASSERT_TRUE(gateway_->update(spec_).ok());
  EXPECT_EQ(post_json().status, 413);
  EXPECT_EQ(get("/api/math/wait").status, 504);

  spec_.body_bytes_max = 5;
  spec_.timeout = 10s;
  ASSERT_TRUE(gateway_->update(spec_).ok());
  EXPECT_EQ(post_json().status, 200);
  leave_.set();
  core_->turn(core_->deadline_after(0ms));
}

TEST_F(GatewayTest, NamesEachServiceOnceAndKnowsItsCopies) {
  spec_.routes.push_back({"/more", "math", false});
  start();

  EXPECT_EQ(gateway_->services(), (std::vector<std::string>{"away", "math"}));
  EXPECT_EQ(gateway_->copies("math"), 1U);
  EXPECT_EQ(gateway_->copies("away"), 0U);
  EXPECT_EQ(gateway_->copies("none"), 0U);
}

TEST_F(GatewayTest, TellsOneConnectionTooManyWhenToComeBack) {
  handle("/math/one", [](rpc::Context& context) {
    context.reply_with('j', Bytes("1"));
    return Status();
  });
  protection_ =
      runtime::Protection::make({.connections = {.connections_max = 1}}, metrics_).value();
  start();
  EXPECT_EQ(get("/api/math/one").status, 200);  // whose connection the client keeps

  std::unique_ptr<http::Client> other = http::Client::make(*core_, {}).value();
  const auto ask = [&] {
    Task<Result<http::Response>> asking = other->send(
        {.address = address_, .target = "/api/math/one"}, core_->deadline_after(kPatience));
    return core_->run(std::move(asking)).value_or({});
  };
  const http::Response refused = ask();
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(says(refused, "http.conn_limit"));
  EXPECT_EQ(refused.fields.value_or("Retry-After", ""), "5");
  EXPECT_EQ(get("/api/math/one").status, 200) << "who is inside is served";

  ASSERT_TRUE(protection_->update({.connections = {.connections_max = 10}}).ok());
  EXPECT_EQ(ask().status, 200);
  EXPECT_EQ(protection_->bounds().hits(observe::Bound::kConnections), 1U);
  EXPECT_TRUE(core_->run(other->close(core_->deadline_after(kPatience))).ok());
}

TEST_F(GatewayTest, SaysWhenItsAddressIsTaken) {
  start();
  observe::Registry other_metrics;
  spec_.listen = address_;
  auto second = Gateway::make(spec_, {.cores = {core_.get()}, .metrics = other_metrics}).value();

  EXPECT_EQ(second->listen().status().reason(), "listen.in_use");
  EXPECT_EQ(second->ready().reason(), "gateway.not_listening");
  EXPECT_TRUE(core_->run(second->close(core_->deadline_after(1s))).ok());
}

}  // namespace
}  // namespace fairlead::gateway
