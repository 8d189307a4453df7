#include "fairlead/base/exception.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace fairlead {
namespace {

template <class Thrown>
Status caught(const Thrown& thrown) {
  try {
    throw thrown;
  } catch (...) {
    return with_exception_as_cause(Status(Code::kInternal, "test.threw", "told"));
  }
}

TEST(Exception, ItsTextIsTheCause) {
  const Status status = caught(std::runtime_error("no disk"));
  EXPECT_EQ(status.reason(), "test.threw");
  ASSERT_NE(status.cause(), nullptr);
  EXPECT_EQ(*status.cause(), "no disk");
}

TEST(Exception, WhatIsNoExceptionOfTheLibraryIsCaughtToo) {
  const Status status = caught(7);
  ASSERT_NE(status.cause(), nullptr);
  EXPECT_EQ(*status.cause(), "an exception that is no std::exception");
}

}  // namespace
}  // namespace fairlead
