#include "fairlead/rpc/plugins/ignore_case.h"

#include <gtest/gtest.h>

#include "fairlead/rpc/plugin_script.h"

namespace fairlead::rpc {
namespace {

class IgnoreCaseTest : public SessionPlugins {
 protected:
  IgnoreCaseTest() {
    serve(wire::Kind::kCall, "/name", [](Context& context) {
      context.reply_with('s', Bytes(context.method()));
      return Status();
    });
    EXPECT_TRUE(at_server.add(IgnoreCase()).ok());
    start();
    EXPECT_TRUE(dial().ok());
  }
};

TEST_F(IgnoreCaseTest, AMethodInAnyCaseReachesItsRoute) {
  const Result<Reply> reply = ask("/NaMe");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "/name");
}

TEST_F(IgnoreCaseTest, TheQueryStaysAsItIs) {
  const Result<Reply> reply = ask("/NAME?Key=VALUE");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "/name?Key=VALUE");
}

TEST_F(IgnoreCaseTest, PushesToo) {
  ASSERT_TRUE(
      session->push({.method = "/TOLD", .body_codec = 's'}, Bytes(std::string_view("x"))).ok());

  turn_until([&] { return told.size() == 1; });
}

}  // namespace
}  // namespace fairlead::rpc
