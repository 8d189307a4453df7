#include "fairlead/io/output.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "fairlead/base/random.h"

namespace fairlead::io {
namespace {

std::string all_of(const Output& output) {
  std::array<std::string_view, 64> pieces;
  std::string text;
  const std::size_t count = output.gather(pieces);
  for (std::size_t i = 0; i < count; ++i) text += pieces[i];
  return text;
}

TEST(Output, KeepsAppendedAndSharedBytesInOrder) {
  Output output;
  output.share(Bytes("<1>"));
  output.buffer().append("a");
  output.buffer().append("b");
  output.share(Bytes("<2>"));
  output.share(Bytes("<3>"));
  output.buffer().append("c");

  EXPECT_EQ(output.size(), 12u);
  EXPECT_EQ(all_of(output), "<1>ab<2><3>c");
}

TEST(Output, GathersOnlyAsManyPiecesAsThereIsRoomFor) {
  Output output;
  output.buffer().append("a");
  output.share(Bytes("<1>"));
  output.buffer().append("b");
  std::array<std::string_view, 2> pieces;

  EXPECT_EQ(output.gather(pieces), 2u);
  EXPECT_EQ(pieces[0], "a");
  EXPECT_EQ(pieces[1], "<1>");
}

TEST(Output, SharesTheChunkUntilItsBytesAreConsumed) {
  ChunkRef chunk(4);
  std::memcpy(chunk->data(), "body", 4);
  Output output;
  output.share(Bytes(chunk, {chunk->data(), 4}));
  EXPECT_FALSE(chunk->unique());

  output.consume(3);
  EXPECT_FALSE(chunk->unique());
  output.consume(1);

  EXPECT_TRUE(chunk->unique());
  EXPECT_TRUE(output.empty());
  EXPECT_FALSE(output.has_shared());
}

TEST(Output, CompactsWhatKeepsAMuchLargerChunkAlive) {
  ChunkRef large(1000);
  std::memcpy(large->data(), "small", 5);
  ChunkRef exact(10);
  std::memcpy(exact->data(), "0123456789", 10);
  Output output;
  output.share(Bytes(large, {large->data(), 5}));
  output.share(Bytes(exact, {exact->data(), 10}));

  output.compact();

  EXPECT_TRUE(large->unique());
  EXPECT_FALSE(exact->unique());
  EXPECT_EQ(all_of(output), "small0123456789");
}

TEST(Output, IgnoresWhatIsEmpty) {
  Output output;
  output.share(Bytes());

  EXPECT_TRUE(output.empty());
  EXPECT_FALSE(output.has_shared());
}

// Against a plain string, under random appending, sharing and consuming.
TEST(Output, IsTheSameAsAStringUnderRandomUse) {
  Random random(7);
  Output output;
  std::string model;
  for (int step = 0; step < 20'000; ++step) {
    const std::string bytes(random.below(20), static_cast<char>('a' + step % 26));
    switch (random.below(4)) {
      case 0:
        output.buffer().append(bytes);
        model += bytes;
        break;
      case 1:
        output.share(Bytes(bytes));
        model += bytes;
        break;
      default: {
        const std::size_t count = random.below(model.size() + 1);
        std::string front(count, '\0');
        ASSERT_EQ(output.copy_front(front.data(), count), count);
        ASSERT_EQ(front, model.substr(0, count));
        output.consume(count);
        model.erase(0, count);
      }
    }
    ASSERT_EQ(output.size(), model.size()) << "step " << step;
    if (model.size() < 200) {
      ASSERT_EQ(all_of(output), model) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace fairlead::io
