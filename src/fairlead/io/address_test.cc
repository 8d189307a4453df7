#include "fairlead/io/address.h"

#include <gtest/gtest.h>

namespace fairlead::io {
namespace {

TEST(Address, ReadsAndWritesItsTextForms) {
  const std::pair<const char*, const char*> kForms[] = {
      {"tcp://127.0.0.1:9090", "127.0.0.1:9090"},
      {"localhost:0", "127.0.0.1:0"},
      {":80", "0.0.0.0:80"},
      {"*:80", "0.0.0.0:80"},
      {"[::1]:65535", "[::1]:65535"},
      {"tcp://[::1]:90", "[::1]:90"},
      {"tcp4://127.0.0.1:90", "127.0.0.1:90"},
      {"tcp4://localhost:90", "127.0.0.1:90"},
      {"tcp4://:90", "0.0.0.0:90"},
      {"tcp6://[::1]:90", "[::1]:90"},
      {"tcp6://localhost:90", "[::1]:90"},
      {"tcp6://:90", "[::]:90"},
      {"255.254.10.9:90", "255.254.10.9:90"},
      {"tcp6://*:90", "[::]:90"},
      {"unix:///run/math.sock", "unix:/run/math.sock"},
      {"unix:math.sock", "unix:math.sock"},
  };
  for (const auto& [text, canonical] : kForms) {
    const Result<Address> address = Address::parse(text);
    ASSERT_TRUE(address.ok()) << address.status();
    EXPECT_EQ(address->to_text(), canonical);
  }
}

TEST(Address, RefusesWhatIsNone) {
  const std::string long_path = "unix:" + std::string(108, 'x');
  for (const std::string& bad :
       {std::string(""), std::string("9090"), std::string("127.0.0.1"),
        std::string("127.0.0.1:65536"), std::string("127.0.0.1:-1"), std::string("127.0.0.1:http"),
        std::string("::1:80"), std::string("[::1"), std::string("math.example:80"),
        std::string("http://127.0.0.1:80"), std::string("tcp5://127.0.0.1:80"),
        std::string("unix:"), long_path, std::string("unix:a\0b", 8)}) {
    const Result<Address> address = Address::parse(bad);
    ASSERT_FALSE(address.ok()) << bad;
    EXPECT_EQ(address.status().reason(), "address.bad");
  }
}

TEST(Address, KeepsTheFamiliesApartThatASchemeNames) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"tcp4://[::1]:90", "tcp4 wants an IPv4 address"},
      {"tcp4://[::ffff:127.0.0.1]:90", "tcp4 wants an IPv4 address"},
      {"tcp6://127.0.0.1:90", "tcp6 wants an IPv6 address"},
      {"tcp6://0.0.0.0:90", "tcp6 wants an IPv6 address"},
      {"tcp6://[::ffff:127.0.0.1]:90", "tcp6 wants an IPv6 address"},
  };
  for (const auto& [text, told] : kWrong) {
    const Status status = Address::parse(text).status();
    EXPECT_EQ(status.reason(), "address.bad") << text;
    EXPECT_NE(status.message().find(told), std::string_view::npos) << status;
  }
  EXPECT_TRUE(Address::parse("tcp6://:90")->only_ipv6());
  EXPECT_TRUE(Address::parse("tcp6://:90")->with_port(91).only_ipv6());
  EXPECT_FALSE(Address::parse("[::]:90")->only_ipv6());
}

TEST(Address, KnowsLoopback) {
  EXPECT_TRUE(Address::parse("127.9.9.9:1")->is_loopback());
  EXPECT_TRUE(Address::parse("[::1]:1")->is_loopback());
  EXPECT_TRUE(Address::parse("unix:/a")->is_loopback());
  EXPECT_FALSE(Address::parse(":1")->is_loopback());
}

}  // namespace
}  // namespace fairlead::io
