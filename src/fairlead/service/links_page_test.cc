#include "fairlead/service/links_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testkit/two_peers.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(LinksQuery, KnowsALimitAndAState) {
  EXPECT_EQ(parse_links_query("")->limit, 100U);
  EXPECT_EQ(parse_links_query("limit=1000")->limit, 1000U);
  EXPECT_EQ(parse_links_query("state=suspect")->state, rpc::LinkState::kSuspect);
  for (const char* bad : {"limit=0", "limit=1001", "limit=x", "state=well", "x=1"}) {
    EXPECT_EQ(parse_links_query(bad).status().reason(), "admin.bad_query") << bad;
  }
}

class LinksPageTest : public testkit::TwoPeers {
 protected:
  void SetUp() override {
    serve(wire::Kind::kCall, "/echo", echo);
    listen();
    ASSERT_TRUE(dial().ok());
    ASSERT_TRUE(call({.method = "/echo"}, "").ok());
  }
  std::string get(const LinksSources& sources, const char* accept, std::string query = "") {
    std::vector<admin::Page> pages = links_pages(sources);
    http::Request request;
    request.query = std::move(query);
    if (accept != nullptr) request.fields.add("Accept", accept);
    Result<http::Response> response = core->run(pages[0].handler(request));
    return response.ok() ? std::string(response->body.view()) : response.status().to_string();
  }
  LinksSources sources() {
    return {.cores = {core.get()},
            .look =
                [this](std::size_t, const LinksQuery& query) {
                  CoreLinks out;
                  look_at_links(*server, query, [this](rpc::Session&) { return name; }, out);
                  out.endpoints = endpoints;
                  return out;
                },
            .process = [] { return ProcessState{.phase = "serving", .upgrade = "none"}; },
            .transitions = &transitions};
  }

  std::string name;
  std::vector<EndpointRow> endpoints;
  observe::Transitions transitions;
};

TEST_F(LinksPageTest, ShowsASessionWithItsPeerAndState) {
  CoreLinks out;
  look_at_links(*server, {}, {}, out);

  ASSERT_EQ(out.rows.size(), 1U);
  EXPECT_EQ(out.sessions, 1U);
  EXPECT_EQ(out.rows[0].peer, session->local_address().to_text());
  EXPECT_EQ(out.rows[0].protocol, "raw");
  EXPECT_FALSE(out.rows[0].dialled);
  EXPECT_EQ(out.rows[0].health.state, rpc::LinkState::kAlive);
}

TEST_F(LinksPageTest, ShowsTheLatestUpToTheLimitAndCountsAll) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(dial().ok());
  turn_until([&] { return server->session_count() == 5; });
  CoreLinks out;

  look_at_links(*server, {.limit = 2}, {}, out);

  EXPECT_EQ(out.sessions, 5U);
  ASSERT_EQ(out.rows.size(), 2U);
  EXPECT_GT(out.rows[0].id, out.rows[1].id);
}

TEST_F(LinksPageTest, LeavesOutOtherStates) {
  CoreLinks out;
  look_at_links(*server, {.state = rpc::LinkState::kSuspect}, {}, out);
  EXPECT_TRUE(out.rows.empty());
}

TEST_F(LinksPageTest, IsHtmlForThoseWhoAcceptItAndElseJson) {
  EXPECT_THAT(get(sources(), "text/html,*/*"), HasSubstr("<table"));
  EXPECT_THAT(get(sources(), "application/json"), HasSubstr("\"links\":[{\"id\":1"));
  EXPECT_THAT(get(sources(), nullptr), HasSubstr("\"phase\":\"serving\""));
  EXPECT_THAT(get(sources(), nullptr, "limit=0"), HasSubstr("admin.bad_query"));
}

TEST_F(LinksPageTest, EscapesNamesFromOutside) {
  name = "<script>alert(\"1\")</script>\n";
  transitions.tell(observe::LogLevel::kInfo,
                   {.event = "link.state", .name = name, .from = "<b>", .to = "alive"});

  const std::string html = get(sources(), "text/html");
  const std::string json = get(sources(), nullptr);

  EXPECT_THAT(html, Not(HasSubstr("<script>")));
  EXPECT_THAT(html, Not(HasSubstr("<b>")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&quot;1&quot;)"));
  EXPECT_THAT(json, HasSubstr("<script>alert(\\\"1\\\")</script>\\n"));
}

TEST_F(LinksPageTest, ShowsWhereALinkIsThatHasNoSession) {
  endpoints.push_back({.service = "uplink",
                       .endpoint = {.address = "10.0.0.7:7000",
                                    .state = upstream::Redial::State::kQuarantined,
                                    .failures = 4,
                                    .wait_left = 1700ms,
                                    .dials = 9,
                                    .recovered = true,
                                    .last_error = "refused [dial.refused]"}});

  EXPECT_THAT(get(sources(), nullptr),
              HasSubstr("{\"service\":\"uplink\",\"endpoint\":\"10.0.0.7:7000\","
                        "\"state\":\"quarantined\",\"sessions\":0,\"failures\":4,"
                        "\"wait_ms\":1700,\"dials\":9,\"recovered\":true,"
                        "\"last_error\":\"refused [dial.refused]\"}"));
  EXPECT_THAT(get(sources(), "text/html"),
              HasSubstr("<td>uplink</td><td>10.0.0.7:7000</td><td>quarantined</td><td>0</td>"
                        "<td>4</td><td>1700</td><td>9</td><td>yes</td>"
                        "<td>refused [dial.refused]</td>"));
}

TEST_F(LinksPageTest, SaysWhichCoreDoesNotAnswer) {
  const std::unique_ptr<io::Core> stuck = io::Core::make().value();  // nobody turns it
  LinksSources both = sources();
  both.cores.push_back(stuck.get());
  both.patience = 10ms;

  EXPECT_THAT(get(both, nullptr), HasSubstr("{\"core\":1,\"answered\":false}"));
  EXPECT_THAT(get(both, "text/html"), HasSubstr("does not answer"));
}

}  // namespace
}  // namespace fairlead::service
