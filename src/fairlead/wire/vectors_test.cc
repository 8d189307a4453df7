// Golden bytes of the original Go implementation: tests/data/teleport_vectors.json.
//
// Every vector of a part that this room speaks is run; those of later protocols are counted. The
// counts are asserted, so that a vector can neither vanish nor be passed over.
#include <array>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <simdjson.h>

#include "fairlead/base/text.h"
#include "fairlead/wire/metadata.h"
#include "fairlead/wire/protocols/raw.h"
#include "fairlead/wire/secure/erpc_body.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::wire {
namespace {

using simdjson::dom::element;

constexpr Limits kLimits{};

std::string text_at(element object, std::string_view key) {
  std::string_view text;
  const bool found = object[key].get(text) == simdjson::SUCCESS;
  return found ? std::string(text) : std::string();
}

bool has(element object, std::string_view key) {
  element value;
  return object[key].get(value) == simdjson::SUCCESS && !value.is_null();
}

std::int64_t int_at(element object, std::string_view key) {
  std::int64_t number = 0;
  EXPECT_EQ(object[key].get(number), simdjson::SUCCESS) << key;
  return number;
}

std::string repeated(std::string_view text, std::int64_t times) {
  std::string out;
  for (; times > 0; --times) out += text;
  return out;
}

std::string from_hex(std::string_view hex) {
  std::string escaped;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) escaped.append("%").append(hex.substr(i, 2));
  return percent_decode(escaped, false);
}

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return out;
}

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

// A metadata value is text, or a text to repeat.
std::string meta_value(element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return repeated(text_at(value, "repeat"), int_at(value, "times"));
}

Metadata metadata_of(element vector, std::string_view key) {
  Metadata metadata;
  for (const element pair : vector[key].get_array()) {
    const simdjson::dom::array both = pair.get_array();
    metadata.add(std::string_view(both.at(0)), meta_value(both.at(1)));
  }
  return metadata;
}

std::string body_of(element vector) {
  if (has(vector, "body_hex")) return from_hex(text_at(vector, "body_hex"));
  const element value = vector["body"]["value"];
  return repeated(text_at(value, "text"), int_at(value, "times"));
}

Status status_of(element object) {
  Status status(static_cast<Code>(int_at(object, "code")), "", text_at(object, "msg"));
  if (has(object, "cause")) return std::move(status).with_cause(text_at(object, "cause"));
  return status;
}

// The fields of one message vector, in the form that the builder takes.
struct Golden {
  explicit Golden(element vector)
      : method(text_at(vector, "service_method")), body(body_of(vector)) {
    EXPECT_TRUE(append_metadata_text(metadata, metadata_of(vector, "meta")).ok());
    append_status_text(status, has(vector, "status") ? status_of(vector["status"]) : Status());
    for (const element id : vector["xfer"].get_array()) {
      transforms += static_cast<char>(std::int64_t(id));
    }
    head = {.seq = static_cast<std::int32_t>(int_at(vector, "seq")),
            .kind = static_cast<Kind>(int_at(vector, "mtype")),
            .body_codec = static_cast<std::uint8_t>(int_at(vector, "body_codec")),
            .method = method,
            .status = status,
            .metadata = metadata,
            .transforms = transforms};
  }
  Golden(const Golden&) = delete;

  std::string method;
  std::string body;
  std::string metadata;
  std::string status;
  std::string transforms;
  MessageHead head;
};

class Vectors : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(parser_.load(FL_SOURCE_DIR "/tests/data/teleport_vectors.json").get(root_),
              simdjson::SUCCESS);
    ASSERT_TRUE(add_builtin_transforms(transforms_).ok());
  }

  template <class Check>
  int each(std::string_view kind, Check check) {
    int ran = 0;
    for (const element vector : root_["vectors"].get_array()) {
      if (text_at(vector, "kind") != kind) continue;
      SCOPED_TRACE(text_at(vector, "id"));
      ran += check(vector) ? 1 : 0;
    }
    return ran;
  }

  // What `wire` says when it is read must be what the Go code read.
  void expect_reads_as_go(std::string_view wire, element go) {
    MessageView message;
    const raw::FrameResult result = raw::parse(wire, kLimits, message);
    Result<Bytes> restored = Bytes();
    if (result.state == raw::FrameResult::State::kPacked) {
      restored = raw::unpack(transforms_, kLimits, message);
      ASSERT_TRUE(restored.ok()) << restored.status();
    } else if (int_at(go, "mtype") == 0) {
      // Go's codec reads an undefined kind and its session then hangs up; ours refuses it here.
      ASSERT_EQ(result.state, raw::FrameResult::State::kError);
      EXPECT_EQ(result.status(kLimits).reason(), "frame.bad_kind");
    } else {
      ASSERT_EQ(result.state, raw::FrameResult::State::kFrame) << result.status(kLimits);
      EXPECT_EQ(result.size, wire.size());
    }

    EXPECT_EQ(message.seq, int_at(go, "seq"));
    EXPECT_EQ(static_cast<std::int64_t>(message.kind), int_at(go, "mtype"));
    EXPECT_EQ(message.method, text_at(go, "service_method"));
    EXPECT_EQ(message.status, text_at(go, "status_query"));
    EXPECT_EQ(message.body_codec, int_at(go, "body_codec"));
    if (has(go, "body_hex")) {
      EXPECT_EQ(to_hex(message.body), text_at(go, "body_hex"));
    }
    if (has(go, "body_text")) {
      EXPECT_EQ(message.body, text_at(go, "body_text"));
    }
    if (has(go, "body_len")) {
      EXPECT_EQ(std::ssize(message.body), int_at(go, "body_len"));
    }

    const element metadata = go["meta_query"];
    if (metadata.is_string()) {
      EXPECT_EQ(message.metadata, text_at(go, "meta_query"));
    } else {
      EXPECT_EQ(std::ssize(message.metadata), int_at(metadata, "len"));
    }
  }

  simdjson::dom::parser parser_;
  element root_;
  TransformSet transforms_;
};

TEST_F(Vectors, OfRawMessagesAreReadAndWritten) {
  const int ran = each("message", [this](element vector) {
    if (text_at(vector, "proto") != "raw") return false;
    const Golden golden(vector);
    Buffer out("before");
    const Status built = raw::append(out, golden.head, golden.body, kLimits, &transforms_);
    if (has(vector, "pack_error")) {
      EXPECT_EQ(built.code(), Code::kEncodeFailed);
      EXPECT_EQ(built.reason(), "frame.method_too_long");
      EXPECT_EQ(out.view(), "before");
      return true;
    }
    if (text_at(vector, "note").starts_with("DEFECT")) {
      EXPECT_EQ(built.code(), Code::kEncodeFailed);
      EXPECT_EQ(built.reason(), "frame.metadata_too_long");
      EXPECT_EQ(out.view(), "before");
      // The bytes that Go writes: the metadata's length has wrapped to 0.
      const std::string head = from_hex(text_at(vector, "wire_head_hex"));
      const std::string wire = head.substr(0, head.find("k=v")) + golden.metadata +
                               static_cast<char>(golden.head.body_codec) + golden.body;
      EXPECT_EQ(sha256_hex(wire), text_at(vector, "wire_sha256"));
      expect_reads_as_go(wire, vector["go_decodes_as"]);
      return true;
    }
    EXPECT_TRUE(built.ok()) << built;
    out.consume(6);
    if (text_at(vector, "compare") == "exact") {
      EXPECT_EQ(std::ssize(out.view()), int_at(vector, "wire_len"));
      if (has(vector, "wire_hex")) {
        EXPECT_EQ(to_hex(out.view()), text_at(vector, "wire_hex"));
      } else {
        EXPECT_EQ(sha256_hex(out.view()), text_at(vector, "wire_sha256"));
      }
    }
    expect_reads_as_go(out.view(), vector["go_decodes_as"]);
    if (has(vector, "wire_hex")) {
      expect_reads_as_go(from_hex(text_at(vector, "wire_hex")), vector["go_decodes_as"]);
    }
    return true;
  });
  EXPECT_EQ(ran, 30);
}

// Cut or damaged golden frames: the parser waits or refuses, and never looks beyond the input. Each
// try reads a heap copy of the exact size, so that the address sanitizer sees one byte too far.
TEST_F(Vectors, OfRawMessagesSurviveCutsAndBitFlips) {
  const auto read = [this](std::string_view bytes) {
    const std::vector<char> copy(bytes.begin(), bytes.end());
    MessageView message;
    const raw::FrameResult result = raw::parse({copy.data(), copy.size()}, kLimits, message);
    if (result.state == raw::FrameResult::State::kPacked) {
      (void)raw::unpack(transforms_, kLimits, message);
    }
    return result.state;
  };
  const int ran = each("message", [&read](element vector) {
    if (text_at(vector, "proto") != "raw" || !has(vector, "wire_hex")) return false;
    const std::string whole = from_hex(text_at(vector, "wire_hex"));
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      EXPECT_EQ(read(whole.substr(0, cut)), raw::FrameResult::State::kNeedMore) << cut;
    }
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string damaged = whole;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      (void)read(damaged);
    }
    return true;
  });
  EXPECT_EQ(ran, 26);
}

TEST_F(Vectors, OfStatusAreWrittenAndReadBack) {
  const int ran = each("status", [](element vector) {
    const Status status = status_of(vector);
    std::string query;
    std::string json;
    append_status_text(query, status);
    append_status_json(json, status);
    EXPECT_EQ(query, text_at(vector, "query"));
    EXPECT_EQ(json, text_at(vector, "json"));
    EXPECT_EQ(parse_status_text(query), status);
    return true;
  });
  EXPECT_EQ(ran, 5);
}

TEST_F(Vectors, OfStatusTextsAreRead) {
  const int ran = each("status_decode", [](element vector) {
    const StatusFields fields = parse_status_fields(text_at(vector, "query"));
    const element go = vector["go_decodes_as"];
    const std::string cause = fields.cause.value_or("");
    // Go's getters fall back from one text to the other.
    EXPECT_EQ(fields.code, int_at(go, "code"));
    EXPECT_EQ(fields.message.empty() ? cause : fields.message, text_at(go, "msg"));
    EXPECT_EQ(cause.empty() ? fields.message : cause, text_at(go, "cause"));
    return true;
  });
  EXPECT_EQ(ran, 4);
}

TEST_F(Vectors, OfMetadataAreReadAndWrittenAgain) {
  const int ran = each("meta_decode", [](element vector) {
    const Result<Metadata> metadata = parse_metadata_text(text_at(vector, "query"));
    EXPECT_TRUE(metadata.ok()) << metadata.status();
    if (!metadata.ok()) return true;
    std::string again;
    EXPECT_EQ(metadata.value(), metadata_of(vector, "pairs"));
    EXPECT_TRUE(append_metadata_text(again, metadata.value()).ok());
    EXPECT_EQ(again, text_at(vector, "again"));
    return true;
  });
  EXPECT_EQ(ran, 2);
}

TEST_F(Vectors, OfTransformsAreExact) {
  const int ran = each("xfer", [this](element vector) {
    const std::string plain = from_hex(text_at(vector, "in_hex"));
    const std::string packed = from_hex(text_at(vector, "out_hex"));
    const std::string ids = text_at(vector, "pipe");
    Buffer out;
    Buffer back;
    EXPECT_TRUE(transforms_.pack(ids, plain, out).ok());
    EXPECT_TRUE(transforms_.unpack(ids, packed, 1000, back).ok());
    EXPECT_EQ(to_hex(out.view()), text_at(vector, "out_hex"));
    EXPECT_EQ(back.view(), plain);
    return true;
  });
  EXPECT_EQ(ran, 1);
}

TEST_F(Vectors, OfSecureBodiesAreExact) {
  const int ran = each("secure", [](element vector) {
    const std::string key = text_at(vector, "key");
    const std::vector<std::string_view> list{key};
    const Result<ErpcKeys> keys = ErpcKeys::make(list);
    EXPECT_TRUE(keys.ok()) << keys.status();
    if (!keys.ok()) return true;
    EXPECT_EQ(keys->encrypting().version, text_at(vector, "cipherversion"));
    const std::string plain = from_hex(text_at(vector, "plain_hex"));
    const std::string json = text_at(vector, "json_body");
    const std::string protobuf = from_hex(text_at(vector, "protobuf_body_hex"));
    for (const auto& [codec, golden] : {std::pair(kJsonCodec, json), {kProtobufCodec, protobuf}}) {
      Buffer secure;
      Buffer back;
      EXPECT_TRUE(encrypt_erpc_body(*keys, codec, plain, secure).ok());
      EXPECT_TRUE(decrypt_erpc_body(*keys, codec, Bytes(golden), back).ok());
      EXPECT_EQ(secure.view(), golden);
      EXPECT_EQ(back.view(), plain);
    }
    return true;
  });
  EXPECT_EQ(ran, 1);
}

TEST_F(Vectors, OfLaterPartsAreCountedAndNamed) {
  std::map<std::string, int> later;
  int total = 0;
  for (const element vector : root_["vectors"].get_array()) {
    ++total;
    const std::string kind = text_at(vector, "kind");
    const std::string proto = text_at(vector, "proto");
    if (kind == "status" || kind == "status_decode" || kind == "meta_decode" || kind == "xfer" ||
        kind == "secure" || (kind == "message" && proto == "raw")) {
      continue;
    }
    ++later[proto.empty() ? kind : kind + " " + proto];
  }

  int later_count = 0;
  for (const auto& [name, count] : later) {
    std::printf("later: %3d %s\n", count, name.c_str());
    later_count += count;
  }
  EXPECT_EQ(total, 172);
  EXPECT_EQ(later_count, 172 - 43);
}

}  // namespace
}  // namespace fairlead::wire
