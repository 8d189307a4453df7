#include "fairlead/http/proto/chunk_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fairlead/http/proto/chunked.h"

namespace fairlead::http::proto {
namespace {

using namespace std::string_literals;

TEST(ChunkWriter, WritesWhatTheDecoderReads) {
  Buffer out;
  write_chunk(out, "hello");
  write_chunk(out, "");
  write_chunk_size(out, 26);
  out.append("abcdefghijklmnopqrstuvwxyz");
  out.append(kChunkEnd);
  const std::vector<Field> fields = {{"X-Sum", "5"}, {"X-Empty", ""}};
  ASSERT_TRUE(write_last_chunk(out, fields).ok());

  EXPECT_EQ(out.view(),
            "5\r\nhello\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nX-Sum: 5\r\nX-Empty: \r\n\r\n");
  ChunkedDecoder decoder;
  Trailers trailers;
  decoder.keep_trailers(trailers);
  std::string body;
  std::string_view rest = out.view();
  ChunkedDecoder::Step step;
  while (!rest.empty() && step.state == ParseState::kNeedMore) {
    step = decoder.next(rest);
    body += step.data;
    rest.remove_prefix(step.consumed);
  }
  EXPECT_EQ(step.state, ParseState::kDone);
  EXPECT_EQ(body, "helloabcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(trailers.find("x-sum"), "5");
  EXPECT_EQ(trailers.size(), 2U);
}

TEST(ChunkWriter, RefusesToBeSplitAndWritesNothing) {
  const std::string large(16384, 'v');
  for (const Field& bad :
       {Field{"", "v"}, Field{"a b", "v"}, Field{"a", "b\r\nc: d"}, Field{"a", " b"},
        Field{"a", "\x7f"}, Field{"Content-Length", "5"}, Field{"a", large}}) {
    Buffer out("before");
    const std::vector<Field> fields = {{"fine", "v"}, bad};
    const Status status = write_last_chunk(out, fields);
    EXPECT_EQ(status.code(), Code::kEncodeFailed) << bad.name;
    EXPECT_EQ(status.reason(), "http.bad_trailer") << bad.name;
    EXPECT_EQ(out.view(), "before");
  }
  Buffer out;
  const std::vector<Field> many(kFieldsMax + 1, Field{"a", "b"});
  EXPECT_EQ(write_last_chunk(out, many).reason(), "http.bad_trailer");
  EXPECT_TRUE(write_last_chunk(out, std::span(many).first(kFieldsMax)).ok());
}

}  // namespace
}  // namespace fairlead::http::proto
