#include "fairlead/runtime/protection.h"

#include <atomic>

#include <gtest/gtest.h>

#include "fairlead/base/time.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

class ProtectionTest : public ::testing::Test {
 protected:
  ~ProtectionTest() override { protection_->end(); }

  // Whether a connection from this machine would be taken.
  bool takes() {
    return protection_->connections().admit(io::Address::loopback(1), 10, steady_now()).verdict ==
           io::ConnectionLimits::Verdict::kWelcome;
  }
  static bool comes_true(const std::function<bool()>& what) {
    const Time end = steady_now() + 20s;
    while (!what() && steady_now() < end) std::this_thread::sleep_for(5ms);
    return what();
  }

  observe::Registry metrics_;
  std::unique_ptr<Protection> protection_ = Protection::make({}, metrics_).value();
  std::unique_ptr<io::Core> core_ = io::Core::make().value();
};

TEST_F(ProtectionTest, WithoutMemoryNobodyIsTakenUntilThereIsSomeAgain) {
  std::atomic<MemoryLevel> level = MemoryLevel::kNormal;
  std::atomic<std::uint64_t> told = 0;
  const auto hear = [&](MemoryLevel now, std::uint64_t memory_max) {
    told = memory_max;
    level = now;
  };
  ASSERT_TRUE(protection_->start({core_.get()}, hear).ok());
  EXPECT_TRUE(takes());

  ASSERT_TRUE(protection_->update({.memory_max = 1U << 20U}).ok());
  EXPECT_TRUE(comes_true([&] { return level == MemoryLevel::kCritical; }));
  EXPECT_EQ(told, 1U << 20U);
  EXPECT_FALSE(takes());
  EXPECT_GE(protection_->bounds().hits(observe::Bound::kMemory), 1U);

  ASSERT_TRUE(protection_->update({.memory_max = 1ULL << 50U}).ok());
  EXPECT_TRUE(comes_true([&] { return level == MemoryLevel::kNormal; }));
  EXPECT_TRUE(takes());
}

TEST_F(ProtectionTest, NobodyNeedsToHearOfLevels) {
  ASSERT_TRUE(protection_->start({core_.get()}).ok());
  ASSERT_TRUE(protection_->update({.memory_max = 1U << 20U}).ok());

  EXPECT_TRUE(comes_true([&] { return !takes(); }));
}

TEST_F(ProtectionTest, RefusesLimitsThatAreNone) {
  const ProtectionOptions wrong{.connections = {.ip_connections_max = 10'000'001}};
  observe::Registry other;

  EXPECT_EQ(Protection::make(wrong, other).status().reason(), "limits.bad_option");
  EXPECT_EQ(protection_->update(wrong).reason(), "limits.bad_option");
  EXPECT_TRUE(takes());
}

TEST_F(ProtectionTest, OpenConnectionsAreAGauge) {
  const observe::Gauge open = metrics_.gauge({"fairlead_runtime_connections_open", ""}).value();
  {
    const io::ConnectionLimits::Admitted held =
        protection_->connections().admit(io::Address::loopback(1), 10, steady_now());
    EXPECT_EQ(open.value(), 1);
  }
  EXPECT_EQ(open.value(), 0);
}

}  // namespace
}  // namespace fairlead::runtime
