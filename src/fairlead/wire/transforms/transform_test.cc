#include "fairlead/wire/transforms/transform.h"

#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/text.h"
#include "fairlead/wire/transforms/crc32c_transform.h"
#include "fairlead/wire/transforms/gzip_transform.h"
#include "fairlead/wire/transforms/md5_transform.h"
#include "fairlead/wire/transforms/zstd_transform.h"

namespace fairlead::wire {
namespace {

// Puts its letter in front when packing; the order of a chain becomes readable.
class Letter final : public Transform {
 public:
  Letter(std::uint8_t id, std::string name) : id_(id), name_(std::move(name)) {}
  std::uint8_t id() const override { return id_; }
  std::string_view name() const override { return name_; }
  Status pack(std::string_view input, Buffer& output) const override {
    output.append(static_cast<char>(id_));
    output.append(input);
    return {};
  }
  Status unpack(std::string_view input, std::size_t, Buffer& output) const override {
    if (!input.starts_with(static_cast<char>(id_))) {
      return {Code::kBadMessage, "letter.missing", "wrong order"};
    }
    output.append(input.substr(1));
    return {};
  }

 private:
  const std::uint8_t id_;
  const std::string name_;
};

TEST(TransformSet, PacksFromTheLastAndUnpacksFromTheFirst) {
  TransformSet transforms;
  ASSERT_TRUE(transforms.add(std::make_unique<Letter>('a', "a")).ok());
  ASSERT_TRUE(transforms.add(std::make_unique<Letter>('b', "b")).ok());
  Buffer packed;
  Buffer restored;

  ASSERT_TRUE(transforms.pack("ab", "text", packed).ok());
  EXPECT_EQ(packed.view(), "abtext") << "the first id is outermost";
  ASSERT_TRUE(transforms.unpack("ab", packed.view(), 100, restored).ok());
  EXPECT_EQ(restored.view(), "text");
  EXPECT_EQ(transforms.unpack("ba", packed.view(), 100, restored).reason(), "letter.missing");
}

TEST(TransformSet, RefusesTheSameIdOrNameTwice) {
  TransformSet transforms;
  ASSERT_TRUE(add_builtin_transforms(transforms).ok());

  EXPECT_EQ(transforms.add(std::make_unique<Letter>('g', "x")).reason(), "transform.id_taken");
  EXPECT_EQ(transforms.add(std::make_unique<Letter>('x', "gzip")).reason(), "transform.name_taken");
  EXPECT_EQ(transforms.find_name("md5")->id(), 'm');
  EXPECT_EQ(transforms.find('g')->name(), "gzip");
  EXPECT_EQ(transforms.find_name("zstd")->id(), 'z');
  EXPECT_EQ(transforms.find_name("crc32c")->id(), 'c');
  EXPECT_EQ(transforms.find('x'), nullptr);
  EXPECT_EQ(transforms.find_name("x"), nullptr);
}

TEST(TransformSet, NamesAnUnknownId) {
  const TransformSet transforms;
  Buffer out;
  EXPECT_EQ(transforms.pack("x", "", out).code(), Code::kEncodeFailed);
  EXPECT_EQ(transforms.unpack("x", "", 100, out).code(), Code::kBadMessage);
  EXPECT_EQ(transforms.unpack("x", "", 100, out).reason(), "frame.unknown_transform");
}

TEST(TransformSet, BoundsTheWorkOfALongChain) {
  TransformSet transforms;
  ASSERT_TRUE(add_builtin_transforms(transforms).ok());
  const std::string payload(1000, 'x');
  Buffer packed;
  Buffer restored;
  const std::string five(5, 'm');
  ASSERT_TRUE(transforms.pack(five, payload, packed).ok());

  EXPECT_TRUE(transforms.unpack(five, packed.view(), 2000, restored).ok());
  const Status status = transforms.unpack(five, packed.view(), 1100, restored);

  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "frame.too_big");
}

// Each stage alone stays below the limit and the ratio; together they would be a bomb of a bomb.
TEST(TransformSet, BoundsStackedCompression) {
  TransformSet transforms;
  ASSERT_TRUE(add_builtin_transforms(transforms).ok());
  Buffer packed;
  Buffer restored;
  const std::string payload(900'000, 'x');
  ASSERT_TRUE(transforms.pack("zgcm", payload, packed).ok());
  EXPECT_LT(packed.size(), payload.size() / 1000);

  EXPECT_TRUE(transforms.unpack("zgcm", packed.view(), 1'000'000, restored).ok());
  EXPECT_EQ(restored.view(), payload);
  const Status status = transforms.unpack("zgcm", packed.view(), 800'000, restored);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "compress.too_big");
}

TEST(Md5Transform, KnowsTheDigestOfNothing) {
  Buffer out;
  ASSERT_TRUE(Md5Transform().pack("", out).ok());
  EXPECT_EQ(out.view(), percent_decode("%d4%1d%8c%d9%8f%00%b2%04%e9%80%09%98%ec%f8%42%7e", false));
}

TEST(Md5Transform, FindsDamageAnywhere) {
  const Md5Transform md5;
  Buffer packed;
  ASSERT_TRUE(md5.pack("payload", packed).ok());
  for (std::size_t at = 0; at < packed.size(); ++at) {
    std::string damaged(packed.view());
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    Buffer out;
    EXPECT_EQ(md5.unpack(damaged, 100, out).reason(), "transform.md5_mismatch");
    EXPECT_EQ(md5.unpack(std::string_view(packed.view()).substr(0, at), 100, out).code(),
              Code::kBadMessage);
  }
  Buffer out;
  EXPECT_EQ(md5.unpack(packed.view(), 6, out).reason(), "frame.too_big");
  EXPECT_TRUE(md5.unpack(packed.view(), 7, out).ok());
}

TEST(GzipTransform, LeavesEmptyInputEmptyWhenUnpacking) {
  Buffer out;
  EXPECT_TRUE(GzipTransform().unpack("", 100, out).ok());
  EXPECT_TRUE(out.empty());
}

TEST(Crc32cTransform, AppendsTheChecksumBigEndian) {
  Buffer out;
  ASSERT_TRUE(Crc32cTransform().pack("123456789", out).ok());
  EXPECT_EQ(out.view(), "123456789\xe3\x06\x92\x83");
}

TEST(Crc32cTransform, FindsEverySingleFlippedBitAndEveryCut) {
  const Crc32cTransform crc32c;
  Buffer packed;
  ASSERT_TRUE(crc32c.pack("payload", packed).ok());
  for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
    std::string damaged(packed.view());
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    Buffer out;
    EXPECT_EQ(crc32c.unpack(damaged, 100, out).reason(), "transform.crc32c_mismatch");
  }
  for (std::size_t cut = 0; cut < packed.size(); ++cut) {
    Buffer out;
    EXPECT_EQ(crc32c.unpack(packed.view().substr(0, cut), 100, out).code(), Code::kBadMessage);
  }
  Buffer out;
  EXPECT_EQ(crc32c.unpack(packed.view(), 6, out).reason(), "frame.too_big");
  EXPECT_TRUE(crc32c.unpack(packed.view(), 7, out).ok());
  EXPECT_EQ(out.view(), "payload");
}

TEST(ZstdTransform, ComesBackAndLeavesEmptyInputEmptyWhenUnpacking) {
  Buffer packed;
  Buffer out;
  ASSERT_TRUE(ZstdTransform().pack("payload", packed).ok());
  ASSERT_TRUE(ZstdTransform().unpack(packed.view(), 100, out).ok());
  ASSERT_TRUE(ZstdTransform().unpack("", 100, out).ok());
  EXPECT_EQ(out.view(), "payload");
}

TEST(ZstdTransform, StopsABomb) {
  Buffer bomb;
  Buffer out;
  ASSERT_TRUE(ZstdTransform().pack(std::string(1U << 20, '\0'), bomb).ok());
  const Status status = ZstdTransform().unpack(bomb.view(), 100000, out);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "compress.too_big");
}

TEST(GzipTransform, StopsABomb) {
  Buffer bomb;
  Buffer out;
  ASSERT_TRUE(GzipTransform(9).pack(std::string(1U << 20, '\0'), bomb).ok());
  const Status status = GzipTransform().unpack(bomb.view(), 100000, out);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "compress.too_big");
}

}  // namespace
}  // namespace fairlead::wire
