#include "fairlead/wire/protocols/raw.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::wire::raw {
namespace {

using State = FrameResult::State;
constexpr Limits kLimits{};

MessageHead full_head() {
  return {.seq = -77,
          .kind = Kind::kCall,
          .body_codec = 'j',
          .method = "/home/test",
          .status = "code=404&msg=Not%20Found",
          .metadata = "author=andeya&flag",
          .transforms = {}};
}

std::string frame(const MessageHead& head, std::string_view body,
                  const TransformSet* transforms = nullptr) {
  Buffer out;
  const Status built = append(out, head, body, kLimits, transforms);
  EXPECT_TRUE(built.ok()) << built;
  return std::string(out.view());
}

std::string sized(std::uint32_t length, std::string_view rest) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift);
  return bytes.append(rest);
}

// A frame whose payload is exactly `payload`, with no transforms.
std::string with_payload(std::string_view payload) {
  return sized(static_cast<std::uint32_t>(payload.size() + 5),
               std::string(1, '\0').append(payload));
}

Status refused(std::string_view input, const Limits& limits = kLimits) {
  MessageView message;
  const FrameResult result = parse(input, limits, message);
  EXPECT_EQ(result.state, State::kError);
  return result.status(limits);
}

void add_all(TransformSet& transforms) { ASSERT_TRUE(add_builtin_transforms(transforms).ok()); }

TEST(RawParse, ReadsWhatTheBuilderWrote) {
  const std::string bytes = frame(full_head(), "body");
  MessageView message;

  const FrameResult result = parse(bytes, kLimits, message);

  ASSERT_EQ(result.state, State::kFrame);
  EXPECT_EQ(result.size, bytes.size());
  EXPECT_TRUE(result.status(kLimits).ok());
  EXPECT_EQ(message.seq, -77);
  EXPECT_EQ(message.kind, Kind::kCall);
  EXPECT_EQ(message.method, "/home/test");
  EXPECT_EQ(message.status, "code=404&msg=Not%20Found");
  EXPECT_EQ(message.metadata, "author=andeya&flag");
  EXPECT_EQ(message.body_codec, 'j');
  EXPECT_EQ(message.body, "body");
  EXPECT_EQ(message.body.data(), bytes.data() + bytes.size() - 4) << "a view, not a copy";
}

TEST(RawParse, WaitsForTheRestOfACutFrame) {
  const std::string whole = frame(full_head(), "body");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    MessageView message;
    const FrameResult result = parse(std::string_view(whole).substr(0, cut), kLimits, message);
    ASSERT_EQ(result.state, State::kNeedMore) << "cut at byte " << cut;
    EXPECT_EQ(result.size, cut < 4 ? 0 : whole.size()) << "cut at byte " << cut;
  }
}

TEST(RawParse, TakesOneFrameOfMany) {
  const std::string first = frame(full_head(), "1");
  const std::string input = first + frame(full_head(), "2") + "\xff";
  MessageView message;
  const FrameResult result = parse(input, kLimits, message);
  ASSERT_EQ(result.state, State::kFrame);
  EXPECT_EQ(result.size, first.size());
  EXPECT_EQ(message.body, "1");
}

TEST(RawParse, RefusesATooBigFrameOnceItsLengthIsThere) {
  for (const std::uint32_t length : {(8U << 20) + 1, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
    const Status status = refused(sized(length, ""));
    EXPECT_EQ(status.code(), Code::kTooLarge) << length;
    EXPECT_EQ(status.reason(), "frame.too_big");
    EXPECT_NE(status.message().find("8388608"), std::string_view::npos) << "names the limit";
  }
  MessageView message;
  EXPECT_EQ(parse(sized(8U << 20, ""), kLimits, message).state, State::kNeedMore);
}

TEST(RawParse, RefusesAFrameOneByteOverTheLimit) {
  const std::string bytes = frame(full_head(), "body");
  Limits limits;
  MessageView message;

  limits.frame_bytes_max = static_cast<std::uint32_t>(bytes.size());
  EXPECT_EQ(parse(bytes, limits, message).state, State::kFrame);
  limits.frame_bytes_max -= 1;
  EXPECT_EQ(refused(bytes, limits).reason(), "frame.too_big");
}

TEST(RawParse, TellsWhoReachedTheWrongPort) {
  for (const auto& [bytes, word] : {std::pair{"GET / HTTP/1.1\r\n", "HTTP"},
                                    {"PRI * HTTP/2.0\r\n", "HTTP/2"},
                                    {"SSH-2.0-x\r\n", "SSH"},
                                    {"\x16\x03\x01\x02", "TLS"}}) {
    const Status status = refused(bytes);
    EXPECT_EQ(status.reason(), "frame.too_big");
    EXPECT_NE(status.message().find(word), std::string_view::npos) << status;
  }
}

TEST(RawParse, RefusesLengthsThatHoldNoFrame) {
  for (std::uint32_t length = 0; length < 14; ++length) {
    const Status status = refused(sized(length, std::string(20, '\0')));
    EXPECT_EQ(status.code(), Code::kBadMessage) << length;
    EXPECT_EQ(status.reason(), "frame.bad_size") << length;
  }
}

TEST(RawParse, ReadsTheSmallestFrame) {
  MessageView message;
  const std::string bytes =
      with_payload(std::string_view("\1"
                                    "0\1\0\0\0\0\0\0",
                                    9));
  ASSERT_EQ(parse(bytes, kLimits, message).state, State::kFrame);
  EXPECT_EQ(message.seq, 0);
  EXPECT_TRUE(message.status.empty());
  EXPECT_TRUE(message.body.empty());
}

TEST(RawParse, RefusesInnerLengthsThatPassTheEnd) {
  // seq, method, status and metadata in turn claim one byte more than there is.
  for (const std::string_view payload : {std::string_view("\2"
                                                          "0\1\0\0\0\0\0\0",
                                                          9),
                                         std::string_view("\1"
                                                          "0\1\1\0\0\0\0\0",
                                                          9),
                                         std::string_view("\1"
                                                          "0\1\0\0\1\0\0\0",
                                                          9),
                                         std::string_view("\1"
                                                          "0\1\0\0\0\0\1\0",
                                                          9),
                                         std::string_view("\xff"
                                                          "0\1\0\0\0\0\0\0",
                                                          9),
                                         std::string_view("\1"
                                                          "0\1\xff\0\0\0\0\0",
                                                          9),
                                         std::string_view("\1"
                                                          "0\1\0\xff\xff\0\0\0",
                                                          9),
                                         std::string_view("\1"
                                                          "0\1\0\0\0\xff\xff\0",
                                                          9)}) {
    const Status status = refused(with_payload(payload));
    EXPECT_EQ(status.code(), Code::kBadMessage);
    EXPECT_EQ(status.reason(), "frame.bad_layout");
  }
  EXPECT_EQ(refused(sized(14,
                          "\xff"
                          "123456789"))
                .reason(),
            "frame.bad_layout")
      << "more transform ids than bytes";
}

TEST(RawParse, RefusesKindsThatAreNone) {
  for (const int kind : {0, 6, 7, 128, 255}) {
    std::string payload(
        "\1"
        "5\1\0\0\0\0\0j",
        9);
    payload[2] = static_cast<char>(kind);
    MessageView message;
    const std::string bytes = with_payload(payload);
    const FrameResult result = parse(bytes, kLimits, message);
    EXPECT_EQ(result.state, State::kError);
    EXPECT_EQ(result.status(kLimits).code(), Code::kBadMessage);
    EXPECT_EQ(result.status(kLimits).reason(), "frame.bad_kind");
    EXPECT_EQ(message.seq, 5) << "the rest is filled, for the log";
    EXPECT_EQ(message.body_codec, 'j');
  }
}

// The original lets the 16-bit length of 65536 bytes of metadata wrap to 0.
TEST(RawParse, ReadsALengthThatWrappedAsItsBytesSay) {
  const std::string metadata = "k=" + std::string(65534, 'v');
  const std::string bytes =
      with_payload(std::string("\1a\1\2/m\0\6code=0\0\0", 16).append(metadata).append("sb"));
  MessageView message;

  ASSERT_EQ(parse(bytes, kLimits, message).state, State::kFrame);

  EXPECT_EQ(message.metadata, "");
  EXPECT_EQ(message.body_codec, 'k');
  EXPECT_EQ(message.body.size(), 65537U);
}

TEST(RawSeq, IsReadAsGoReadsBase36) {
  const auto parse_text = [](std::string_view text) {
    std::string payload(1, static_cast<char>(text.size()));
    payload.append(text).append(std::string_view("\1\0\0\0\0\0\0b", 8));
    MessageView message;
    const std::string bytes = with_payload(payload);
    const FrameResult result = parse(bytes, kLimits, message);
    if (result.state != State::kFrame) return std::string(result.status(kLimits).reason());
    return std::to_string(message.seq);
  };

  EXPECT_EQ(parse_text("zik0zj"), "2147483647");
  EXPECT_EQ(parse_text("-zik0zk"), "-2147483648");
  EXPECT_EQ(parse_text("+ZIK0zj"), "2147483647");
  EXPECT_EQ(parse_text("0000000000000000000000000000000001"), "1");
  EXPECT_EQ(parse_text("-0"), "0");
  for (const std::string_view bad :
       {"", "-", "+", "zik0zk", "-zik0zl", "zzzzzzz", "1_0", "1 ", " 1", "--1", "1.", "\xff",
        "99999999999999999999999999999999"}) {
    EXPECT_EQ(parse_text(bad), "frame.bad_seq") << bad;
  }
}

TEST(RawSeq, ComesBackAtEveryMagnitude) {
  std::vector<std::int32_t> numbers = {0,
                                       1,
                                       -1,
                                       35,
                                       36,
                                       -36,
                                       36 * 36 - 1,
                                       36 * 36,
                                       36 * 36 * 36 - 1,
                                       36 * 36 * 36,
                                       36 * 36 * 36 * 36 - 1,
                                       36 * 36 * 36 * 36,
                                       36 * 36 * 36 * 36 * 36 - 1,
                                       36 * 36 * 36 * 36 * 36,
                                       std::numeric_limits<std::int32_t>::max(),
                                       std::numeric_limits<std::int32_t>::min()};
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    numbers.push_back(static_cast<std::int32_t>(random.next() >> random.below(32)));
  }
  for (const std::int32_t number : numbers) {
    MessageHead head = full_head();
    head.seq = number;
    const std::string bytes = frame(head, "");
    MessageView message;
    ASSERT_EQ(parse(bytes, kLimits, message).state, State::kFrame);
    EXPECT_EQ(message.seq, number);
  }
}

TEST(RawBuild, RefusesWhatDoesNotFitItsLengthFields) {
  const auto reason_of = [](const MessageHead& head) {
    Buffer out("kept");
    const FrameStart start = begin(out, head);
    out.append("body");
    const Status status = finish(out, start, kLimits);
    EXPECT_EQ(out.view(), status.ok() ? out.view() : "kept");
    if (!status.ok()) {
      EXPECT_EQ(status.code(), Code::kEncodeFailed);
      EXPECT_EQ(status.outcome(), Outcome::kNotSent);
    }
    return std::string(status.reason());
  };
  const std::string text(65536, 'x');
  const std::string_view most = std::string_view(text).substr(0, 65535);
  const std::string_view name = most.substr(0, 255);

  EXPECT_EQ(reason_of({.method = name, .status = most, .metadata = most}), "");
  EXPECT_EQ(reason_of({.method = most.substr(0, 256)}), "frame.method_too_long");
  EXPECT_EQ(reason_of({.status = text}), "frame.status_too_long");
  EXPECT_EQ(reason_of({.metadata = text}), "frame.metadata_too_long");
  EXPECT_EQ(reason_of({.transforms = most.substr(0, 256)}), "frame.too_many_transforms");
  EXPECT_EQ(reason_of({.transforms = "?"}), "frame.unknown_transform");
}

TEST(RawBuild, KeepsEarlierFramesWhenALaterOneIsTooBig) {
  Limits limits;
  limits.frame_bytes_max = 100;
  Buffer out;
  ASSERT_TRUE(append(out, {}, "first", limits).ok());
  const std::string first(out.view());

  const Status status = append(out, {}, std::string(100, 'x'), limits);

  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "frame.too_big");
  EXPECT_EQ(status.outcome(), Outcome::kNotSent);
  EXPECT_EQ(out.view(), first);
}

// Short names are moved by words that overlap, long ones by a call: each length, beside its own
// kind of neighbours.
TEST(RawBuild, WritesMethodsOfEveryLength) {
  std::string method;
  for (std::size_t size = 0; size <= 255; ++size, method += static_cast<char>('a' + size % 26)) {
    const std::string bytes =
        frame({.seq = 1, .kind = Kind::kCall, .body_codec = 'j', .method = method}, "body");
    MessageView message;
    ASSERT_EQ(parse(bytes, kLimits, message).state, State::kFrame) << size;
    EXPECT_EQ(message.method, method);
    EXPECT_EQ(message.body, "body");
  }
}

TEST(RawBuild, TakesAnUnfinishedFrameBack) {
  Buffer out("first");
  const FrameStart start = begin(out, full_head());
  out.append("half a body");
  abandon(out, start);
  EXPECT_EQ(out.view(), "first");
}

TEST(RawBuild, WritesOkStatusWhenNoneIsGiven) {
  MessageView message;
  const std::string bytes = frame({.seq = 1, .kind = Kind::kReply}, "");
  ASSERT_EQ(parse(bytes, kLimits, message).state, State::kFrame);
  EXPECT_EQ(message.status, "code=0");
}

TEST(RawTransforms, RestoreTheMessageInBothOrders) {
  TransformSet transforms;
  add_all(transforms);
  for (const std::string_view ids : {"g", "m", "gm", "mg", "gg", "mmm"}) {
    MessageHead head = full_head();
    head.transforms = ids;
    const std::string bytes = frame(head, "body", &transforms);
    MessageView message;

    const FrameResult result = parse(bytes, kLimits, message);
    ASSERT_EQ(result.state, State::kPacked) << ids;
    EXPECT_EQ(result.size, bytes.size());
    const Result<Bytes> owner = unpack(transforms, kLimits, message);

    ASSERT_TRUE(owner.ok()) << owner.status();
    EXPECT_EQ(message.transforms, ids);
    EXPECT_EQ(message.method, "/home/test");
    EXPECT_EQ(message.body, "body");
  }
}

// A handler that waits keeps the result of unpack() and not the read that the frame came in.
TEST(RawTransforms, LeaveAMessageThatOutlivesItsInput) {
  TransformSet transforms;
  add_all(transforms);
  MessageHead head = full_head();
  head.transforms = "gm";
  std::string bytes = frame(head, "body", &transforms);
  MessageView message;
  ASSERT_EQ(parse(bytes, kLimits, message).state, State::kPacked);
  const Result<Bytes> owner = unpack(transforms, kLimits, message);
  ASSERT_TRUE(owner.ok()) << owner.status();

  bytes.assign(bytes.size(), '\xdd');

  for (const std::string_view view :
       {message.transforms, message.method, message.status, message.metadata, message.body}) {
    EXPECT_GE(view.data(), owner->data());
    EXPECT_LE(view.data() + view.size(), owner->data() + owner->size());
  }
  EXPECT_EQ(message.transforms, "gm");
  EXPECT_EQ(message.body, "body");
}

TEST(RawTransforms, RefuseWhatTheyDoNotKnowOrCannotRestore) {
  TransformSet transforms;
  add_all(transforms);
  const auto reason_of = [&](std::string_view ids, std::string_view payload, const Limits& limits) {
    std::string rest(1, static_cast<char>(ids.size()));
    rest.append(ids).append(payload);
    const std::string bytes = sized(static_cast<std::uint32_t>(rest.size() + 4), rest);
    MessageView message;
    EXPECT_EQ(parse(bytes, limits, message).state, State::kPacked);
    return std::string(unpack(transforms, limits, message).status().reason());
  };
  Buffer bomb;
  ASSERT_TRUE(transforms.pack("g", std::string(8U << 20, '\0'), bomb).ok());
  Buffer short_payload;
  ASSERT_TRUE(transforms.pack("m", "short", short_payload).ok());
  Buffer bad_kind;
  ASSERT_TRUE(transforms
                  .pack("m",
                        std::string_view("\1"
                                         "5\7\0\0\0\0\0j",
                                         9),
                        bad_kind)
                  .ok());
  Limits small;
  small.frame_bytes_max = 100000;

  EXPECT_EQ(reason_of("x", "0123456789", kLimits), "frame.unknown_transform");
  EXPECT_EQ(reason_of("m", "0123456789", kLimits), "transform.md5_mismatch");
  EXPECT_EQ(reason_of("m", std::string(30, 'x'), kLimits), "transform.md5_mismatch");
  EXPECT_EQ(reason_of("g", "0123456789", kLimits), "compress.bad_data");
  EXPECT_EQ(reason_of("g", bomb.view(), small), "compress.too_big");
  EXPECT_EQ(reason_of("m", short_payload.view(), kLimits), "frame.bad_layout");
  EXPECT_EQ(reason_of("m", bad_kind.view(), kLimits), "frame.bad_kind");
}

TEST(RawPeekHead, FindsTheHeadOfAFrameThatIsTooBig) {
  const std::string head = frame(full_head(), "");
  const std::string huge = sized(0x7fffffff, head.substr(4));
  MessageView message;

  const std::string with_body = huge + "some body";
  EXPECT_TRUE(peek_head(with_body, message));
  EXPECT_EQ(message.seq, -77);
  EXPECT_EQ(message.method, "/home/test");
  for (std::size_t cut = 0; cut < huge.size(); ++cut) {
    EXPECT_FALSE(peek_head(std::string_view(huge).substr(0, cut), message)) << "cut at " << cut;
  }
  EXPECT_FALSE(peek_head(sized(0x7fffffff, "\1g" + head.substr(5)), message)) << "transformed";
}

// Whatever happens to the bytes, a result comes back and every view lies inside the input.
void expect_views_inside(std::string_view input, const TransformSet& transforms) {
  MessageView message;
  const FrameResult result = parse(input, kLimits, message);
  if (result.state == State::kPacked) {
    const Result<Bytes> owner = unpack(transforms, kLimits, message);
    if (!owner.ok()) {
      EXPECT_FALSE(owner.status().reason().empty());
    }
    return;
  }
  if (result.state == State::kError) {
    EXPECT_FALSE(result.status(kLimits).ok());
  }
  if (result.state != State::kFrame) return;
  ASSERT_LE(result.size, input.size());
  for (const std::string_view view :
       {message.method, message.status, message.metadata, message.body}) {
    ASSERT_GE(view.data(), input.data());
    ASSERT_LE(view.data() + view.size(), input.data() + result.size);
  }
}

TEST(RawParse, SurvivesEverySingleBitFlip) {
  TransformSet transforms;
  add_all(transforms);
  for (const std::string_view ids : {"", "g", "m", "gm"}) {
    MessageHead head = full_head();
    head.transforms = ids;
    const std::string whole = frame(head, "some body", &transforms);
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      // A heap copy of the exact size lets the address sanitizer see one byte too far.
      std::vector<char> damaged(whole.begin(), whole.end());
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      expect_views_inside({damaged.data(), damaged.size()}, transforms);
    }
  }
}

TEST(RawParse, TellsATransformThatNobodyKnowsFromACutFrame) {
  TransformSet known;
  ASSERT_TRUE(add_builtin_transforms(known).ok());
  constexpr std::string_view kLength("\0\0\1\0", 4);
  const auto unknown = [&](std::string_view rest, const TransformSet* transforms) {
    return needs_unknown_transform(std::string(kLength).append(rest), transforms);
  };
  EXPECT_TRUE(unknown("\2g\7", &known));
  EXPECT_TRUE(unknown("\1g", nullptr));
  EXPECT_FALSE(unknown("\2gm", &known));
  EXPECT_FALSE(unknown("\2\7", &known)) << "cut inside the ids";
  EXPECT_FALSE(unknown("", nullptr)) << "not even their number has come";
  EXPECT_FALSE(unknown(std::string_view("\0\7", 2), nullptr)) << "it has none";
}

TEST(RawParse, SurvivesGarbage) {
  TransformSet transforms;
  add_all(transforms);
  Random random(42);
  for (int round = 0; round < 20000; ++round) {
    std::vector<char> bytes(4 + random.below(60));
    for (char& c : bytes) c = static_cast<char>(random.next() >> random.below(8));
    const std::string length = sized(static_cast<std::uint32_t>(bytes.size()), "");
    if (random.below(4) != 0) std::copy(length.begin(), length.end(), bytes.begin());
    if (bytes.size() > 5 && random.below(2) != 0) bytes[4] = 0;
    expect_views_inside({bytes.data(), bytes.size()}, transforms);
  }
}

TEST(Limits, AreCheckedBeforeUse) {
  EXPECT_TRUE(Limits{}.validate().ok());
  EXPECT_TRUE(Limits{20}.validate().ok());
  EXPECT_TRUE(Limits{0x7fffffff}.validate().ok());
  EXPECT_EQ(Limits{19}.validate().reason(), "frame.bad_limit");
  EXPECT_EQ(Limits{0x80000000}.validate().code(), Code::kInvalidOperation);
}

TEST(KindName, KnowsAllKinds) {
  EXPECT_EQ(kind_name(Kind::kCall), "CALL");
  EXPECT_EQ(kind_name(Kind::kAuthReply), "AUTH_REPLY");
  EXPECT_EQ(kind_name(static_cast<Kind>(0)), "UNDEFINED");
}

}  // namespace
}  // namespace fairlead::wire::raw
