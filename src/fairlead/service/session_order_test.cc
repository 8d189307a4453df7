#include "fairlead/service/session_order.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace fairlead::service::internal {
namespace {

struct Entry {};  // nobody looks into them
using Order = SessionOrder<Entry>;

std::vector<std::uint64_t> numbers(const Order& order) {
  std::vector<std::uint64_t> out;
  for (auto next = order.after(0); next.entry != nullptr; next = order.after(next.number)) {
    out.push_back(next.number);
  }
  return out;
}

TEST(SessionOrder, GivesThoseWhoAreThereInTheOrderOfComing) {
  Order order;
  Entry entry;
  for (std::uint64_t number = 1; number <= 6; ++number) order.add(number, entry);
  for (const std::uint64_t number : {1U, 3U, 4U}) order.remove(number);

  EXPECT_EQ(numbers(order), (std::vector<std::uint64_t>{2, 5, 6}));
  EXPECT_EQ(order.after(2).number, 5U);
  EXPECT_EQ(order.after(4).number, 5U);
  EXPECT_EQ(order.after(6).entry, nullptr);
  EXPECT_FALSE(order.empty());
}

TEST(SessionOrder, IsEmptyWhenAllHaveGone) {
  Order order;
  Entry entry;
  EXPECT_TRUE(order.empty());
  order.add(1, entry);
  order.add(2, entry);
  order.remove(2);
  order.remove(1);

  EXPECT_TRUE(order.empty());
  EXPECT_EQ(order.after(0).entry, nullptr);
  order.add(3, entry);
  EXPECT_EQ(numbers(order), (std::vector<std::uint64_t>{3}));
}

TEST(SessionOrder, TakesNoMemoryForThoseWhoHaveGone) {
  Order order;
  Entry entry;
  order.add(1, entry);  // the oldest stays
  for (std::uint64_t number = 2; number <= 10'000; ++number) {
    order.add(number, entry);
    if (number > 10) order.remove(number - 5);
  }

  EXPECT_LE(order.slots(), 32U);
  EXPECT_EQ(numbers(order).front(), 1U);
  EXPECT_EQ(numbers(order).back(), 10'000U);
}

}  // namespace
}  // namespace fairlead::service::internal
