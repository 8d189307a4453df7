#include "fairlead/rpc/resume_words.h"

#include <gtest/gtest.h>

namespace fairlead::rpc {
namespace {

constexpr std::string_view kText = "00112233445566778899aabbccddeeff";

TEST(ResumeSecret, IsReadAsItWasWritten) {
  SecureRandom random;
  const ResumeSecret drawn = ResumeSecret::draw(random);

  const std::optional<ResumeSecret> read = ResumeSecret::parse(drawn.text());

  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->equals(drawn));
  EXPECT_EQ(ResumeSecret::parse(kText)->text(), kText);
}

TEST(ResumeSecret, IsNothingButThirtyTwoSmallDigits) {
  for (std::size_t cut = 0; cut < kText.size(); ++cut) {
    EXPECT_FALSE(ResumeSecret::parse(kText.substr(0, cut)).has_value()) << cut;
  }
  EXPECT_FALSE(ResumeSecret::parse(std::string(kText) + "0").has_value());
  EXPECT_FALSE(ResumeSecret::parse(std::string(1 << 20, 'a')).has_value());
  for (std::size_t i = 0; i < kText.size(); ++i) {
    for (const char wrong : {'g', 'A', ' ', '\0', '/', ':', '`'}) {
      std::string text(kText);
      text[i] = wrong;
      EXPECT_FALSE(ResumeSecret::parse(text).has_value()) << text;
    }
  }
}

TEST(ResumeSecret, DiffersWhereverOneBitDoes) {
  const ResumeSecret secret = *ResumeSecret::parse(kText);
  for (std::size_t i = 0; i < kText.size(); ++i) {
    std::string text(kText);
    text[i] = text[i] == '0' ? '1' : '0';
    EXPECT_FALSE(ResumeSecret::parse(text)->equals(secret)) << text;
  }
}

TEST(ResumeSecret, LiesWhereItsKeySays) {
  const ResumeSecret secret = *ResumeSecret::parse(kText);

  EXPECT_EQ(secret.place({1, 2}), ResumeSecret::parse(kText)->place({1, 2}));
  EXPECT_NE(secret.place({1, 2}), secret.place({1, 3}));
}

TEST(MessageId, IsADecimalNumberFromOneOn) {
  EXPECT_EQ(parse_message_id("1"), 1U);
  EXPECT_EQ(parse_message_id("9223372036854775807"), ~std::uint64_t{0} >> 1);
  for (const char* wrong : {"", "0", "01", "+1", "-1", " 1", "1 ", "1a", "9223372036854775808",
                            "18446744073709551616", "1.0"}) {
    EXPECT_FALSE(parse_message_id(wrong).has_value()) << wrong;
  }
}

TEST(WindowName, IsReadAsItWasWritten) {
  EXPECT_EQ(hex_text(0x0123456789abcdefU), "0123456789abcdef");
  EXPECT_EQ(parse_hex("0123456789abcdef"), 0x0123456789abcdefU);
  for (const char* wrong :
       {"", "0", "0000000000000000", "0123456789abcde", "0123456789abcdefa", "0123456789ABCDEF"}) {
    EXPECT_FALSE(parse_hex(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace fairlead::rpc
