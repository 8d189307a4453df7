#include "fairlead/store/watch_table.h"

#include <gtest/gtest.h>

#include "fairlead/store/memory_engine.h"

namespace fairlead::store::internal {
namespace {

class WatchTableTest : public ::testing::Test {
 protected:
  struct Told {
    WatchState* watch;
    Result<WatchBatch> batch;
  };

  std::shared_ptr<WatchState> add(const std::string& prefix, Revision from) {
    auto watch = std::make_shared<WatchState>();
    watch->prefix = prefix;
    watch->next = from;
    table_.add(engine_, watch);
    return watch;
  }
  void put(const std::string& key) { ASSERT_TRUE(engine_.put(key, "", {}, BootTime(0)).ok()); }

  std::vector<Told> told_;
  MemoryEngine engine_{[] {
    Limits limits;
    limits.changes_max = 10;
    return limits;
  }()};
  WatchTable table_{[this](std::shared_ptr<WatchState> watch, Result<WatchBatch> batch) {
    told_.push_back({watch.get(), std::move(batch)});
  }};
};

TEST_F(WatchTableTest, TellsEachWatchItsPrefixFromItsRevision) {
  put("a/1");
  put("b/1");
  const auto all = add("", 1);
  const auto a = add("a/", 2);
  put("a/2");

  table_.pump(engine_);

  ASSERT_EQ(told_.size(), 2U);
  EXPECT_EQ(told_[0].watch, all.get());
  EXPECT_EQ(told_[0].batch->changes.size(), 3U);
  EXPECT_EQ(told_[0].batch->revision, 3);
  EXPECT_EQ(told_[1].watch, a.get());
  ASSERT_EQ(told_[1].batch->changes.size(), 1U);
  EXPECT_EQ(told_[1].batch->changes[0].entry.key, "a/2");
  table_.pump(engine_);
  EXPECT_EQ(told_.size(), 2U) << "nothing is told twice";
}

TEST_F(WatchTableTest, BeginsWithTheNextChangeWhenNoRevisionIsGiven) {
  put("a");
  add("", 0);
  put("b");
  table_.pump(engine_);
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0].batch->changes[0].entry.key, "b");
}

TEST_F(WatchTableTest, EndsAWatchWhoseChangesAreForgottenAndNoOther) {
  const auto late = add("", 1);
  const auto present = add("", 12);
  for (int i = 0; i < 12; ++i) put("a");

  table_.pump(engine_);

  ASSERT_EQ(told_.size(), 2U);
  EXPECT_EQ(told_[0].watch, late.get());
  EXPECT_EQ(told_[0].batch.status().reason(), "store.compacted");
  EXPECT_EQ(told_[1].watch, present.get());
  EXPECT_EQ(told_[1].batch->changes.size(), 1U);
}

TEST_F(WatchTableTest, HoldsBackForACoreThatDoesNotTakeWhatItWasSent) {
  const auto slow = add("", 1);
  const auto quick = add("", 1);
  for (int i = 0; i < 6; ++i) {
    put("a");
    table_.pump(engine_);
    quick->under_way = 0;
  }
  const auto told_to = [&](const auto& watch) {
    return std::ranges::count_if(told_,
                                 [&](const Told& told) { return told.watch == watch.get(); });
  };
  EXPECT_EQ(told_to(slow), kBatchesUnderWayMax);
  EXPECT_EQ(told_to(quick), 6);

  slow->handler = [](const Result<WatchBatch>&) {};
  EXPECT_TRUE(tell(*slow, WatchBatch{})) << "the table must be pumped again";
  EXPECT_FALSE(tell(*slow, WatchBatch{}));
  table_.pump(engine_);

  ASSERT_EQ(told_to(slow), kBatchesUnderWayMax + 1);
  EXPECT_EQ(told_.back().batch->changes.size(), 2U) << "what it missed comes in one batch";
}

TEST_F(WatchTableTest, TellsNothingToAWatchThatWasRemoved) {
  const auto watch = add("", 1);
  put("a");
  table_.remove(watch.get());
  table_.pump(engine_);
  EXPECT_TRUE(told_.empty());
  EXPECT_TRUE(table_.empty());
}

}  // namespace
}  // namespace fairlead::store::internal
