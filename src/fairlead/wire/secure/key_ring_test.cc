#include "fairlead/wire/secure/key_ring.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::wire {
namespace {

constexpr std::string_view kKeyA = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
constexpr std::string_view kKeyB = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

std::string line(std::string_view id, std::string_view key) {
  return std::string(id) + " " + std::string(key) + "\n";
}

TEST(KeyRing, SealsWithTheFirstKeyAndFindsAll) {
  const auto ring = KeyRing::parse("# our keys\n\n  2026-11\t" + std::string(kKeyB) +
                                   "  # new\r\n" + line("2026-05", kKeyA));

  ASSERT_TRUE(ring.ok()) << ring.status();
  EXPECT_EQ(ring->size(), 2U);
  EXPECT_EQ(ring->sealing().id, "2026-11");
  ASSERT_NE(ring->find("2026-05"), nullptr);
  EXPECT_EQ(ring->find("2026-05")->secret.size(), KeyRing::kKeyBytes);
  EXPECT_EQ(ring->find("2026-05")->secret.data()[31], 31);
  EXPECT_EQ(ring->find("2026"), nullptr);
}

TEST(KeyRing, NamesTheLineOfABadKeyAndNeverShowsIt) {
  for (const std::string& bad :
       {std::string("id"), line("id", "c2hvcnQ="), line("id", std::string(kKeyA) + "AAAA"),
        line("id", "!" + std::string(kKeyA.substr(1))), line("i/d", kKeyA),
        line(std::string(65, 'i'), kKeyA), std::string(kKeyA)}) {
    const auto ring = KeyRing::parse(line("good", kKeyB) + bad);
    ASSERT_EQ(ring.status().reason(), "secure.bad_key") << bad;
    EXPECT_NE(ring.status().message().find("line 2"), std::string_view::npos);
    EXPECT_EQ(ring.status().to_string().find(kKeyA.substr(4, 12)), std::string::npos);
  }
}

TEST(KeyRing, RefusesNoneTwiceAndTooMany) {
  EXPECT_EQ(KeyRing::parse("# nothing\n").status().reason(), "secure.no_key");
  EXPECT_EQ(KeyRing::parse(line("a", kKeyA) + line("a", kKeyB)).status().reason(),
            "secure.key_twice");
  std::string many;
  for (std::size_t i = 0; i < KeyRing::kKeysMax; ++i) many += line(std::to_string(i), kKeyA);
  EXPECT_TRUE(KeyRing::parse(many).ok());
  EXPECT_EQ(KeyRing::parse(many + line("more", kKeyA)).status().reason(), "secure.too_many_keys");
}

}  // namespace
}  // namespace fairlead::wire
