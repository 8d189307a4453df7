// What only the file has: other processes, crashes, damage, other boots.
#include "fairlead/store/file_engine.h"

#include <cstdio>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fairlead/store/test_folder.h"

namespace fairlead::store::internal {
namespace {

using namespace std::chrono_literals;

constexpr BootTime kNow{1'000'000};

Result<std::unique_ptr<FileEngine>> try_open(const std::string& path,
                                             const std::string& boot = "boot",
                                             std::chrono::milliseconds busy_wait_max = 10s) {
  return FileEngine::open(
      {.path = path, .boot_id = boot, .busy_wait_max = busy_wait_max, .limits = {}});
}

std::unique_ptr<FileEngine> open_engine(const std::string& path, const std::string& boot = "boot") {
  auto engine = try_open(path, boot);
  EXPECT_TRUE(engine.ok()) << engine.status();
  return std::move(engine).value();
}

// Runs `body` in a process of its own.
template <class Body>
pid_t start_process(const Body& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    body();
    ::_exit(0);
  }
  return pid;
}

int exit_code(pid_t pid) {
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(FileEngine, KeepsEverythingOverAReopen) {
  const TestFolder folder;
  LeaseId lease = 0;
  {
    const auto engine = open_engine(folder.file("s.db"));
    lease = engine->grant(10s, kNow).value();
    ASSERT_TRUE(engine->put("a", "1", {lease, {}}, kNow).ok());
    ASSERT_TRUE(engine->put("a", "2", {lease, {}}, kNow).ok());
  }

  const auto engine = open_engine(folder.file("s.db"));

  EXPECT_EQ(*engine->get("a").value(), (Entry{"a", "2", 1, 2, 2, lease}));
  EXPECT_EQ(engine->changes(1)->changes.size(), 2U);
  EXPECT_TRUE(engine->keep_alive(lease, kNow + 1s).ok());
  EXPECT_NE(engine->grant(10s, kNow).value(), lease);
}

TEST(FileEngine, IsReadableByItsOwnerOnly) {
  const TestFolder folder;
  const auto engine = open_engine(folder.file("s.db"));
  ASSERT_TRUE(engine->put("a", "1", {}, kNow).ok());
  for (const char* name : {"s.db", "s.db-wal"}) {
    struct stat facts{};
    ASSERT_EQ(::stat(folder.file(name).c_str(), &facts), 0) << name;
    EXPECT_EQ(facts.st_mode & 0777U, 0600U) << name;
  }
}

TEST(FileEngine, EndsLeasesOfAnotherBoot) {
  const TestFolder folder;
  {
    const auto engine = open_engine(folder.file("s.db"), "boot one");
    const LeaseId lease = engine->grant(24h, kNow).value();
    ASSERT_TRUE(engine->put("a", "1", {lease, {}}, kNow).ok());
  }

  const auto engine = open_engine(folder.file("s.db"), "boot two");

  EXPECT_EQ(engine->keep_alive(1, kNow).status().reason(), "store.no_lease");
  EXPECT_EQ(engine->expire(BootTime(5)).value(), 1U);
  EXPECT_FALSE(engine->get("a").value().has_value());
}

TEST(FileEngine, ShowsTheWritesOfAnotherProcess) {
  const TestFolder folder;
  const std::string path = folder.file("s.db");
  const pid_t child = start_process([&] {
    const auto engine = open_engine(path);
    if (!engine->put("a", "from the child", {}, kNow).ok()) ::_exit(1);
  });
  ASSERT_EQ(exit_code(child), 0);
  EXPECT_EQ(open_engine(path)->get("a").value()->value, "from the child");
}

TEST(FileEngine, LosesNoCompareAndSwapBetweenProcesses) {
  const TestFolder folder;
  const std::string path = folder.file("s.db");
  constexpr int kProcesses = 3;
  constexpr int kSteps = 100;
  const auto count_up = [&] {
    const auto engine = open_engine(path);
    for (int i = 0; i < kSteps;) {
      const auto seen = engine->get("n");
      if (!seen.ok()) ::_exit(1);
      const int number = seen->has_value() ? std::stoi((*seen)->value) : 0;
      const Revision at = seen->has_value() ? (*seen)->mod_revision : 0;
      const auto written = engine->put("n", std::to_string(number + 1), {0, at}, kNow);
      if (written.ok())
        ++i;
      else if (written.status().reason() != "store.version_changed")
        ::_exit(2);
    }
  };

  pid_t children[kProcesses];
  for (pid_t& child : children) child = start_process(count_up);
  for (const pid_t child : children) EXPECT_EQ(exit_code(child), 0);

  const auto engine = open_engine(path);
  EXPECT_EQ(engine->get("n").value()->value, std::to_string(kProcesses * kSteps));
  EXPECT_EQ(engine->revision().value(), kProcesses * kSteps);
}

TEST(FileEngine, SurvivesAWriterThatIsKilled) {
  const TestFolder folder;
  const std::string path = folder.file("s.db");
  for (int round = 0; round < 5; ++round) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t child = start_process([&] {
      const auto engine = open_engine(path);
      for (int i = 0;; ++i) {
        if (!engine->put("k" + std::to_string(i % 50), std::string(2000, 'v'), {}, kNow).ok()) {
          ::_exit(1);
        }
        if (i == 20 + round && ::write(ready[1], "x", 1) != 1) ::_exit(2);
      }
    });
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ::kill(child, SIGKILL);
    ASSERT_EQ(exit_code(child), -SIGKILL);
    ::close(ready[0]);
    ::close(ready[1]);

    const auto engine = open_engine(path);
    const Revision revision = engine->revision().value();
    EXPECT_GE(revision, 20 + round);
    // Revisions, entries and changes agree: no half of a transaction is there.
    Revision newest = 0;
    const Listing listing = engine->range("k", {}).value();
    for (const Entry& entry : listing.entries) {
      EXPECT_EQ(entry.value.size(), 2000U);
      newest = std::max(newest, entry.mod_revision);
    }
    EXPECT_EQ(newest, revision);
    EXPECT_EQ(engine->changes(revision)->changes.size(), 1U);
    EXPECT_TRUE(engine->put("after", "", {}, kNow).ok());
  }
}

TEST(FileEngine, OpensInManyProcessesAtOnce) {
  const TestFolder folder;
  const std::string path = folder.file("s.db");
  pid_t children[6];
  for (pid_t& child : children) {
    child = start_process([&] {
      const auto opened = try_open(path);
      if (opened.ok()) return;
      std::fprintf(stderr, "%s\n", opened.status().to_string().c_str());
      ::_exit(1);
    });
  }
  for (const pid_t child : children) EXPECT_EQ(exit_code(child), 0);
}

TEST(FileEngine, SaysBusyWhenTheLockIsHeldTooLong) {
  const TestFolder folder;
  const auto engine = try_open(folder.file("s.db"), "boot", 100ms).value();
  auto other = Database::open(folder.file("s.db"), 100ms).value();
  Transaction holding(other);
  ASSERT_TRUE(holding.begin_write().ok());

  const Status status = engine->put("a", "1", {}, kNow).status();

  EXPECT_EQ(status.code(), Code::kOverloaded);
  EXPECT_EQ(status.reason(), "store.busy");
  EXPECT_TRUE(engine->get("a").ok()) << "readers do not wait";
  ASSERT_TRUE(holding.commit().ok());
  EXPECT_TRUE(engine->put("a", "1", {}, kNow).ok());
}

TEST(FileEngine, ExplainsPathsThatCannotBeUsed) {
  const TestFolder folder;
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);
  for (const std::string& path :
       {folder.path(), folder.file("none/s.db"), folder.file("pipe"), folder.file("pipe/s.db"),
        std::string("/proc/fairlead_store.db"), folder.file(std::string(300, 'x'))}) {
    const Status status = try_open(path).status();
    EXPECT_EQ(status.code(), Code::kInvalidOperation) << path;
    EXPECT_EQ(status.reason(), "store.open_failed") << path << " " << status;
  }
}

TEST(FileEngine, RefusesAReadOnlyFolder) {
  const TestFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0500), 0);
  if (::access(folder.path().c_str(), W_OK) != 0) {
    EXPECT_EQ(try_open(folder.file("s.db")).status().reason(), "store.open_failed");
  }
  ASSERT_EQ(::chmod(folder.path().c_str(), 0700), 0);
}

TEST(FileEngine, NamesADamagedFileAndTheRemedy) {
  const TestFolder folder;
  const std::string path = folder.file("s.db");
  std::ofstream(path) << std::string(10'000, 'x');
  const Status garbage = try_open(path).status();
  EXPECT_EQ(garbage.code(), Code::kInternal);
  EXPECT_EQ(garbage.reason(), "store.corrupt");
  EXPECT_NE(garbage.message().find(path), std::string_view::npos);
  EXPECT_NE(garbage.message().find("move it"), std::string_view::npos);
}

// Pages are overwritten anywhere: an error with a reason, or what was stored; never a crash.
TEST(FileEngine, SurvivesDamageAtAnyPage) {
  const TestFolder folder;
  const std::string path = folder.file("s.db");
  {
    const auto engine = open_engine(path);
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(engine->put("k" + std::to_string(i), std::string(500, 'v'), {}, kNow).ok());
    }
  }
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
  const std::string damaged = folder.file("damaged.db");
  int refused = 0;
  for (std::streamoff at = 0; at < size; at += 4096) {
    std::filesystem::copy_file(path, damaged, std::filesystem::copy_options::overwrite_existing);
    {
      std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(at);
      file << std::string(4096, '\x5A');
    }
    auto engine = try_open(damaged);
    Status status = engine.status();
    if (status.ok()) status = (*engine)->range("", {}).status();
    if (status.ok()) status = (*engine)->put("new", "1", {}, kNow).status();
    if (status.ok()) status = (*engine)->changes(1).status();
    if (!status.ok()) {
      ++refused;
      EXPECT_EQ(status.reason(), "store.corrupt") << at << " " << status;
    }
    std::filesystem::remove(damaged + "-wal");
    std::filesystem::remove(damaged + "-shm");
  }
  EXPECT_GT(refused, 2);
}

TEST(FileEngine, RefusesTheDatabaseOfAnotherProgramAndOtherFormats) {
  const TestFolder folder;
  {
    auto other = Database::open(folder.file("other.db"), 1s).value();
    ASSERT_TRUE(other.execute("CREATE TABLE t(x)").ok());
  }
  const Status other = try_open(folder.file("other.db")).status();
  EXPECT_EQ(other.reason(), "store.open_failed");
  EXPECT_NE(other.message().find("another program"), std::string_view::npos);
  open_engine(folder.file("s.db"));
  {
    auto database = Database::open(folder.file("s.db"), 1s).value();
    ASSERT_TRUE(database.execute("PRAGMA user_version = 2").ok());
  }
  EXPECT_EQ(try_open(folder.file("s.db")).status().reason(), "store.open_failed");
}

}  // namespace
}  // namespace fairlead::store::internal
