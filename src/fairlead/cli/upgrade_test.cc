#include "fairlead/cli/upgrade.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

TEST(ProcessOf, TakesANumberOrTheFileThatHoldsIt) {
  const auto path = std::filesystem::temp_directory_path() / ("fl_pid_" + std::to_string(getpid()));
  std::ofstream(path) << "4711\n";

  EXPECT_EQ(process_of({.pid = "12"}).value(), 12);
  EXPECT_EQ(process_of({.pid_file = path.string()}).value(), 4711);

  std::ofstream(path) << "x";
  EXPECT_EQ(process_of({.pid_file = path.string()}).status().reason(), "usage.bad_pid");
  std::filesystem::remove(path);
  EXPECT_EQ(process_of({.pid_file = path.string()}).status().reason(), "usage.bad_pid");
}

// A signal to 0 or to a negative number is one to a whole group.
TEST(ProcessOf, RefusesWhatIsNoProcess) {
  for (const char* text : {"", "0", "-1", "4294967296", "math"}) {
    const Status refused = process_of({.pid = text}).status();
    EXPECT_EQ(refused.reason(), "usage.bad_pid") << text;
    EXPECT_NE(refused.message().find("; give one"), std::string_view::npos) << refused;
  }
}

}  // namespace
}  // namespace fairlead::cli
