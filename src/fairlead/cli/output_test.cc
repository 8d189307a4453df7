#include "fairlead/cli/output.h"

#include <gtest/gtest.h>

#include "fairlead/cli/json_text.h"

namespace fairlead::cli {
namespace {

TEST(ErrorText, SaysWhatWhereAndWhatToDo) {
  EXPECT_EQ(error_text(Status(Code::kDialFailed, "dial.refused", "nobody listens on 127.0.0.1:1")),
            "nobody listens on 127.0.0.1:1 [dial.refused]; is the service running there?");
  EXPECT_EQ(error_text(Status(Code{1001}, "", "divisor out of range")),
            "business (1001): divisor out of range");
  EXPECT_EQ(error_text(Status(Code::kBadMessage, "config.unknown_key", "a.yaml:1:1: unknown")),
            "a.yaml:1:1: unknown [config.unknown_key]");
}

TEST(ErrorText, GivesEachAbsenceItsOwnRemedy) {
  const auto text = [](std::string_view reason, bool cause) {
    Status status(Code::kNoEndpoint, reason, "none");
    return error_text(cause ? std::move(status).with_cause("refused") : status);
  };

  EXPECT_EQ(text("upstream.no_endpoint", false), "none [upstream.no_endpoint]");
  EXPECT_EQ(text("upstream.no_endpoint", true),
            "none [upstream.no_endpoint]; is the service running there?\n  cause: refused");
  EXPECT_NE(text("store.missing", false).find("--store"), std::string::npos);
}

TEST(ErrorText, GivesNoNumberToWhatNoServiceSaid) {
  EXPECT_EQ(error_text(Status(Code::kInternal, "upgrade.ended", "it ended")),
            "it ended [upgrade.ended]");
  EXPECT_EQ(error_text(Status(Code::kInternal, "up.copy_ended", "math-1 ended")),
            "math-1 ended [up.copy_ended]");
}

TEST(ErrorText, NamesTheBoundThatWasReached) {
  const auto text = [](std::string_view reason) {
    return error_text(Status(Code::kDeadlineExceeded, reason, "late"));
  };

  EXPECT_EQ(text("wait.deadline"), "late [wait.deadline]; allow more with --timeout");
  EXPECT_EQ(text("upgrade.no_answer"), "late [upgrade.no_answer]; allow more with --timeout");
  EXPECT_EQ(text("upgrade.not_ready"),
            "late [upgrade.not_ready]; allow more by its upgrade.ready_timeout");
  EXPECT_EQ(text("up.not_registered"), "late [up.not_registered]");
}

TEST(Refusal, OfAConfigurationIsAWrongUseWhoeverFoundTheMistake) {
  const Status found(Code::kBadMessage, "gateway.bad_prefix", "a.yaml:1:1: prefix 'api'");

  EXPECT_EQ(refusal_text(found), "a.yaml:1:1: prefix 'api' [gateway.bad_prefix]");
  EXPECT_TRUE(refusal_document(found).starts_with(R"({"ok":false,"exit_code":2,)"));
}

TEST(ErrorText, ShowsTheCauseOnALineOfItsOwn) {
  EXPECT_EQ(error_text(Status(Code::kInternal, "handler.threw", "failed").with_cause("why\n")),
            "internal (500): failed [handler.threw]\n  cause: why\\n");
}

TEST(ErrorDocument, IsOneObjectWithTheExitCode) {
  const std::string document =
      error_document(Status(Code::kNotFound, "route.unknown", "no \"x\"").with_cause("\xFF"));

  EXPECT_TRUE(is_json(document)) << document;
  EXPECT_TRUE(document.starts_with(R"({"ok":false,"exit_code":1,"error":{"code":404,)"));
}

}  // namespace
}  // namespace fairlead::cli
