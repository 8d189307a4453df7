#include "fairlead/http/proto/refusal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

namespace fairlead::http::proto {
namespace {

TEST(Refusal, HasOneReasonForEachKindAndAnErrorStatus) {
  std::set<std::string_view> reasons;
  for (std::size_t i = 1; i < kRefusalCount; ++i) {
    const RefusalRow& row = refusal_row(static_cast<Refusal>(i));

    EXPECT_TRUE(row.reason.starts_with("http.")) << i;
    EXPECT_TRUE(reasons.insert(row.reason).second) << row.reason;
    EXPECT_GE(row.http_status, 400) << row.reason;
    EXPECT_FALSE(row.text.empty()) << row.reason;
  }
  EXPECT_EQ(refusal_row(Refusal::kMisdirected).reason, "http.misdirected") << "the last row";
}

TEST(Refusal, BecomesAStatusWithItsHttpStatusAsCode) {
  EXPECT_TRUE(to_status(Refusal::kNone).ok());
  const Status status = to_status(Refusal::kHeadTooLarge);
  EXPECT_EQ(status.code(), static_cast<Code>(431));
  EXPECT_EQ(status.reason(), "http.head_too_large");
}

// Users look reasons up there; a new one must not be forgotten.
TEST(Refusal, StandsInTheReferenceWithItsStatus) {
  const std::ifstream file(FL_SOURCE_DIR "/docs/reference/http.md");
  std::ostringstream text;
  text << file.rdbuf();
  std::istringstream lines(text.str());
  std::set<std::string> rows;
  for (std::string line; std::getline(lines, line);) rows.insert(line);
  for (std::size_t i = 1; i < kRefusalCount; ++i) {
    const RefusalRow& row = refusal_row(static_cast<Refusal>(i));
    const std::string reason = "`" + std::string(row.reason) + "`";
    const auto tells = [&](const std::string& line) {
      return line.find(reason) != std::string::npos &&
             line.find(std::to_string(row.http_status)) != std::string::npos;
    };
    EXPECT_TRUE(std::ranges::any_of(rows, tells)) << reason << " " << row.http_status;
  }
}

}  // namespace
}  // namespace fairlead::http::proto
