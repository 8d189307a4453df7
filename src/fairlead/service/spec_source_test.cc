#include "fairlead/service/spec_source.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/service/setting_table.h"
#include "tests/testkit/certificates.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SpecSourceTest : public ::testing::Test {
 protected:
  void write(const std::string& text) { file = folder.write("math.yaml", text); }
  SpecSource read(const std::string& text) {
    write(text);
    Result<SpecSource> source = SpecSource::read({.program = "math",
                                                  .file = file,
                                                  .environment = environment,
                                                  .flags = {{"limits.session_age=1h", "--set"}}},
                                                 Spec{});
    EXPECT_TRUE(source.ok()) << source.status();
    return *std::move(source);
  }
  static std::vector<std::string> texts(const std::vector<config::Change>& changes) {
    std::vector<std::string> out;
    for (const config::Change& change : changes) out.push_back(to_text(shown(change)));
    return out;
  }

  testkit::TestFolder folder;
  std::string file;
  config::Environment environment{{"FAIRLEAD_DRAIN", "7s"}};
};

TEST_F(SpecSourceTest, TakesLiveKeysAndNamesTheOthers) {
  SpecSource source = read("cores: 2\nnotice: 1s\nlimits: {call_timeout: 2s}\n");
  write("cores: 3\nlimits: {call_timeout: 4s, frame_bytes_max: 1MiB}\n");

  Result<SpecSource::Next> next = source.read_again();

  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_THAT(texts(next->live),
              ElementsAre("limits.call_timeout: 2s -> 4s",
                          "limits.frame_bytes_max: (not set) -> 1MiB", "notice: 1s -> (not set)"));
  EXPECT_THAT(texts(next->at_start), ElementsAre("cores: 2 -> 3"));
  EXPECT_EQ(next->spec.limits.call_timeout, 4s);
  EXPECT_EQ(next->spec.notice, 0s);
  EXPECT_EQ(next->spec.cores, 2U);
  EXPECT_EQ(source.spec().limits.call_timeout, 2s) << "not yet";
}

TEST_F(SpecSourceTest, TellsWhatIsLiveOnceAndWhatWaitsAgain) {
  SpecSource source = read("cores: 2\n");
  write("cores: 3\nnotice: 1s\n");

  source.take(source.read_again().value());
  const SpecSource::Next next = source.read_again().value();

  EXPECT_TRUE(next.live.empty());
  EXPECT_THAT(texts(next.at_start), ElementsAre("cores: 2 -> 3"));
}

TEST_F(SpecSourceTest, KeepsTheOrderOfTheLayers) {
  SpecSource source = read("drain: 1s\nlimits: {session_age: 2h}\n");
  write("drain: 2s\nlimits: {session_age: 3h}\n");

  const SpecSource::Next next = source.read_again().value();

  EXPECT_TRUE(next.live.empty());
  EXPECT_EQ(next.spec.drain, 7s) << "the environment is above the file";
  EXPECT_EQ(next.spec.limits.session_age, 1h) << "and flags above that";
}

TEST_F(SpecSourceTest, RefusesAMistakeWithItsPlace) {
  SpecSource source = read("notice: 1s\n");
  for (const char* bad : {"notice: 2s\nspin: 5\n", "notice: 2s\ncorse: 1\n", "notice: 2s\n{",
                          "notice: 2s\nheartbeat: {interval: 1s}\n"}) {
    write(bad);

    const Status status = source.read_again().status();

    EXPECT_THAT(std::string(status.message()), HasSubstr("math.yaml:2")) << bad;
    EXPECT_EQ(source.spec().notice, 1s);
  }
}

TEST_F(SpecSourceTest, WantsTheFileThatItHadAtTheStart) {
  const SpecSource source = read("notice: 1s\n");
  std::filesystem::remove(file);

  EXPECT_EQ(source.read_again().status().reason(), "config.missing_file");
}

TEST_F(SpecSourceTest, ShowsNoSecretsAndCutsLongValues) {
  SpecSource source = read("plugins: [{name: auth_bearer, token: old-token}]\n");
  write(
      "plugins: [{name: auth_bearer, token: new-token}]\n"
      "clients: {math: {login_token: my-token, codec: json}}\n"
      "store: 'file:" +
      std::string(500, 'x') + "'\n");

  const SpecSource::Next next = source.read_again().value();

  EXPECT_THAT(texts(next.live), ElementsAre("clients.math.codec: (not set) -> json",
                                            "clients.math.login_token: (not set) -> ***"));
  const std::vector<std::string> told = texts(next.at_start);
  EXPECT_THAT(told, ElementsAre("plugins: *** -> ***", HasSubstr("store: (not set) -> file:xxx")));
  EXPECT_LT(told.back().size(), 200U);
}

TEST(SettingTable, KnowsNamesListsAndMapsAsAWhole) {
  EXPECT_TRUE(setting_of({"limits", "call_timeout"}).live);
  EXPECT_FALSE(setting_of({"log", "form"}).live);
  EXPECT_FALSE(setting_of({"log"}).live) << "some of it is not";
  EXPECT_TRUE(setting_of({"heartbeat"}).live);
  EXPECT_FALSE(setting_of({"nonsense"}).live);
  EXPECT_EQ(setting_of({"tls", "certificates"}).key, "tls.certificates.0.key_file");
  EXPECT_TRUE(setting_of({"clients", "127.0.0.1:80", "login_token"}).secret);
  EXPECT_TRUE(setting_of({"clients", "math"}).secret) << "a token may be in it";
  EXPECT_FALSE(setting_of({"clients", "math", "codec"}).secret);
}

}  // namespace
}  // namespace fairlead::service
