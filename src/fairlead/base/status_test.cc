#include "fairlead/base/status.h"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

TEST(Status, IsOneNullPointerWhenOk) {
  static_assert(sizeof(Status) == sizeof(void*));
  const Status ok;
  EXPECT_TRUE(ok.ok());
  EXPECT_EQ(ok.code(), Code::kOk);
  EXPECT_EQ(ok.to_string(), "ok");
  EXPECT_TRUE(Status(Code::kOk, "ignored", "ignored").ok());
}

TEST(Status, FallsBackToTheTextOfItsCode) {
  const Status status(Code::kNotFound, "route.unknown", "");
  EXPECT_EQ(status.message(), "Not Found");
  EXPECT_EQ(status.to_string(), "not_found (404) route.unknown: Not Found");
}

TEST(Status, KeepsCodeAndReasonWhenContextIsAdded) {
  const Status inner =
      Status(Code::kDialFailed, "dial.refused", "refused").with_cause("ECONNREFUSED");
  const Status outer = Status(inner).with_context("calling math");

  EXPECT_EQ(outer.code(), inner.code());
  EXPECT_EQ(outer.reason(), "dial.refused");
  EXPECT_EQ(outer.message(), "calling math: refused");
  ASSERT_NE(outer.cause(), nullptr);
  EXPECT_EQ(*outer.cause(), "ECONNREFUSED");
}

TEST(Status, TellsAnEmptyCauseFromNone) {
  EXPECT_EQ(Status(Code::kInternal, "", "x").cause(), nullptr);
  EXPECT_NE(Status(Code::kInternal, "", "x").with_cause("").cause(), nullptr);
}

TEST(Status, TakesItsOutcomeFromTheTableUnlessToldMore) {
  EXPECT_EQ(Status(Code::kConnectionClosed, "", "").outcome(), Outcome::kUnknown);
  EXPECT_EQ(Status(Code::kConnectionClosed, "", "").with_outcome(Outcome::kNotSent).outcome(),
            Outcome::kNotSent);
}

}  // namespace
}  // namespace fairlead
