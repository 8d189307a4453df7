// Frames that no peer of ours writes, each sent on a connection of its own while another connection
// must go on being served. Numbered as in the project's list of bad inputs (section 1); where a raw
// frame has no such field, its nearest relative stands here, and tests/e2e/rpc/README.md says which
// test has the numbers that are missing.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/rpc/bad_peer.h"
#include "tests/testkit/heap.h"

namespace fairlead::rpc {
namespace {

using namespace std::string_literals;
using test::frame;
using test::kFrameBytesMax;
using test::Stranger;
using test::Told;

// What must happen.
enum class Expected : char {
  kEnds = 'X',     // the connection ends, nothing behind the frame is served
  kRefused = 'E',  // an error to this call alone, the connection lives
  kIgnored = 'I',  // nothing is said, the connection lives
  kServed = 'S',   // answered; the connection lives
};
using enum Expected;

struct Case {
  const char* what;
  Expected expected;
  std::string bytes;
  std::string_view reason{};                      // of the reply, where one is sent with an error
  observe::Counter Metrics::* counted = nullptr;  // null: the usual one of what is expected
};

std::string ten_thousand_keys() {
  std::string keys;
  for (int i = 0; i < 10'000; ++i) keys += "k&";
  return keys;
}

class BadFrames : public test::BadPeerTest {
 protected:
  // The counter that must have gone up by one when the case is over.
  const observe::Counter& counter_of(const Case& bad) const {
    const Metrics& metrics = server.metrics();
    if (bad.counted != nullptr) return metrics.*bad.counted;
    if (bad.expected == kEnds) return metrics.protocol_errors;
    if (bad.expected == kRefused) return metrics.calls_refused;
    return bad.expected == kIgnored ? metrics.replies_late : metrics.calls_received;
  }
  void send(const Case& bad) {
    const std::uint64_t counted = counter_of(bad).value();
    auto stranger = dial();

    stranger->send(bad.bytes);
    pass(std::chrono::seconds(2));

    EXPECT_EQ(counter_of(bad).value(), counted + 1);
    check_answer(bad, stranger->hear(transforms));
    EXPECT_EQ(serves(*stranger), bad.expected != kEnds);
    EXPECT_EQ(stranger->closed(), bad.expected == kEnds);
    stranger.reset();
    EXPECT_TRUE(serves_the_good_client());
    EXPECT_EQ(server.session_count(), 1U) << "the good client's";
    EXPECT_EQ(network.streams(), 2U) << "its two ends";
  }
  // Again until what the thread keeps for later is full: then no block of the heap may be left.
  void check(const Case& bad) {
    SCOPED_TRACE(bad.what);
    constexpr int kRoundsMax = 5;
    std::int64_t blocks_left = 1;
    for (int round = 0; round < kRoundsMax && blocks_left != 0; ++round) {
      const std::int64_t before = testkit::heap().blocks;
      send(bad);
      blocks_left = testkit::heap().blocks - before;
    }
    EXPECT_EQ(blocks_left, 0);
  }
  void check_all(const std::vector<Case>& cases) {
    for (const Case& bad : cases) check(bad);
  }

 private:
  static void check_answer(const Case& bad, const std::vector<Told>& heard) {
    const bool answered = bad.expected == kServed || bad.expected == kRefused ||
                          (bad.expected == kEnds && !bad.reason.empty());
    ASSERT_EQ(heard.size(), answered ? 1U : 0U);
    if (!answered) return;
    EXPECT_EQ(heard[0].status.ok(), bad.expected == kServed) << heard[0].status;
    EXPECT_EQ(heard[0].status.reason(), bad.reason);
  }
};

TEST_F(BadFrames, OfOtherProtocolsEndTheConnection) {
  check_all({
      {"1.1, 1.64 for a wrong magic: HTTP/1.1", kEnds, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"},
      {"1.1, 1.64 HTTP/2", kEnds, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"s},
      {"1.1, 1.64 TLS", kEnds, "\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03"s + std::string(500, 'r')},
      {"1.1, 1.64 SSH", kEnds, "SSH-2.0-x\r\n"},
      {"1.1 zeros", kEnds, std::string(70'000, '\0')},
      {"1.1 ones", kEnds, std::string(70'000, '\xFF')},
      {"1.2 the length with its low byte first", kEnds, "\x1A\0\0\0"s + frame({}).substr(4),
       "frame.too_big"},
      {"1.36 a good frame behind garbage", kEnds, std::string(14, '\xFE') + frame({})},
  });
}

TEST_F(BadFrames, WithAWrongFieldEndTheConnection) {
  check_all({
      {"1.3 for a version: 1 transform, which is the next byte", kEnds,
       frame({.transform_count = 1})},
      {"1.4 255 transforms", kEnds, frame({.transform_count = 255})},
      {"1.5 kind 0", kEnds, frame({.kind = 0})},
      {"1.5 the first kind that is none", kEnds, frame({.kind = 6})},
      {"1.5 kind 255", kEnds, frame({.kind = 255})},
      {"1.7 for a flag that must be understood: an unknown transform", kEnds,
       frame({.transforms = "q"})},
      {"1.12 a seq above 32 bits", kEnds, frame({.seq = "zik0zk"})},
      {"1.12 a seq below", kEnds, frame({.seq = "-zik0zl"})},
      {"1.12 a seq of 20 digits", kEnds, frame({.seq = "zzzzzzzzzzzzzzzzzzzz"})},
      {"1.12 a seq that is no number", kEnds, frame({.seq = "1_0"})},
      {"1.13 a seq of no digits", kEnds, frame({.seq = ""})},
  });
}

TEST_F(BadFrames, WithAWrongLengthEndTheConnection) {
  check_all({
      {"1.14 a seq beyond the frame", kEnds, frame({.seq_size = 200})},
      {"1.14 a method beyond the frame", kEnds, frame({.method_size = 255})},
      {"1.14 a status beyond the frame", kEnds, frame({.status_size = 65535})},
      {"1.14 metadata that takes the codec's byte", kEnds, frame({.body = "", .metadata_size = 1})},
      {"1.15 metadata beyond the frame", kEnds, frame({.metadata_size = 65535})},
      {"1.18 one byte above the limit: the head is here and is answered", kEnds,
       frame({.length = kFrameBytesMax + 1}), "frame.too_big"},
      {"1.18 one byte above the limit, before anything else has come", kEnds,
       frame({.length = kFrameBytesMax + 1}).substr(0, 4)},
      {"1.18 a PUSH above the limit is not answered", kEnds,
       frame({.kind = 3, .length = kFrameBytesMax + 1})},
      {"1.19 2^31 - 1", kEnds, frame({.length = 0x7FFFFFFF}).substr(0, 4)},
      {"1.19 2^31", kEnds, frame({.length = 0x80000000}).substr(0, 4)},
      {"1.19 2^32 - 1", kEnds, frame({.length = 0xFFFFFFFF}).substr(0, 4)},
      {"1.20 a frame of 0 bytes", kEnds, frame({.length = 0})},
      {"1.20 of its own length's bytes", kEnds, frame({.length = 4})},
      {"1.20 one byte less than the smallest", kEnds, frame({.length = 13})},
      {"1.20 the smallest, which cuts this one", kEnds, frame({.length = 14})},
      {"1.24 more transforms than the frame has bytes", kEnds,
       "\0\0\0\x0E\x0A"s + std::string(9, 'g')},
  });
}

// The transforms have the head of the message too, so there is no call that could be answered.
TEST_F(BadFrames, ThatTheirTransformsDoNotRestoreEndTheConnection) {
  const auto with_last_byte_changed = [](std::string bytes) {
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    return bytes;
  };
  const std::string zeros(60'000, '\0');
  const std::string many_zeros(32U << 20, '\0');
  check_all({
      {"1.21 a wrong md5", kEnds, with_last_byte_changed(packed("m", "body"))},
      {"1.21 a wrong crc32c", kEnds, with_last_byte_changed(packed("c", "body"))},
      {"1.22 a checksum that nobody knows", kEnds, frame({.transforms = "cq"})},
      {"1.23 a compression that nobody knows", kEnds, frame({.transforms = "b"})},
      {"1.25 no gzip", kEnds, frame({.transforms = "g"})},
      {"1.25 no zstd", kEnds, frame({.transforms = "z"})},
      {"1.25 255 stages around nothing", kEnds, frame({.transforms = std::string(255, 'm')})},
      {"1.26 gzip of 32 MiB", kEnds, packed("g", many_zeros)},
      {"1.26 zstd of 32 MiB", kEnds, packed("z", many_zeros)},
      {"1.26 gzip of gzip of 32 MiB", kEnds, packed("gg", many_zeros)},
      {"1.26 stages that make more than 4 limits together", kEnds, packed("ccccc", zeros)},
      {"1.27 a gzip that ends with another length", kEnds,
       with_last_byte_changed(packed("g", "body"))},
      {"1.27 a zstd with another checksum", kEnds, with_last_byte_changed(packed("z", "body"))},
      {"1.27 gzip of nothing, where a head must be", kEnds,
       "\0\0\0\x1A\1g\x1F\x8B\x08\0\0\0\0\0\0\xFF\x03\0\0\0\0\0\0\0\0\0"s},
  });
}

TEST_F(BadFrames, ThatNobodyWaitsForAreIgnoredAndCounted) {
  check_all({
      {"1.6 a REPLY without a call", kIgnored, frame({.kind = 2, .method = ""})},
      {"1.6 an AUTH_REPLY without a call", kIgnored, frame({.kind = 5, .method = ""})},
      {"1.46 the answer to a heartbeat that nobody sent", kIgnored,
       frame({.kind = 2, .method = "", .metadata = "hb_=10"})},
      {"1.47 the cancellation of an unknown call", kIgnored,
       frame({.kind = 3, .method = "/_fl/cancel", .metadata = "seq=9"}), "",
       &Metrics::pushes_failed},
      {"1.50 a PUSH that nobody takes", kIgnored, frame({.kind = 3, .method = "/nobody"}), "",
       &Metrics::pushes_failed},
      {"1.50 a PUSH of what is called", kIgnored, frame({.kind = 3}), "", &Metrics::pushes_failed},
  });
}

TEST_F(BadFrames, ThatAreOddButRightAreServed) {
  const std::string full(kFrameBytesMax - frame({.body = ""}).size(), 'x');
  check_all({
      {"1.8 for reserved bytes: the status of a CALL, which nobody reads", kServed,
       frame({.status = "code=%ZZ&\xFF"})},
      {"1.9 seq 0", kServed, frame({.seq = "0"})},
      {"1.12 the largest seq", kServed, frame({.seq = "zik0zj"})},
      {"1.12 the smallest seq", kServed, frame({.seq = "-zik0zk"})},
      {"1.13 a status of no bytes", kServed, frame({.status = ""})},
      {"1.16 a body of no bytes", kServed, frame({.body = ""})},
      {"1.17 the largest frame", kServed, frame({.body = full})},
      {"1.17 the largest that its transforms restore", kServed,
       packed("zg", std::string(kFrameBytesMax - 100, 'x'))},
      {"1.58 10,000 keys, where nobody looks at them", kServed,
       frame({.metadata = ten_thousand_keys()})},
      {"1.59 a deadline below zero", kServed, frame({.metadata = "X-Fl-Timeout=-1"})},
      {"1.59 a deadline of 2^63 ms", kServed,
       frame({.metadata = "X-Fl-Timeout=9223372036854775808"})},
      {"1.59 a deadline that is no number", kServed, frame({.metadata = "X-Fl-Timeout=soon"})},
      {"1.61 a codec that nobody knows, where the bytes go through", kServed,
       frame({.codec = '\xFE'})},
  });
}

TEST_F(BadFrames, OfCallsThatCannotBeServedAreRefusedAlone) {
  check_all({
      {"1.13, 1.55 no method", kRefused, frame({.method = ""}), "route.unknown"},
      {"1.56 a method of 255 bytes, which is all that fits", kRefused,
       frame({.method = std::string(255, '/')}), "route.unknown"},
      {"1.57 a method that is not UTF-8", kRefused, frame({.method = "/\xFF\xFE"}),
       "route.unknown"},
      {"1.57 a method with a NUL", kRefused, frame({.method = "/echo\0"s}), "route.unknown"},
      {"1.57 a method of control characters", kRefused, frame({.method = "\r\n\x1B[2J"}),
       "route.unknown"},
      {"1.58 10,000 keys, where they are read", kRefused,
       frame({.method = "/metadata", .metadata = ten_thousand_keys()}), "metadata.too_many",
       &Metrics::calls_failed},
      {"1.59 a deadline of 0", kRefused, frame({.metadata = "X-Fl-Timeout=0"}), "call.expired"},
      {"1.50 a CALL of what is pushed", kRefused, frame({.method = "/note"}), "route.kind"},
      {"1.42 for a login where none is asked: an AUTH_CALL", kRefused, frame({.kind = 4}),
       "session.no_login"},
  });
}

// The one fixed byte of a plain frame, and each byte of one with a checksum.
TEST_F(BadFrames, WithOneBitChangedEndTheConnectionWhereTheyCanBeTold) {
  const std::string plain = frame({});
  const std::string summed = packed("c", "body");
  for (std::size_t bit = 0; bit < summed.size() * 8; ++bit) {
    const auto changed = [bit](std::string bytes) {
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      return bytes;
    };
    const bool of_length = bit < 32;  // may be a longer frame, whose rest is awaited
    if (!of_length) check({"1.21 a bit behind the length", kEnds, changed(summed)});
    if (bit / 8 == 4) check({"1.1 a bit of the number of transforms", kEnds, changed(plain)});
  }
}

}  // namespace
}  // namespace fairlead::rpc
