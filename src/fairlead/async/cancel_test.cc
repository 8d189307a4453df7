#include "fairlead/async/cancel.h"

#include <memory>

#include <gtest/gtest.h>

namespace fairlead {
namespace {

struct Counter final : CancelListener {
  void on_cancel() override { ++heard; }
  int heard = 0;
};

TEST(CancelToken, TellsEveryListenerOnce) {
  CancelSource source;
  Counter a;
  Counter b;
  EXPECT_FALSE(a.listen(source.token()));
  EXPECT_FALSE(b.listen(source.token()));

  source.cancel();
  source.cancel();

  EXPECT_EQ(a.heard, 1);
  EXPECT_EQ(b.heard, 1);
  EXPECT_TRUE(source.token().cancelled());
}

TEST(CancelToken, SaysAtOnceThatItIsCancelledAlready) {
  CancelSource source;
  source.cancel();
  Counter late;
  EXPECT_TRUE(late.listen(source.token()));
  EXPECT_EQ(late.heard, 0);
}

TEST(CancelToken, ForgetsListenersThatAreGone) {
  CancelSource source;
  {
    Counter gone;
    EXPECT_FALSE(gone.listen(source.token()));
  }
  Counter stays;
  EXPECT_FALSE(stays.listen(source.token()));
  stays.forget();
  source.cancel();
  EXPECT_EQ(stays.heard, 0);
}

TEST(CancelToken, OutlivesItsSource) {
  auto source = std::make_unique<CancelSource>();
  const CancelToken token = source->token();
  Counter listener;
  EXPECT_FALSE(listener.listen(token));
  source.reset();
  EXPECT_FALSE(token.cancelled());
  EXPECT_FALSE(CancelToken().cancelled());
}

}  // namespace
}  // namespace fairlead
