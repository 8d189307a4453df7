#include "fairlead/service/spec.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace fairlead::service {
namespace {

Result<Start> start(std::vector<const char*> words, Spec spec = {}) {
  words.insert(words.begin(), "program");
  return read_start(static_cast<int>(words.size()), words.data(), "no_such_program",
                    std::move(spec));
}

struct TemporaryFile {
  explicit TemporaryFile(std::string_view text)
      : path(std::filesystem::temp_directory_path() / ("fl_spec_" + std::to_string(getpid()))) {
    std::ofstream(path) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

TEST(Spec, TakesFlagsOverEnvironmentOverFile) {
  const TemporaryFile file(
      "listen: tcp://127.0.0.1:1\nstore: 'memory:'\ncores: 3\ndrain: 2s\n"
      "log: {level: warn}\nlimits: {call_timeout: 250ms}\n");
  setenv("FAIRLEAD_CORES", "4", 1);
  setenv("FAIRLEAD_STORE", "memory:env", 1);
  const auto read = start({"--config", file.path.c_str(), "--store=memory:flag", "--set",
                           "limits.inflight_calls_max=7"});
  unsetenv("FAIRLEAD_CORES");
  unsetenv("FAIRLEAD_STORE");

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->spec.listen, std::vector<std::string>{"tcp://127.0.0.1:1"});
  EXPECT_EQ(read->spec.cores, 4U);
  EXPECT_EQ(read->spec.store, "memory:flag");
  EXPECT_EQ(read->spec.drain, std::chrono::seconds(2));
  EXPECT_EQ(read->spec.log_level, "warn");
  EXPECT_EQ(read->spec.limits.call_timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(read->spec.limits.inflight_calls_max, 7U);
}

TEST(Spec, KeepsWhatTheCodeSaysWhenNobodyElseSpeaks) {
  Spec spec;
  spec.cores = 2;
  EXPECT_EQ(start({}, spec)->spec.cores, 2U);
  EXPECT_TRUE(start({"--help"})->help);
  EXPECT_TRUE(start({"--version"})->version);
}

TEST(Spec, RefusesMistakesOfTheCommandLine) {
  const Status unknown = start({"--lisen", "x"}).status();
  EXPECT_EQ(unknown.reason(), "flag.unknown");
  EXPECT_NE(unknown.message().find("did you mean '--listen'"), std::string_view::npos);
  EXPECT_EQ(start({"serve"}).status().reason(), "flag.unknown");
  EXPECT_EQ(start({"--store"}).status().reason(), "flag.no_value");
  EXPECT_EQ(start({"--cores", "many"}).status().reason(), "config.wrong_type");
  EXPECT_EQ(start({"--cores", "1000"}).status().reason(), "config.out_of_range");
  EXPECT_EQ(start({"--config", "/no/such/file.yaml"}).status().reason(), "config.missing_file");
}

TEST(Spec, NamesUnknownKeysWithTheirPlaceAndTheNearestOne) {
  const TemporaryFile file("store: 'memory:'\nlisten: []\ncorse: 3\nlog:\n  levle: info\n");
  const Status status = start({"--config", file.path.c_str()}).status();
  EXPECT_EQ(status.reason(), "config.unknown_key");
  EXPECT_NE(status.message().find(":3:"), std::string_view::npos) << status;
  EXPECT_NE(status.message().find("did you mean 'cores'"), std::string_view::npos) << status;
  EXPECT_NE(status.message().find("did you mean 'level'"), std::string_view::npos) << status;
}

TEST(Spec, RefusesWordsThatAreNoLevelOrForm) {
  EXPECT_EQ(start({"--log-level", "loud"}).status().reason(), "config.bad_value");
  EXPECT_EQ(start({"--log-form", "xml"}).status().reason(), "config.bad_value");
}

TEST(Spec, TeachesEveryFlag) {
  const std::string help = help_text("math");
  for (const char* flag : {"--listen", "--store", "--admin", "--config", "--set", "--help"}) {
    EXPECT_NE(help.find(flag), std::string::npos) << flag;
  }
}

}  // namespace
}  // namespace fairlead::service
