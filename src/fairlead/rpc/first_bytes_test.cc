#include "fairlead/rpc/first_bytes.h"

#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::rpc {
namespace {

using namespace std::literals;

constexpr ExpectedBytes kAll{.frames = true, .thrift = true, .http = true, .tls = true};
constexpr ExpectedBytes kDefault{.frames = true, .http = true};

struct Case {
  std::string_view first;
  ExpectedBytes expected;
  FirstBytes answer;
};

TEST(FirstBytes, DecidesByTheFewestBytesThatCanTell) {
  const std::vector<Case> cases = {
      {"", kAll, FirstBytes::kNeedMore},
      {"\0"sv, kDefault, FirstBytes::kFrame},
      {"\x15"sv, kDefault, FirstBytes::kFrame},
      {"\x16"sv, kDefault, FirstBytes::kUnknown},
      {"\x16"sv, kAll, FirstBytes::kTls},
      {"\x17"sv, kAll, FirstBytes::kUnknown},
      {"\0\0\0\x40"sv, kAll, FirstBytes::kNeedMore},
      {"\0\0\0\x40\x06"sv, kAll, FirstBytes::kFrame},
      {"\0\0\0\x40\x0f"sv, kAll, FirstBytes::kNeedMore},
      {"\0\0\0\x40\x0f\xfe"sv, kAll, FirstBytes::kFrame},
      {"\0\0\0\x40\x0f\xff"sv, kAll, FirstBytes::kThrift},
      {"\0"sv, {.thrift = true, .http = true}, FirstBytes::kThrift},
      {"\0"sv, {.http = true, .tls = true}, FirstBytes::kUnknown},
      {"\x80"sv, kAll, FirstBytes::kThrift},
      {"\x80"sv, kDefault, FirstBytes::kUnknown},
      {"G", kAll, FirstBytes::kHttp},
      {"get", kAll, FirstBytes::kHttp},
      {"!", kAll, FirstBytes::kHttp},
      {"(", kAll, FirstBytes::kHttp},
      {" ", kAll, FirstBytes::kHttp},
      {"~", kAll, FirstBytes::kHttp},
      {"\x7f", kAll, FirstBytes::kUnknown},
      {"G", {.frames = true, .tls = true}, FirstBytes::kUnknown},
      {"P", kAll, FirstBytes::kNeedMore},
      {"PO", kAll, FirstBytes::kHttp},
      {"PR", kAll, FirstBytes::kNeedMore},
      {"PRI", kAll, FirstBytes::kNeedMore},
      {"PRIx", kAll, FirstBytes::kHttp},
      {"PRI ", kAll, FirstBytes::kHttp2},
      {"\r\n", {.http = true, .tls = true}, FirstBytes::kHttp},
      {"\n", {.http = true, .tls = true}, FirstBytes::kHttp},
      {"\r", kDefault, FirstBytes::kNeedMore},
      {"\r\n", kDefault, FirstBytes::kHttp},
      {"\r\n", kAll, FirstBytes::kHttp},
      {"\r\x0b", kDefault, FirstBytes::kFrame},
      {"\r", {.frames = true}, FirstBytes::kFrame},
      {"\n", kDefault, FirstBytes::kFrame},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(classify_first_bytes(each.first, each.expected), each.answer)
        << ::testing::PrintToString(each.first);
  }
}

TEST(FirstBytes, TellsGreetingsOfOthersFromHttpOnlyWhereItIsNotAlone) {
  constexpr ExpectedBytes kHttpAlone{.http = true, .tls = true};
  const std::vector<std::string_view> greetings = {"SSH-2.0-OpenSSH_9.2\r\n", "EHLO a.example\r\n",
                                                   "HELO a\r\n", "*1\r\n$4\r\nPING\r\n"};
  for (const std::string_view greeting : greetings) {
    EXPECT_EQ(classify_first_bytes(greeting, kDefault), FirstBytes::kUnknown) << greeting;
    EXPECT_EQ(classify_first_bytes(greeting.substr(0, 1), kDefault), FirstBytes::kNeedMore);
    EXPECT_EQ(classify_first_bytes(greeting, kHttpAlone), FirstBytes::kHttp) << greeting;
    EXPECT_EQ(classify_first_bytes(greeting.substr(0, 1), kHttpAlone), FirstBytes::kHttp);
  }
  const std::vector<std::string_view> methods = {"SEARCH /", "EHLOX /", "HEAD /", "* /", "*a /"};
  for (const std::string_view method : methods) {
    EXPECT_EQ(classify_first_bytes(method, kDefault), FirstBytes::kHttp) << method;
  }
}

ExpectedBytes set_of(unsigned bits) {
  return {.frames = (bits & 1U) != 0,
          .thrift = (bits & 2U) != 0,
          .http = (bits & 4U) != 0,
          .tls = (bits & 8U) != 0};
}

// Whether further bytes could change the answer is found by trying those that matter.
bool can_differ(const std::string& first, ExpectedBytes expected) {
  constexpr std::string_view kMatter = "\x00\x0f\xff\n PRSHELO1-x"sv;
  std::vector<std::string> all{first};
  for (std::size_t depth = first.size(); depth < 6; ++depth) {
    std::vector<std::string> longer;
    for (const std::string& each : all) {
      for (const char c : kMatter) longer.push_back(each + c);
    }
    const FirstBytes one = classify_first_bytes(longer.front(), expected);
    for (const std::string& each : longer) {
      const FirstBytes answer = classify_first_bytes(each, expected);
      if (answer != one && answer != FirstBytes::kNeedMore && one != FirstBytes::kNeedMore) {
        return true;
      }
    }
    if (longer.size() > 20'000) return true;  // undecided so deep
    all = std::move(longer);
  }
  return false;
}

TEST(FirstBytes, WaitsOnlyForBytesThatCanChangeTheAnswer) {
  for (unsigned bits = 1; bits < 16; ++bits) {
    for (int a = 0; a < 256; ++a) {
      const std::string first(1, static_cast<char>(a));
      if (classify_first_bytes(first, set_of(bits)) != FirstBytes::kNeedMore) continue;
      EXPECT_TRUE(can_differ(first, set_of(bits))) << "set " << bits << ", byte " << a;
    }
  }
}

TEST(FirstBytes, NeverTakesBackWhatItSaidForAnyTwoBytes) {
  for (unsigned bits = 1; bits < 16; ++bits) {
    for (int pair = 0; pair < 65536; ++pair) {
      const std::string two{static_cast<char>(pair >> 8), static_cast<char>(pair)};
      const FirstBytes early = classify_first_bytes(two.substr(0, 1), set_of(bits));
      const FirstBytes late = classify_first_bytes(two, set_of(bits));
      ASSERT_TRUE(early == FirstBytes::kNeedMore || early == late) << bits << " " << pair;
    }
  }
}

TEST(FirstBytes, DecidesWhateverComesByTheSixthByteAndForGood) {
  Random random(11);
  for (int round = 0; round < 200'000; ++round) {
    std::string input(12, '\0');
    for (char& c : input) c = "\0\x0f\xff\x16\r\n PRISH-ELO*1Gx\x80\xfe"[random.below(22)];
    const ExpectedBytes expected = set_of(1 + static_cast<unsigned>(random.below(15)));
    const FirstBytes whole = classify_first_bytes(input, expected);
    ASSERT_NE(whole, FirstBytes::kNeedMore);
    bool decided = false;
    for (std::size_t size = 1; size <= input.size(); ++size) {
      const FirstBytes answer = classify_first_bytes(input.substr(0, size), expected);
      ASSERT_TRUE(answer == whole || (!decided && answer == FirstBytes::kNeedMore));
      decided = answer == whole;
      ASSERT_TRUE(decided || size < kFirstBytesMax);
    }
  }
}

TEST(FirstBytes, SaysWhatUnknownOnesLookLike) {
  EXPECT_TRUE(describe_first_bytes("SSH-2.0-x").starts_with("SSH"));
  EXPECT_TRUE(describe_first_bytes("EHLO a").starts_with("SMTP"));
  EXPECT_TRUE(describe_first_bytes("*3\r\n").starts_with("Redis"));
  EXPECT_NE(describe_first_bytes("\x16\x03").find("tls.certificates"), std::string::npos);
  EXPECT_NE(describe_first_bytes("GET /").find("HTTP"), std::string::npos);
  EXPECT_NE(describe_first_bytes("\xfe\x01").find("no protocol"), std::string::npos);
}

TEST(FirstBytes, TellsErpcsFormOfHttpByBothOfItsFields) {
  EXPECT_TRUE(is_erpc_http("POST /a HTTP/1.1\r\nX-Mtype: 1\r\nX-Seq: 1\r\n\r\n"));
  EXPECT_FALSE(is_erpc_http("POST /a HTTP/1.1\r\nX-Mtype: 1\r\n\r\n"));
  EXPECT_FALSE(is_erpc_http("POST /a HTTP/1.1\r\nX-Seq: 1\r\n\r\n"));
  EXPECT_FALSE(is_erpc_http("POST /X-Seq:X-Mtype: HTTP/1.1\r\nHost: a\r\n\r\n"));
}

}  // namespace
}  // namespace fairlead::rpc
