#include "fairlead/wire/protocols/http_protocol.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::wire {
namespace {

using State = Received::State;
constexpr Limits kLimits{};

struct HttpForm : testing::Test {
  void SetUp() override { ASSERT_TRUE(add_builtin_transforms(transforms).ok()); }

  static MessageHead head(Kind kind = Kind::kCall) {
    return {.seq = -77, .kind = kind, .body_codec = 'j', .method = "/m", .metadata = "a=1"};
  }
  std::string message(const MessageHead& tried, std::string_view body = "{}") const {
    Buffer out;
    const Status built = http.append(out, tried, body, kLimits, &transforms);
    EXPECT_TRUE(built.ok()) << built;
    return std::string(out.view());
  }
  std::string refusal(const MessageHead& tried, std::string_view body = "{}") const {
    Buffer out("kept");
    const Status status = http.append(out, tried, body, kLimits, &transforms);
    EXPECT_EQ(out.view() == "kept", !status.ok());
    EXPECT_TRUE(status.ok() || status.outcome() == Outcome::kNotSent);
    return std::string(status.reason());
  }
  // A copy of the exact size, so that the address sanitizer sees one byte too far.
  Received parse(std::string_view input, const Limits& limits = kLimits) {
    copy.assign(input.begin(), input.end());
    return http.parse({copy.data(), copy.size()}, limits, &transforms);
  }
  // What is wrong with a request that has these lines besides X-Seq and X-Mtype.
  std::string reason(const std::string& lines, const std::string& start = "POST /m HTTP/1.1") {
    const Received received = parse(start + "\r\nX-Seq: 1\r\nX-Mtype: 1\r\n" + lines + "\r\n");
    EXPECT_EQ(received.state, received.status.ok() ? State::kMessage : State::kError);
    return std::string(received.status.reason());
  }

  HttpProtocol http;
  TransformSet transforms;
  std::vector<char> copy;
};

TEST_F(HttpForm, ReadsWhatItWrote) {
  const std::string bytes = message(head());
  const Received received = parse(bytes + "more");
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.size, bytes.size());
  EXPECT_EQ(received.message.seq, -77);
  EXPECT_EQ(received.message.kind, Kind::kCall);
  EXPECT_EQ(received.message.method, "/m");
  EXPECT_EQ(received.message.body_codec, 'j');
  EXPECT_EQ(received.message.metadata, "A=1&Accept-Encoding=gzip&User-Agent=erpc-httproto%2F1.1");
  EXPECT_EQ(received.message.body, "{}");
}

TEST_F(HttpForm, WaitsForTheRestOfACutMessage) {
  const std::string whole = message(head());
  const std::size_t head_bytes = whole.size() - 2;
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    const Received received = parse(std::string_view(whole).substr(0, cut));
    ASSERT_EQ(received.state, State::kNeedMore) << "cut at byte " << cut;
    EXPECT_EQ(received.size, cut < head_bytes ? 0 : whole.size()) << "cut at byte " << cut;
    EXPECT_EQ(http.peek_head(std::string_view(whole).substr(0, cut)).has_value(),
              cut >= head_bytes);
  }
  EXPECT_EQ(http.peek_head(whole)->seq, -77);
}

// The address of a caller behind a proxy, and every other key that the framework looks for.
TEST_F(HttpForm, KeepsTheSpellingOfTheKeysThatTheFrameworkKnows) {
  MessageHead tried = head(Kind::kReply);
  tried.metadata = "X-Real-IP=10.1.2.3&hb_&traceparent=t&X-Fl-Timeout=5&_uid=7&own-Key=v";
  const Received received = parse(message(tried));
  EXPECT_EQ(received.message.metadata,
            "hb_&Own-Key=v&traceparent=t&X-Fl-Timeout=5&X-Real-IP=10.1.2.3&_uid=7");
}

TEST_F(HttpForm, CarriesAnErrorAsItsBody) {
  MessageHead failed = head(Kind::kReply);
  failed.body_codec = kNoCodec;
  failed.status = "code=1001&msg=no%20luck&reason=a.b";
  const std::string bytes = message(failed, "");

  const Received received = parse(bytes);

  EXPECT_TRUE(bytes.starts_with("HTTP/1.1 299 Business Error\r\n"));
  EXPECT_TRUE(bytes.ends_with(R"({"code":1001,"msg":"no luck","cause":"","reason":"a.b"})"));
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.status, failed.status);
  EXPECT_EQ(received.message.body_codec, kNoCodec);
  EXPECT_EQ(received.message.body, "");
  EXPECT_EQ(refusal(failed, "x"), "frame.bad_body");
}

TEST_F(HttpForm, PacksTheBodyOfAMessageAndOfAnErrorByGzipAlone) {
  MessageHead packed = head(Kind::kReply);
  packed.transforms = "g";
  EXPECT_EQ(parse(message(packed)).message.body, "{}");
  EXPECT_EQ(parse(message(packed)).message.transforms, "g");
  packed.status = "code=5&msg=m";
  EXPECT_EQ(parse(message(packed, "")).message.status, "code=5&msg=m");
  for (const std::string_view other : {"m", "gg", "z"}) {
    packed.transforms = other;
    EXPECT_EQ(refusal(packed, ""), "frame.transforms_not_carried") << other;
  }
}

TEST_F(HttpForm, RefusesToWriteWhatItCannotSay) {
  EXPECT_EQ(refusal(head(Kind::kPush)), "frame.kind_not_carried");
  MessageHead tried = head();
  tried.body_codec = 't';
  EXPECT_EQ(refusal(tried), "frame.codec_not_carried");
  tried = head();
  tried.status = "code=404";
  EXPECT_EQ(refusal(tried), "frame.status_not_carried");
  for (const std::string_view pairs :
       {"a%20b=1", "%D0%BA=1", "=v", "a=%0D%0AX-Seq:%202", "a=+1", "a=1%00", "x-seq=2",
        "Content-Length=5", "transfer-encoding=chunked", "Content-Encoding=br"}) {
    tried = head();
    tried.metadata = pairs;
    EXPECT_EQ(refusal(tried), "frame.metadata_not_carried") << pairs;
  }
  const std::string long_value = "a=" + std::string(65000, 'v');
  tried.metadata = long_value;
  EXPECT_EQ(refusal(tried), "");
  const std::string too_long = "a=" + std::string(65500, 'v');
  tried.metadata = too_long;
  EXPECT_EQ(refusal(tried), "frame.metadata_not_carried");
}

TEST_F(HttpForm, LetsMetadataReplaceTheHeadersThatOnlyInform) {
  MessageHead tried = head();
  tried.metadata = "user-agent=mine&accept-encoding=br";
  EXPECT_EQ(parse(message(tried)).message.metadata, "Accept-Encoding=br&User-Agent=mine");
}

TEST_F(HttpForm, EscapesWhatARequestLineCannotHave) {
  MessageHead tried = head();
  tried.method = "/a b\r\n\"%41\xd0\xba?x=1";
  const std::string bytes = message(tried);
  const Received received = parse(bytes);
  EXPECT_TRUE(bytes.starts_with("POST /a%20b%0D%0A%22%2541%D0%BA?x=1 HTTP/1.1\r\n")) << bytes;
  EXPECT_EQ(received.message.method, "/a b\r\n\"%41\xd0\xba");
  EXPECT_TRUE(received.message.metadata.starts_with("x=1&A=1&")) << received.message.metadata;
}

TEST_F(HttpForm, MakesAHostOfAMethodThatIsAWholeUrl) {
  MessageHead tried = head();
  tried.method = "http://a.b:80/m?q";
  const std::string bytes = message(tried);
  EXPECT_TRUE(bytes.starts_with("POST /m?q HTTP/1.1\r\nA: 1\r\n")) << bytes;
  EXPECT_NE(bytes.find("\r\nHost: a.b:80\r\n"), std::string::npos);
  EXPECT_EQ(parse(bytes).message.method, "/m");
}

TEST_F(HttpForm, ReadsNamesInAnyCaseAndAnyMethod) {
  const Received received = parse(
      "GET /m HTTP/1.1\r\nx-seq:1\r\nX-MTYPE: 1\r\ncontent-type: Text/Plain ; q=1\r\n"
      "CONTENT-LENGTH: 2\r\nk:\r\n\r\nhi");
  ASSERT_EQ(received.state, State::kMessage) << received.status;
  EXPECT_EQ(received.message.body_codec, kPlainCodec);
  EXPECT_EQ(received.message.body, "hi");
  EXPECT_EQ(received.message.metadata, "k");
}

TEST_F(HttpForm, RefusesEverythingElse) {
  EXPECT_EQ(reason(""), "");
  for (const std::string lines :
       {"X-Seq: 1\r\n", "Content-Length: 0\r\nContent-Length: 0\r\n", "Content-Length: +1\r\n",
        "Content-Length: 4294967296\r\n", "Content-Length: \r\n", "Transfer-Encoding: chunked\r\n",
        " folded: 1\r\n", "a : 1\r\n", "no colon\r\n", ": 1\r\n", "a: b\nc: d\r\n",
        "a: \x01\r\n"}) {
    EXPECT_EQ(reason(lines), "frame.bad_layout") << lines;
  }
  for (const std::string start :
       {"POST /m HTTP/1.0", "POST /m", "post /m HTTP/1.1", "POST /a\tb HTTP/1.1", "P /a b HTTP/1.1",
        "HTTP/1.1 404 Not Found", "HTTP/1.1 200 Ok", "HTTP/1.0 200 OK"}) {
    EXPECT_EQ(reason("", start), "frame.bad_layout") << start;
  }
  EXPECT_EQ(reason("", "HTTP/1.1 200 OK"), "frame.bad_kind") << "a CALL is no response";
  EXPECT_EQ(parse("POST /m HTTP/1.1\r\nX-Seq: 1\r\n\r\n").status.reason(), "frame.bad_layout");
  EXPECT_EQ(parse("POST /m HTTP/1.1\r\nX-Mtype: 1\r\n\r\n").status.reason(), "frame.bad_layout");
  EXPECT_EQ(parse("P / HTTP/1.1\r\nX-Seq: 2147483648\r\nX-Mtype: 1\r\n\r\n").status.reason(),
            "frame.bad_seq");
  EXPECT_EQ(parse("P / HTTP/1.1\r\nX-Seq: 1\r\nX-Mtype: 3\r\n\r\n").status.reason(),
            "frame.bad_kind");
  EXPECT_EQ(parse("\x16\x03").status.reason(), "frame.bad_layout");
}

TEST_F(HttpForm, FailsOnlyTheCallWhenABodyCannotBeHad) {
  const std::string start = "HTTP/1.1 299 Business Error\r\nX-Seq: 1\r\nX-Mtype: 2\r\n";
  for (const std::string rest :
       {"\r\n", "Content-Length: 2\r\n\r\n{}", "Content-Length: 10\r\n\r\n{\"code\":0}",
        "Content-Length: 2\r\n\r\n[]"}) {
    const Received received = parse(start + rest);
    EXPECT_EQ(received.state, State::kBadBody);
    EXPECT_EQ(received.status.reason(), "frame.bad_body") << rest;
    EXPECT_EQ(received.size, start.size() + rest.size());
    EXPECT_EQ(received.message.seq, 1);
  }
  const std::string packed =
      "P /m HTTP/1.1\r\nX-Seq: 1\r\nX-Mtype: 1\r\nX-Content-Encoding: br\r\n\r\n";
  EXPECT_EQ(parse(packed).state, State::kBadBody);
  EXPECT_EQ(parse(packed).status.reason(), "frame.unknown_transform");
}

TEST_F(HttpForm, ReadsAndWritesUpToTheSameLimit) {
  const std::string bytes = message(head());
  Limits limits{.frame_bytes_max = static_cast<std::uint32_t>(bytes.size())};
  Buffer out;
  EXPECT_EQ(parse(bytes, limits).state, State::kMessage);
  EXPECT_TRUE(http.append(out, head(), "{}", limits, nullptr).ok());
  limits.frame_bytes_max -= 1;
  EXPECT_EQ(parse(bytes, limits).status.reason(), "frame.too_big");
  EXPECT_EQ(http.append(out, head(), "{}", limits, nullptr).reason(), "frame.too_big");
}

TEST_F(HttpForm, RefusesAHeadThatDoesNotEndOrHasTooManyFields) {
  std::string endless = "POST /m HTTP/1.1\r\n";
  endless.resize(kHttpHeadBytesMax - 1, 'a');
  EXPECT_EQ(parse(endless).state, State::kNeedMore);
  EXPECT_EQ(parse(endless + "a").status.reason(), "frame.too_big");
  std::string fields;
  for (int i = 0; i < 1000; ++i) fields += "a: b\r\n";
  EXPECT_EQ(reason(fields), "");
  EXPECT_EQ(reason(fields + "a: b\r\n"), "frame.bad_layout");
}

TEST_F(HttpForm, ComesBackFromAnyBytesAndSurvivesGarbage) {
  Random random(11);
  for (int round = 0; round < 2000; ++round) {
    std::string body(random.below(30), '\0');
    for (char& c : body) c = static_cast<char>(random.next());
    std::string bytes = message(head(Kind::kReply), body);
    ASSERT_EQ(parse(bytes).message.body, body) << "round " << round;
    bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    const Received received = parse(bytes);
    EXPECT_EQ(received.state == State::kError || received.state == State::kBadBody,
              !received.status.ok());
  }
}

}  // namespace
}  // namespace fairlead::wire
