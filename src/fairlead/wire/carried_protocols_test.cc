// What holds for the forms of one WebSocket message alike; each one's own rules are tested beside
// it, and so is erpc's HTTP form.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::wire {
namespace {

using State = Received::State;
constexpr Limits kLimits{};
constexpr std::string_view kBody = "{\"a\":\"\\\\\"}";

class EveryWebSocketForm : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { ASSERT_TRUE(add_builtin_transforms(transforms_).ok()); }

  const Protocol& protocol() const { return *find_carried_protocol(GetParam()); }
  static MessageHead head(Kind kind = Kind::kCall) {
    return {.seq = -77,
            .kind = kind,
            .body_codec = 'j',
            .method = "/home/\"test\"",
            .metadata = "author=andeya&flag"};
  }
  std::string message(const MessageHead& head, std::string_view body = kBody) const {
    Buffer out;
    const Status built = protocol().append(out, head, body, kLimits, &transforms_);
    EXPECT_TRUE(built.ok()) << built;
    return std::string(out.view());
  }
  // A copy of the exact size, so that the address sanitizer sees one byte too far.
  Received parse(std::string_view input, const Limits& limits = kLimits) {
    copy_.assign(input.begin(), input.end());
    return protocol().parse({copy_.data(), copy_.size()}, limits, &transforms_);
  }

  TransformSet transforms_;
  std::vector<char> copy_;
};

INSTANTIATE_TEST_SUITE_P(Of, EveryWebSocketForm, testing::Values("ws-json", "ws-pb"),
                         [](const auto& tested) { return tested.param.substr(3); });

TEST_P(EveryWebSocketForm, ReadsWhatItWrote) {
  for (const Kind kind :
       {Kind::kCall, Kind::kReply, Kind::kPush, Kind::kAuthCall, Kind::kAuthReply}) {
    const std::string bytes = message(head(kind));

    const Received received = parse(bytes);

    ASSERT_EQ(received.state, State::kMessage) << received.status;
    EXPECT_EQ(received.size, bytes.size());
    EXPECT_EQ(received.message.seq, -77);
    EXPECT_EQ(received.message.kind, kind);
    EXPECT_EQ(received.message.body_codec, 'j');
    EXPECT_EQ(received.message.method, "/home/\"test\"");
    EXPECT_EQ(received.message.metadata, "author=andeya&flag");
    EXPECT_EQ(received.message.status, "");
    EXPECT_EQ(received.message.transforms, "");
    EXPECT_EQ(received.message.body, kBody);
  }
}

TEST_P(EveryWebSocketForm, CarriesTheStatusOfAnErrorAndNoneOfAnOk) {
  MessageHead failed = head(Kind::kReply);
  failed.body_codec = kNoCodec;
  failed.status = "code=1001&msg=no%20luck&cause=&reason=a.b";
  MessageHead fine = failed;
  fine.status = "code=0";
  MessageHead silent = failed;
  silent.status = "";

  EXPECT_EQ(parse(message(failed, "")).message.status, failed.status);
  EXPECT_EQ(message(fine, ""), message(silent, "")) << "as the original writes it";
  EXPECT_EQ(parse(message(fine, "")).message.status, "");
}

TEST_P(EveryWebSocketForm, CarriesTheStatusBehindTransformsToo) {
  MessageHead failed = head(Kind::kReply);
  failed.status = "code=404";
  failed.transforms = "gm";
  const Received received = parse(message(failed));
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.status, "code=404");
  EXPECT_EQ(received.message.transforms, "gm");
  EXPECT_EQ(received.message.body, kBody);
}

// There is nothing to wait for: the WebSocket message is the message.
TEST_P(EveryWebSocketForm, NeverAsksForMore) {
  MessageHead packed = head();
  packed.transforms = "g";
  for (const MessageHead& tried : {head(), packed}) {
    const std::string whole = message(tried);
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      const Received received = parse(std::string_view(whole).substr(0, cut));
      ASSERT_NE(received.state, State::kNeedMore) << "cut at byte " << cut;
      EXPECT_EQ(received.state == State::kMessage, received.status.ok());
    }
  }
  EXPECT_EQ(parse("").state, State::kError);
}

TEST_P(EveryWebSocketForm, ReadsAndWritesUpToTheSameLimit) {
  const std::string bytes = message(head());
  Limits limits{.frame_bytes_max = static_cast<std::uint32_t>(bytes.size())};
  Buffer out("kept");

  EXPECT_EQ(parse(bytes, limits).state, State::kMessage);
  EXPECT_TRUE(protocol().append(out, head(), kBody, limits, nullptr).ok());

  out = Buffer("kept");
  limits.frame_bytes_max -= 1;
  EXPECT_EQ(parse(bytes, limits).status.reason(), "frame.too_big");
  const Status status = protocol().append(out, head(), kBody, limits, nullptr);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.outcome(), Outcome::kNotSent);
  EXPECT_EQ(out.view(), "kept");
}

TEST_P(EveryWebSocketForm, WritesNoBodyThatAPeerWouldNotRestore) {
  MessageHead packed = head();
  packed.transforms = "g";
  const Limits limits{.frame_bytes_max = 1000};
  Buffer out;
  EXPECT_TRUE(protocol().append(out, packed, std::string(1000, 'x'), limits, &transforms_).ok());
  EXPECT_EQ(protocol().append(out, packed, std::string(1001, 'x'), limits, &transforms_).reason(),
            "frame.too_big");
}

TEST_P(EveryWebSocketForm, RefusesToWriteWhatIsTooLong) {
  const std::string text(65536, 'x');
  const auto reason = [this](MessageHead tried) {
    Buffer out("kept");
    const Status status = protocol().append(out, tried, kBody, kLimits, &transforms_);
    EXPECT_EQ(out.view(), "kept");
    return std::string(status.reason());
  };
  MessageHead tried = head();
  tried.method = std::string_view(text).substr(0, 256);
  EXPECT_EQ(reason(tried), "frame.method_too_long");
  tried = head();
  tried.metadata = text;
  EXPECT_EQ(reason(tried), "frame.metadata_too_long");
  tried = head();
  tried.status = text;
  EXPECT_EQ(reason(tried), "frame.status_too_long");
  tried = head();
  tried.transforms = std::string_view(text).substr(0, 256);
  EXPECT_EQ(reason(tried), "frame.too_many_transforms");
}

TEST_P(EveryWebSocketForm, WritesBehindOthersAndCanBeTakenBack) {
  MessageHead packed = head();
  packed.transforms = "m";
  Buffer out("first");
  ASSERT_TRUE(protocol().append(out, packed, kBody, kLimits, &transforms_).ok());
  EXPECT_EQ(out.view(), "first" + message(packed));

  const std::string before(out.view());
  const FrameStart start = protocol().begin(out, packed);
  out.append("half a body");
  Protocol::abandon(out, start);
  EXPECT_EQ(out.view(), before);
}

// The views lie in the input, or in the owner, never in both: one thing has to be kept.
TEST_P(EveryWebSocketForm, KeepsAllViewsInOneMemory) {
  MessageHead packed = head();
  packed.transforms = "gm";
  MessageHead plain = head();
  plain.method = "/m";
  for (const MessageHead& tried : {head(), packed, plain}) {
    const Bytes input(message(tried, "12345"));
    const Received received = protocol().parse(input.view(), kLimits, &transforms_);
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
    EXPECT_EQ(received.message.body, "12345");
  }
}

TEST_P(EveryWebSocketForm, ComesBackFromAnyBytes) {
  Random random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string body(random.below(30), '\0');
    for (char& c : body) c = "\"\\\n{}ux\0\x1f\xff/ab,:"[random.below(15)];
    MessageHead tried = head();
    tried.body_codec = round % 2 == 0 ? 's' : 'j';
    // JSON that is none may be repaired, unless it is packed.
    tried.transforms = tried.body_codec == 'j' ? "m" : "";
    const Received received = parse(message(tried, body));
    ASSERT_EQ(received.state, State::kMessage) << received.status << ", round " << round;
    ASSERT_EQ(received.message.body, body) << "round " << round;
  }
}

TEST_P(EveryWebSocketForm, FailsOnlyTheCallWhenABodyCannotBeRestored) {
  MessageHead packed = head();
  packed.transforms = "m";
  std::string bytes = message(packed, "hello");
  bytes[bytes.find("hello")] = 'j';

  const Received damaged = parse(bytes);
  const Received unknown = protocol().parse(bytes, kLimits, nullptr);

  EXPECT_EQ(damaged.state, State::kBadBody);
  EXPECT_EQ(damaged.status.reason(), "transform.md5_mismatch");
  EXPECT_EQ(damaged.size, bytes.size());
  EXPECT_EQ(damaged.message.seq, -77);
  EXPECT_EQ(damaged.message.method, "/home/\"test\"");
  EXPECT_EQ(damaged.message.body, "");
  EXPECT_EQ(unknown.state, State::kBadBody);
  EXPECT_EQ(unknown.status.reason(), "frame.unknown_transform");
  Buffer out("kept");
  EXPECT_EQ(protocol().append(out, packed, kBody, kLimits, nullptr).reason(),
            "frame.unknown_transform");
  EXPECT_EQ(out.view(), "kept");
}

TEST_P(EveryWebSocketForm, PeeksAtTheHeadOfACutMessage) {
  const std::string whole = message(head());
  bool known = false;
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    const auto peeked = protocol().peek_head(std::string_view(whole).substr(0, cut));
    if (peeked.has_value()) {
      EXPECT_EQ(peeked->seq, -77) << cut;
      EXPECT_EQ(peeked->kind, Kind::kCall) << cut;
    }
    EXPECT_TRUE(peeked.has_value() || !known) << cut;
    known = peeked.has_value();
  }
  EXPECT_TRUE(known);
}

TEST(CarriedProtocols, AreFoundByNameAndNotAmongThoseOfConnections) {
  for (const Protocol* protocol : carried_protocols()) {
    EXPECT_EQ(find_carried_protocol(protocol->name()), protocol);
    EXPECT_EQ(find_protocol(protocol->name()), nullptr);
  }
  EXPECT_EQ(find_carried_protocol("raw"), nullptr);
}

}  // namespace
}  // namespace fairlead::wire
