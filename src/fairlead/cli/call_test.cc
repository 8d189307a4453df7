#include "fairlead/cli/call.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "fairlead/cli/json_text.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::cli {
namespace {

TEST(RequestOf, TakesTheBodyFromTheCommandLine) {
  const auto request = request_of({.method = "/m", .body = "{}", .meta = {"a=1", "b=2=3"}});

  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->body.view(), "{}");
  EXPECT_EQ(request->body_codec, 'j');
  const auto metadata = wire::parse_metadata_text(request->metadata).value();
  EXPECT_EQ(metadata.get("a"), "1");
  EXPECT_EQ(metadata.get("b"), "2=3");
  EXPECT_EQ(metadata.get("X-Accept-Body-Codec"), "106");
  EXPECT_EQ(metadata.get("X-Fl-Timeout"), "5000");
}

TEST(RequestOf, HasNoCodecWithoutABody) {
  EXPECT_EQ(request_of({.method = "/m"}).value().body_codec, wire::kNoCodec);
  EXPECT_EQ(request_of({.method = "/m", .body = ""}).value().body_codec, 'j');
}

TEST(RequestOf, ReadsAFile) {
  const std::string path = ::testing::TempDir() + "fl_call_body.json";
  std::ofstream(path) << "{\"a\":1}";

  EXPECT_EQ(request_of({.method = "/m", .body = "@" + path}).value().body.view(), "{\"a\":1}");

  std::ofstream(path) << std::string((8U << 20U) + 1, ' ');
  EXPECT_EQ(request_of({.method = "/m", .body = "@" + path}).status().reason(), "usage.bad_body");
  std::remove(path.c_str());
}

TEST(RequestOf, NamesAFileThatCannotBeRead) {
  const auto missing = request_of({.method = "/m", .body = "@/nowhere/x"});
  EXPECT_EQ(missing.status().reason(), "usage.bad_body");
  EXPECT_NE(missing.status().message().find("/nowhere/x"), std::string_view::npos);
  EXPECT_EQ(request_of({.method = "/m", .body = "@/"}).status().reason(), "usage.bad_body");
}

TEST(ReplyDocument, ShowsABodyAsWhatItIs) {
  EXPECT_EQ(reply_document({.body_codec = 'j', .body = Bytes("{\"q\":5}"), .metadata = "a=1"}),
            R"({"ok":true,"codec":"json","metadata":[{"key":"a","value":"1"}],"body":{"q":5}})");
  EXPECT_EQ(reply_document({.body_codec = 's', .body = Bytes("hi"), .metadata = ""}),
            R"({"ok":true,"codec":"plain","metadata":[],"body":"hi"})");
  EXPECT_EQ(reply_document({.body_codec = 'p', .body = Bytes("\xFF"), .metadata = ""}),
            R"({"ok":true,"codec":"protobuf","metadata":[],"body_base64":"/w=="})");
}

TEST(ReplyDocument, IsADocumentEvenWhenTheBodyLies) {
  const std::string document =
      reply_document({.body_codec = 'j', .body = Bytes("{\"q\":"), .metadata = "a=%FF"});

  EXPECT_TRUE(is_json(document)) << document;
}

}  // namespace
}  // namespace fairlead::cli
