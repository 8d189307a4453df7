#include "fairlead/io/tls_records.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::io::internal {
namespace {

std::string record(unsigned char type, std::size_t length) {
  std::string bytes;
  bytes += static_cast<char>(type);
  bytes += "\x03\x03";
  bytes += static_cast<char>(length >> 8);
  bytes += static_cast<char>(length & 0xFF);
  bytes.append(length, 'x');
  return bytes;
}

TEST(TlsRecords, CountsWholeOnesAndSaysWhatTheCutOneNeeds) {
  const std::string two = record(22, 10) + record(23, 300);
  for (std::size_t cut = 0; cut <= two.size(); ++cut) {
    const TlsRecords found = scan_tls_records(std::string_view(two).substr(0, cut));
    EXPECT_FALSE(found.broken);
    EXPECT_EQ(found.whole_bytes, cut < 15 ? 0U : cut < two.size() ? 15U : two.size()) << cut;
    const std::size_t behind = cut - found.whole_bytes;
    const std::size_t needs = cut < 15 ? 15 : 305;
    EXPECT_EQ(found.wanted, behind == 0 ? 0U : behind < 5 ? 5U : needs) << cut;
  }
}

TEST(TlsRecords, SeesAtTheFirstByteWhatIsNoRecord) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string input(1, static_cast<char>(byte));
    EXPECT_EQ(scan_tls_records(input).broken, byte < 20 || byte > 23) << byte;
  }
  EXPECT_TRUE(scan_tls_records("\x16\x02").broken);
  EXPECT_FALSE(scan_tls_records("\x16\x03").broken);
}

TEST(TlsRecords, RefusesARecordOneByteOverTheLimitBeforeItIsThere) {
  EXPECT_FALSE(scan_tls_records(record(23, 16384 + 2048).substr(0, 5)).broken);
  EXPECT_TRUE(scan_tls_records(record(23, 16384 + 2049).substr(0, 5)).broken);
}

TEST(TlsRecords, KeepsTheGoodOnesInFrontOfABrokenOne) {
  const TlsRecords found = scan_tls_records(record(23, 4) + "GET / HTTP/1.1");
  EXPECT_TRUE(found.broken);
  EXPECT_EQ(found.whole_bytes, 9U);
}

TEST(DescribeNoTls, KnowsHttpAndSsh) {
  EXPECT_EQ(describe_no_tls("GET / HTTP/1.1\r\n"), "bytes of HTTP");
  EXPECT_EQ(describe_no_tls("HTTP/1.1 400 Bad Request\r\n"), "bytes of HTTP");
  EXPECT_EQ(describe_no_tls("SSH-2.0-x\r\n"), "bytes of SSH");
  EXPECT_EQ(describe_no_tls(std::string("\0\x01", 2)), "'\\x00\\x01'");
}

}  // namespace
}  // namespace fairlead::io::internal
