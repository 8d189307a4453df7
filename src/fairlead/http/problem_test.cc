#include "fairlead/http/problem.h"

#include <gtest/gtest.h>

namespace fairlead::http {
namespace {

TEST(Problem, ShowsTheMembersOfRfc9457AndOurs) {
  const Response response =
      problem_response(Status(Code::kNotFound, "route.unknown", "no route for \"/x\""), "id1");

  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.fields.find("content-type"), "application/problem+json");
  EXPECT_EQ(response.body.view(),
            "{\"type\":\"urn:fairlead:error:not_found\",\"title\":\"Not Found\",\"status\":404,"
            "\"code\":404,\"reason\":\"route.unknown\",\"detail\":\"no route for \\\"/x\\\"\","
            "\"request_id\":\"id1\"}\n");
}

TEST(Problem, MapsCodesByTheOneTable) {
  const auto status_of = [](Code code, HttpStyle style) {
    return problem_response(Status(code, "a.b", ""), "", {.style = style}).status;
  };
  EXPECT_EQ(status_of(Code::kExpired, HttpStyle::kStrict), 504);
  EXPECT_EQ(status_of(Code::kDialFailed, HttpStyle::kStrict), 503);
  EXPECT_EQ(status_of(static_cast<Code>(1001), HttpStyle::kStrict), 422);
  EXPECT_EQ(status_of(static_cast<Code>(1001), HttpStyle::kBiz299), 299);
}

TEST(Problem, HidesTheCauseUnlessTold) {
  const Status status =
      Status(Code::kInternal, "http.handler_threw", "the handler failed").with_cause("secret");
  EXPECT_EQ(problem_response(status, "").body.view().find("secret"), std::string_view::npos);
  EXPECT_NE(problem_response(status, "", {.show_cause = true}).body.view().find("secret"),
            std::string_view::npos);
}

TEST(Problem, StaysValidJsonWhateverTheMessage) {
  const Response response =
      problem_response(Status(Code::kBadMessage, "", std::string("\xFF\x01\0", 3)), "");
  EXPECT_NE(response.body.view().find("\"detail\":\"\\\\xFF\\\\x01\\\\x00\""),
            std::string_view::npos)
      << response.body.view();
}

}  // namespace
}  // namespace fairlead::http
