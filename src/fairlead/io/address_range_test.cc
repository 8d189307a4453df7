#include "fairlead/io/address_range.h"

#include <gtest/gtest.h>

namespace fairlead::io {
namespace {

bool contains(std::string_view range, std::string_view host) {
  return AddressRange::parse(range).value().contains(AddressRange::bits_of(host).value());
}

TEST(AddressRange, TakesWhatSharesItsFirstBits) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.129"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(contains("fd00::/8", "fdab::1"));
  EXPECT_FALSE(contains("fd00::/8", "fe00::1"));
  EXPECT_TRUE(contains("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
}

TEST(AddressRange, WithoutALengthIsOneAddress) {
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.8"));
}

TEST(AddressRange, KnowsIpv4InsideIpv6) {
  EXPECT_TRUE(contains("10.0.0.0/8", "::ffff:10.1.2.3"));
  EXPECT_TRUE(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
}

TEST(AddressRange, RefusesWhatIsNoNet) {
  for (const char* text : {"", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1",
                           "10.0.0.0/8/8", "localhost", "10.0.0.0/8x"}) {
    EXPECT_EQ(AddressRange::parse(text).status().reason(), "address.bad_range") << text;
  }
}

TEST(AddressRange, AUnixSocketIsInNone) {
  const AddressRange::Bits bits = AddressRange::bits_of(Address::parse("unix:a.sock").value());
  EXPECT_EQ(bits, AddressRange::Bits{});
  EXPECT_FALSE(AddressRange::parse("0.0.0.0/0")->contains(bits));
}

}  // namespace
}  // namespace fairlead::io
