#include "fairlead/wire/secure/aes_gcm_body.h"

#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/base64.h"
#include "fairlead/base/text.h"

namespace fairlead::wire {
namespace {

std::string key_text(std::string_view id, char byte) {
  const std::string key(32, byte);
  std::string text(base64_size(key.size()), '\0');
  base64_encode(key, text.data());
  return std::string(id) + " " + text + "\n";
}

KeyRing ring_of(const std::string& text) { return KeyRing::parse(text).value(); }

constexpr BodyBinding kCall{.kind = Kind::kCall, .body_codec = 'j', .method = "/math/divide"};

TEST(XaesGcm, KnowsThePublishedVectors) {
  const SecureNonce nonce = {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L',
                             'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X'};
  const auto hex = [](std::string_view bytes) {
    std::string text;
    for (const char c : bytes) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      text.append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
    }
    return text;
  };
  Buffer first;
  Buffer second;

  // The most significant bit of the block that the mask is made of is 0 with the first, 1 with the
  // second key.
  ASSERT_TRUE(
      internal::xaes_seal(ring_of(key_text("k", 1)).sealing(), nonce, "", "XAES-256-GCM", first));
  ASSERT_TRUE(internal::xaes_seal(ring_of(key_text("k", 3)).sealing(), nonce,
                                  "c2sp.org/XAES-256-GCM", "XAES-256-GCM", second));

  EXPECT_EQ(hex(first.view()), "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
  EXPECT_EQ(hex(second.view()), "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d");
}

TEST(SecureBody, ComesBackAtEverySize) {
  const KeyRing keys = ring_of(key_text("2026-11", 7));
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 100'000U}) {
    const std::string body(size, 'b');
    Buffer sealed("before");
    Buffer opened("kept");

    const auto sent = seal_body(keys, kCall, body, sealed);
    sealed.consume(6);
    const auto received = open_body(keys, kCall, sealed.view(), opened);

    ASSERT_TRUE(sent.ok() && received.ok()) << received.status();
    EXPECT_EQ(*sent, *received) << "both sides bind the reply to the same call";
    EXPECT_EQ(sealed.size(), size + secure_overhead(7));
    EXPECT_EQ(opened.view(), "kept" + body);
  }
}

TEST(SecureBody, NeverUsesANonceTwice) {
  const KeyRing keys = ring_of(key_text("k", 7));
  std::set<SecureNonce> nonces;
  for (int i = 0; i < 1000; ++i) {
    Buffer sealed;
    nonces.insert(seal_body(keys, kCall, "", sealed).value());
  }
  EXPECT_EQ(nonces.size(), 1000U);
}

TEST(SecureBody, IsOpenedWithAnOldKeyAndSealedWithTheFirst) {
  const KeyRing before = ring_of(key_text("old", 1));
  const KeyRing between = ring_of(key_text("new", 2) + key_text("old", 1));
  const KeyRing after = ring_of(key_text("new", 2));
  Buffer by_old;
  Buffer by_new;
  Buffer out;
  ASSERT_TRUE(seal_body(before, kCall, "body", by_old).ok());
  ASSERT_TRUE(seal_body(between, kCall, "body", by_new).ok());

  EXPECT_TRUE(open_body(between, kCall, by_old.view(), out).ok());
  EXPECT_TRUE(open_body(after, kCall, by_new.view(), out).ok());
  EXPECT_EQ(open_body(after, kCall, by_old.view(), out).status().reason(), "secure.unknown_key");
  EXPECT_EQ(open_body(ring_of(key_text("new", 9)), kCall, by_new.view(), out).status().reason(),
            "secure.not_authentic")
      << "the same id, another key";
  EXPECT_EQ(out.view(), "bodybody");
}

TEST(SecureBody, OpensOnlyForTheMessageThatItWasSealedFor) {
  const KeyRing keys = ring_of(key_text("k", 7));
  const SecureNonce call{'c'};
  const SecureNonce other_call{'d'};
  const BodyBinding reply{
      .kind = Kind::kReply, .body_codec = 'j', .method = "/math/divide", .call = &call};
  BodyBinding wrong_kind = reply;
  wrong_kind.kind = Kind::kPush;
  BodyBinding wrong_codec = reply;
  wrong_codec.body_codec = 'p';
  BodyBinding wrong_method = reply;
  wrong_method.method = "/math/divid";
  BodyBinding wrong_call = reply;
  wrong_call.call = &other_call;
  BodyBinding no_call = reply;
  no_call.call = nullptr;
  Buffer sealed;
  Buffer out;
  ASSERT_TRUE(seal_body(keys, reply, "body", sealed).ok());

  for (const BodyBinding& wrong : {wrong_kind, wrong_codec, wrong_method, wrong_call, no_call}) {
    EXPECT_EQ(open_body(keys, wrong, sealed.view(), out).status().reason(), "secure.not_authentic");
  }
  EXPECT_TRUE(out.empty()) << "nothing may be left of a failed try";
  EXPECT_TRUE(open_body(keys, reply, sealed.view(), out).ok());
}

TEST(SecureBody, IsRefusedCutAtAnyByteAndWithAnyBitFlipped) {
  const KeyRing keys = ring_of(key_text("key", 7));
  Buffer sealed;
  ASSERT_TRUE(seal_body(keys, kCall, "body", sealed).ok());
  const std::string whole(sealed.view());
  Buffer out;

  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const Status status = open_body(keys, kCall, whole.substr(0, cut), out).status();
    EXPECT_EQ(status.reason(),
              cut < secure_overhead(3) ? "secure.bad_body" : "secure.not_authentic");
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(open_body(keys, kCall, damaged, out).ok()) << "bit " << bit;
  }
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace fairlead::wire
