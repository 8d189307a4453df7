#include "fairlead/service/overloader_setting.h"

#include <unistd.h>
#include <csignal>

#include <chrono>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/config/document.h"
#include "fairlead/service/raw_client.h"
#include "fairlead/service/spec.h"
#include "tests/testkit/certificates.h"
#include "tests/testkit/run_on_core.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class OverloaderSettingTest : public ::testing::Test {
 protected:
  static Status read_text(const std::string& text, Spec& out) {
    FL_TRY_ASSIGN(const config::Document document, config::parse(text, "test.yaml"));
    return config::bind(document, out);
  }
  // With the plugin and nothing else; `limits` is what its file says.
  Status start(Process& process, const std::string& limits) {
    file = folder.write("limits.yaml", limits);
    Spec spec;
    FL_TRY(read_text("plugins: [{name: overloader, limits_file: '" + file + "'}]", spec));
    spec.cores = 1;
    spec.log_level = "off";
    spec.listen = {"tcp://127.0.0.1:0"};
    FL_TRY(process.start(spec));
    return process.serve(false);
  }

  testkit::TestFolder folder;
  std::string file;
};

TEST_F(OverloaderSettingTest, LimitsStandInOnePlaceOnly) {
  Spec spec;

  const Status read = read_text("plugins: [{name: overloader, limits_file: x, burst: 1s}]", spec);

  EXPECT_THAT(std::string(read.message()), HasSubstr("test.yaml:1"));
  EXPECT_THAT(std::string(read.message()), HasSubstr("burst"));
  EXPECT_THAT(std::string(read.message()), HasSubstr("write this one there"));
}

TEST_F(OverloaderSettingTest, AMistakeInTheFileEndsTheStartWithItsPlace) {
  Process missing("test");
  Spec spec;
  ASSERT_TRUE(read_text("plugins: [{name: overloader, limits_file: /nowhere/x}]", spec).ok());
  spec.cores = 1;
  spec.log_level = "off";
  EXPECT_EQ(missing.start(spec).reason(), "config.missing_file");

  Process wrong("test");
  const Status started = start(wrong, "calls_per_second_max: 5\nburst: 2m\n");
  EXPECT_EQ(started.reason(), "config.out_of_range");
  EXPECT_THAT(std::string(started.message()), HasSubstr("limits.yaml:2"));
}

TEST_F(OverloaderSettingTest, TheFileIsReadAgain) {
  OverloaderSetting setting;
  setting.limits_file = folder.write("limits", "connections_max: 1\n");
  const auto overloader = rpc::Overloader::make(limits_of(setting).value()).value();
  EXPECT_EQ(overloader->limits().connections_max, 1U);

  folder.write("limits", "connections_max: 2\nmethods: {/a: 3}\n");
  const Result<TakeRead> take = reread_limits(setting, overloader);
  ASSERT_TRUE(take.ok()) << take.status();
  EXPECT_EQ(overloader->limits().connections_max, 1U) << "not yet";
  (*take)();

  EXPECT_EQ(overloader->limits().connections_max, 2U);
  EXPECT_EQ(overloader->limits().methods.at("/a"), 3U);
}

TEST_F(OverloaderSettingTest, AFileThatIsNoGoodLeavesTheLimits) {
  OverloaderSetting setting;
  setting.limits_file = folder.write("limits", "connections_max: 1\n");
  const auto overloader = rpc::Overloader::make(limits_of(setting).value()).value();

  for (const char* bad : {"connections_max: many\n", "conections_max: 2\n", "{"}) {
    folder.write("limits", bad);
    EXPECT_FALSE(reread_limits(setting, overloader).ok()) << bad;
    EXPECT_EQ(overloader->limits().connections_max, 1U) << bad;
  }
}

TEST_F(OverloaderSettingTest, HupChangesTheLimitsOfARunningProgram) {
  Process server("server");
  ASSERT_TRUE(server.router()
                  .add(wire::Kind::kCall, "/nothing",
                       rpc::make_handler([](rpc::Context&) { return Status(); }))
                  .ok());
  const Status started = start(server, "methods: {/nothing: 1}\nburst: 1ms\n");
  ASSERT_TRUE(started.ok()) << started;
  Process caller("caller");
  Spec spec;
  spec.cores = 1;
  spec.log_level = "off";
  ASSERT_TRUE(caller.start(spec).ok());
  const Target* const target = *caller.target(server.addresses().at(0).to_text());
  const RawClient client(*target);
  const auto ask = [&] {
    return testkit::run_on_core(target->next_core(), client.call("/nothing", Bytes(), within(5s)))
        .status();
  };
  ASSERT_TRUE(ask().ok());
  ASSERT_EQ(ask().reason(), "overloader.method");

  folder.write("limits.yaml", "connections_max: 10\n");
  ::kill(::getpid(), SIGHUP);

  // Without the limit 20 calls in a row are served; with it they would take 20 s.
  const Time end = steady_now() + 10s;
  int served = 0;
  while (served < 20 && steady_now() < end) served = ask().ok() ? served + 1 : 0;
  EXPECT_EQ(served, 20);
}

}  // namespace
}  // namespace fairlead::service
