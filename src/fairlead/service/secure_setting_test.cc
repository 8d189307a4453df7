#include "fairlead/service/secure_setting.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "fairlead/service/spec.h"

namespace fairlead::service {
namespace {

class SecureSetting : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "fl-secure-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { ASSERT_EQ(std::system(("rm -r '" + folder + "'").c_str()), 0); }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(folder + "/" + name) << text;
    return folder + "/" + name;
  }
  static SecureSpec ring(std::string path) { return {.keys_file = std::move(path)}; }
  static SecureSpec erpc(std::string path) { return {.erpc_keys_file = std::move(path)}; }
  std::string folder;
};

TEST_F(SecureSetting, ReadsBothFiles) {
  const std::string key = std::string(43, 'A') + "=";
  const Result<rpc::SecureKeys> keys = read_secure_keys(
      {.keys_file = file("ring", "2026-11 " + key + "\n2026-05 " + key + " # old\n"),
       .erpc_keys_file = file("old",
                              "# two keys\n1234567890abcdef\r\n\n"
                              "1234567890abcdef1234567890abcdef")});

  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(keys->ring->size(), 2U);
  EXPECT_EQ(keys->erpc->encrypting().secret.size(), 16U);
}

TEST_F(SecureSetting, EveryMistakeNamesTheFileAndShowsNoKey) {
  const Result<rpc::SecureKeys> missing = read_secure_keys(ring(folder + "/none"));
  const Result<rpc::SecureKeys> folder_itself = read_secure_keys(ring(folder));
  const Result<rpc::SecureKeys> huge =
      read_secure_keys(ring(file("huge", std::string(70'000, '#'))));
  const Result<rpc::SecureKeys> empty = read_secure_keys(ring(file("empty", "")));
  const Result<rpc::SecureKeys> bad = read_secure_keys(ring(file("bad", "one c2VjcmV0\n")));
  const Result<rpc::SecureKeys> short_key = read_secure_keys(erpc(file("short", "topsecret\n")));

  EXPECT_EQ(missing.status().reason(), "secure.file");
  EXPECT_EQ(folder_itself.status().reason(), "secure.file");
  EXPECT_EQ(huge.status().reason(), "secure.file");
  EXPECT_EQ(empty.status().reason(), "secure.no_key");
  EXPECT_EQ(bad.status().reason(), "secure.bad_key");
  EXPECT_EQ(short_key.status().reason(), "secure.bad_key");
  for (const auto* result : {&missing, &folder_itself, &huge, &empty, &bad, &short_key}) {
    const std::string message(result->status().message());
    EXPECT_NE(message.find(folder), std::string::npos) << message;
    EXPECT_EQ(message.find("c2VjcmV0"), std::string::npos) << message;
    EXPECT_EQ(message.find("topsecret"), std::string::npos) << message;
  }
}

TEST(SecureSettingInAFile, RequiredWithoutKeysIsRefused) {
  const char* const words[] = {"test", "--set", "secure.required=true"};

  const Result<Start> start = read_start(3, words, "test", Spec{});

  EXPECT_EQ(start.status().reason(), "config.bad_value") << start.status();
}

}  // namespace
}  // namespace fairlead::service
