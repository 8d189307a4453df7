#include "fairlead/wire/vectors/vector_check.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/codec/codec.h"
#include "fairlead/contract/contract.h"
#include "fairlead/wire/protocol.h"
#include "fairlead/wire/protocols/v3_message.h"
#include "fairlead/wire/secure/erpc_body.h"
#include "fairlead/wire/status_text.h"
#include "fairlead/wire/vectors/vector_file.h"

namespace fairlead::wire {
namespace {

using internal::ExpectedMessage;
using internal::Vector;

constexpr Limits kLimits{.frame_bytes_max = 0x7fffffff};
constexpr std::size_t kUnpackedBytesMax = std::size_t{64} << 20;

// Empty: passed. Otherwise what differed.
using Outcome = std::string;
const Outcome kPassed;

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
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
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::string quoted(std::string_view text) { return "'" + escape_text(text, 60) + "'"; }

// "body: byte 4 is 5c, wanted 20".
Outcome compare_bytes(std::string_view what, std::string_view got, std::string_view wanted) {
  if (got == wanted) return kPassed;
  const std::size_t both = std::min(got.size(), wanted.size());
  std::size_t at = 0;
  while (at < both && got[at] == wanted[at]) ++at;
  const auto byte = [at](std::string_view bytes) {
    return at < bytes.size() ? hex(bytes.substr(at, 1)) : "the end";
  };
  return std::string(what) + ": offset " + std::to_string(at) + " has " + byte(got) + ", wanted " +
         byte(wanted) + " (" + std::to_string(got.size()) + " bytes, wanted " +
         std::to_string(wanted.size()) + ")";
}

Outcome compare_numbers(std::string_view what, std::int64_t got, std::int64_t wanted) {
  if (got == wanted) return kPassed;
  return std::string(what) + ": got " + std::to_string(got) + ", wanted " + std::to_string(wanted);
}

Outcome compare_texts(std::string_view what, std::string_view got, std::string_view wanted) {
  if (got == wanted) return kPassed;
  return std::string(what) + ": got " + quoted(got) + ", wanted " + quoted(wanted);
}

// The first that is not passed.
Outcome first_of(std::initializer_list<Outcome> outcomes) {
  for (const Outcome& outcome : outcomes) {
    if (outcome != kPassed) return outcome;
  }
  return kPassed;
}

Outcome compare_message(const MessageView& got, const ExpectedMessage& wanted,
                        std::string_view transforms) {
  const auto size = [](std::size_t bytes) { return static_cast<std::int64_t>(bytes); };
  return first_of(
      {compare_numbers("seq", got.seq, wanted.seq),
       compare_numbers("kind", static_cast<std::int64_t>(got.kind), wanted.kind),
       compare_texts("method", got.method, wanted.method),
       compare_texts("status", got.status, wanted.status.value_or(std::string(got.status))),
       compare_texts("metadata", got.metadata, wanted.metadata.value_or(std::string(got.metadata))),
       compare_numbers("bytes of metadata", size(got.metadata.size()),
                       size(wanted.metadata_bytes.value_or(got.metadata.size()))),
       compare_numbers("body codec", got.body_codec, wanted.body_codec),
       compare_texts("transforms", got.transforms, transforms),
       compare_bytes("body", got.body, wanted.body.value_or(std::string(got.body))),
       compare_numbers("bytes of body", size(got.body.size()),
                       size(wanted.body_bytes.value_or(got.body.size())))});
}

class Checker {
 public:
  // Errors: as TransformSet::add().
  Status prepare() { return add_builtin_transforms(transforms_); }

  void check(const Vector& vector, VectorReport& report) const {
    const std::optional<Outcome> outcome = run(vector);
    if (!outcome.has_value()) {
      const std::string name = vector.kind.empty() ? "without a kind" : vector.kind;
      ++report.later[vector.protocol.empty() ? name : name + " " + vector.protocol];
    } else if (*outcome == kPassed) {
      ++report.passed;
    } else {
      report.failures.push_back({vector.id, *outcome});
    }
  }

 private:
  // Nothing: it is of a kind that is not spoken here.
  std::optional<Outcome> run(const Vector& vector) const {
    if (vector.kind == "message") {
      const Protocol* protocol = find_protocol(vector.protocol);
      if (protocol == nullptr) return std::nullopt;
      return check_message(*protocol, vector);
    }
    if (vector.kind == "message_v3") {
      const V3Parser parse = find_v3_parser(vector.protocol);
      if (parse == nullptr) return std::nullopt;
      return check_v3(parse, vector);
    }
    if (vector.kind == "status") return check_status(vector);
    if (vector.kind == "status_decode") return check_status_text(vector);
    if (vector.kind == "meta_decode") return check_metadata(vector);
    if (vector.kind == "xfer") return check_transforms(vector);
    if (vector.kind == "secure") return check_secure(vector);
    return std::nullopt;
  }

  static Outcome check_secure(const Vector& vector);
  Outcome check_message(const Protocol& protocol, const Vector& vector) const;
  Outcome check_written(const Protocol& protocol, const Vector& vector,
                        const ExpectedMessage& own) const;
  Outcome check_read(const Protocol& protocol, const Vector& vector, std::string_view wire,
                     const ExpectedMessage& wanted) const;
  Outcome check_v3(V3Parser parse, const Vector& vector) const;
  static Outcome check_status(const Vector& vector);
  static Outcome check_status_text(const Vector& vector);
  static Outcome check_metadata(const Vector& vector);
  Outcome check_transforms(const Vector& vector) const;

  TransformSet transforms_;
};

// The original at fault: it says so, or does not read back the body that it wrote.
bool is_defect(const Vector& vector) {
  if (vector.defect) return true;
  return vector.read.has_value() && vector.read->body.has_value() &&
         *vector.read->body != vector.body;
}

Outcome Checker::check_message(const Protocol& protocol, const Vector& vector) const {
  ExpectedMessage own{.seq = vector.seq,
                      .kind = vector.message_kind,
                      .body_codec = vector.body_codec,
                      .method = vector.method,
                      .status = std::string(),
                      .metadata = std::string(),
                      .body = vector.body};
  append_status_text(*own.status, vector.status);
  if (!append_metadata_text(*own.metadata, vector.metadata).ok()) return "too many metadata pairs";

  Outcome written = check_written(protocol, vector, own);
  if (written != kPassed) return "writing: " + written;
  if (!vector.wire.has_value() || vector.unreadable) return kPassed;
  const Outcome as_own = check_read(protocol, vector, *vector.wire, own);
  if (!vector.read.has_value()) return as_own == kPassed ? kPassed : "reading: " + as_own;
  ExpectedMessage theirs = *vector.read;
  if (!theirs.body.has_value() && !theirs.body_bytes.has_value()) theirs.body = vector.body;
  const Outcome as_theirs = check_read(protocol, vector, *vector.wire, theirs);
  // What the original damages when writing may come out whole, or as the original reads it.
  if (is_defect(vector) && (as_own == kPassed || as_theirs == kPassed)) return kPassed;
  const Outcome both = first_of({as_own, as_theirs});
  return both == kPassed ? kPassed : "reading: " + both;
}

Outcome Checker::check_written(const Protocol& protocol, const Vector& vector,
                               const ExpectedMessage& own) const {
  const MessageHead head{.seq = static_cast<std::int32_t>(vector.seq),
                         .kind = static_cast<Kind>(vector.message_kind),
                         .body_codec = static_cast<std::uint8_t>(vector.body_codec),
                         .method = vector.method,
                         .status = *own.status,
                         .metadata = *own.metadata,
                         .transforms = vector.transforms};
  Buffer out;
  const Status built = protocol.append(out, head, vector.body, kLimits, &transforms_);
  const bool defect = is_defect(vector);
  if (vector.refused && !defect) {
    return built.ok() ? "written, but it cannot be said in this protocol" : kPassed;
  }
  if (!built.ok()) return defect ? kPassed : built.to_string();
  // Where the original is at fault we send what is right: it must read back whole.
  if (vector.exact && !defect) {
    if (vector.wire.has_value()) return compare_bytes("frame", out.view(), *vector.wire);
    return first_of(
        {compare_numbers("bytes of the frame", std::ssize(out.view()),
                         static_cast<std::int64_t>(vector.wire_bytes.value_or(out.size()))),
         compare_texts("SHA-256 of the frame", sha256_hex(out.view()), vector.wire_sha256)});
  }
  return check_read(protocol, vector, out.view(), own);
}

Outcome Checker::check_read(const Protocol& protocol, const Vector& vector, std::string_view wire,
                            const ExpectedMessage& wanted) const {
  const Received received = protocol.parse(wire, kLimits, &transforms_);
  if (received.state == Received::State::kNeedMore) return "the frame is cut";
  // The original's codec reads an undefined kind and its session then hangs up.
  if (received.status.reason() == "frame.bad_kind" && wanted.kind == 0) return kPassed;
  if (received.state != Received::State::kMessage) return received.status.to_string();
  return first_of({compare_numbers("bytes of the frame", received.size, std::ssize(wire)),
                   compare_message(received.message, wanted, vector.transforms)});
}

// The error of a reply of v3.
struct V3Error {
  std::int32_t code = 0;
  std::string message, reason, detail;  // the last two are one thing in two versions
  friend bool operator==(const V3Error&, const V3Error&) = default;
};
FL_STRUCT(V3Error, (1, code), (2, message), (3, reason), (4, detail))

Outcome compare_v3_errors(const std::string& got, const std::string& wanted) {
  const auto error = codec::decode<V3Error>(codec::CodecId::kJson, Bytes::borrow(got));
  const auto own = codec::decode<V3Error>(codec::CodecId::kJson, Bytes::borrow(wanted));
  return error.ok() && own.ok() && *error == *own ? kPassed
                                                  : compare_texts("reply error", got, wanted);
}

Outcome Checker::check_v3(V3Parser parse, const Vector& vector) const {
  if (!vector.wire.has_value()) return "no frame to read";
  const Result<V3Message> message = parse(*vector.wire, kLimits, transforms_);
  if (!message.ok()) return message.status().to_string();
  Result<Metadata> metadata = parse_metadata_text(message->metadata);
  if (!metadata.ok()) return metadata.status().to_string();
  if (!vector.reply_error.empty()) {
    // The vector tells the error apart from the metadata that it travels in.
    constexpr std::string_view kKey = "X-Reply-Error";
    const Outcome same =
        compare_v3_errors(std::string(metadata->get(kKey).value_or("")), vector.reply_error);
    if (same != kPassed) return same;
    metadata->remove(kKey);
  }
  return first_of({compare_texts("seq", message->seq, vector.seq_text),
                   compare_numbers("kind", message->kind, vector.message_kind),
                   compare_texts("uri", message->uri, vector.uri),
                   *metadata == vector.metadata ? kPassed : "metadata differ",
                   compare_numbers("body codec", message->body_codec, vector.body_codec),
                   compare_texts("transforms", message->transforms, vector.transforms),
                   compare_bytes("body", message->body, vector.body)});
}

Outcome Checker::check_status(const Vector& vector) {
  std::string query;
  std::string json;
  append_status_text(query, vector.status);
  append_status_json(json, vector.status);
  return first_of({compare_texts("query", query, vector.query),
                   compare_texts("JSON", json, vector.json),
                   parse_status_text(query) == vector.status ? kPassed : "does not come back"});
}

Outcome Checker::check_status_text(const Vector& vector) {
  const StatusFields fields = parse_status_fields(vector.query);
  const std::string cause = fields.cause.value_or("");
  // The original's getters fall back from one text to the other.
  return first_of(
      {compare_numbers("code", fields.code, vector.code),
       compare_texts("message", fields.message.empty() ? cause : fields.message, vector.message),
       compare_texts("cause", cause.empty() ? fields.message : cause, vector.cause)});
}

Outcome Checker::check_metadata(const Vector& vector) {
  const Result<Metadata> metadata = parse_metadata_text(vector.query);
  if (!metadata.ok()) return metadata.status().to_string();
  std::string again;
  const Status written = append_metadata_text(again, *metadata);
  if (!written.ok()) return written.to_string();
  return first_of({*metadata == vector.pairs ? kPassed : "pairs differ",
                   compare_texts("written again", again, vector.again)});
}

Outcome Checker::check_secure(const Vector& vector) {
  const std::string_view key = vector.key;
  const Result<ErpcKeys> keys = ErpcKeys::make({&key, 1});
  if (!keys.ok()) return keys.status().to_string();
  Outcome outcome =
      compare_texts("version of the key", keys->encrypting().version, vector.key_version);
  for (const auto& [codec, golden] :
       {std::pair(kJsonCodec, vector.secure_json), {kProtobufCodec, vector.secure_protobuf}}) {
    Buffer secure;
    Buffer plain;
    Status status = encrypt_erpc_body(*keys, codec, vector.plain, secure);
    if (status.ok()) status = decrypt_erpc_body(*keys, codec, Bytes(golden), plain);
    if (!status.ok()) return status.to_string();
    outcome = first_of({outcome, compare_bytes("secure body", secure.view(), golden),
                        compare_bytes("opened body", plain.view(), vector.plain)});
  }
  return outcome;
}

Outcome Checker::check_transforms(const Vector& vector) const {
  Buffer packed;
  Buffer restored;
  Status status = transforms_.pack(vector.ids, vector.plain, packed);
  if (status.ok()) {
    status = transforms_.unpack(vector.ids, vector.packed, kUnpackedBytesMax, restored);
  }
  if (!status.ok()) return status.to_string();
  return first_of({compare_bytes("packed", packed.view(), vector.packed),
                   compare_bytes("restored", restored.view(), vector.plain)});
}

}  // namespace

std::size_t VectorReport::later_count() const {
  std::size_t count = 0;
  for (const auto& [name, of_name] : later) count += of_name;
  return count;
}

Result<VectorReport> check_vectors(std::string_view json) {
  FL_TRY_ASSIGN(const std::vector<Vector> vectors, internal::read_vectors(json));
  Checker checker;
  FL_TRY(checker.prepare());
  VectorReport report;
  for (const Vector& vector : vectors) checker.check(vector, report);
  return report;
}

Result<std::vector<VectorFrame>> frames_of_vectors(std::string_view json) {
  FL_TRY_ASSIGN(std::vector<Vector> vectors, internal::read_vectors(json));
  std::vector<VectorFrame> frames;
  for (Vector& vector : vectors) {
    if (vector.wire.has_value()) {
      const std::string of_v3 = vector.kind == "message" ? "" : vector.kind + " ";
      frames.push_back({std::move(vector.id), of_v3 + vector.protocol, *std::move(vector.wire)});
    }
  }
  return frames;
}

}  // namespace fairlead::wire
