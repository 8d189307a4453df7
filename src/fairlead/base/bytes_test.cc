#include "fairlead/base/bytes.h"

#include <gtest/gtest.h>

namespace fairlead {
namespace {

TEST(Bytes, KeepItsChunkAliveAfterTheOwnerLetGo) {
  ChunkRef chunk(8);
  std::memcpy(chunk->data(), "abcdefgh", 8);
  Bytes part(chunk, {chunk->data() + 2, 3});

  chunk = ChunkRef();

  EXPECT_EQ(part.view(), "cde");
  EXPECT_EQ(part.slice(1).view(), "de");
}

TEST(Bytes, TellWhetherAChunkMayBeWrittenAgain) {
  ChunkRef chunk(8);
  EXPECT_TRUE(chunk->unique());

  Bytes part(chunk, {chunk->data(), 1});
  EXPECT_FALSE(chunk->unique());

  part = Bytes();
  EXPECT_TRUE(chunk->unique());
}

TEST(Bytes, OwnCopiesOnlyWhatWasBorrowed) {
  std::string text = "text";
  Bytes borrowed = Bytes::borrow(text);
  EXPECT_FALSE(borrowed.owned());

  const Bytes owned = std::move(borrowed).own();
  text = "gone";

  EXPECT_TRUE(owned.owned());
  EXPECT_EQ(owned.view(), "text");
  const char* before = owned.data();
  EXPECT_EQ(Bytes(owned).own().data(), before);
}

}  // namespace
}  // namespace fairlead
