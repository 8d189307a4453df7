#include "fairlead/async/task.h"

#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/async/scope.h"
#include "fairlead/base/result.h"

namespace fairlead {
namespace {

Task<int> number(int value) { co_return value; }

Task<Result<int>> half(int value) {
  if (value % 2 != 0) co_return Status(Code::kBadMessage, "number.odd", "");
  co_return value / 2;
}

Task<Result<int>> quarter(int value) {
  FL_CO_TRY_ASSIGN(const int once, co_await half(value));
  FL_CO_TRY_ASSIGN(const int twice, co_await half(once));
  co_return twice;
}

Task<int> failing() {
  throw std::runtime_error("boom");
  co_return 1;
}

// Runs a task that never suspends for long, and gives its value.
template <class T>
T run(Task<T> task) {
  std::optional<T> value;
  Scope scope;
  const auto body = [](Task<T> inner, std::optional<T>* out) -> Task<void> {
    T result = co_await inner;
    *out = std::move(result);
  };
  scope.spawn(body(std::move(task), &value));
  return std::move(*value);
}

TEST(Task, DoesNotStartBeforeItIsAwaited) {
  bool started = false;
  const auto body = [](bool* flag) -> Task<int> {
    *flag = true;
    co_return 1;
  };
  Task<int> task = body(&started);
  EXPECT_FALSE(started);
  EXPECT_EQ(run(std::move(task)), 1);
  EXPECT_TRUE(started);
}

TEST(Task, PassesErrorsThroughTheMacros) {
  EXPECT_EQ(run(quarter(8)).value(), 2);
  EXPECT_EQ(run(quarter(6)).status().reason(), "number.odd");
}

TEST(Task, ThrowsAtWhoAwaitsItWhatWasThrownInside) {
  const auto body = []() -> Task<std::string> {
    std::string caught;
    try {
      const int value = co_await failing();
      caught = std::to_string(value);
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
    co_return caught;
  };
  EXPECT_EQ(run(body()), "boom");
}

TEST(Task, AwaitsAMillionOthersWithoutGrowingTheStack) {
  const auto body = []() -> Task<int> {
    int sum = 0;
    for (int i = 0; i < 1'000'000; ++i) {
      const int one = co_await number(1);
      sum += one;
    }
    co_return sum;
  };
  EXPECT_EQ(run(body()), 1'000'000);
}

TEST(Task, CanBeDroppedUnstarted) {
  auto guard = std::make_shared<int>(1);
  {
    const auto body = [](std::shared_ptr<int> held) -> Task<int> { co_return *held; };
    Task<int> task = body(guard);
    EXPECT_EQ(guard.use_count(), 2);
  }
  EXPECT_EQ(guard.use_count(), 1);
}

}  // namespace
}  // namespace fairlead
