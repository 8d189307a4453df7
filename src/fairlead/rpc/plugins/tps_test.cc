#include "fairlead/rpc/plugins/tps.h"

#include <gtest/gtest.h>

#include "fairlead/rpc/plugin_script.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

class TpsTest : public SessionPlugins {
 protected:
  TpsTest() {
    EXPECT_TRUE(at_server.add(tps).ok());
    EXPECT_TRUE(server_router.announce(at_server).ok());
    start();
    EXPECT_TRUE(dial().ok());
  }
  std::uint64_t count(const char* name, const char* method, const char* kind = "CALL") {
    return registry.counter({name, ""}, {{"method", method}, {"kind", kind}})->value();
  }
  std::shared_ptr<Tps> tps = std::make_shared<Tps>(registry);
};

TEST_F(TpsTest, CountsWhatEachMethodServes) {
  ASSERT_TRUE(ask("/echo").ok());
  ASSERT_TRUE(ask("/echo").ok());
  ASSERT_FALSE(ask("/fail").ok());
  ASSERT_FALSE(ask("/nobody").ok());
  push("news");
  turn_until([&] { return !told.empty(); });

  EXPECT_EQ(count("fairlead_rpc_method_messages_total", "/echo"), 2U);
  EXPECT_EQ(count("fairlead_rpc_method_failed_total", "/echo"), 0U);
  EXPECT_EQ(count("fairlead_rpc_method_failed_total", "/fail"), 1U);
  EXPECT_EQ(count("fairlead_rpc_method_messages_total", "/told", "PUSH"), 1U);
}

TEST_F(TpsTest, RatesAreThoseSinceTheLastLook) {
  const Time now = steady_now();
  (void)tps->rates(now);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(ask("/echo").ok());

  const std::vector<Tps::Rate> rates = tps->rates(now + 10s);

  EXPECT_EQ(rates.at(0).method, "/echo");
  EXPECT_EQ(rates.at(0).messages, 20U);
  EXPECT_DOUBLE_EQ(rates.at(0).per_second, 2.0);
  EXPECT_DOUBLE_EQ(tps->rates(now + 20s).at(0).per_second, 0.0);
}

}  // namespace
}  // namespace fairlead::rpc
