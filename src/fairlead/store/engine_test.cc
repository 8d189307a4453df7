// One meaning for all backends: every test here runs on the memory engine and on the file engine.
#include "fairlead/store/engine.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "fairlead/store/file_engine.h"
#include "fairlead/store/memory_engine.h"
#include "fairlead/store/test_folder.h"

namespace fairlead::store::internal {
namespace {

using namespace std::chrono_literals;

std::string key_of(int number) {
  std::string digits = std::to_string(number);
  return "k" + std::string(5 - digits.size(), '0') + digits;
}

struct MemoryMaker {
  std::unique_ptr<Engine> make(const Limits& limits) {
    return std::make_unique<MemoryEngine>(limits);
  }
};

struct FileMaker {
  std::unique_ptr<Engine> make(const Limits& limits) {
    auto engine = FileEngine::open({.path = folder.file("store.db"),
                                    .boot_id = "boot",
                                    .busy_wait_max = 250ms,
                                    .limits = limits});
    EXPECT_TRUE(engine.ok()) << engine.status();
    return std::move(engine).value();
  }
  TestFolder folder;
};

template <class Maker>
class EngineTest : public ::testing::Test {
 protected:
  Engine& make(const Limits& limits = {}) {
    engine_ = maker_.make(limits);
    return *engine_;
  }
  BootTime now_{1'000'000};

 private:
  Maker maker_;
  std::unique_ptr<Engine> engine_;
};

using Makers = ::testing::Types<MemoryMaker, FileMaker>;
class Names {
 public:
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, MemoryMaker> ? "memory" : "file";
  }
};
TYPED_TEST_SUITE(EngineTest, Makers, Names);

TYPED_TEST(EngineTest, GivesNothingForAMissingKey) {
  Engine& engine = this->make();
  const auto entry = engine.get("a");
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_FALSE(entry->has_value());
  EXPECT_EQ(engine.revision().value(), 0);
}

TYPED_TEST(EngineTest, CountsRevisionsAndVersions) {
  Engine& engine = this->make();
  ASSERT_EQ(engine.put("a", "1", {}, this->now_).value(), 1);
  ASSERT_EQ(engine.put("b", "1", {}, this->now_).value(), 2);
  ASSERT_EQ(engine.put("a", "2", {}, this->now_).value(), 3);

  EXPECT_EQ(*engine.get("a").value(), (Entry{"a", "2", 1, 3, 2, 0}));
  EXPECT_EQ(*engine.get("b").value(), (Entry{"b", "1", 2, 2, 1, 0}));
  ASSERT_TRUE(engine.remove("a", {}).value());
  EXPECT_EQ(engine.revision().value(), 4);
  ASSERT_EQ(engine.put("a", "3", {}, this->now_).value(), 5);
  EXPECT_EQ(*engine.get("a").value(), (Entry{"a", "3", 5, 5, 1, 0}));
}

TYPED_TEST(EngineTest, KeepsKeysAndValuesOfAnyBytes) {
  Engine& engine = this->make();
  const std::string key("\0\xFF k'\"%_", 8);
  const std::string value("\0\x80\xFF", 3);
  ASSERT_TRUE(engine.put(key, value, {}, this->now_).ok());
  ASSERT_TRUE(engine.put("empty", "", {}, this->now_).ok());
  EXPECT_EQ(engine.get(key).value()->value, value);
  EXPECT_EQ(engine.get("empty").value()->value, "");
}

TYPED_TEST(EngineTest, SwapsOnlyWhatIsAsExpected) {
  Engine& engine = this->make();
  const PutOptions absent{.lease = 0, .expected_mod_revision = 0};
  ASSERT_EQ(engine.put("a", "1", absent, this->now_).value(), 1);

  const Status again = engine.put("a", "2", absent, this->now_).status();
  EXPECT_EQ(again.code(), Code::kConflict);
  EXPECT_EQ(again.reason(), "store.version_changed");
  EXPECT_EQ(engine.put("a", "2", {0, 7}, this->now_).status().reason(), "store.version_changed");
  EXPECT_EQ(engine.put("b", "2", {0, 1}, this->now_).status().reason(), "store.version_changed");
  EXPECT_EQ(engine.put("a", "2", {0, 1}, this->now_).value(), 2);
  EXPECT_EQ(engine.remove("a", {1}).status().reason(), "store.version_changed");
  EXPECT_EQ(engine.remove("b", {1}).status().reason(), "store.version_changed");
  EXPECT_TRUE(engine.remove("a", {2}).value());
  EXPECT_EQ(engine.revision().value(), 3);
}

TYPED_TEST(EngineTest, SaysWhetherThereWasSomethingToRemove) {
  Engine& engine = this->make();
  EXPECT_FALSE(engine.remove("a", {}).value());
  EXPECT_EQ(engine.revision().value(), 0);
}

TYPED_TEST(EngineTest, RefusesKeysAndValuesAboveTheirLimits) {
  Engine& engine = this->make();
  EXPECT_TRUE(engine.put(std::string(kKeyBytesMax, 'k'), "", {}, this->now_).ok());
  EXPECT_TRUE(engine.put("k", std::string(kValueBytesMax, 'v'), {}, this->now_).ok());

  const std::string long_key(kKeyBytesMax + 1, 'k');
  for (const Status& status :
       {engine.put(long_key, "", {}, this->now_).status(), engine.get(long_key).status(),
        engine.remove(long_key, {}).status()}) {
    EXPECT_EQ(status.code(), Code::kTooLarge);
    EXPECT_EQ(status.reason(), "store.key_too_big");
  }
  const Status value =
      engine.put("k", std::string(kValueBytesMax + 1, 'v'), {}, this->now_).status();
  EXPECT_EQ(value.code(), Code::kTooLarge);
  EXPECT_EQ(value.reason(), "store.value_too_big");
  EXPECT_EQ(engine.put("", "", {}, this->now_).status().reason(), "store.bad_key");
}

TYPED_TEST(EngineTest, ListsAPrefixInOrder) {
  Engine& engine = this->make();
  for (const char* key : {"b/2", "a", "b/1", "c", "b", "b/\xFF\xFF", "b0"}) {
    ASSERT_TRUE(engine.put(key, "v", {}, this->now_).ok());
  }

  const auto listing = engine.range("b/", {});

  ASSERT_TRUE(listing.ok()) << listing.status();
  std::vector<std::string> keys;
  for (const Entry& entry : listing->entries) keys.push_back(entry.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"b/1", "b/2", "b/\xFF\xFF"}));
  EXPECT_EQ(listing->revision, 7);
  EXPECT_FALSE(listing->more);
  EXPECT_EQ(engine.range("", {})->entries.size(), 7U);
  EXPECT_EQ(engine.range("x", {})->entries.size(), 0U);
}

TYPED_TEST(EngineTest, PagesAListing) {
  Engine& engine = this->make();
  for (int i = 0; i < 1001; ++i) ASSERT_TRUE(engine.put(key_of(i), "", {}, this->now_).ok());

  const auto first = engine.range("k", {.limit = 5000, .after = ""});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->entries.size(), kRangeEntriesMax);
  EXPECT_TRUE(first->more);
  const auto second = engine.range("k", {.limit = 0, .after = first->entries.back().key});
  EXPECT_EQ(second->entries.size(), 1U);
  EXPECT_FALSE(second->more);
  EXPECT_EQ(engine.range("k", {.limit = 2, .after = ""})->entries.size(), 2U);
  // `after` in front of the prefix changes nothing.
  EXPECT_EQ(engine.range("k0", {.limit = 1, .after = "a"})->entries[0].key, "k00000");
}

TYPED_TEST(EngineTest, EndsAListingAtItsLimitOfBytes) {
  Engine& engine = this->make();
  const std::string value(kValueBytesMax, 'v');
  for (int i = 0; i < 18; ++i) ASSERT_TRUE(engine.put(key_of(i), value, {}, this->now_).ok());
  const auto listing = engine.range("k", {});
  EXPECT_EQ(listing->entries.size(), 16U);
  EXPECT_TRUE(listing->more);
}

TYPED_TEST(EngineTest, DeletesTheKeysOfALeaseThatIsOver) {
  Engine& engine = this->make();
  const LeaseId lease = engine.grant(5s, this->now_).value();
  ASSERT_TRUE(engine.put("a", "1", {.lease = lease, .expected_mod_revision = {}}, this->now_).ok());
  ASSERT_TRUE(engine.put("b", "1", {.lease = lease, .expected_mod_revision = {}}, this->now_).ok());
  ASSERT_TRUE(engine.put("c", "1", {}, this->now_).ok());

  EXPECT_EQ(engine.expire(this->now_ + 4999ms).value(), 0U);
  EXPECT_TRUE(engine.get("a").value().has_value());
  EXPECT_EQ(engine.expire(this->now_ + 5000ms).value(), 1U);

  EXPECT_FALSE(engine.get("a").value().has_value());
  EXPECT_FALSE(engine.get("b").value().has_value());
  EXPECT_TRUE(engine.get("c").value().has_value());
  EXPECT_EQ(engine.revision().value(), 4) << "one revision for both";
  EXPECT_EQ(engine.expire(this->now_ + 5000ms).value(), 0U);
}

TYPED_TEST(EngineTest, KeepsALeaseThatIsKeptAlive) {
  Engine& engine = this->make();
  const LeaseId lease = engine.grant(5s, this->now_).value();
  EXPECT_EQ(engine.keep_alive(lease, this->now_ + 4s).value(), Duration(5s));
  EXPECT_EQ(engine.expire(this->now_ + 8999ms).value(), 0U);
  EXPECT_EQ(engine.expire(this->now_ + 9s).value(), 1U);
}

TYPED_TEST(EngineTest, RefusesALeaseThatIsOverBeforeItIsSwept) {
  Engine& engine = this->make();
  const LeaseId lease = engine.grant(5s, this->now_).value();
  const PutOptions with_lease{.lease = lease, .expected_mod_revision = {}};
  for (const Status& status :
       {engine.keep_alive(lease, this->now_ + 5s).status(),
        engine.put("a", "", with_lease, this->now_ + 5s).status(),
        engine.keep_alive(lease + 1, this->now_).status(),
        engine.put("a", "", {99, {}}, this->now_).status(), engine.revoke(lease + 1)}) {
    EXPECT_EQ(status.code(), Code::kNotFound);
    EXPECT_EQ(status.reason(), "store.no_lease");
  }
}

TYPED_TEST(EngineTest, RevokesALease) {
  Engine& engine = this->make();
  const LeaseId lease = engine.grant(5s, this->now_).value();
  ASSERT_TRUE(engine.put("a", "1", {.lease = lease, .expected_mod_revision = {}}, this->now_).ok());
  ASSERT_TRUE(engine.revoke(lease).ok());
  EXPECT_FALSE(engine.get("a").value().has_value());
  EXPECT_EQ(engine.revoke(lease).reason(), "store.no_lease");
  const LeaseId empty = engine.grant(5s, this->now_).value();
  EXPECT_NE(empty, lease);
  EXPECT_TRUE(engine.revoke(empty).ok());
  EXPECT_EQ(engine.revision().value(), 2) << "a lease without keys changes nothing";
}

TYPED_TEST(EngineTest, FreesAKeyFromItsLeaseByAWriteWithoutOne) {
  Engine& engine = this->make();
  const LeaseId one = engine.grant(5s, this->now_).value();
  const LeaseId two = engine.grant(50s, this->now_).value();
  ASSERT_TRUE(engine.put("a", "1", {one, {}}, this->now_).ok());
  ASSERT_TRUE(engine.put("b", "1", {one, {}}, this->now_).ok());
  ASSERT_TRUE(engine.put("a", "2", {}, this->now_).ok());
  ASSERT_TRUE(engine.put("b", "2", {two, {}}, this->now_).ok());
  ASSERT_EQ(engine.expire(this->now_ + 5s).value(), 1U);
  EXPECT_TRUE(engine.get("a").value().has_value());
  EXPECT_EQ(engine.get("b").value()->lease, two);
}

TYPED_TEST(EngineTest, EndsALeaseWithManyKeysOverSeveralRevisions) {
  Engine& engine = this->make();
  const LeaseId lease = engine.grant(5s, this->now_).value();
  for (int i = 0; i < 2000; ++i) {
    ASSERT_TRUE(engine.put(key_of(i), "", {lease, {}}, this->now_).ok());
  }
  ASSERT_TRUE(engine.revoke(lease).ok());
  EXPECT_EQ(engine.range("", {})->entries.size(), 0U);
  EXPECT_EQ(engine.revision().value(), 2002);
}

TYPED_TEST(EngineTest, ChecksTheTimeAndTheNumberOfLeases) {
  Limits limits;
  limits.leases_max = 2;
  Engine& engine = this->make(limits);
  EXPECT_TRUE(engine.grant(1s, this->now_).ok());
  EXPECT_TRUE(engine.grant(24h, this->now_).ok());
  for (const Duration ttl : {Duration(999ms), Duration(24h + 1ns), Duration(-1s), Duration(0)}) {
    EXPECT_EQ(engine.grant(ttl, this->now_).status().reason(), "store.bad_ttl");
  }
  const Status status = engine.grant(1s, this->now_).status();
  EXPECT_EQ(status.code(), Code::kOverloaded);
  EXPECT_EQ(status.reason(), "store.too_many_leases");
}

TYPED_TEST(EngineTest, TellsEveryChangeFromARevision) {
  Engine& engine = this->make();
  const LeaseId lease = engine.grant(5s, this->now_).value();
  ASSERT_TRUE(engine.put("a", "1", {lease, {}}, this->now_).ok());
  ASSERT_TRUE(engine.put("a", "2", {lease, {}}, this->now_).ok());
  ASSERT_TRUE(engine.put("b", "1", {lease, {}}, this->now_).ok());
  ASSERT_TRUE(engine.put("c", "1", {}, this->now_).ok());
  ASSERT_TRUE(engine.remove("c", {}).ok());
  ASSERT_TRUE(engine.revoke(lease).ok());

  const auto changes = engine.changes(2);

  ASSERT_TRUE(changes.ok()) << changes.status();
  const std::vector<Change> expected{
      {Change::Kind::kPut, {"a", "2", 1, 2, 2, lease}},
      {Change::Kind::kPut, {"b", "1", 3, 3, 1, lease}},
      {Change::Kind::kPut, {"c", "1", 4, 4, 1, 0}},
      {Change::Kind::kDelete, {"c", "", 0, 5, 0, 0}},
      {Change::Kind::kDelete, {"a", "", 0, 6, 0, 0}},
      {Change::Kind::kDelete, {"b", "", 0, 6, 0, 0}},
  };
  EXPECT_EQ(changes->changes, expected);
  EXPECT_EQ(changes->next, 7);
  EXPECT_EQ(engine.changes(7)->changes.size(), 0U);
  EXPECT_EQ(engine.changes(7)->next, 7);
  EXPECT_EQ(engine.changes(100)->next, 100);
}

TYPED_TEST(EngineTest, PagesChangesAtTheEndOfARevision) {
  Engine& engine = this->make();
  const LeaseId lease = engine.grant(5s, this->now_).value();
  for (int i = 0; i < 600; ++i) {
    ASSERT_TRUE(engine.put(key_of(i), "", {lease, {}}, this->now_).ok());
  }
  ASSERT_TRUE(engine.revoke(lease).ok());  // revision 601
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(engine.put(key_of(i), "", {}, this->now_).ok());

  const auto first = engine.changes(1);
  EXPECT_EQ(first->changes.size(), 1200U) << "the revision that fills the page is complete";
  EXPECT_EQ(first->next, 602);
  const auto second = engine.changes(first->next);
  EXPECT_EQ(second->changes.size(), 600U);
  EXPECT_EQ(second->next, 1202);
}

TYPED_TEST(EngineTest, ForgetsOldRevisions) {
  Limits limits;
  limits.changes_max = 10;
  Engine& engine = this->make(limits);
  for (int i = 0; i < 15; ++i) ASSERT_TRUE(engine.put("a", "", {}, this->now_).ok());

  const Status status = engine.changes(5).status();
  EXPECT_EQ(status.code(), Code::kPreconditionFailed);
  EXPECT_EQ(status.reason(), "store.compacted");
  EXPECT_EQ(engine.changes(6)->changes.size(), 10U);
  EXPECT_EQ(engine.changes(0).status().reason(), "store.compacted");
}

TYPED_TEST(EngineTest, ForgetsChangesThatTakeTooMuchRoom) {
  Limits limits;
  limits.change_bytes_max = 2000;
  Engine& engine = this->make(limits);
  const std::string value(900, 'v');
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(engine.put("a", value, {}, this->now_).ok());
  EXPECT_EQ(engine.changes(3).status().reason(), "store.compacted");
  EXPECT_EQ(engine.changes(4)->changes.size(), 2U);
  // One change larger than the limit is kept: its watchers must see it.
  ASSERT_TRUE(engine.put("a", std::string(5000, 'v'), {}, this->now_).ok());
  EXPECT_EQ(engine.changes(6)->changes.size(), 1U);
}

TYPED_TEST(EngineTest, RefusesToGrowBeyondItsLimitButStillDeletes) {
  Limits limits;
  limits.bytes_max = 300'000;
  limits.change_bytes_max = 1000;
  Engine& engine = this->make(limits);
  const std::string value(50'000, 'v');
  Status status;
  int written = 0;
  while (status.ok() && written < 100) {
    status = engine.put(key_of(written), value, {}, this->now_).status();
    if (status.ok()) ++written;
  }
  EXPECT_EQ(status.code(), Code::kOverloaded);
  EXPECT_EQ(status.reason(), "store.full");
  EXPECT_GE(written, 2);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(engine.remove(key_of(i), {}).value());
  EXPECT_TRUE(engine.put("z", "small", {}, this->now_).ok());
}

}  // namespace
}  // namespace fairlead::store::internal
