#include "fairlead/runtime/succession.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/testkit/log_records.h"

namespace fairlead::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A process that waits until it is killed: a copy of this program, or of another one.
class Other {
 public:
  explicit Other(const char* program = nullptr) : pid_(::fork()) {
    if (pid_ != 0) return;
    if (program != nullptr) ::execlp(program, program, "1000", nullptr);
    while (true) ::pause();
  }
  ~Other() { end(); }
  pid_t pid() const { return pid_; }
  void end() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  // Until it runs the other program.
  void wait_for(std::string_view name) const {
    const std::string link = "/proc/" + std::to_string(pid_) + "/exe";
    while (std::filesystem::read_symlink(link).filename() != name) ::usleep(1000);
  }

 private:
  pid_t pid_;
};

class SuccessionTest : public ::testing::Test {
 protected:
  ~SuccessionTest() override { std::filesystem::remove(file); }
  void write(pid_t pid) { std::ofstream(file) << pid << '\n'; }
  pid_t written() const {
    std::ifstream in(file);
    pid_t pid = 0;
    in >> pid;
    return pid;
  }
  // Another place is taken by this program, which nobody started for it.
  void serve() {
    ASSERT_TRUE(succession.begin({.name = "math", .pid_file = file}, metrics).ok());
    ASSERT_TRUE(core->run(succession.take_over(*core)).ok());
  }

  std::vector<std::string> lines;
  observe::Logger logger{{}, std::make_unique<testkit::LogRecords>(lines)};
  observe::ScopedDefaultLogger as_default{logger};
  observe::Registry metrics;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  const std::string file =
      std::filesystem::temp_directory_path() / ("fl_succession_" + std::to_string(::getpid()));
  Succession succession;
};

// Two services with one file: the command that asks for an upgrade would find one of them only.
TEST_F(SuccessionTest, SaysThatACopyWhichRunsHasThePidFile) {
  const Other copy;
  write(copy.pid());

  serve();

  EXPECT_THAT(lines, ElementsAre(::testing::AllOf(
                         HasSubstr("warn service.pid_file_taken"), HasSubstr("file=" + file),
                         HasSubstr("process=" + std::to_string(::getpid())),
                         HasSubstr("before=" + std::to_string(copy.pid())))));
  EXPECT_EQ(written(), ::getpid());
}

TEST_F(SuccessionTest, SaysNothingOfNumbersThatAreNoCopysAnyMore) {
  Other ended;
  write(ended.pid());
  ended.end();
  serve();
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(SuccessionTest, SaysNothingOfANumberThatAnotherProgramHasNow) {
  const Other other("sleep");
  other.wait_for(std::filesystem::canonical("/bin/sleep").filename().string());
  write(other.pid());
  serve();
  EXPECT_THAT(lines, IsEmpty());
}

TEST_F(SuccessionTest, LeavesAFileWithAnotherNumber) {
  serve();
  write(1);
  succession.remove_pid_file();
  EXPECT_EQ(written(), 1);

  write(::getpid());
  succession.remove_pid_file();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(PidFile, IsCheckedWithoutBeingWritten) {
  const std::string folder = std::filesystem::temp_directory_path();
  EXPECT_TRUE(check_pid_file("").ok());
  EXPECT_TRUE(check_pid_file(folder + "/fl_none.pid").ok());
  EXPECT_TRUE(check_pid_file("math.pid").ok());
  EXPECT_FALSE(std::filesystem::exists(folder + "/fl_none.pid"));
  for (const std::string& bad : {std::string("/no/such/folder/math.pid"), folder}) {
    const Status status = check_pid_file(bad);
    EXPECT_EQ(status.reason(), "service.pid_file") << bad;
    EXPECT_THAT(std::string(status.message()), HasSubstr(bad));
  }
}

}  // namespace
}  // namespace fairlead::runtime
