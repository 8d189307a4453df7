#include "fairlead/http/proto/writer.h"

#include <gtest/gtest.h>

#include <string>

#include "fairlead/http/proto/head.h"

namespace fairlead::http::proto {
namespace {

using namespace std::string_literals;

TEST(HeadWriter, WritesWhatTheParserReads) {
  Buffer out;
  HeadWriter writer(out);
  writer.request_line("POST", "/a?b");
  writer.field("Host", "localhost");
  writer.field("X-Empty", "");
  writer.content_length(12345678901234567ULL);
  ASSERT_TRUE(writer.finish().ok());
  EXPECT_EQ(out.view(),
            "POST /a?b HTTP/1.1\r\nHost: localhost\r\nX-Empty: \r\n"
            "Content-Length: 12345678901234567\r\n\r\n");
  RequestHeadParser parser;
  EXPECT_EQ(parser.parse(out.view()), ParseState::kDone);
}

TEST(HeadWriter, WritesAStatusLineWithItsPhrase) {
  Buffer out;
  for (const int status : {200, 599}) {
    HeadWriter writer(out);
    writer.status_line(status);
    ASSERT_TRUE(writer.finish().ok());
  }
  EXPECT_EQ(out.view(), "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 599 \r\n\r\n");
}

TEST(HeadWriter, HasAPhraseForEveryStatusThatWeSend) {
  for (const int status : {200, 204, 299, 400, 404, 408, 413, 414, 417, 431, 500, 501, 503, 505}) {
    EXPECT_FALSE(reason_phrase(status).empty()) << status;
  }
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(505), "HTTP Version Not Supported");
  for (const int status : {-1, 0, 99, 102, 599, 600})
    EXPECT_EQ(reason_phrase(status), "") << status;
}

TEST(HeadWriter, RefusesToBeSplitAndLeavesNothingBehind) {
  for (const std::string& value :
       {"a\r\nX-Evil: 1"s, "a\nb"s, "a\rb"s, "a\0b"s, "a\x7f"s, " a"s, "a\t"s}) {
    Buffer out("before");
    HeadWriter writer(out);
    writer.status_line(200);
    writer.field("X", value);
    writer.field("Y", "fine");
    const Status status = writer.finish();
    EXPECT_EQ(status.code(), Code::kEncodeFailed);
    EXPECT_EQ(status.reason(), "http.bad_field");
    EXPECT_EQ(out.view(), "before");
  }
  for (const std::string& name : {""s, "a b"s, "a:"s, "a\r\n"s}) {
    Buffer out;
    HeadWriter writer(out);
    writer.field(name, "v");
    EXPECT_EQ(writer.finish().reason(), "http.bad_field");
  }
  for (const std::string& target : {""s, "/a b"s, "/a\r\n"s, "/a#b"s, "/\xC3\xA9"s}) {
    Buffer out;
    HeadWriter writer(out);
    writer.request_line("GET", target);
    EXPECT_EQ(writer.finish().reason(), "http.bad_start_line");
    EXPECT_TRUE(out.empty());
  }
  for (const int status : {0, 99, 600}) {
    Buffer out;
    HeadWriter writer(out);
    writer.status_line(status);
    EXPECT_EQ(writer.finish().reason(), "http.bad_start_line");
  }
}

}  // namespace
}  // namespace fairlead::http::proto
