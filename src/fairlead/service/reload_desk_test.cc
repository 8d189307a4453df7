#include "fairlead/service/reload_desk.h"

#include <gtest/gtest.h>

#include "fairlead/async/scope.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

class ReloadDeskTest : public ::testing::Test {
 protected:
  Result<http::Response> post(std::string_view body = "") {
    http::Request request;
    request.body = Bytes(body);
    return core->run(page.handler(request));
  }
  static ReloadOutcome outcome(std::string_view file) {
    ReloadOutcome made;
    made.file = file;
    return made;
  }
  static Task<void> wait(http::Handler handler, http::Request* request, int* answered) {
    Result<http::Response> response = co_await handler(*request);
    *answered += response.ok() && response->status == 200 ? 1 : 0;
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  int asked = 0;
  std::function<void()> when_asked = [] {};
  ReloadDesk desk{*core, [this] {
                    ++asked;
                    when_asked();
                  }};
  admin::Page page = desk.page();
};

TEST_F(ReloadDeskTest, AnswersWhatCameOfIt) {
  when_asked = [this] { desk.told(desk.begin(), outcome("math.yaml")); };

  const Result<http::Response> response = post("{}");

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body.view(), to_json(outcome("math.yaml")));
  EXPECT_EQ(asked, 1);
}

TEST_F(ReloadDeskTest, SaysByItsStatusThatSomethingIsWrong) {
  when_asked = [this] {
    ReloadOutcome wrong = outcome("math.yaml");
    wrong.errors.emplace_back(Code::kBadMessage, "config.bad_value", "math.yaml:2:14: 'loud'");
    desk.told(desk.begin(), std::move(wrong));
  };

  const Result<http::Response> response = post();

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 422);
  EXPECT_NE(response->body.view().find("math.yaml:2:14"), std::string_view::npos);
}

// The file may have been written between the beginning of that reading and the question.
TEST_F(ReloadDeskTest, WaitsForAReadingThatBeganAfterTheQuestion) {
  const std::uint64_t earlier = desk.begin();
  when_asked = [this, earlier] {
    desk.told(earlier, outcome("old.yaml"));
    desk.told(desk.begin(), outcome("new.yaml"));
  };

  const Result<http::Response> response = post();

  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body.view(), to_json(outcome("new.yaml")));
}

TEST_F(ReloadDeskTest, AsksForNothingByAWordThatItDoesNotKnow) {
  for (const char* body : {"{\"dry_run\":true}", "[]", "{} {}", "x"}) {
    EXPECT_EQ(post(body).status().reason(), "admin.bad_body") << body;
  }
  EXPECT_EQ(asked, 0);
}

TEST_F(ReloadDeskTest, LetsOneReadingAnswerAllWhoWaitAndNoMoreThanItMay) {
  std::vector<http::Request> requests(ReloadDesk::kWaitingMax);
  Scope scope;
  int answered = 0;
  for (http::Request& request : requests) scope.spawn(wait(page.handler, &request, &answered));

  EXPECT_EQ(post().status().reason(), "config.reload_busy");
  desk.told(desk.begin(), outcome("math.yaml"));
  EXPECT_TRUE(core->run(scope.close(core->timers(), core->deadline_after(5s))).ok());

  EXPECT_EQ(answered, static_cast<int>(ReloadDesk::kWaitingMax));
}

TEST_F(ReloadDeskTest, TellsWhoWaitsAndWhoComesThatTheProgramEnds) {
  when_asked = [this] { desk.end(); };

  EXPECT_EQ(post().status().reason(), "config.ending");
  EXPECT_EQ(post().status().reason(), "config.ending");
  EXPECT_EQ(asked, 1);
}

TEST_F(ReloadDeskTest, ForgetsWhoHasGone) {
  CancelSource gone;
  http::Request request;
  request.cancelled = gone.token();
  when_asked = [&gone] { gone.cancel(); };

  EXPECT_EQ(core->run(page.handler(request)).status().reason(), "wait.cancelled");
}

TEST(ReloadOutcome, IsShownAsJson) {
  ReloadOutcome outcome{.file = "m\"ath.yaml",
                        .changed = {{"drain", "10s", "20s"}, {"notice", "(not set)", "1s"}},
                        .at_next_start = {{"cores", "1", "2"}}};
  EXPECT_EQ(to_json(outcome),
            "{\"ok\":true,\"file\":\"m\\\"ath.yaml\",\"changed\":["
            "{\"key\":\"drain\",\"before\":\"10s\",\"after\":\"20s\"},"
            "{\"key\":\"notice\",\"before\":\"(not set)\",\"after\":\"1s\"}],"
            "\"needs_restart\":[{\"key\":\"cores\",\"before\":\"1\",\"after\":\"2\"}],"
            "\"errors\":[]}\n");

  outcome = {.file = {}, .errors = {Status(Code::kBadMessage, "keys.bad", "keys.txt: line 2")}};
  EXPECT_EQ(to_json(outcome),
            "{\"ok\":false,\"file\":\"\",\"changed\":[],\"needs_restart\":[],"
            "\"errors\":[{\"reason\":\"keys.bad\",\"message\":\"keys.txt: line 2\"}]}\n");
}

TEST(ReloadOutcome, ShowsNoSecretsAndCutsLongValues) {
  const config::Change change{.steps = {"store"}, .before = "", .after = std::string(500, 'x')};

  EXPECT_EQ(shown(change, true).after, "***");
  EXPECT_EQ(shown(change, true).before, "(not set)");
  EXPECT_LT(shown(change, false).after.size(), 100U);
}

}  // namespace
}  // namespace fairlead::service
