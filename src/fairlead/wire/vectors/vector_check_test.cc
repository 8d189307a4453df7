#include "fairlead/wire/vectors/vector_check.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/wire/protocol.h"
#include "fairlead/wire/protocols/v3_message.h"

namespace fairlead::wire {
namespace {

constexpr Limits kLimits{};

std::string golden_file() {
  std::ifstream file(FL_SOURCE_DIR "/tests/data/teleport_vectors.json");
  return {std::istreambuf_iterator<char>(file), {}};
}

// The counts are asserted, so that a vector can neither vanish nor be passed over.
TEST(Vectors, OfTheOriginalAllPass) {
  const Result<VectorReport> report = check_vectors(golden_file());

  ASSERT_TRUE(report.ok()) << report.status();
  for (const VectorFailure& failure : report->failures) {
    ADD_FAILURE() << failure.id << ": " << failure.what;
  }
  EXPECT_EQ(report->passed, 172U);
  EXPECT_EQ(report->later_count(), 0U);
}

// Whatever is wrong with bytes: wait, refuse, or read a message that can be written again and then
// reads the same. Each try reads a heap copy of the exact size, so that the address sanitizer sees
// one byte too far.
Received::State read_and_write_again(const Protocol& protocol, std::string_view bytes,
                                     const TransformSet& transforms) {
  const std::vector<char> copy(bytes.begin(), bytes.end());
  const Received received = protocol.parse({copy.data(), copy.size()}, kLimits, &transforms);
  if (received.state == Received::State::kNeedMore) return received.state;
  EXPECT_EQ(received.state == Received::State::kMessage, received.status.ok());
  if (received.state != Received::State::kMessage) return received.state;
  EXPECT_LE(received.size, bytes.size());

  const MessageView& message = received.message;
  Buffer out;
  const Status written = protocol.append(out,
                                         {.seq = message.seq,
                                          .kind = message.kind,
                                          .body_codec = message.body_codec,
                                          .method = message.method,
                                          .status = message.status,
                                          .metadata = message.metadata,
                                          .transforms = message.transforms},
                                         message.body, kLimits, &transforms);
  if (!written.ok()) {
    EXPECT_EQ(written.code(), Code::kEncodeFailed) << written;
    return received.state;
  }
  const Received again = protocol.parse(out.view(), kLimits, &transforms);
  EXPECT_EQ(again.state, Received::State::kMessage) << again.status;
  EXPECT_EQ(again.message.seq, message.seq);
  EXPECT_EQ(again.message.kind, message.kind);
  EXPECT_EQ(again.message.method, message.method);
  EXPECT_EQ(again.message.metadata, message.metadata);
  EXPECT_EQ(again.message.transforms, message.transforms);
  // What calls itself JSON and is none may come out as the JSON that it looks like
  // (docs/wire/json.md).
  const bool as_json = protocol.name() == "json" || protocol.name() == "ws-json";
  const bool repaired =
      as_json && message.body_codec == kJsonCodec && std::ranges::any_of(message.body, [](char c) {
        return c == '\\' || static_cast<unsigned char>(c) < 0x20;
      });
  if (!repaired) {
    EXPECT_EQ(again.message.body, message.body);
  }
  return received.state;
}

struct Damage : testing::Test {
  void SetUp() override { ASSERT_TRUE(add_builtin_transforms(transforms).ok()); }
  TransformSet transforms;
  Result<std::vector<VectorFrame>> frames = frames_of_vectors(golden_file());
};

TEST_F(Damage, ByACutMakesEveryProtocolWait) {
  std::map<std::string, int> ran;
  ASSERT_TRUE(frames.ok());
  for (const VectorFrame& frame : *frames) {
    const Protocol* protocol = find_protocol(frame.protocol);
    if (protocol == nullptr) continue;
    ++ran[frame.protocol];
    for (std::size_t cut = 0; cut < frame.bytes.size(); ++cut) {
      ASSERT_EQ(read_and_write_again(*protocol, frame.bytes.substr(0, cut), transforms),
                Received::State::kNeedMore)
          << frame.id << " cut at byte " << cut;
    }
  }
  EXPECT_EQ(
      ran,
      (std::map<std::string, int>{
          {"json", 18}, {"pb", 16}, {"raw", 26}, {"thrift-binary", 11}, {"thrift-struct", 3}}));
}

// Of what is carried by WebSocket a part is never waited for. Over http some metadata come back in
// other words, so that is only read.
TEST_F(Damage, ByACutOrABitIsSurvivedByTheCarriedForms) {
  std::map<std::string, int> ran;
  ASSERT_TRUE(frames.ok());
  for (const VectorFrame& frame : *frames) {
    const Protocol* protocol = find_carried_protocol(frame.protocol);
    if (protocol == nullptr) continue;
    ++ran[frame.protocol];
    SCOPED_TRACE(frame.id);
    const bool http = frame.protocol == "http";
    const auto read = [&](std::string_view bytes) {
      if (!http) return read_and_write_again(*protocol, bytes, transforms);
      const std::vector<char> copy(bytes.begin(), bytes.end());
      return protocol->parse({copy.data(), copy.size()}, kLimits, &transforms).state;
    };
    for (std::size_t cut = 0; cut < frame.bytes.size(); ++cut) {
      const auto state = read(std::string_view(frame.bytes).substr(0, cut));
      ASSERT_EQ(state == Received::State::kNeedMore, http) << "cut at byte " << cut;
    }
    for (std::size_t bit = 0; bit < frame.bytes.size() * 8; ++bit) {
      std::string damaged = frame.bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      (void)read(damaged);
      if (HasFailure()) FAIL() << "bit " << bit;
    }
  }
  EXPECT_EQ(ran, (std::map<std::string, int>{{"http", 8}, {"ws-json", 13}, {"ws-pb", 11}}));
}

TEST_F(Damage, OfEverySingleBitIsSurvived) {
  ASSERT_TRUE(frames.ok());
  for (const VectorFrame& frame : *frames) {
    const Protocol* protocol = find_protocol(frame.protocol);
    if (protocol == nullptr) continue;
    SCOPED_TRACE(frame.id);
    for (std::size_t bit = 0; bit < frame.bytes.size() * 8; ++bit) {
      std::string damaged = frame.bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      (void)read_and_write_again(*protocol, damaged, transforms);
      if (HasFailure()) FAIL() << "bit " << bit;
    }
  }
}

TEST_F(Damage, OfV3FramesIsRefusedOrRead) {
  std::map<std::string, int> ran;
  ASSERT_TRUE(frames.ok());
  for (const VectorFrame& frame : *frames) {
    constexpr std::string_view kOfV3 = "message_v3 ";
    if (!frame.protocol.starts_with(kOfV3)) continue;
    ++ran[frame.protocol];
    const V3Parser parse = find_v3_parser(frame.protocol.substr(kOfV3.size()));
    ASSERT_NE(parse, nullptr) << frame.protocol;
    for (std::size_t cut = 0; cut < frame.bytes.size(); ++cut) {
      const std::vector<char> part(frame.bytes.data(), frame.bytes.data() + cut);
      EXPECT_EQ(parse({part.data(), part.size()}, kLimits, transforms).status().reason(),
                "frame.bad_size")
          << frame.id << " cut at byte " << cut;
    }
    for (std::size_t bit = 0; bit < frame.bytes.size() * 8; ++bit) {
      std::vector<char> damaged(frame.bytes.begin(), frame.bytes.end());
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      (void)parse({damaged.data(), damaged.size()}, kLimits, transforms);
    }
  }
  EXPECT_EQ(ran, (std::map<std::string, int>{
                     {"message_v3 fast", 7}, {"message_v3 json", 7}, {"message_v3 pb", 7}}));
}

// A vector of one's own, in which one thing at a time is made wrong.
std::string file_with(std::string_view changed = "", std::string_view to = "") {
  std::string json = R"({"vectors":[{"id":"mine","kind":"message","proto":"pb","seq":1,"mtype":1,
    "service_method":"/m","meta":[["a","1"]],"status":null,"xfer":[],"body_codec":115,
    "body_hex":"6869","compare":"exact",
    "wire_hex":"0000001c00080110011a022f6d2206636f64653d302a03613d3130733a026869",
    "go_decodes_as":{"seq":1,"mtype":1,"service_method":"/m","status_query":"code=0",
      "meta_query":"a=1","body_codec":115,"body_hex":"6869"}}]})";
  if (!changed.empty()) json.replace(json.find(changed), changed.size(), to);
  return json;
}

std::string failure_of(const std::string& json) {
  const Result<VectorReport> report = check_vectors(json);
  EXPECT_TRUE(report.ok()) << report.status();
  if (!report.ok() || report->failures.empty()) return "";
  EXPECT_EQ(report->failures.front().id, "mine");
  EXPECT_EQ(report->passed, 0U);
  return report->failures.front().what;
}

TEST(VectorCheck, SaysWhatDiffersAndWhere) {
  EXPECT_EQ(failure_of(file_with()), "");
  EXPECT_EQ(failure_of(file_with("0110011a", "0110021a")),
            "writing: frame: offset 8 has 01, wanted 02 (32 bytes, wanted 32)");
  EXPECT_EQ(failure_of(file_with("exact", "decode")), "");
  EXPECT_EQ(failure_of(file_with(R"("meta_query":"a=1")", R"("meta_query":"b=1")")),
            "reading: metadata: got 'a=1', wanted 'b=1'");
  EXPECT_EQ(failure_of(file_with(R"("compare":"exact")", R"("pack_error":"no")")),
            "writing: written, but it cannot be said in this protocol");
}

TEST(VectorCheck, LetsUsWriteWhatTheOriginalCannotByADefect) {
  EXPECT_EQ(failure_of(file_with(R"("compare":"exact")", R"("pack_error":"no","note":"DEFECT")")),
            "");
}

TEST(VectorCheck, WantsTheWholeFrameToBeRead) {
  std::string json = file_with("exact", "decode");
  json.replace(json.find("026869\",\n    \"go"), 6, "02686900");
  EXPECT_EQ(failure_of(json), "reading: bytes of the frame: got 32, wanted 33");
}

TEST(VectorCheck, ComparesTheReplyErrorsOfV3) {
  std::string json = golden_file();
  for (std::size_t at = 0; (at = json.find("\"code\": 1011", at)) != std::string::npos; ++at) {
    json.replace(at, 12, "\"code\": 1012");
  }
  const Result<VectorReport> report = check_vectors(json);
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->failures.size(), 3U);
  EXPECT_TRUE(report->failures[0].what.starts_with("reply error: got")) << report->failures[0].what;
}

TEST(VectorCheck, CountsWhatIsNotSpokenApart) {
  const Result<VectorReport> report = check_vectors(file_with(R"("pb")", R"("quic")"));
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->passed, 0U);
  EXPECT_TRUE(report->failures.empty());
  EXPECT_EQ(report->later_count(), 1U);
  EXPECT_EQ(report->later.at("message quic"), 1U);
}

TEST(VectorCheck, RefusesWhatIsNoFileOfVectors) {
  EXPECT_EQ(check_vectors("{\"vectors\":[").status().reason(), "vectors.bad_json");
  EXPECT_EQ(check_vectors("").status().reason(), "vectors.bad_json");
  EXPECT_EQ(check_vectors("[]").status().reason(), "vectors.bad_file");
  EXPECT_EQ(check_vectors("{\"vectors\":5}").status().reason(), "vectors.bad_file");
  EXPECT_EQ(check_vectors("{\"vectors\":[1,null,{}]}").value().later_count(), 3U);
}

}  // namespace
}  // namespace fairlead::wire
