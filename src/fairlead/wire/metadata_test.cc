#include "fairlead/wire/metadata.h"

#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::wire {
namespace {

std::string text_of(const Metadata& metadata) {
  std::string text;
  EXPECT_TRUE(append_metadata_text(text, metadata).ok());
  return text;
}

Metadata parsed(std::string_view text) {
  Result<Metadata> metadata = parse_metadata_text(text);
  EXPECT_TRUE(metadata.ok()) << metadata.status();
  return std::move(metadata).value_or(Metadata());
}

TEST(Metadata, KeepsOrderAndRepeatedKeys) {
  Metadata metadata;
  metadata.add("b", "1");
  metadata.add("a", "2");
  metadata.add("b", "3");

  EXPECT_EQ(metadata.get("b"), "1");
  EXPECT_EQ(metadata.get("B"), std::nullopt) << "keys are case-sensitive";
  EXPECT_EQ(text_of(metadata), "b=1&a=2&b=3");
}

TEST(Metadata, SetOverwritesTheFirstPairOnly) {
  Metadata metadata = parsed("k=1&k=2");

  metadata.set("k", "new");
  metadata.set("other", "x");

  EXPECT_EQ(text_of(metadata), "k=new&k=2&other=x");
}

TEST(Metadata, RemovesEveryPairOfAKey) {
  Metadata metadata = parsed("k=1&a=x&k=2");

  EXPECT_EQ(metadata.remove("k"), 2U);
  EXPECT_EQ(metadata.remove("k"), 0U);
  EXPECT_EQ(text_of(metadata), "a=x");
}

TEST(Metadata, VisitsPairsInOrder) {
  std::string seen;
  parsed("a=1&b=2").visit([&seen](std::string_view key, std::string_view value) {
    seen.append(key).append(":").append(value).append(" ");
  });
  EXPECT_EQ(seen, "a:1 b:2 ");
}

TEST(MetadataText, ReadsOddFormsAsTheOriginalDoes) {
  EXPECT_TRUE(parsed("").empty());
  EXPECT_TRUE(parsed("&&&=&").empty()) << "pairs without key and value are dropped";
  EXPECT_EQ(parsed("a=b=c").get("a"), "b=c");
  EXPECT_EQ(parsed("a+b=c+d").get("a b"), "c d");
  EXPECT_EQ(parsed("=v").get(""), "v");
  EXPECT_EQ(parsed("a=%zz&b=%4&c=%").get("a"), "%zz");
  EXPECT_EQ(parsed("a=%zz&b=%4&c=%").get("b"), "%4");
  EXPECT_EQ(parsed("a=%e4%B8%96").get("a"), "\xE4\xB8\x96");
  EXPECT_EQ(parsed("flag").get("flag"), "");
}

TEST(MetadataText, ComesBackFromAnyBytes) {
  Random random(7);
  for (int round = 0; round < 500; ++round) {
    Metadata metadata;
    for (std::uint64_t pairs = random.below(5); pairs > 0; --pairs) {
      std::string key = "k";
      std::string value;
      for (std::uint64_t n = random.below(9); n > 0; --n) key += static_cast<char>(random.next());
      for (std::uint64_t n = random.below(9); n > 0; --n) value += static_cast<char>(random.next());
      metadata.add(key, value);
    }
    ASSERT_EQ(parsed(text_of(metadata)), metadata) << "seed 7, round " << round;
  }
}

TEST(MetadataText, RefusesOnePairTooMany) {
  std::string text = "k=0";
  Metadata metadata;
  metadata.add("k", "0");
  for (std::size_t i = 1; i < kMetadataPairsMax; ++i) {
    append_metadata_pair(text, "k", std::to_string(i));
    metadata.add("k", std::to_string(i));
  }
  ASSERT_EQ(parsed(text), metadata);

  append_metadata_pair(text, "k", "more");
  metadata.add("k", "more");
  std::string out;
  const Status encoded = append_metadata_text(out, metadata);

  EXPECT_EQ(parse_metadata_text(text).status().code(), Code::kBadMessage);
  EXPECT_EQ(parse_metadata_text(text).status().reason(), "metadata.too_many");
  EXPECT_EQ(encoded.code(), Code::kEncodeFailed);
  EXPECT_EQ(encoded.reason(), "metadata.too_many");
}

TEST(FindInEncoded, AgreesWithFullDecoding) {
  const std::string_view texts[] = {"",       "a=1",           "b=2&a=1&a=3", "a",        "a=&a=2",
                                    "%61=x",  "a+b=1&a%20b=2", "&&a=1",       "aa=1&a=2", "a%=1",
                                    "=v&a=1", "a=%41+%42",     "xa=1&ax=2",   "b=2&",     "b&a"};
  for (const std::string_view text : texts) {
    for (const std::string_view key : {"a", "b", "a b", "", "a%", "aa", "%61"}) {
      const Metadata all = parsed(text);
      const std::optional<std::string_view> expected = all.get(key);
      EXPECT_EQ(find_in_encoded(text, key), expected) << text << " / " << key;
    }
  }
}

TEST(ReservedKey, IsKnownInAnyCase) {
  for (const std::string_view key :
       {"X-Fl-Timeout", "x-fl-anything", "X-REAL-IP", "x-secure", "X-Accept-Body-Codec", "hb_",
        "HB_", "_uid", "_device_id", "traceparent", "Tracestate", "baggage"}) {
    EXPECT_TRUE(is_reserved_key(key)) << key;
  }
  for (const std::string_view key :
       {"", "X-Fl", "X-F", "X-Flower", "X-Real-IP2", "accept", "uid", "hb", "author"}) {
    EXPECT_FALSE(is_reserved_key(key)) << key;
  }
}

}  // namespace
}  // namespace fairlead::wire
