#include "fairlead/base/base64.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

namespace fairlead {
namespace {

std::string encode(std::string_view data) {
  std::string out(base64_size(data.size()), ' ');
  base64_encode(data, out.data());
  return out;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out(base64_decoded_size_max(text.size()), ' ');
  std::size_t size = 0;
  if (!base64_decode(text, out.data(), size)) return std::nullopt;
  out.resize(size);
  return out;
}

TEST(Base64, AgreesWithTheVectorsOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [data, text] : vectors) {
    EXPECT_EQ(encode(data), text);
    EXPECT_EQ(decode(text), data);
  }
}

TEST(Base64, ReadsTheUrlSafeAlphabetAndMissingPadding) {
  EXPECT_EQ(decode("-_-_"), "\xfb\xff\xbf");
  EXPECT_EQ(decode("+/+/"), "\xfb\xff\xbf");
  EXPECT_EQ(decode("Zg"), "f");
  EXPECT_EQ(decode("Zm8"), "fo");
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const char* text : {"Z", "Zg=", "Zg===", "=", "====", "Z===", "Zm9v=", "Zg==Zg==", "Z g=",
                           "Zm9v\n", "Zh==", "Zm9", "*AAA"}) {
    EXPECT_EQ(decode(text), std::nullopt) << text;
  }
}

TEST(Base64, RoundTripsEveryByteAtEveryLength) {
  std::string data;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(decode(encode(data)), data);
    data += static_cast<char>(i * 7);
  }
}

}  // namespace
}  // namespace fairlead
