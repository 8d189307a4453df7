#include "fairlead/cli/project_spec.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

class ProjectSpecTest : public ::testing::Test {
 protected:
  ProjectSpecTest() : file_(::testing::TempDir() + "fl_project_" + name() + ".yaml") {}
  ~ProjectSpecTest() override { std::remove(file_.c_str()); }

  static std::string name() {
    return ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }
  Result<ProjectSpec> load(const std::string& text, const std::vector<std::string>& settings = {}) {
    std::ofstream(file_) << text;
    const Result<ProjectSource> source = ProjectSource::read(file_, settings);
    if (!source.ok()) return source.status();
    return source->spec();
  }
  static std::vector<std::string> keys(const std::vector<config::Change>& changes) {
    std::vector<std::string> out;
    for (const config::Change& change : changes) out.push_back(change.path());
    return out;
  }

  const std::string file_;
  const std::string gateway_ =
      "gateway:\n  listen: 127.0.0.1:0\n  routes: [{prefix: /api, service: math}]\n";
};

TEST_F(ProjectSpecTest, ReadsEveryPart) {
  const auto spec = load(gateway_ +
                         "store: file:a.db\n"
                         "services: [{name: math, command: [./math, -x], copies: 2}]\n"
                         "hints: ['curl {gateway}']\n");

  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->store, "file:a.db");
  EXPECT_EQ(spec->gateway.store, "file:a.db");
  ASSERT_EQ(spec->services.size(), 1U);
  EXPECT_EQ(spec->services[0].command, (std::vector<std::string>{"./math", "-x"}));
  EXPECT_EQ(spec->services[0].copies, 2U);
  EXPECT_EQ(spec->hints.size(), 1U);
}

TEST_F(ProjectSpecTest, TheGatewaysOwnStoreWins) {
  const auto spec = load(gateway_ + "  store: file:own.db\nstore: file:a.db\n");

  EXPECT_EQ(spec.value().gateway.store, "file:own.db");
}

TEST_F(ProjectSpecTest, SettingsComeOverVariablesOverTheFile) {
  ::setenv("FAIRLEAD_STORE", "file:variable.db", 1);
  ::setenv("FAIRLEAD_GATEWAY__TIMEOUT", "2s", 1);
  ::setenv("FAIRLEAD_LOG__LEVEL", "debug", 1);  // of services: none of our business
  const auto spec = load(gateway_ + "store: file:file.db\n", {"gateway.timeout=3s"});
  ::unsetenv("FAIRLEAD_STORE");
  ::unsetenv("FAIRLEAD_GATEWAY__TIMEOUT");
  ::unsetenv("FAIRLEAD_LOG__LEVEL");

  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->store, "file:variable.db");
  EXPECT_EQ(spec->gateway.timeout, std::chrono::seconds(3));
}

TEST_F(ProjectSpecTest, RefusesWhatCannotBeStarted) {
  const auto reason = [&](const std::string& service) {
    return std::string(load(gateway_ + "services: [" + service + "]\n").status().reason());
  };

  EXPECT_EQ(reason("{name: math, command: []}"), "config.bad_value");
  EXPECT_EQ(reason("{name: Math, command: [a]}"), "service.bad_name");
  EXPECT_EQ(reason("{name: math, command: a}"), "config.wrong_type");
  EXPECT_EQ(reason("{name: math}"), "config.missing_key");
  EXPECT_EQ(reason("{name: math, command: [a], copies: 0}"), "config.out_of_range");
  EXPECT_EQ(reason("{name: math, command: [a], copies: 65}"), "config.out_of_range");
  EXPECT_EQ(reason("{name: math, command: [a], copys: 2}"), "config.unknown_key");
}

TEST_F(ProjectSpecTest, TakesWhatCanCountNowAndNamesTheRest) {
  std::ofstream(file_) << gateway_;
  ProjectSource source = ProjectSource::read(file_, {"gateway.drain=5s"}).value();
  std::ofstream(file_)
      << "gateway:\n  listen: 127.0.0.1:0\n  cores: 2\n  timeout: 2s\n  drain: 7s\n"
         "  upgrade: {ready_timeout: 3s}\n  body_max: 1KiB\n  notice: 1s\n"
         "  status_style: biz299\n  routes: [{prefix: /v2, service: math}]\n"
         "services: [{name: math, command: [a]}]\n";

  ProjectSource::Next next = source.read_again().value();

  EXPECT_EQ(keys(next.live),
            (std::vector<std::string>{"gateway.body_max", "gateway.notice", "gateway.routes",
                                      "gateway.status_style", "gateway.timeout",
                                      "gateway.upgrade.ready_timeout"}));
  EXPECT_EQ(keys(next.at_start), (std::vector<std::string>{"gateway.cores", "services"}));
  EXPECT_EQ(next.spec.gateway.routes.at(0).prefix, "/v2");
  EXPECT_EQ(next.spec.gateway.cores, 0U);
  EXPECT_EQ(next.spec.gateway.drain, std::chrono::seconds(5)) << "settings are above the file";

  source.take(std::move(next));
  EXPECT_EQ(source.spec().gateway.timeout, std::chrono::seconds(2));
  EXPECT_TRUE(source.read_again()->live.empty()) << "told once";
}

TEST_F(ProjectSpecTest, ChangesNothingForAFileThatIsWrong) {
  std::ofstream(file_) << gateway_;
  const ProjectSource source = ProjectSource::read(file_, {}).value();
  std::ofstream(file_) << gateway_ + "  timeout: soon\n";

  const Status status = source.read_again().status();

  EXPECT_NE(status.message().find(".yaml:4:12"), std::string_view::npos) << status;
}

TEST_F(ProjectSpecTest, NamesAFileThatIsMissing) {
  const auto spec = ProjectSource::read("/nowhere/a.yaml", {});

  EXPECT_EQ(spec.status().reason(), "config.missing_file");
  EXPECT_NE(spec.status().message().find("/nowhere/a.yaml"), std::string_view::npos);
}

}  // namespace
}  // namespace fairlead::cli
