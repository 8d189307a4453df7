#include "fairlead/base/buffer.h"

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead {
namespace {

TEST(Buffer, OwnsNoMemoryUntilWrittenAndAfterRelease) {
  Buffer buffer;
  EXPECT_EQ(buffer.capacity(), 0U);
  buffer.append("text");
  EXPECT_GT(buffer.capacity(), 0U);
  buffer.release();
  EXPECT_EQ(buffer.capacity(), 0U);
  EXPECT_TRUE(buffer.empty());
}

TEST(Buffer, PatchesWhatWasWrittenBefore) {
  Buffer buffer;
  buffer.append("____tail");
  std::memcpy(buffer.at(0), "head", 4);
  buffer.truncate(6);
  EXPECT_EQ(buffer.view(), "headta");
}

// Against a plain string, with random appends and consumes.
TEST(Buffer, KeepsOrderUnderAnyMixOfAppendsAndConsumes) {
  Random random(3);
  Buffer buffer;
  std::string model;
  for (int step = 0; step < 2000; ++step) {
    if (random.below(3) != 0) {
      const std::string text(random.below(3000), static_cast<char>('a' + random.below(26)));
      buffer.append(text);
      model += text;
    } else {
      const std::size_t count = random.below(model.size() + 1);
      buffer.consume(count);
      model.erase(0, count);
    }
    ASSERT_EQ(buffer.view(), model) << "step " << step;
  }
}

}  // namespace
}  // namespace fairlead
