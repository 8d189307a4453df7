#include "fairlead/wire/protocols/thrift_protocol.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/wire/status_text.h"

namespace fairlead::wire {
namespace {

using State = Received::State;
using namespace std::string_literals;
constexpr Limits kLimits{};

std::string u32(std::size_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

// A short text behind its varint length.
std::string text(const std::string& value) {
  return std::string(1, static_cast<char>(value.size())) + value;
}

const std::string kInfo = "\0\0\1\1\7Tp-Meta\1x"s;
const std::string kMessage = "\x80\x01\x00\x01\x00\x00\x00\x02/m\x00\x00\x00\x07"s;
const std::string kBody = "\x00\x00\x00\x02hi"s;

// A frame of these parts; the header is padded.
std::string framed(std::string header, const std::string& message, const std::string& payload) {
  while (header.size() % 4 != 0) header += '\0';
  const std::string rest = "\x0f\xff\x00\x00\x00\x00\x00\x07"s +
                           static_cast<char>(header.size() / 4 >> 8) +
                           static_cast<char>(header.size() / 4) + header + message + payload;
  return u32(rest.size()) + rest;
}

Received parsed(const std::string& bytes) {
  return ThriftBinaryProtocol().parse(bytes, kLimits, nullptr);
}

std::string reason_of(const std::string& bytes) {
  const Received received = parsed(bytes);
  EXPECT_EQ(received.state, received.status.ok() ? State::kMessage : State::kError);
  return std::string(received.status.reason());
}

TEST(ThriftBinary, ReadsItsHeadersInAnyOrder) {
  const std::vector<std::pair<std::string, std::string>> pairs = {{"Tp-Status", "code=5"},
                                                                  {"Tp-Meta", "a=1"},
                                                                  {"Tp-BodyCodec", "s"},
                                                                  {"Tp-XferPipe", ""},
                                                                  {"other", "x"}};
  for (std::size_t first = 0; first < pairs.size(); ++first) {
    std::string header = "\0\0\1\5"s;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const auto& [key, value] = pairs[(first + i) % pairs.size()];
      header += text(key) + text(value);
    }
    const std::string bytes = framed(header, kMessage, kBody);
    const Received received = parsed(bytes);
    ASSERT_EQ(received.state, State::kMessage) << received.status;
    EXPECT_EQ(received.message.status, "code=5");
    EXPECT_EQ(received.message.metadata, "a=1");
    EXPECT_EQ(received.message.body_codec, 's');
    EXPECT_EQ(received.message.method, "/m");
    EXPECT_EQ(received.message.seq, 7);
    EXPECT_EQ(received.message.body, "hi");
  }
}

TEST(ThriftBinary, TakesTheLastOfARepeatedHeader) {
  const std::string bytes = framed("\0\0\1\1\7Tp-Meta\1x\1\1\7Tp-Meta\1y"s, kMessage, kBody);
  EXPECT_EQ(parsed(bytes).message.metadata, "y");
}

TEST(ThriftBinary, IgnoresInfoThatItDoesNotKnow) {
  EXPECT_EQ(reason_of(framed(kInfo + "\2\1\1k\1v"s, kMessage, kBody)), "");
  EXPECT_EQ(reason_of(framed("\0\0"s, kMessage, kBody)), "");
}

TEST(ThriftBinary, WritesItsHeadersInOneOrder) {
  Buffer out;
  const MessageHead head{.seq = 7, .body_codec = 's', .method = "/m", .metadata = "a=1"};
  ASSERT_TRUE(ThriftBinaryProtocol().append(out, head, "hi", kLimits, nullptr).ok());
  EXPECT_EQ(out.view(),
            framed("\0\0\1\4"s + text("Tp-XferPipe") + text("") + text("Tp-BodyCodec") + text("s") +
                       text("Tp-Status") + text("code=0") + text("Tp-Meta") + text("a=1"),
                   kMessage, kBody));
}

TEST(ThriftBinary, RefusesWhatIsNoTHeader) {
  EXPECT_EQ(reason_of(u32(30) + "\x80\x01"), "frame.bad_layout") << "before the rest is there";
  EXPECT_EQ(reason_of(u32(20) + "\x0f\xff"), "frame.bad_size");
  EXPECT_EQ(reason_of(framed("\2\0"s, kMessage, kBody)), "frame.bad_layout") << "compact protocol";
  EXPECT_EQ(reason_of(framed("\0\1\1"s, kMessage, kBody)), "frame.bad_layout") << "zlib";
  EXPECT_EQ(reason_of(framed("\0\0\1\x7f\1"s, kMessage, kBody)), "frame.bad_layout");
  EXPECT_EQ(reason_of(framed("\0\0\1\1\xff\xff\xff\xff\x0f"s, kMessage, kBody)),
            "frame.bad_layout");
  EXPECT_EQ(reason_of(framed("\0\0\1\xff\xff\xff\xff\xff\xff\xff\xff\xff\1"s, kMessage, kBody)),
            "frame.bad_layout");
  std::string long_header = framed(kInfo, kMessage, kBody);
  long_header[12] = '\x7f';
  EXPECT_EQ(reason_of(long_header), "frame.bad_layout");
  EXPECT_EQ(reason_of(framed("\0\0\1\1\14Tp-BodyCodec\2jj"s, kMessage, kBody)), "frame.bad_layout");
  EXPECT_EQ(
      reason_of(framed("\0\0\1\1\13Tp-XferPipe\x80\2"s + std::string(256, 'm'), kMessage, kBody)),
      "frame.bad_layout");
}

TEST(ThriftBinary, RefusesMessagesThatAreNotStrict) {
  const auto message = [](const std::string& type, std::size_t size) {
    return type + u32(size) + "/m" + u32(7);
  };
  EXPECT_EQ(reason_of(framed(kInfo, message("\x80\x01\x00\x01"s, 2), kBody)), "");
  EXPECT_EQ(reason_of(framed(kInfo, message("\x80\x02\x00\x01"s, 2), kBody)), "frame.bad_layout");
  EXPECT_EQ(reason_of(framed(kInfo, message("\x80\x01\x01\x01"s, 2), kBody)), "frame.bad_layout");
  EXPECT_EQ(reason_of(framed(kInfo, message("\x80\x01\x00\x01"s, 0xffffffff), kBody)),
            "frame.bad_layout");
  for (const char type : {'\0', '\5', '\xff'}) {
    EXPECT_EQ(reason_of(framed(kInfo, message("\x80\x01\x00"s + type, 2), kBody)),
              "frame.bad_kind");
  }
}

TEST(ThriftBinary, RefusesABodyOfAnotherLength) {
  for (const std::string& payload : {""s, "\0\0\0"s, "\0\0\0\2h"s, "\0\0\0\2hi!"s,
                                     "\xff\xff\xff\xffhi"s, "\x7f\xff\xff\xffhi"s}) {
    EXPECT_EQ(reason_of(framed(kInfo, kMessage, payload)), "frame.bad_layout");
  }
}

TEST(ThriftStructProtocol, ReadsOneStructAndNothingElse) {
  const ThriftStructProtocol protocol;
  const auto state_of = [&](const std::string& payload) {
    const std::string bytes = framed(kInfo, kMessage, payload);
    const Received received = protocol.parse(bytes, kLimits, nullptr);
    EXPECT_EQ(received.message.seq, 7);
    EXPECT_EQ(received.message.body_codec, 't');
    EXPECT_EQ(received.size, bytes.size());
    EXPECT_EQ(received.status.reason(), received.status.ok() ? "" : "frame.bad_body");
    return received.state;
  };
  EXPECT_EQ(state_of("\0"s), State::kMessage);
  EXPECT_EQ(state_of("\2\0\1\1\0"s), State::kMessage);
  EXPECT_EQ(state_of(""s), State::kBadBody);
  EXPECT_EQ(state_of("\2\0\1"s), State::kBadBody);
  EXPECT_EQ(state_of("\0trailing"s), State::kBadBody);
  EXPECT_EQ(state_of("\1\0\1\0"s), State::kBadBody) << "a type that nobody knows";
  EXPECT_EQ(state_of("\x0f\0\1\x0a\x7f\xff\xff\xff\0"s), State::kBadBody);
}

TEST(ThriftStructProtocol, WritesOneStructAndNothingElse) {
  const MessageHead head{.seq = 7, .body_codec = 't', .method = "/m"};
  const auto reason = [&head](const std::string& body) {
    Buffer out("kept");
    const Status status = ThriftStructProtocol().append(out, head, body, kLimits, nullptr);
    EXPECT_EQ(out.view() == "kept", !status.ok());
    return std::string(status.reason());
  };
  EXPECT_EQ(reason("\0"s), "");
  EXPECT_EQ(reason(""), "frame.bad_body");
  EXPECT_EQ(reason("{}"), "frame.bad_body");
}

TEST(ThriftStructProtocol, GoesOnBehindABodyThatNobodyCanRead) {
  const ThriftStructProtocol protocol;
  const std::string bad = framed(kInfo, kMessage, "\1\0\1\0"s);
  const std::string input = bad + framed(kInfo, kMessage, "\0"s);

  const Received first = protocol.parse(input, kLimits, nullptr);
  ASSERT_EQ(first.state, State::kBadBody);
  EXPECT_EQ(first.size, bad.size());
  EXPECT_EQ(first.message.kind, Kind::kCall) << "so that this call can be answered";
  EXPECT_EQ(first.message.method, "/m");
  EXPECT_EQ(first.message.body, "");

  const std::string_view rest = std::string_view(input).substr(first.size);
  EXPECT_EQ(protocol.parse(rest, kLimits, nullptr).state, State::kMessage);
}

// {1: "gone", 2: 6}: INTERNAL_ERROR.
const std::string kException = "\x0b\0\1\0\0\0\4gone\x08\0\2\0\0\0\6\0"s;
const std::string kExceptionMessage = "\x80\x01\x00\x03\x00\x00\x00\x02/m\x00\x00\x00\x07"s;

std::string pairs(const std::string& status) {
  return "\0\0\1\2"s + text("Tp-Status") + text(status) + text("Tp-Meta") + text("a=1");
}

TEST(ThriftStructProtocol, WritesAReplyWithAnErrorAsAnException) {
  const MessageHead head{.seq = 7,
                         .kind = Kind::kReply,
                         .method = "/m",
                         .status = "code=9&msg=gone",
                         .metadata = "a=1"};
  Buffer out;
  ASSERT_TRUE(ThriftStructProtocol().append(out, head, "", kLimits, nullptr).ok());
  EXPECT_EQ(out.view(), framed(pairs("code=9&msg=gone"), kExceptionMessage, kException));
}

TEST(ThriftStructProtocol, WritesEverythingElseAsWhatItIs) {
  const auto type_of = [](const MessageHead& head) {
    Buffer out;
    EXPECT_TRUE(ThriftStructProtocol().append(out, head, "\0"s, kLimits, nullptr).ok());
    const std::size_t at = out.view().find("\x80\x01\x00"s);
    return static_cast<int>(out.view()[at + 3]);
  };
  EXPECT_EQ(type_of({.kind = Kind::kReply, .body_codec = 't', .status = "code=0"}), 2);
  EXPECT_EQ(type_of({.kind = Kind::kReply, .body_codec = 't', .status = "code=0&msg=x"}), 2);
  EXPECT_EQ(type_of({.kind = Kind::kCall, .body_codec = 't', .status = "code=5"}), 1);
  EXPECT_EQ(type_of({.kind = Kind::kPush, .body_codec = 't', .status = "code=5"}), 4);
}

TEST(ThriftStructProtocol, RefusesAnErrorWithABody) {
  MessageHead head{.kind = Kind::kReply, .body_codec = 't', .status = "code=5"};
  Buffer out("kept");
  const ThriftStructProtocol protocol;
  EXPECT_EQ(protocol.append(out, head, "\0"s, kLimits, nullptr).reason(), "frame.bad_body");
  EXPECT_TRUE(protocol.append(out, head, "", kLimits, nullptr).ok());
  head.body_codec = 'j';
  EXPECT_EQ(protocol.append(out, head, "", kLimits, nullptr).reason(), "frame.codec_not_carried");
  head = {.kind = Kind::kReply, .status = "code=0"};
  EXPECT_EQ(protocol.append(out, head, "", kLimits, nullptr).reason(), "frame.codec_not_carried");
}

class ThriftExceptions : public testing::TestWithParam<std::string> {
 protected:
  Received read(const std::string& bytes) const {
    return find_protocol(GetParam())->parse(bytes, kLimits, nullptr);
  }
};

INSTANTIATE_TEST_SUITE_P(Of, ThriftExceptions, testing::Values("thrift-binary", "thrift-struct"),
                         [](const auto& tested) {
                           return tested.param == "thrift-binary" ? "binary" : "structs";
                         });

TEST_P(ThriftExceptions, HaveTheStatusOfTheirHeader) {
  const std::string bytes = framed(pairs("code=1001&msg=x"), kExceptionMessage, kException);
  const Received received = read(bytes);
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.size, bytes.size());
  EXPECT_EQ(received.message.kind, Kind::kReply);
  EXPECT_EQ(received.message.seq, 7);
  EXPECT_EQ(received.message.status, "code=1001&msg=x");
  EXPECT_EQ(received.message.metadata, "a=1");
  EXPECT_EQ(received.message.body_codec, kNoCodec);
  EXPECT_EQ(received.message.body, "");
  EXPECT_FALSE(received.owner.chunk()) << "nothing is copied";
}

TEST_P(ThriftExceptions, OfPlainThriftAreErrorsWithTheirMessageAsCause) {
  for (const std::string& header : {"\0\0"s, kInfo, pairs("code=0"), pairs("")}) {
    const std::string bytes = framed(header, kExceptionMessage, kException);
    const Received received = read(bytes);
    ASSERT_EQ(received.state, State::kMessage) << received.status;
    const Status status = parse_status_text(received.message.status);
    EXPECT_EQ(status.code(), Code::kInternal);
    EXPECT_EQ(status.reason(), "thrift.exception");
    ASSERT_NE(status.cause(), nullptr);
    EXPECT_EQ(*status.cause(), "gone");
    EXPECT_EQ(received.message.method, "/m");
    EXPECT_EQ(received.message.metadata.empty(), header == "\0\0"s);
  }
}

TEST_P(ThriftExceptions, OfPlainThriftLieInOneMemory) {
  const std::string bytes = framed(kInfo, kExceptionMessage, kException);
  const Received received = read(bytes);
  const std::string_view owner = received.owner.view();
  for (const std::string_view view :
       {received.message.method, received.message.status, received.message.metadata}) {
    EXPECT_GE(view.data(), owner.data());
    EXPECT_LE(view.data() + view.size(), owner.data() + owner.size());
  }
}

TEST_P(ThriftExceptions, OfUnknownMethodsAreNotFound) {
  std::string exception = kException;
  exception[exception.size() - 2] = '\1';
  const std::string bytes = framed(kInfo, kExceptionMessage, exception);
  EXPECT_EQ(parse_status_text(read(bytes).message.status).code(), Code::kNotFound);
}

TEST_P(ThriftExceptions, ThatAreNoStructCostTheirCallOnly) {
  for (const std::string& payload : {""s, "gone"s, kException + "x", "\0\0\0\0"s}) {
    const std::string bytes = framed(pairs("code=5"), kExceptionMessage, payload);
    const Received received = read(bytes);
    EXPECT_EQ(received.state, State::kBadBody);
    EXPECT_EQ(received.status.reason(), "frame.bad_body");
    EXPECT_EQ(received.size, bytes.size());
    EXPECT_EQ(received.message.seq, 7);
    EXPECT_EQ(received.message.kind, Kind::kReply);
  }
}

TEST_P(ThriftExceptions, DoNotPassThroughTransforms) {
  const std::string header =
      "\0\0\1\2"s + text("Tp-XferPipe") + text("g") + text("Tp-Status") + text("code=5");
  const std::string bytes = framed(header, kExceptionMessage, kException);
  const Received received = read(bytes);
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.status, "code=5");
  EXPECT_EQ(received.message.transforms, "");
}

TEST_P(ThriftExceptions, AreWaitedForWhenCutAnywhere) {
  const std::string whole = framed(pairs("code=5"), kExceptionMessage, kException);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_EQ(read(whole.substr(0, cut)).state, State::kNeedMore) << cut;
  }
}

// Each try reads a heap copy of the exact size, for the address sanitizer.
TEST_P(ThriftExceptions, SurviveEverySingleFlippedBit) {
  const std::string whole = framed(pairs("code=0"), kExceptionMessage, kException);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::vector<char> damaged(whole.begin(), whole.end());
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const Received received =
        find_protocol(GetParam())->parse({damaged.data(), damaged.size()}, kLimits, nullptr);
    const bool bad = received.state == State::kError || received.state == State::kBadBody;
    EXPECT_EQ(bad, !received.status.ok()) << bit;
  }
}

TEST_P(ThriftExceptions, AreKnownAsRepliesBeforeTheyAreWhole) {
  const std::string bytes = framed(kInfo, kExceptionMessage, kException);
  const auto peeked = find_protocol(GetParam())->peek_head(bytes);
  ASSERT_TRUE(peeked.has_value());
  EXPECT_EQ(peeked->kind, Kind::kReply);
}

}  // namespace
}  // namespace fairlead::wire
