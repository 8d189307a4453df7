#include "fairlead/rpc/plugins/auth.h"

#include <gtest/gtest.h>

#include "fairlead/rpc/plugin_script.h"

namespace fairlead::rpc {
namespace {

class AuthTest : public SessionPlugins {
 protected:
  AuthTest() {
    serve(wire::Kind::kCall, "/who", [](Context& context) {
      context.reply_with('s', Bytes(context.session().values().get(kAuthSubject).value_or("")));
      return Status();
    });
  }
  void check(AuthChecker checker) {
    PeerOptions options;
    NewPeer made{options, server_router};
    ASSERT_TRUE(at_server.add(std::move(checker)).ok());
    ASSERT_TRUE(at_server.ask<&Plugin::pre_new_peer>(made).ok());
  }
};

TEST_F(AuthTest, WhoHasATokenIsKnownByItsSubject) {
  check(AuthChecker::of_tokens({{"alice", "wonder"}, {"bob", "builder"}}));
  ASSERT_TRUE(at_client.add(AuthBearer("builder")).ok());
  start();

  ASSERT_TRUE(dial().ok());
  const Result<Reply> reply = ask("/who");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "bob");
}

TEST_F(AuthTest, WhoHasNoneOrAWrongOneIsRefused) {
  check(AuthChecker::of_tokens({{"alice", "wonder"}}));
  start();
  for (const char* token : {"", "wonde", "wonderland", "xonder"}) {
    const Status dialled = dial({.login = Login{.body = token}});

    EXPECT_EQ(dialled.code(), Code::kUnauthenticated) << token;
    EXPECT_EQ(dialled.reason(), "auth.bad_token") << token;
  }
}

TEST_F(AuthTest, ACheckOfOnesOwnSaysWhy) {
  check(AuthChecker([](std::string_view token, Context&) -> Result<std::string> {
    if (token == "old") return Status(Code::kForbidden, "test.expired", "it has expired");
    return std::string("somebody");
  }));
  start();

  EXPECT_EQ(dial({.login = Login{.body = "old"}}).reason(), "test.expired");
  EXPECT_TRUE(dial({.login = Login{.body = "new"}}).ok());
}

TEST_F(AuthTest, ALoginThatTheDiallerGaveWins) {
  check(AuthChecker::of_tokens({{"alice", "wonder"}}));
  ASSERT_TRUE(at_client.add(AuthBearer("wrong")).ok());
  start();

  EXPECT_TRUE(dial({.login = Login{.body = "wonder"}}).ok());
}

TEST_F(AuthTest, TwoCheckersAreOneTooMany) {
  check(AuthChecker::of_tokens({{"alice", "wonder"}}));
  PeerOptions options;
  NewPeer made{options, server_router};

  EXPECT_EQ(at_server.ask<&Plugin::pre_new_peer>(made).reason(), "route.taken");
  start();
}

}  // namespace
}  // namespace fairlead::rpc
