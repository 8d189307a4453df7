#include "fairlead/http/proto/websocket_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace fairlead::http::proto {
namespace {

using namespace std::string_literals;
using enum WebSocketOpcode;

constexpr WebSocketMask kMask = {'\x37', '\xfa', '\x21', '\x3d'};

// A frame as a client sends it.
std::string frame(WebSocketOpcode opcode, std::string_view payload, bool last = true,
                  bool compressed = false) {
  Buffer out;
  write_websocket_frame({.opcode = opcode, .last = last, .compressed = compressed, .mask = kMask},
                        payload, out);
  return std::string(out.view());
}

// Stands for deflate: "a3b2" becomes "aaabb". A '!' is damage.
class RunInflater final : public WebSocketInflater {
 public:
  WebSocketFault inflate(std::string_view piece, Buffer& output) override {
    for (const char c : piece) {
      if (c == '!') return WebSocketFault::kBadDeflate;
      if (c >= '0' && c <= '9') {
        for (char i = '1'; i < c; ++i) output.append(last_);
      } else {
        output.append(last_ = c);
      }
    }
    return WebSocketFault::kNone;
  }
  WebSocketFault end_message(Buffer& output) override {
    output.append('.');
    return WebSocketFault::kNone;
  }

 private:
  char last_ = ' ';
};

// What a reader told, one line a step, for input in pieces of `piece` bytes.
std::string told(std::string_view input, std::size_t piece, WebSocketReaderOptions options,
                 bool compressed) {
  using Event = WebSocketReader::Event;
  RunInflater inflater;
  WebSocketReader reader(options, compressed ? &inflater : nullptr);
  std::string lines;
  std::size_t known = 0;  // bytes that have arrived
  std::size_t done = 0;
  while (known < input.size() || done < known) {
    const auto step = reader.next(input.substr(done, known - done));
    done += step.consumed;
    switch (step.event) {
      case Event::kNeedMore:
        if (known == input.size()) return lines;
        known = std::min(known + piece, input.size());
        break;
      case Event::kMessage:
        lines += (step.text ? "text " : "binary ") + std::string(step.payload) + "\n";
        break;
      case Event::kPing:
        lines += "ping " + std::string(step.payload) + "\n";
        break;
      case Event::kPong:
        lines += "pong " + std::string(step.payload) + "\n";
        break;
      case Event::kClose:
        lines += "close " + std::to_string(step.close_code.value_or(0)) + " " +
                 std::string(step.payload) + "\n";
        break;
      case Event::kFailed: {
        const WebSocketFaultRow& row = websocket_fault_row(reader.fault());
        EXPECT_EQ(reader.next("more").event, Event::kFailed) << "for good";
        return lines + std::string(row.reason) + "\n";
      }
    }
  }
  return lines;
}

// The same however the bytes arrive.
std::string told(const std::string& input, WebSocketReaderOptions options = {},
                 bool compressed = false) {
  const std::string whole = told(input, input.size() + 1, options, compressed);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U}) {
    EXPECT_EQ(told(input, piece, options, compressed), whole) << "in pieces of " << piece;
  }
  return whole;
}

TEST(WebSocketReader, ReadsTheExamplesOfTheStandard) {
  const std::string unmasked = "\x81\x05Hello\x01\x03Hel\x80\x02lo\x89\x05Hello";
  EXPECT_EQ(told(unmasked, {.role = WebSocketRole::kClient}),
            "text Hello\ntext Hello\nping Hello\n");
  const std::string masked = "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
  EXPECT_EQ(told(masked + "\x8a" + masked.substr(1)), "text Hello\npong Hello\n");
}

TEST(WebSocketReader, PutsFragmentsTogetherAndTellsControlFramesBetweenThem) {
  const std::string input = frame(kText, "a", false) + frame(kPing, "p") +
                            frame(kContinuation, "", false) + frame(kPong, "") +
                            frame(kContinuation, "b") + frame(kBinary, "\xff");
  EXPECT_EQ(told(input), "ping p\npong \ntext ab\nbinary \xff\n");
}

TEST(WebSocketReader, ReadsMessagesOfEveryLengthForm) {
  for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 65535U, 65536U}) {
    const std::string text(size, '*');
    EXPECT_EQ(told(frame(kBinary, text) + frame(kText, "next")),
              "binary " + text + "\ntext next\n");
  }
}

// Whatever a frame is cut at, nothing of its message is told.
TEST(WebSocketReader, WaitsWhereverItIsCut) {
  const std::string whole = frame(kText, "Hello, fragment", false) + frame(kContinuation, "s");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_EQ(told(whole.substr(0, cut), 4096, {}, false), "") << cut;
  }
}

TEST(WebSocketReader, RefusesFragmentsOutOfOrder) {
  EXPECT_EQ(told(frame(kContinuation, "x")), "websocket.bad_sequence\n");
  EXPECT_EQ(told(frame(kText, "a") + frame(kContinuation, "x")),
            "text a\nwebsocket.bad_sequence\n");
  EXPECT_EQ(told(frame(kText, "a", false) + frame(kText, "b")), "websocket.bad_sequence\n");
}

TEST(WebSocketReader, TellsWhatIsWrongWithAHead) {
  EXPECT_EQ(told("\x81\x05Hello"), "websocket.not_masked\n");
  EXPECT_EQ(told(frame(kText, "a"), {.role = WebSocketRole::kClient}), "websocket.masked\n");
  EXPECT_EQ(told("\xc1\x80"), "websocket.bad_reserved_bits\n") << "nobody agreed on deflate";
  EXPECT_EQ(told("\x83\x80"), "websocket.bad_opcode\n");
  EXPECT_EQ(told("\x09\x80"), "websocket.bad_control\n");
}

TEST(WebSocketReader, ChecksTextAcrossFragments) {
  const std::string text = "\xce\xba\xe1\xbd\xb9\xf0\x9f\x98\x80";
  std::string bytewise;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bytewise += frame(i == 0 ? kText : kContinuation, text.substr(i, 1), i + 1 == text.size());
  }
  EXPECT_EQ(told(bytewise), "text " + text + "\n");
  EXPECT_EQ(told(frame(kText, "\xed", false) + frame(kContinuation, "\xa0")),
            "websocket.bad_utf8\n");
  EXPECT_EQ(told(frame(kText, "\xe2\x82", false) + frame(kContinuation, "")),
            "websocket.bad_utf8\n");
}

// The rest of the frame never comes: a peer cannot make us wait for what is already wrong.
TEST(WebSocketReader, RefusesBadTextBeforeItsFrameIsThere) {
  EXPECT_EQ(told(frame(kText, "\xff" + std::string(100, 'a')).substr(0, 7)),
            "websocket.bad_utf8\n");
}

TEST(WebSocketReader, RefusesAMessageAboveTheLimitAtItsHead) {
  const WebSocketReaderOptions options{.message_bytes_max = 10};
  EXPECT_EQ(told(frame(kBinary, "0123456789"), options), "binary 0123456789\n");
  EXPECT_EQ(told(frame(kBinary, "0123456789a").substr(0, 6), options), "websocket.too_big\n");
  const std::string nine = frame(kBinary, "012345678", false);
  EXPECT_EQ(told(nine + frame(kContinuation, "9"), options), "binary 0123456789\n");
  EXPECT_EQ(told(nine + frame(kContinuation, "9a").substr(0, 6), options), "websocket.too_big\n");
  const std::string huge = "\x82\xff\x40\x00\x00\x00\x00\x00\x00\x00zero"s;
  EXPECT_EQ(told(huge, options), "websocket.too_big\n");
}

TEST(WebSocketReader, RefusesMoreFragmentsThanTheLimit) {
  const WebSocketReaderOptions options{.fragments_max = 3};
  const std::string two = frame(kText, "a", false) + frame(kContinuation, "", false);
  EXPECT_EQ(told(two + frame(kContinuation, "b") + two + frame(kContinuation, "c"), options),
            "text ab\ntext ac\n")
      << "counted anew for each message";
  EXPECT_EQ(told(two + frame(kContinuation, "", false) + frame(kContinuation, ""), options),
            "websocket.too_many_fragments\n");
}

TEST(WebSocketReader, ReadsCloseFramesAndIgnoresWhatFollows) {
  const std::string after = frame(kText, "late") + "garbage";
  EXPECT_EQ(told(frame(kClose, "") + after), "close 0 \n");
  EXPECT_EQ(told(frame(kClose, "\x03\xe8"s) + after), "close 1000 \n");
  EXPECT_EQ(told(frame(kClose, "\x0f\xa0"s + "bye") + after), "close 4000 bye\n");
  EXPECT_EQ(told(frame(kText, "a", false) + frame(kClose, "\x03\xe9"s)), "close 1001 \n");
}

TEST(WebSocketReader, RefusesBadCloseFrames) {
  EXPECT_EQ(told(frame(kClose, "\x03")), "websocket.bad_close\n");
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535}) {
    const std::string payload = {static_cast<char>(code >> 8), static_cast<char>(code)};
    EXPECT_EQ(told(frame(kClose, payload)), "websocket.bad_close\n") << code;
  }
  EXPECT_EQ(told(frame(kClose, "\x03\xe8\xed\xa0\x80")), "websocket.bad_utf8\n");
  EXPECT_EQ(told(frame(kClose, "\x03\xe8\xe2\x82")), "websocket.bad_utf8\n");
}

TEST(WebSocketReader, InflatesCompressedMessagesBesidePlainOnes) {
  const std::string input = frame(kText, "a3", false, true) + frame(kPing, "p") +
                            frame(kContinuation, "b2") + frame(kText, "c3");
  EXPECT_EQ(told(input, {}, true), "ping p\ntext aaabb.\ntext c3\n");
  const std::string many(10'000, 'x');
  EXPECT_EQ(told(frame(kText, many, true, true), {}, true), "text " + many + ".\n");
}

TEST(WebSocketReader, ChecksWhatWasInflated) {
  const WebSocketReaderOptions options{.message_bytes_max = 10};
  EXPECT_EQ(told(frame(kText, "a9", true, true), options, true), "text aaaaaaaaa.\n");
  EXPECT_EQ(told(frame(kText, "a9b", true, true), options, true), "websocket.too_big\n");
  EXPECT_EQ(told(frame(kText, "\xff", true, true), {}, true), "websocket.bad_utf8\n");
  EXPECT_EQ(told(frame(kText, "a!", true, true), {}, true), "websocket.bad_deflate\n");
}

// 10 + 10 / 8 + 1024 bytes: deflate never needs as many for 10, so more are blocks of nothing.
TEST(WebSocketReader, BoundsTheBytesOfACompressedMessage) {
  const WebSocketReaderOptions options{.message_bytes_max = 10};
  const std::string nothing(1035, '0');
  EXPECT_EQ(told(frame(kText, nothing, true, true), options, true), "text .\n");
  EXPECT_EQ(told(frame(kText, nothing, false, true) + frame(kContinuation, "0"), options, true),
            "websocket.too_big\n");
}

// No flipped bit may lead to anything but steps and faults; the sanitizers watch.
TEST(WebSocketReader, SurvivesEveryFlippedBit) {
  const std::string whole = frame(kText, "a2b", false, true) + frame(kPing, "p") +
                            frame(kContinuation, "c") + frame(kClose, "\x03\xe8"s);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    told(damaged, {.message_bytes_max = 64}, true);
  }
}

}  // namespace
}  // namespace fairlead::http::proto
