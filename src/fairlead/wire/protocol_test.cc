// What holds for every protocol alike; each one's own rules are tested beside it.
#include "fairlead/wire/protocol.h"

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::wire {
namespace {

using State = Received::State;
constexpr Limits kLimits{};
// A body that every protocol carries: one Thrift struct, {1: "\"\\\n"}.
const std::string kBody("\x0b\x00\x01\x00\x00\x00\x03\"\\\n\x00", 11);

class EveryProtocol : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(add_builtin_transforms(transforms_).ok()); }

  const Protocol& protocol() const { return *find_protocol(GetParam()); }
  // A head that this protocol carries.
  MessageHead head(Kind kind = Kind::kCall) const {
    return {.seq = -77,
            .kind = kind,
            .body_codec = 't',
            .method = "/home/\"test\"",
            .metadata = "author=andeya&flag"};
  }
  std::string frame(const MessageHead& head, std::string_view body = kBody) const {
    Buffer out;
    const Status built = protocol().append(out, head, body, kLimits, &transforms_);
    EXPECT_TRUE(built.ok()) << built;
    return std::string(out.view());
  }
  Received parse(std::string_view input, const Limits& limits = kLimits) const {
    return protocol().parse(input, limits, &transforms_);
  }
  // How much of the frame counts against frame_bytes_max.
  std::size_t counted(std::size_t frame_size) const {
    return protocol().name() == "json" || protocol().name() == "pb" ? frame_size - 4 : frame_size;
  }
  static std::string reason_of(const Status& status) { return std::string(status.reason()); }

  TransformSet transforms_;
};

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const Protocol* protocol : protocols()) all.emplace_back(protocol->name());
  return all;
}

INSTANTIATE_TEST_SUITE_P(Of, EveryProtocol, testing::ValuesIn(names()), [](const auto& tested) {
  std::string name = tested.param;
  for (char& c : name) c = c == '-' ? '_' : c;
  return name;
});

TEST_P(EveryProtocol, ReadsWhatItWrote) {
  for (const Kind kind : {Kind::kCall, Kind::kReply, Kind::kPush}) {
    const std::string bytes = frame(head(kind));

    const Received received = parse(bytes);

    ASSERT_EQ(received.state, State::kMessage) << received.status;
    EXPECT_EQ(received.size, bytes.size());
    EXPECT_EQ(received.message.seq, -77);
    EXPECT_EQ(received.message.kind, kind);
    EXPECT_EQ(received.message.body_codec, 't');
    EXPECT_EQ(received.message.method, "/home/\"test\"");
    EXPECT_EQ(received.message.status, "code=0");
    EXPECT_EQ(received.message.metadata, "author=andeya&flag");
    EXPECT_EQ(received.message.transforms, "");
    EXPECT_EQ(received.message.body, kBody);
  }
}

TEST_P(EveryProtocol, CarriesWhatItSaysAndRefusesTheRest) {
  const Carries carries = protocol().carries();
  const auto reason = [this](MessageHead tried, std::string_view body = kBody) {
    Buffer out("kept");
    const Status status = protocol().append(out, tried, body, kLimits, &transforms_);
    EXPECT_EQ(out.view() == "kept", !status.ok());
    EXPECT_EQ(status.code(), status.ok() ? Code::kOk : Code::kEncodeFailed);
    EXPECT_EQ(status.ok() || status.outcome() == Outcome::kNotSent, true);
    return reason_of(status);
  };
  MessageHead packed = head();
  packed.transforms = "gm";
  MessageHead other = head();
  other.body_codec = 'j';

  EXPECT_EQ(reason(head(Kind::kAuthCall)), carries.login ? "" : "frame.kind_not_carried");
  EXPECT_EQ(reason(head(Kind::kAuthReply)), carries.login ? "" : "frame.kind_not_carried");
  EXPECT_EQ(reason(packed), carries.transforms ? "" : "frame.transforms_not_carried");
  EXPECT_EQ(reason(other), carries.only_codec == kNoCodec ? "" : "frame.codec_not_carried");
}

TEST_P(EveryProtocol, CarriesTheWholeStatusOfAReply) {
  MessageHead failed = head(Kind::kReply);
  failed.body_codec = kNoCodec;
  failed.status = "code=1001&msg=no%20luck&cause=&reason=a.b";
  const std::string bytes = frame(failed, "");

  const Received received = parse(bytes);

  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.size, bytes.size());
  EXPECT_EQ(received.message.seq, -77);
  EXPECT_EQ(received.message.kind, Kind::kReply);
  EXPECT_EQ(received.message.status, failed.status);
  EXPECT_EQ(received.message.metadata, failed.metadata);
  EXPECT_EQ(received.message.body_codec, kNoCodec);
  EXPECT_EQ(received.message.body, "");
}

TEST_P(EveryProtocol, WaitsForTheRestOfACutFrame) {
  const std::string whole = frame(head());
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const Received received = parse(std::string_view(whole).substr(0, cut));
    ASSERT_EQ(received.state, State::kNeedMore) << "cut at byte " << cut;
    EXPECT_EQ(received.size, cut < 4 ? 0 : whole.size()) << "cut at byte " << cut;
  }
}

TEST_P(EveryProtocol, TakesOneFrameOfMany) {
  const std::string first = frame(head());
  const std::string input = first + frame(head(Kind::kPush)) + "\xff";
  const Received received = parse(input);
  ASSERT_EQ(received.state, State::kMessage);
  EXPECT_EQ(received.size, first.size());
  EXPECT_EQ(received.message.kind, Kind::kCall);
}

TEST_P(EveryProtocol, RefusesATooBigFrameOnceItsLengthIsThere) {
  for (const std::string_view length :
       {std::string_view("\x00\x80\x00\x01", 4), std::string_view("\x7f\xff\xff\xff", 4),
        std::string_view("\x80\x00\x00\x00", 4), std::string_view("\xff\xff\xff\xff", 4)}) {
    const Received received = parse(length);
    EXPECT_EQ(received.state, State::kError);
    EXPECT_EQ(received.status.code(), Code::kTooLarge);
    EXPECT_EQ(received.status.reason(), "frame.too_big");
  }
  EXPECT_EQ(parse(std::string_view("\x00\x00\x00\x00", 4)).status.reason(), "frame.bad_size");
  EXPECT_NE(parse("GET / HTTP/1.1\r\n").status.message().find("HTTP"), std::string_view::npos);
}

TEST_P(EveryProtocol, ReadsAndWritesUpToTheSameLimit) {
  const std::string bytes = frame(head());
  Limits limits;
  Buffer out("kept");

  limits.frame_bytes_max = static_cast<std::uint32_t>(counted(bytes.size()));
  EXPECT_EQ(parse(bytes, limits).state, State::kMessage);
  EXPECT_TRUE(protocol().append(out, head(), kBody, limits, nullptr).ok());

  out = Buffer("kept");
  limits.frame_bytes_max -= 1;
  EXPECT_EQ(parse(bytes, limits).status.reason(), "frame.too_big");
  const Status status = protocol().append(out, head(), kBody, limits, nullptr);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "frame.too_big");
  EXPECT_EQ(status.outcome(), Outcome::kNotSent);
  EXPECT_EQ(out.view(), "kept");
}

TEST_P(EveryProtocol, RefusesToWriteWhatIsTooLong) {
  const std::string text(65536, 'x');
  const std::string_view most = std::string_view(text).substr(0, 65535);
  const auto reason = [this](MessageHead tried) {
    Buffer out;
    return reason_of(protocol().append(out, tried, kBody, kLimits, &transforms_));
  };
  MessageHead tried = head();

  tried.method = most.substr(0, 255);
  tried.metadata = most;
  EXPECT_EQ(reason(tried), "");
  tried.method = most.substr(0, 256);
  EXPECT_EQ(reason(tried), "frame.method_too_long");
  tried = head();
  tried.metadata = text;
  EXPECT_EQ(reason(tried), "frame.metadata_too_long");
  tried = head();
  tried.status = text;
  EXPECT_EQ(reason(tried), "frame.status_too_long");
  tried = head();
  tried.transforms = most.substr(0, 256);
  EXPECT_EQ(reason(tried), "frame.too_many_transforms");
}

TEST_P(EveryProtocol, TakesAnUnfinishedFrameBack) {
  Buffer out("first");
  const FrameStart start = protocol().begin(out, head());
  out.append("half a body");
  Protocol::abandon(out, start);
  EXPECT_EQ(out.view(), "first");
}

TEST_P(EveryProtocol, AnswersForAFrameThatIsTooBig) {
  std::string huge = frame(head());
  for (std::size_t i = 0; i < 4; ++i) huge[i] = '\x7f';
  bool known = false;

  for (std::size_t cut = 0; cut <= huge.size(); ++cut) {
    const auto peeked = protocol().peek_head(std::string_view(huge).substr(0, cut));
    if (peeked.has_value()) {
      EXPECT_EQ(peeked->seq, -77) << cut;
      EXPECT_EQ(peeked->kind, Kind::kCall) << cut;
    }
    EXPECT_TRUE(peeked.has_value() || !known) << cut;
    known = peeked.has_value();
  }
  EXPECT_TRUE(known);
  EXPECT_EQ(protocol().peek_head("").has_value(), false);
}

// The views lie in the input, or in the owner, never in both: one thing has to be kept.
TEST_P(EveryProtocol, KeepsAllViewsInOneMemory) {
  std::vector<MessageHead> heads = {head()};
  if (protocol().carries().transforms) {
    heads.push_back(head());
    heads.back().transforms = "gm";
  }
  for (const MessageHead& tried : heads) {
    const std::string bytes = frame(tried);
    const Bytes input(bytes);
    const Received received = parse(input.view());
    ASSERT_EQ(received.state, State::kMessage) << received.status;
    const Bytes& memory = received.memory(input);
    for (const std::string_view view :
         {received.message.method, received.message.status, received.message.metadata,
          received.message.transforms, received.message.body}) {
      if (view.empty()) continue;
      EXPECT_GE(view.data(), memory.data());
      EXPECT_LE(view.data() + view.size(), memory.data() + memory.size());
    }
    EXPECT_EQ(received.message.transforms, tried.transforms);
    EXPECT_EQ(received.message.body, kBody);
  }
}

TEST_P(EveryProtocol, ComesBackFromAnyBytes) {
  if (protocol().carries().only_codec != kNoCodec) return;  // not any bytes are a body there
  Random random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string body(random.below(30), '\0');
    for (char& c : body) c = "\"\\\n{}ux\0\x1f\xff/ab,:"[random.below(15)];
    MessageHead tried = head();
    tried.body_codec = 's';
    tried.seq = static_cast<std::int32_t>(random.next());
    const std::string bytes = frame(tried, body);
    const Received received = parse(bytes);
    ASSERT_EQ(received.state, State::kMessage) << received.status;
    EXPECT_EQ(received.message.seq, tried.seq);
    ASSERT_EQ(received.message.body, body) << "round " << round;
  }
}

TEST_P(EveryProtocol, TellsWhatTransformsCannotRestore) {
  if (!protocol().carries().transforms) return;
  MessageHead packed = head();
  packed.transforms = "m";
  std::string bytes = frame(packed);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  const bool body_only = protocol().name() == "thrift-binary";
  const State wanted = body_only ? State::kBadBody : State::kError;

  const Received damaged = parse(bytes);
  EXPECT_EQ(damaged.state, wanted);
  EXPECT_EQ(damaged.status.reason(), "transform.md5_mismatch");
  if (body_only) {
    EXPECT_EQ(damaged.size, bytes.size()) << "the next frame begins behind it";
    EXPECT_EQ(damaged.message.seq, -77);
    EXPECT_EQ(damaged.message.method, "/home/\"test\"");
  }
  const Received unknown = protocol().parse(bytes, kLimits, nullptr);
  EXPECT_EQ(unknown.state, wanted);
  EXPECT_EQ(unknown.status.reason(), "frame.unknown_transform");
  Buffer out;
  EXPECT_EQ(protocol().append(out, packed, kBody, kLimits, nullptr).reason(),
            "frame.unknown_transform");
}

TEST_P(EveryProtocol, SurvivesGarbage) {
  Random random(42);
  for (int round = 0; round < 5000; ++round) {
    std::vector<char> bytes(random.below(80));
    for (char& c : bytes) c = static_cast<char>(random.next() >> random.below(8));
    if (bytes.size() > 4) {
      for (std::size_t i = 0; i < 3; ++i) bytes[i] = 0;
      bytes[3] = static_cast<char>(bytes.size() - random.below(6));
    }
    const Received received = parse({bytes.data(), bytes.size()});
    EXPECT_EQ(received.state == State::kError || received.state == State::kBadBody,
              !received.status.ok());
  }
}

TEST(Protocols, AreFoundByName) {
  for (const Protocol* protocol : protocols()) {
    EXPECT_EQ(find_protocol(protocol->name()), protocol);
  }
  EXPECT_EQ(protocols().front()->name(), "raw") << "the default comes first";
  EXPECT_EQ(find_protocol("quic"), nullptr);
  EXPECT_EQ(find_protocol(""), nullptr);
}

}  // namespace
}  // namespace fairlead::wire
