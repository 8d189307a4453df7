#include "fairlead/rpc/call_table.h"

#include <memory>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::rpc {
namespace {

struct Call final : PendingCall {
  void on_done(Status, const wire::MessageView&, const Bytes&) override {}
};

TEST(CallTable, FindsEachCallByItsNumberOnce) {
  CallTable table;
  Call a;
  Call b;
  const std::int32_t seq_a = table.add(a);
  const std::int32_t seq_b = table.add(b);
  EXPECT_EQ(seq_a, 1);
  EXPECT_EQ(seq_b, 2);

  EXPECT_EQ(table.take(seq_b), &b);
  EXPECT_EQ(table.take(seq_b), nullptr);
  EXPECT_EQ(table.take(99), nullptr);
  EXPECT_EQ(table.take(-1), nullptr);
  EXPECT_EQ(table.take(0), nullptr);
  EXPECT_EQ(table.take_any(), &a);
  EXPECT_EQ(table.size(), 0U);
}

TEST(CallTable, SkipsTheNumberOfACallThatWaitsLong) {
  CallTable table;
  Call slow;
  const std::int32_t slow_seq = table.add(slow);
  std::set<std::int32_t> numbers;
  for (int i = 0; i < 1000; ++i) {
    Call quick;
    const std::int32_t seq = table.add(quick);
    EXPECT_TRUE(numbers.insert(seq).second);
    EXPECT_EQ(table.take(seq), &quick);
  }
  EXPECT_EQ(table.take(slow_seq), &slow);
}

TEST(CallTable, KnowsNoDeadlineWhenItIsEmpty) {
  CallTable table;
  std::size_t place = 0;

  EXPECT_EQ(table.next_deadline(), std::nullopt);
  EXPECT_EQ(table.take_expired(Time::max(), place), nullptr);
}

TEST(CallTable, HoldsManyCallsTakenInAnyOrder) {
  Random random(11);
  CallTable table;
  std::vector<std::pair<std::int32_t, std::unique_ptr<Call>>> open;
  for (int step = 0; step < 20'000; ++step) {
    if (open.empty() || random.below(100) < 52) {
      auto call = std::make_unique<Call>();
      const std::int32_t seq = table.add(*call);
      open.emplace_back(seq, std::move(call));
    } else {
      const std::size_t at = random.below(open.size());
      if (random.below(2) == 0) {
        ASSERT_EQ(table.take(open[at].first), open[at].second.get());
      } else {
        table.remove(*open[at].second);
        ASSERT_EQ(table.take(open[at].first), nullptr);
      }
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    }
    ASSERT_EQ(table.size(), open.size());
  }
  while (table.take_any() != nullptr) {
  }
}

}  // namespace
}  // namespace fairlead::rpc
