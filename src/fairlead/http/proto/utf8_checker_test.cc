#include "fairlead/http/proto/utf8_checker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "fairlead/base/text.h"

namespace fairlead::http::proto {
namespace {

bool is_valid_in_pieces(std::string_view text, std::size_t piece) {
  Utf8Checker checker;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    checker.take(text.substr(0, piece));
  }
  return checker.is_whole();
}

// is_utf8() sees the whole text at once: two implementations that must agree. Around every lead
// byte and second byte, with whole and missing rests, alone and behind ASCII that fills a word.
TEST(Utf8Checker, AgreesWithTheCheckOfWholeTexts) {
  for (int lead = 0; lead < 256; ++lead) {
    for (int second = 0; second < 256; ++second) {
      for (const char* rest : {"", "\x80", "\xBF\xBF", "a"}) {
        for (const char* before : {"", "01234567"}) {
          std::string text = before;
          text += static_cast<char>(lead);
          text += static_cast<char>(second);
          text += rest;
          for (const std::size_t piece : {1U, 2U, 16U}) {
            ASSERT_EQ(is_valid_in_pieces(text, piece), is_utf8(text)) << escape_text(text);
          }
        }
      }
    }
  }
}

TEST(Utf8Checker, SaysNoAtTheFirstByteThatCannotStandThere) {
  Utf8Checker checker;
  EXPECT_TRUE(checker.take("\xce\xba\xe1\xbd\xb9\xed"));
  EXPECT_FALSE(checker.take("\xa0")) << "a surrogate, although its third byte is not here";
  EXPECT_FALSE(checker.take("a")) << "bad for good";
  EXPECT_FALSE(checker.is_whole());
}

TEST(Utf8Checker, IsNotWholeInsideACharacter) {
  const std::string text = "\xF0\x9F\x98\x80";
  Utf8Checker checker;
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_TRUE(checker.take(text.substr(i, 1)));
    EXPECT_EQ(checker.is_whole(), i == 3) << i;
  }
}

TEST(Utf8Checker, BeginsAnewAfterReset) {
  Utf8Checker checker;
  EXPECT_FALSE(checker.take("\xff"));
  checker.reset();
  EXPECT_TRUE(checker.take("a"));
  EXPECT_TRUE(checker.is_whole());
}

}  // namespace
}  // namespace fairlead::http::proto
