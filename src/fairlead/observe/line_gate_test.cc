#include "fairlead/observe/line_gate.h"

#include <gtest/gtest.h>

namespace fairlead::observe {
namespace {

using namespace std::chrono_literals;

TEST(LineGate, LetsTheFirstPassAndThenOneAMinuteWithTheCountOfAll) {
  LineGate gate;
  const Time now{1h};

  EXPECT_EQ(gate.pass(now), 1U);
  for (int i = 1; i < 60; ++i) EXPECT_EQ(gate.pass(now + i * 1s), std::nullopt) << i;
  EXPECT_EQ(gate.pass(now + 60s), 60U);
  EXPECT_EQ(gate.pass(now + 61s), std::nullopt);
}

TEST(LineGates, OneKeyDoesNotKeepAnotherSilent) {
  LineGates gates;
  const Time now{1h};

  EXPECT_EQ(gates.pass("a", now), 1U);
  EXPECT_EQ(gates.pass("b", now), 1U);
  EXPECT_EQ(gates.pass("a", now), std::nullopt);
}

TEST(LineGates, KeysBeyondTheLimitShareOne) {
  LineGates gates;
  const Time now{1h};
  for (std::size_t i = 0; i < LineGates::kKeysMax; ++i) {
    EXPECT_EQ(gates.pass(std::to_string(i), now), 1U);
  }

  EXPECT_EQ(gates.pass("one more", now), 1U);
  EXPECT_EQ(gates.pass("another", now), std::nullopt);
}

}  // namespace
}  // namespace fairlead::observe
