// The store as its users see it: on a core, both backends.
#include "fairlead/store/store.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fairlead/store/test_folder.h"

namespace fairlead::store {
namespace {

using namespace std::chrono_literals;

// What a watch has told so far.
struct Seen {
  std::vector<Change> changes;
  Status ended;
  WatchHandler handler() {
    return [this](Result<WatchBatch> batch) {
      if (!batch.ok()) {
        ended = batch.status();
        return;
      }
      for (Change& change : batch->changes) changes.push_back(std::move(change));
    };
  }
};

class StoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::string url(const std::string& name = "one") const {
    return std::string(GetParam()) == "memory" ? "memory:" + name
                                               : "file:" + folder_.file(name + ".db");
  }
  std::unique_ptr<Store> open_store(const std::string& name = "one") {
    auto store = open(*core_, {.url = url(name)});
    EXPECT_TRUE(store.ok()) << store.status();
    return std::move(store).value();
  }
  template <class T>
  T run(Task<T> task) {
    return core_->run(std::move(task));
  }
  // Takes turns until `done`, at most ten seconds.
  template <class Done>
  bool turn_until(const Done& done) {
    const Time end = steady_now() + 10s;
    while (!done() && steady_now() < end) core_->turn(Deadline::after(steady_now(), 20ms));
    return done();
  }

  internal::TestFolder folder_;
  std::unique_ptr<io::Core> core_ = io::Core::make().value();
};

INSTANTIATE_TEST_SUITE_P(Backends, StoreTest, ::testing::Values("memory", "file"),
                         [](const auto& test) { return std::string(test.param); });

TEST_P(StoreTest, ReadsWhatItWrote) {
  const auto store = open_store();

  EXPECT_FALSE(run(store->get("a")).value().has_value());
  EXPECT_EQ(run(store->put("a", "1", {})).value(), 1);
  EXPECT_EQ(*run(store->get("a")).value(), (Entry{"a", "1", 1, 1, 1, 0}));
  EXPECT_EQ(run(store->range("", {}))->entries.size(), 1U);
  EXPECT_EQ(run(store->put("a", "2", {0, 9})).status().reason(), "store.version_changed");
  EXPECT_TRUE(run(store->remove("a", {})).value());
  EXPECT_FALSE(run(store->remove("a", {})).value());
  EXPECT_TRUE(run(store->close(Deadline())).ok());
}

TEST_P(StoreTest, RefusesCallsAfterClose) {
  const auto store = open_store();
  ASSERT_TRUE(run(store->close(Deadline())).ok());
  EXPECT_TRUE(run(store->close(Deadline())).ok()) << "again is fine";
  const Status status = run(store->get("a")).status();
  EXPECT_EQ(status.code(), Code::kConnectionClosed);
  EXPECT_EQ(status.reason(), "store.closed");
}

TEST_P(StoreTest, RunsManyCallsInTheOrderInWhichTheyWereStarted) {
  const auto store = open_store();
  int written = 0;
  const auto write = [](Store* to, int number, int* done) -> Task<void> {
    Result<Revision> revision = co_await to->put("a", std::to_string(number), PutOptions());
    if (revision.ok() && *revision == number + 1) ++*done;
  };
  for (int i = 0; i < 100; ++i) core_->spawn(write(store.get(), i, &written));
  EXPECT_TRUE(turn_until([&] { return written == 100; }));
  EXPECT_EQ(run(store->get("a")).value()->value, "99");
}

TEST_P(StoreTest, TellsAWatchWhatChanges) {
  const auto store = open_store();
  ASSERT_TRUE(run(store->put("a/0", "", {})).ok());
  const Revision listed = run(store->range("a/", {}))->revision;
  Seen seen;
  const auto watch = store->watch("a/", listed + 1, seen.handler());

  ASSERT_TRUE(run(store->put("a/1", "x", {})).ok());
  ASSERT_TRUE(run(store->put("b/1", "x", {})).ok());
  ASSERT_TRUE(run(store->remove("a/0", {})).ok());

  ASSERT_TRUE(turn_until([&] { return seen.changes.size() == 2; }));
  EXPECT_EQ(seen.changes[0], (Change{Change::Kind::kPut, {"a/1", "x", 2, 2, 1, 0}}));
  EXPECT_EQ(seen.changes[1], (Change{Change::Kind::kDelete, {"a/0", "", 0, 4, 0, 0}}));
}

TEST_P(StoreTest, TellsAWatchFromNowOnlyWhatComes) {
  const auto store = open_store();
  ASSERT_TRUE(run(store->put("a", "1", {})).ok());
  Seen seen;
  const auto watch = store->watch("", 0, seen.handler());
  ASSERT_TRUE(run(store->put("a", "2", {})).ok());
  ASSERT_TRUE(turn_until([&] { return !seen.changes.empty(); }));
  EXPECT_EQ(seen.changes[0].entry.value, "2");
}

TEST_P(StoreTest, SaysNothingMoreWhenAWatchIsDropped) {
  const auto store = open_store();
  Seen seen;
  Seen other;
  auto watch = store->watch("", 0, seen.handler());
  const auto staying = store->watch("", 0, other.handler());
  ASSERT_TRUE(run(store->put("a", "1", {})).ok());
  watch.reset();
  ASSERT_TRUE(run(store->put("a", "2", {})).ok());
  ASSERT_TRUE(turn_until([&] { return other.changes.size() == 2; }));
  // The first change may have been told before the watch was dropped.
  for (const Change& change : seen.changes) EXPECT_EQ(change.entry.value, "1");
}

TEST_P(StoreTest, LetsAHandlerDropItsOwnWatch) {
  const auto store = open_store();
  std::unique_ptr<Watch> watch;
  int calls = 0;
  watch = store->watch("", 0, [&](const Result<WatchBatch>&) {
    ++calls;
    watch.reset();
  });
  ASSERT_TRUE(run(store->put("a", "1", {})).ok());
  ASSERT_TRUE(turn_until([&] { return calls == 1; }));
  ASSERT_TRUE(run(store->put("a", "2", {})).ok());
  ASSERT_TRUE(run(store->get("a")).ok());
  EXPECT_EQ(calls, 1);
}

TEST_P(StoreTest, EndsAWatchWhoseChangesAreForgotten) {
  const auto store = open_store();
  Seen seen;
  // Revision -1 was never kept.
  const auto watch = store->watch("", -1, seen.handler());
  ASSERT_TRUE(turn_until([&] { return !seen.ended.ok(); }));
  EXPECT_EQ(seen.ended.reason(), "store.compacted");
}

TEST_P(StoreTest, SharesTheStoreOfOneName) {
  const auto one = open_store();
  const auto two = open_store();
  const auto other = open_store("other");
  Seen seen;
  const auto watch = two->watch("", 0, seen.handler());
  ASSERT_TRUE(run(two->get("a")).ok());

  ASSERT_TRUE(run(one->put("a", "1", {})).ok());

  EXPECT_EQ(run(two->get("a")).value()->value, "1");
  EXPECT_FALSE(run(other->get("a")).value().has_value());
  ASSERT_TRUE(turn_until([&] { return seen.changes.size() == 1; }));
}

TEST_P(StoreTest, EndsALeaseThatNobodyKeepsAlive) {
  const auto store = open_store();
  const LeaseId lease = run(store->grant(1s)).value();
  PutOptions options;
  options.lease = lease;
  ASSERT_TRUE(run(store->put("a", "1", options)).ok());
  EXPECT_EQ(run(store->keep_alive(lease)).value(), Duration(1s));
  Seen seen;
  const auto watch = store->watch("", 0, seen.handler());

  ASSERT_TRUE(turn_until([&] { return !seen.changes.empty(); }));

  EXPECT_EQ(seen.changes[0].kind, Change::Kind::kDelete);
  EXPECT_EQ(run(store->keep_alive(lease)).status().reason(), "store.no_lease");
  EXPECT_FALSE(run(store->get("a")).value().has_value());
}

TEST_P(StoreTest, RevokesALease) {
  const auto store = open_store();
  const LeaseId lease = run(store->grant(60s)).value();
  PutOptions options;
  options.lease = lease;
  ASSERT_TRUE(run(store->put("a", "1", options)).ok());
  EXPECT_TRUE(run(store->revoke(lease)).ok());
  EXPECT_EQ(run(store->revoke(lease)).reason(), "store.no_lease");
  EXPECT_FALSE(run(store->get("a")).value().has_value());
  EXPECT_EQ(run(store->grant(1ms)).status().reason(), "store.bad_ttl");
}

class StoreOpenTest : public ::testing::Test {
 protected:
  Status error_of(Options options) { return open(*core_, std::move(options)).status(); }
  internal::TestFolder folder_;
  std::unique_ptr<io::Core> core_ = io::Core::make().value();
};

TEST_F(StoreOpenTest, RefusesUrlsAndOptionsThatItDoesNotKnow) {
  for (const char* url : {"", "file:", "etcd://host", "/tmp/store.db", "MEMORY:"}) {
    const Status status = error_of({.url = url});
    EXPECT_EQ(status.code(), Code::kBadMessage) << url;
    EXPECT_EQ(status.reason(), "store.bad_url") << url;
  }
  EXPECT_EQ(error_of({.url = "memory:", .poll_interval = 0ms}).reason(), "store.bad_url");
  EXPECT_EQ(error_of({.url = "memory:", .busy_wait_max = 61s}).reason(), "store.bad_url");
  EXPECT_EQ(error_of({.url = "file:" + folder_.path()}).reason(), "store.open_failed");
}

// What a configuration names is checked by this while another process has it open.
TEST(StoreCheck, SaysWhatOpeningWouldSayAndMakesNothing) {
  const internal::TestFolder folder;
  EXPECT_TRUE(check("memory:").ok());
  EXPECT_TRUE(check("memory:name").ok());
  EXPECT_TRUE(check("file:" + folder.file("store.db")).ok());
  EXPECT_FALSE(std::filesystem::exists(folder.file("store.db")));

  for (const char* url : {"", "etcd://x", "file:", "/store.db"}) {
    EXPECT_EQ(check(url).reason(), "store.bad_url") << url;
  }
  for (const std::string& path : {folder.path(), folder.file("none/store.db")}) {
    EXPECT_EQ(check("file:" + path).reason(), "store.open_failed") << path;
  }
}

TEST_F(StoreOpenTest, GivesEveryUnnamedMemoryStoreItsOwnKeys) {
  const auto one = open(*core_, {.url = "memory:"}).value();
  const auto two = open(*core_, {.url = "memory:"}).value();
  ASSERT_TRUE(core_->run(one->put("a", "1", {})).ok());
  EXPECT_FALSE(core_->run(two->get("a")).value().has_value());
}

TEST_F(StoreOpenTest, ForgetsANamedMemoryStoreWithItsLastUser) {
  {
    const auto store = open(*core_, {.url = "memory:gone"}).value();
    ASSERT_TRUE(core_->run(store->put("a", "1", {})).ok());
  }
  const auto store = open(*core_, {.url = "memory:gone"}).value();
  EXPECT_FALSE(core_->run(store->get("a")).value().has_value());
}

// A process that writes and is killed; its lease ends, and a watch here hears of both, well before
// the regular look at the file.
TEST_F(StoreOpenTest, HearsOfTheWritesAndTheDeathOfAnotherProcess) {
  const std::string url = "file:" + folder_.file("s.db");
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char go = 0;
    if (::read(ready[0], &go, 1) != 1) ::_exit(1);
    auto core = io::Core::make().value();
    auto store = open(*core, {.url = url}).value();
    const LeaseId lease = core->run(store->grant(1s)).value();
    PutOptions options;
    options.lease = lease;
    if (!core->run(store->put("services/1", "here", options)).ok()) ::_exit(2);
    ::kill(::getpid(), SIGKILL);
  }
  Options options{.url = url};
  options.poll_interval = 60s;  // only wake-ups and the sweep of leases remain
  const auto store = open(*core_, options).value();
  Seen seen;
  const auto watch = store->watch("services/", 0, seen.handler());
  ASSERT_TRUE(core_->run(store->get("a")).ok());

  ASSERT_EQ(::write(ready[1], "x", 1), 1);
  const Time end = steady_now() + 20s;
  while (seen.changes.size() < 2 && steady_now() < end) {
    core_->turn(Deadline::after(steady_now(), 20ms));
  }

  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  ASSERT_EQ(seen.changes.size(), 2U);
  EXPECT_EQ(seen.changes[0].entry.value, "here");
  EXPECT_EQ(seen.changes[1].kind, Change::Kind::kDelete);
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace fairlead::store
