#include "fairlead/http/date.h"

#include <gtest/gtest.h>

namespace fairlead::http {
namespace {

TEST(HttpDate, WritesTheExampleOfTheStandard) {
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(1709251199), "Thu, 29 Feb 2024 23:59:59 GMT");
}

TEST(DateCache, ChangesWithTheSecond) {
  DateCache cache;
  EXPECT_EQ(cache.at(784111777'000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.at(784111777'999), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(cache.at(784111778'000), "Sun, 06 Nov 1994 08:49:38 GMT");
}

}  // namespace
}  // namespace fairlead::http
