#include "fairlead/rpc/router.h"

#include <gtest/gtest.h>

namespace fairlead::rpc {
namespace {

std::unique_ptr<Handler> nothing() {
  return make_handler([](Context&) { return Status(); });
}

TEST(Router, FindsEveryRouteAmongMany) {
  Router router;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(
        router.add(wire::Kind::kCall, "/service/method" + std::to_string(i), nothing()).ok());
  }
  for (int i = 0; i < 500; ++i) {
    const std::string method = "/service/method" + std::to_string(i);
    const Router::Route* route = router.find(method);
    ASSERT_NE(route, nullptr);
    EXPECT_EQ(route->method, method);
  }
  EXPECT_EQ(router.find("/service/method500"), nullptr);
  EXPECT_EQ(router.find(""), nullptr);
}

// Names are compared by words that overlap: a difference in any single byte must count.
TEST(Router, TellsNamesApartThatDifferInOneByte) {
  for (std::size_t size = 1; size <= 40; ++size) {
    Router router;
    const std::string method(size, 'm');
    ASSERT_TRUE(router.add(wire::Kind::kCall, method, nothing()).ok());
    EXPECT_NE(router.find(method), nullptr);
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = method;
      other[at] = 'n';
      EXPECT_EQ(router.find(other), nullptr) << size << " at " << at;
    }
  }
}

TEST(Router, RefusesASecondHandlerAndBadNames) {
  Router router;
  EXPECT_EQ(router.find("/a"), nullptr) << "an empty router knows nothing";
  EXPECT_TRUE(router.add(wire::Kind::kCall, "/a", nothing()).ok());
  EXPECT_EQ(router.add(wire::Kind::kCall, "/a", nothing()).reason(), "route.taken");
  EXPECT_EQ(router.add(wire::Kind::kCall, "", nothing()).reason(), "route.bad_method");
  EXPECT_EQ(router.add(wire::Kind::kCall, std::string(256, 'x'), nothing()).reason(),
            "route.bad_method");
  EXPECT_TRUE(router.add(wire::Kind::kCall, std::string(255, 'x'), nothing()).ok());
  EXPECT_TRUE(router.add_unknown(wire::Kind::kCall, nothing()).ok());
  EXPECT_EQ(router.add_unknown(wire::Kind::kCall, nothing()).reason(), "route.taken");
  EXPECT_EQ(router.unknown(wire::Kind::kPush), nullptr);
}

TEST(Router, OneMethodMayHaveARouteForEachKind) {
  Router router;
  ASSERT_TRUE(router.add(wire::Kind::kPush, "/heartbeat", nothing()).ok());
  ASSERT_TRUE(router.add(wire::Kind::kCall, "/heartbeat", nothing()).ok());
  ASSERT_TRUE(router.add(wire::Kind::kCall, "/other", nothing()).ok());

  EXPECT_EQ(router.add(wire::Kind::kPush, "/heartbeat", nothing()).reason(), "route.taken");
  EXPECT_EQ(router.add(wire::Kind::kCall, "/heartbeat", nothing()).reason(), "route.taken");
  const Router::Route* route = router.find("/heartbeat");
  ASSERT_NE(route, nullptr);
  EXPECT_EQ(route->kind, wire::Kind::kPush);
  ASSERT_NE(route->other, nullptr);
  EXPECT_EQ(route->other->kind, wire::Kind::kCall);
  EXPECT_EQ(router.find("/other")->other, nullptr);
}

TEST(Router, SuggestsTheNearestMethod) {
  Router router;
  EXPECT_TRUE(router.add(wire::Kind::kCall, "/math/divide", nothing()).ok());
  EXPECT_EQ(router.nearest("/math/divid"), "/math/divide");
  EXPECT_EQ(router.nearest("divide"), "/math/divide");
  EXPECT_EQ(router.nearest("math/divide"), "/math/divide");
  EXPECT_EQ(router.nearest("vide"), "");
  EXPECT_EQ(router.nearest("/zebra"), "");
  EXPECT_EQ(router.nearest(""), "");
}

}  // namespace
}  // namespace fairlead::rpc
