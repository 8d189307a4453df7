#include "fairlead/compress/message_deflater.h"

#include <gtest/gtest.h>

#include <string>

#include "fairlead/base/random.h"
#include "fairlead/compress/message_inflater.h"

namespace fairlead::compress {
namespace {

using namespace std::string_literals;

std::string deflate_message(MessageDeflater& deflater, std::string_view message) {
  Buffer output("before");
  const Status status = deflater.deflate(message, output);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(output.view().starts_with("before"));
  return std::string(output.view().substr(6));
}

std::string inflate_message(MessageInflater& inflater, std::string_view message) {
  Buffer output;
  Status status = inflater.inflate(message, output);
  if (status.ok()) status = inflater.end_message(output);
  EXPECT_TRUE(status.ok()) << status;
  return std::string(output.view());
}

// RFC 7692 sections 7.2.3.1, 7.2.3.2 and 7.2.3.6.
TEST(MessageDeflater, WritesTheExamplesOfTheStandard) {
  MessageDeflater deflater({});
  EXPECT_EQ(deflate_message(deflater, "Hello"), "\xf2\x48\xcd\xc9\xc9\x07\x00"s);
  EXPECT_EQ(deflate_message(deflater, "Hello"), "\xf2\x00\x11\x00\x00"s);
  EXPECT_EQ(deflate_message(deflater, ""), "\x00"s);
}

TEST(MessageDeflater, WritesEqualBytesWhenTheWindowIsNotKept) {
  MessageDeflater deflater({.keep_window = false});
  const std::string first = deflate_message(deflater, "Hello");
  EXPECT_EQ(deflate_message(deflater, "Hello"), first);
}

TEST(MessageDeflater, ComesBackForEverySizeWindowAndLevel) {
  Random random(5);
  for (int window_bits = 9; window_bits <= 15; ++window_bits) {
    for (const bool keep_window : {false, true}) {
      const int level = window_bits % 9 + 1;
      MessageDeflater deflater(
          {.window_bits = window_bits, .level = level, .keep_window = keep_window});
      MessageInflater inflater({.window_bits = window_bits, .keep_window = keep_window});
      for (const std::size_t size : {0U, 0U, 1U, 511U, 512U, 513U, 65536U, 200000U, 0U, 7U}) {
        std::string text(size, '\0');
        for (char& c : text) c = static_cast<char>(random.below(size % 2 == 0 ? 4 : 256));
        ASSERT_EQ(inflate_message(inflater, deflate_message(deflater, text)), text)
            << size << " with window bits " << window_bits;
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::compress
