#include "fairlead/http/proto/websocket_frame.h"

#include <gtest/gtest.h>

#include <string>

#include "fairlead/base/random.h"
#include "fairlead/base/text.h"

namespace fairlead::http::proto {
namespace {

using namespace std::string_literals;

constexpr WebSocketMask kMask = {'\x37', '\xfa', '\x21', '\x3d'};  // of RFC 6455 section 5.7

WebSocketHeadResult read(std::string_view input, WebSocketRole role = WebSocketRole::kClient,
                         bool may_compress = false) {
  return read_websocket_head(input, role, may_compress);
}

std::string frame_of(WebSocketFrameHead head, std::string_view payload) {
  Buffer out;
  write_websocket_frame(head, payload, out);
  return std::string(out.view());
}

std::string close_of(std::uint16_t code, std::string_view text) {
  Buffer out;
  write_websocket_close(code, text, std::nullopt, out);
  return std::string(out.view());
}

TEST(WebSocketFrame, WritesTheExamplesOfTheStandard) {
  using enum WebSocketOpcode;
  EXPECT_EQ(frame_of({.opcode = kText}, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(frame_of({.opcode = kText, .mask = kMask}, "Hello"),
            "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  EXPECT_EQ(frame_of({.opcode = kText, .last = false}, "Hel"), "\x01\x03Hel");
  EXPECT_EQ(frame_of({.opcode = kContinuation}, "lo"), "\x80\x02lo");
  EXPECT_EQ(frame_of({.opcode = kPing}, "Hello"), "\x89\x05Hello");
  EXPECT_EQ(frame_of({.opcode = kPong, .mask = kMask}, "Hello"),
            "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  EXPECT_EQ(frame_of({}, std::string(256, 'a')).substr(0, 4), "\x82\x7e\x01\x00"s);
  EXPECT_EQ(frame_of({}, std::string(65536, 'a')).substr(0, 10),
            "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s);
  // RFC 7692 section 7.2.3.1.
  EXPECT_EQ(
      frame_of({.opcode = kText, .compressed = true}, "\xf2\x48\xcd\xc9\xc9\x07\x00"s).substr(0, 2),
      "\xc1\x07");
}

TEST(WebSocketFrame, ReadsBackWhatItWroteAndWaitsForEveryCutHead) {
  for (const std::uint64_t size : {0ULL, 1ULL, 125ULL, 126ULL, 65535ULL, 65536ULL, 1ULL << 32U,
                                   static_cast<unsigned long long>(INT64_MAX)}) {
    for (const bool masked : {false, true}) {
      WebSocketFrameHead head{.opcode = WebSocketOpcode::kText,
                              .last = false,
                              .compressed = true,
                              .payload_bytes = size};
      if (masked) head.mask = kMask;
      Buffer out;
      write_websocket_head(head, out);
      const auto role = masked ? WebSocketRole::kServer : WebSocketRole::kClient;

      const WebSocketHeadResult whole = read(out.view(), role, true);

      ASSERT_EQ(whole.state, ParseState::kDone) << size;
      EXPECT_EQ(whole.bytes, out.size());
      EXPECT_EQ(whole.head.opcode, head.opcode);
      EXPECT_EQ(whole.head.last, head.last);
      EXPECT_EQ(whole.head.compressed, head.compressed);
      EXPECT_EQ(whole.head.mask, head.mask);
      EXPECT_EQ(whole.head.payload_bytes, size);
      for (std::size_t cut = 0; cut < out.size(); ++cut) {
        EXPECT_EQ(read(out.view().substr(0, cut), role, true).state, ParseState::kNeedMore) << cut;
      }
    }
  }
}

TEST(WebSocketFrame, RefusesReservedBitsAtTheFirstByte) {
  for (const char* byte : {"\xc1", "\xa1", "\x91", "\xf1"}) {
    EXPECT_EQ(read(byte).fault, WebSocketFault::kBadReservedBits);
  }
  for (const char* byte : {"\xc0", "\xc8", "\xc9", "\xca", "\xe1", "\xd1"}) {
    EXPECT_EQ(read(byte, WebSocketRole::kClient, true).fault, WebSocketFault::kBadReservedBits)
        << "RSV1 belongs to the first frame of a message";
  }
}

TEST(WebSocketFrame, KnowsSixOpcodesAndRefusesTheRest) {
  for (int opcode = 0; opcode < 16; ++opcode) {
    const bool known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
    const std::string byte(1, static_cast<char>(0x80 | opcode));
    EXPECT_EQ(read(byte).fault, known ? WebSocketFault::kNone : WebSocketFault::kBadOpcode)
        << opcode;
  }
}

TEST(WebSocketFrame, RefusesControlFramesThatAreLongOrInParts) {
  for (const char* first : {"\x88", "\x89", "\x8a"}) {
    EXPECT_EQ(read(first + "\x7d"s).state, ParseState::kDone);
    EXPECT_EQ(read(first + "\x7e"s).fault, WebSocketFault::kBadControl);
    EXPECT_EQ(read(first + "\x7f"s).fault, WebSocketFault::kBadControl);
  }
  for (const char* first : {"\x08", "\x09", "\x0a"}) {
    EXPECT_EQ(read(first).fault, WebSocketFault::kBadControl);
  }
}

TEST(WebSocketFrame, AsksForMasksFromClientsAndForNoneFromServers) {
  EXPECT_EQ(read("\x81\x05", WebSocketRole::kServer).fault, WebSocketFault::kNotMasked);
  EXPECT_EQ(read("\x89\x00"s, WebSocketRole::kServer).fault, WebSocketFault::kNotMasked);
  EXPECT_EQ(read("\x81\x85", WebSocketRole::kClient).fault, WebSocketFault::kMasked);
}

TEST(WebSocketFrame, AcceptsOnlyTheShortestFormOfALength) {
  EXPECT_EQ(read("\x82\x7e\x00\x7d"s).fault, WebSocketFault::kBadLength);
  EXPECT_EQ(read("\x82\x7e\x00\x7e"s).state, ParseState::kDone);
  EXPECT_EQ(read("\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff"s).fault, WebSocketFault::kBadLength);
  EXPECT_EQ(read("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s).state, ParseState::kDone);
  EXPECT_EQ(read("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"s).fault, WebSocketFault::kBadLength);
}

// Against the definition, byte by byte: sizes around the vector's, every offset, in place too.
TEST(WebSocketMask, IsTheSameForEverySizeAndOffset) {
  Random random(7);
  for (std::size_t size = 0; size <= 70; ++size) {
    for (std::uint64_t offset = 0; offset < 5; ++offset) {
      std::string payload(size, '\0');
      for (char& c : payload) c = static_cast<char>(random.next());
      std::string expected = payload;
      for (std::size_t i = 0; i < size; ++i) {
        expected[i] = static_cast<char>(payload[i] ^ kMask[(offset + i) % 4]);
      }

      std::string masked(size, '\0');
      apply_websocket_mask(kMask, offset, payload, masked.data());
      apply_websocket_mask(kMask, offset, payload, payload.data());

      ASSERT_EQ(masked, expected) << size << " at " << offset;
      ASSERT_EQ(payload, expected) << size << " at " << offset;
    }
  }
}

TEST(WebSocketClose, KnowsTheCodesThatMayBeSent) {
  for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                         3000, 3999, 4000, 4999}) {
    EXPECT_TRUE(is_websocket_close_code(static_cast<std::uint16_t>(code))) << code;
  }
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535}) {
    EXPECT_FALSE(is_websocket_close_code(static_cast<std::uint16_t>(code))) << code;
  }
}

TEST(WebSocketClose, CarriesNothingOrACodeAndAText) {
  EXPECT_EQ(close_of(0, "dropped"), "\x88\x00"s);
  EXPECT_EQ(close_of(1000, "bye"), "\x88\x05\x03\xe8"s + "bye");
}

TEST(WebSocketClose, CutsALongTextAtTheEndOfACharacter) {
  EXPECT_EQ(close_of(1000, std::string(123, 'a')).size(), 2U + 125U);
  EXPECT_EQ(close_of(1000, std::string(124, 'a')).size(), 2U + 125U);
  const std::string text = close_of(1000, std::string(121, 'a') + "\xe2\x82\xac").substr(4);
  EXPECT_EQ(text, std::string(121, 'a'));
  EXPECT_TRUE(is_utf8(text));
}

}  // namespace
}  // namespace fairlead::http::proto
