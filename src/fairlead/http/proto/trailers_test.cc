#include "fairlead/http/proto/trailers.h"

#include <gtest/gtest.h>

#include <string>

namespace fairlead::http::proto {
namespace {

TEST(Trailers, KeepsLinesInTheirOrder) {
  Trailers trailers;
  EXPECT_TRUE(trailers.add_line("X-Sum: \t 5 "));
  EXPECT_TRUE(trailers.add_line("Server-Timing:"));

  ASSERT_EQ(trailers.size(), 2U);
  EXPECT_EQ(trailers[0].name, "X-Sum");
  EXPECT_EQ(trailers.find("x-sum"), "5");
  EXPECT_EQ(trailers.find("server-timing"), "");
  trailers.clear();
  EXPECT_EQ(trailers.size(), 0U);
  EXPECT_EQ(trailers.find("x-sum"), std::nullopt);
}

TEST(Trailers, LeavesOutWhatWasDecidedInTheHead) {
  Trailers trailers;
  for (const char* line : {"content-length: 5", "TRANSFER-ENCODING: chunked", "Host: evil",
                           "Authorization: x", "Set-Cookie: x", "Content-Type: x", "If-Match: x",
                           "Connection: close", "X-Real-IP: 1.2.3.4"}) {
    EXPECT_TRUE(trailers.add_line(line)) << line;
  }
  EXPECT_EQ(trailers.size(), 0U);
  EXPECT_TRUE(is_trailer_allowed("ETag"));
  EXPECT_TRUE(is_trailer_allowed("Grpc-Status"));
}

TEST(Trailers, RefusesWhatIsNoFieldLine) {
  Trailers trailers;
  for (const char* line : {"", ":", "a", "a b: c", " a: b", "a : b"}) {
    EXPECT_FALSE(trailers.add_line(line)) << line;
  }
}

TEST(Trailers, BoundsTheirNumber) {
  Trailers trailers;
  for (std::size_t i = 0; i < kFieldsMax; ++i) EXPECT_TRUE(trailers.add_line("A: b"));
  EXPECT_FALSE(trailers.add_line("A: b"));
}

}  // namespace
}  // namespace fairlead::http::proto
