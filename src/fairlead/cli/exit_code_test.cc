#include "fairlead/cli/exit_code.h"

#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

TEST(ExitCode, SaysWhatAScriptCanActOn) {
  const auto of = [](Code code, std::string_view reason = "a.b") {
    return exit_code_of(Status(code, reason, ""));
  };

  EXPECT_EQ(exit_code_of(Status()), ExitCode::kOk);
  EXPECT_EQ(of(Code{1001}), ExitCode::kFailed);
  EXPECT_EQ(of(Code::kNotFound), ExitCode::kFailed);
  EXPECT_EQ(of(Code::kBadMessage, "config.unknown_key"), ExitCode::kUsage);
  EXPECT_EQ(of(Code::kBadMessage, "usage.bad_value"), ExitCode::kUsage);
  EXPECT_EQ(of(Code::kDialFailed), ExitCode::kUnreachable);
  EXPECT_EQ(of(Code::kNoEndpoint), ExitCode::kUnreachable);
  EXPECT_EQ(of(Code::kConnectionClosed), ExitCode::kUnreachable);
  EXPECT_EQ(of(Code::kDeadlineExceeded), ExitCode::kTimeout);
  EXPECT_EQ(of(Code::kHandlerTimeout), ExitCode::kTimeout);
  EXPECT_EQ(of(Code::kUnauthenticated), ExitCode::kNotAllowed);
  EXPECT_EQ(of(Code::kForbidden), ExitCode::kNotAllowed);
}

}  // namespace
}  // namespace fairlead::cli
