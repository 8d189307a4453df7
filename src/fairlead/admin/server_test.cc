#include "fairlead/admin/server.h"

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/http/client.h"
#include "fairlead/observe/prometheus.h"

namespace fairlead::admin {
namespace {

using namespace std::chrono_literals;

Task<Result<http::Response>> answer_later(io::Core* core) {
  Sleep sleep(core->timers(), core->deadline_after(2ms));
  Status slept = co_await sleep;
  co_return http::Response::json(200, "{}");
}

class AdminTest : public ::testing::Test {
 protected:
  void SetUp() override { start({}); }
  void start(Options options) {
    server = Server::make(*core, registry, options);
    address = server->listen(io::Address::loopback(0)).value();
  }
  void TearDown() override {
    EXPECT_TRUE(core->run(client->close(core->deadline_after(5s))).ok());
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
  }
  http::Response ask(std::string path, std::string method = "GET", std::string authority = "",
                     std::string_view content_type = "application/json") {
    http::ClientRequest request;
    if (method == "POST") request.fields.add("Content-Type", content_type);
    request.address = address;
    request.method = std::move(method);
    request.target = std::move(path);
    request.authority = std::move(authority);
    Result<http::Response> result =
        core->run(client->send(std::move(request), core->deadline_after(5s)));
    EXPECT_TRUE(result.ok()) << result.status();
    return std::move(result).value_or({});
  }
  static bool holds(const http::Response& response, std::string_view text) {
    return response.body.view().find(text) != std::string_view::npos;
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  observe::Registry registry;
  std::unique_ptr<Server> server;
  std::unique_ptr<http::Client> client = http::Client::make(*core, {}).value();
  io::Address address;
};

TEST_F(AdminTest, IsHealthyAsLongAsItAnswers) {
  server->add_check("store", [] { return Status(Code::kOverloaded, "store.closed", "closed"); });
  const http::Response response = ask("/healthz");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body.view(), "ok\n");
  EXPECT_EQ(response.fields.find("Cache-Control"), "no-store");
}

TEST_F(AdminTest, IsReadyWhenEveryCheckSaysSo) {
  EXPECT_EQ(ask("/readyz").body.view(), "{\"ready\":true,\"checks\":[]}\n");
  bool open = false;
  server->add_check("store", [&open] {
    return open ? Status() : Status(Code::kOverloaded, "store.closed", "the \"store\" is closed");
  });
  server->add_check("listener", [] { return Status(); });

  const http::Response closed = ask("/readyz");
  EXPECT_EQ(closed.status, 503);
  EXPECT_EQ(closed.fields.find("Content-Type"), "application/json");
  EXPECT_EQ(closed.body.view(),
            "{\"ready\":false,\"checks\":[{\"name\":\"listener\",\"ready\":true},"
            "{\"name\":\"store\",\"ready\":false,\"reason\":\"store.closed\","
            "\"message\":\"the \\\"store\\\" is closed\"}]}\n");

  open = true;
  EXPECT_EQ(ask("/readyz").status, 200);
  open = false;
  server->remove_check("store");
  EXPECT_EQ(ask("/readyz").status, 200);
}

TEST_F(AdminTest, ShowsTheRegistryAsPrometheusText) {
  const observe::Counter counter =
      registry.counter({"fairlead_test_things_total", "Things."}).value();
  counter.add(3);
  const http::Response response = ask("/metrics");
  EXPECT_EQ(response.fields.find("Content-Type"), observe::kPrometheusContentType);
  EXPECT_TRUE(holds(response, "fairlead_test_things_total 3\n")) << response.body.view();
}

TEST_F(AdminTest, ListsItsPagesEscaped) {
  server->add_page({.path = "/x", .title = "<b>&", .handler = http::plain_handler([](const auto&) {
                                                     return http::Response::text(200, "x");
                                                   })});
  const http::Response response = ask("/");
  for (const char* text : {"/healthz", "/readyz", "/metrics", "&lt;b&gt;&amp;"}) {
    EXPECT_TRUE(holds(response, text)) << text;
  }
  EXPECT_TRUE(holds(response, "<a href=\"/x\">/x</a>")) << response.body.view();
  EXPECT_EQ(response.fields.find("Content-Security-Policy"), "default-src 'none'");
  server->remove_page("/x");
  EXPECT_EQ(ask("/x").status, 404);
}

TEST_F(AdminTest, SaysWhosePagesTheyAre) {
  EXPECT_TRUE(holds(ask("/"), "<title>Pages - Fairlead</title>")) << ask("/").body.view();
  ASSERT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
  start({.name = "a<b"});
  EXPECT_TRUE(holds(ask("/"), "<title>a&lt;b: Pages - Fairlead</title>")) << ask("/").body.view();
}

TEST_F(AdminTest, ServesPagesOfTheRoomsAboveThatMayWait) {
  io::Core* shared = core.get();
  server->add_page({.path = "/state",
                    .title = "State.",
                    .handler = [shared](http::Request&) { return answer_later(shared); },
                    .methods = {"POST"}});
  EXPECT_TRUE(holds(ask("/"), "<li>/state State.</li>")) << "no link, which could not be opened";
  EXPECT_EQ(ask("/state", "POST").body.view(), "{}");
  const http::Response get = ask("/state");
  EXPECT_EQ(get.status, 405);
  EXPECT_EQ(get.fields.find("Allow"), "POST");
}

TEST_F(AdminTest, HoldsWhatMayChangeSomethingToItsRules) {
  int changed = 0;
  server->add_page({.path = "/change",
                    .title = "Change.",
                    .handler = http::plain_handler([&changed](const auto&) {
                      ++changed;
                      return http::Response::json(200, "{}");
                    }),
                    .methods = {"POST"}});

  const http::Response form = ask("/change", "POST", "", "text/plain");
  EXPECT_EQ(form.status, 415);
  EXPECT_EQ(form.fields.find("Accept"), "application/json");
  EXPECT_TRUE(holds(form, "\"reason\":\"admin.content_type\"")) << form.body.view();
  EXPECT_EQ(ask("/change", "OPTIONS").status, 405) << "so a browser asks in vain for leave";
  EXPECT_EQ(changed, 0);

  EXPECT_EQ(ask("/change", "POST").status, 200);
  EXPECT_EQ(changed, 1);
}

TEST_F(AdminTest, LetsNobodyChangeThingsByANameWhereverItListens) {
  ASSERT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
  start({.allow_outside = true});
  server->add_page(
      {.path = "/change",
       .title = "Change.",
       .handler = http::plain_handler([](const auto&) { return http::Response::json(200, "{}"); }),
       .methods = {"POST"}});

  EXPECT_EQ(ask("/change", "POST", "rebound.example").status, 421);
  EXPECT_EQ(ask("/change", "POST").status, 200);
}

TEST_F(AdminTest, AnswersHeadAndRefusesOtherMethods) {
  const http::Response head = ask("/healthz", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.fields.find("Content-Length"), "3");
  const http::Response post = ask("/healthz", "POST");
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.fields.find("Allow"), "GET, HEAD");
  EXPECT_TRUE(holds(post, "\"reason\":\"admin.method\""));
}

TEST_F(AdminTest, HintsAtThePageThatWasMeant) {
  const http::Response response = ask("/readz");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.fields.find("Content-Type"), "application/problem+json");
  EXPECT_TRUE(holds(response, "\"reason\":\"admin.unknown_page\""));
  EXPECT_TRUE(holds(response, "did you mean /readyz")) << response.body.view();
}

TEST_F(AdminTest, AnswersOnlyToItsOwnHosts) {
  for (const char* host : {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]:1"}) {
    EXPECT_EQ(ask("/healthz", "GET", host).status, 200) << host;
  }
  const http::Response rebound = ask("/healthz", "GET", "evil.example");
  EXPECT_EQ(rebound.status, 421);
  EXPECT_TRUE(holds(rebound, "\"reason\":\"admin.wrong_host\""));
}

TEST_F(AdminTest, ListensOutsideOnlyWhenTold) {
  const io::Address everywhere = io::Address::parse(":0").value();
  EXPECT_EQ(server->listen(everywhere).status().reason(), "admin.not_loopback");
  EXPECT_EQ(server->listen(everywhere).status().code(), Code::kBadMessage);

  ASSERT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
  start({.allow_outside = true});
  EXPECT_TRUE(server->listen(everywhere).ok());
  EXPECT_EQ(ask("/healthz", "GET", "any.example").status, 200);
}

}  // namespace
}  // namespace fairlead::admin
