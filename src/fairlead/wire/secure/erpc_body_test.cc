#include "fairlead/wire/secure/erpc_body.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/wire/message.h"

namespace fairlead::wire {
namespace {

constexpr std::string_view kOldKey = "cipherkey1234567";
constexpr std::string_view kNewKey = "a key of 32 bytes, for AES-256..";

ErpcKeys keys_of(const std::vector<std::string_view>& keys) { return ErpcKeys::make(keys).value(); }

Status decrypted(const ErpcKeys& keys, std::string_view secure, Buffer& out,
                 std::uint8_t codec = kJsonCodec) {
  return decrypt_erpc_body(keys, codec, Bytes::borrow(secure), out);
}

TEST(ErpcBody, ComesBackInBothCodecsWithEverySizeOfKey) {
  for (const std::string_view key : {kOldKey, kNewKey, kNewKey.substr(0, 24)}) {
    for (const std::uint8_t codec : {kJsonCodec, kProtobufCodec}) {
      for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 5000U}) {
        Buffer secure;
        Buffer out;
        const std::string body(size, 'b');
        ASSERT_TRUE(encrypt_erpc_body(keys_of({key}), codec, body, secure).ok());
        ASSERT_TRUE(decrypted(keys_of({key}), secure.view(), out, codec).ok());
        EXPECT_EQ(out.view(), body);
      }
    }
  }
}

TEST(ErpcBody, IsDecryptedWithAnOldKeyAndEncryptedWithTheFirst) {
  Buffer by_old;
  Buffer by_new;
  Buffer out;
  ASSERT_TRUE(encrypt_erpc_body(keys_of({kOldKey}), kJsonCodec, "body", by_old).ok());
  ASSERT_TRUE(encrypt_erpc_body(keys_of({kNewKey, kOldKey}), kJsonCodec, "body", by_new).ok());

  EXPECT_TRUE(decrypted(keys_of({kNewKey, kOldKey}), by_old.view(), out).ok());
  EXPECT_TRUE(decrypted(keys_of({kNewKey}), by_new.view(), out).ok());
  EXPECT_EQ(decrypted(keys_of({kNewKey}), by_old.view(), out).reason(), "secure.unknown_key");
}

TEST(ErpcBody, ReadsAnEmptyMessageAsAnEmptyBody) {
  Buffer out;
  EXPECT_TRUE(decrypted(keys_of({kOldKey}), "{}", out).ok());
  EXPECT_TRUE(decrypted(keys_of({kOldKey}), "", out, kProtobufCodec).ok());
  EXPECT_TRUE(out.empty());
}

TEST(ErpcBody, RefusesWhatIsNoSuchMessage) {
  const ErpcKeys keys = keys_of({kOldKey});
  const std::string version = keys.encrypting().version;
  const auto message = [](std::string_view of, std::string_view cipher) {
    return R"({"cipherversion":")" + std::string(of) + R"(","ciphertext":")" + std::string(cipher) +
           R"("})";
  };
  Buffer out;

  EXPECT_EQ(decrypted(keys, "not json", out).reason(), "secure.bad_body");
  EXPECT_EQ(decrypted(keys, message(version, "abc"), out).reason(), "secure.bad_body");
  EXPECT_EQ(decrypted(keys, message(version, "zz"), out).reason(), "secure.bad_body");
  EXPECT_EQ(decrypted(keys, message("", "abcd"), out).reason(), "secure.unknown_key");
  EXPECT_EQ(decrypted(keys, message(version, ""), out).reason(), "secure.not_authentic");
  EXPECT_EQ(decrypted(keys, message(version, "abcd"), out).reason(), "secure.not_authentic")
      << "not whole blocks";
  EXPECT_EQ(decrypted(keys, message(version, std::string(32, '0')), out).reason(),
            "secure.not_authentic")
      << "wrong padding";
  EXPECT_EQ(decrypted(keys, "", out, kPlainCodec).reason(), "secure.codec");
  EXPECT_EQ(encrypt_erpc_body(keys, kPlainCodec, "body", out).code(), Code::kEncodeFailed);
  EXPECT_TRUE(out.empty());
}

TEST(ErpcKeys, RefusesKeysThatAesDoesNotTake) {
  const auto reason = [](const std::vector<std::string_view>& keys) {
    return std::string(ErpcKeys::make(keys).status().reason());
  };
  EXPECT_EQ(reason({}), "secure.no_key");
  EXPECT_EQ(reason({kOldKey, kNewKey.substr(1)}), "secure.bad_key");
  EXPECT_EQ(reason({65, kOldKey}), "secure.too_many_keys");
  EXPECT_EQ(
      ErpcKeys::make(std::vector{kNewKey.substr(1)}).status().message().find(kNewKey.substr(1)),
      std::string_view::npos)
      << "a key is never shown";
}

}  // namespace
}  // namespace fairlead::wire
