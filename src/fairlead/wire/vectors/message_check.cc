#include "fairlead/wire/vectors/message_check.h"

#include <openssl/evp.h>

#include <array>
#include <iterator>
#include <utility>

#include "fairlead/codec/codec.h"
#include "fairlead/contract/contract.h"
#include "fairlead/wire/metadata.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::wire::internal {
namespace {

constexpr Limits kLimits{.frame_bytes_max = 0x7fffffff};

// A vector, and what it runs through.
struct Case {
  const Protocol& protocol;
  const TransformSet& transforms;
  const Vector& vector;
};

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

Outcome compare_message(const MessageView& got, const ExpectedMessage& wanted,
                        std::string_view transforms) {
  const auto size = [](std::size_t bytes) { return static_cast<std::int64_t>(bytes); };
  // Forms without a status in an OK leave it empty.
  const std::string_view status = got.status.empty() ? kStatusTextOk : got.status;
  return first_of(
      {compare_numbers("seq", got.seq, wanted.seq),
       compare_numbers("kind", static_cast<std::int64_t>(got.kind), wanted.kind),
       compare_texts("method", got.method, wanted.method),
       compare_texts("status", status, wanted.status.value_or(std::string(status))),
       compare_texts("metadata", got.metadata, wanted.metadata.value_or(std::string(got.metadata))),
       compare_numbers("bytes of metadata", size(got.metadata.size()),
                       size(wanted.metadata_bytes.value_or(got.metadata.size()))),
       compare_numbers("body codec", got.body_codec, wanted.body_codec),
       compare_texts("transforms", got.transforms, transforms),
       compare_bytes("body", got.body, wanted.body.value_or(std::string(got.body))),
       compare_numbers("bytes of body", size(got.body.size()),
                       size(wanted.body_bytes.value_or(got.body.size())))});
}

// The original at fault: it says so, or does not read back the body or the status that it wrote.
bool is_defect(const Vector& vector) {
  if (vector.defect || vector.unreadable) return true;
  if (!vector.read.has_value()) return false;
  const ExpectedMessage& read = *vector.read;
  const bool lost_status = read.status == kStatusTextOk && !vector.status.ok();
  return lost_status || (read.body.has_value() && *read.body != vector.body);
}

// What we read of erpc's HTTP form: the headers that it adds, and its spelling of keys, but for the
// real IP, which the original loses by that; and an error has no body, so no codec either.
ExpectedMessage as_read_over_http(ExpectedMessage theirs) {
  constexpr std::string_view kLost = "X-Real-Ip=";
  if (theirs.metadata.has_value()) {
    const std::size_t at = theirs.metadata->find(kLost);
    if (at != std::string::npos) theirs.metadata->replace(at, kLost.size(), "X-Real-IP=");
  }
  if (theirs.status != kStatusTextOk) theirs.body_codec = kNoCodec;
  return theirs;
}

Outcome check_read(const Case& at, std::string_view wire, const ExpectedMessage& wanted) {
  const Received received = at.protocol.parse(wire, kLimits, &at.transforms);
  if (received.state == Received::State::kNeedMore) return "the frame is cut";
  // The original's codec reads an undefined kind and its session then hangs up.
  if (received.status.reason() == "frame.bad_kind" && wanted.kind == 0) return kPassed;
  if (received.state != Received::State::kMessage) return received.status.to_string();
  return first_of({compare_numbers("bytes of the frame", received.size, std::ssize(wire)),
                   compare_message(received.message, wanted, at.vector.transforms)});
}

// `back`: what must be read of what we write.
Outcome check_written(const Case& at, const ExpectedMessage& own, const ExpectedMessage& back) {
  const Vector& vector = at.vector;
  const MessageHead head{.seq = static_cast<std::int32_t>(vector.seq),
                         .kind = static_cast<Kind>(vector.message_kind),
                         .body_codec = static_cast<std::uint8_t>(vector.body_codec),
                         .method = vector.method,
                         .status = *own.status,
                         .metadata = *own.metadata,
                         .transforms = vector.transforms};
  Buffer out;
  const Status built = at.protocol.append(out, head, vector.body, kLimits, &at.transforms);
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
  return check_read(at, out.view(), back);
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

}  // namespace

Outcome check_message(const Protocol& protocol, const TransformSet& transforms,
                      const Vector& vector) {
  ExpectedMessage own{.seq = vector.seq,
                      .kind = vector.message_kind,
                      .body_codec = vector.body_codec,
                      .method = vector.method,
                      .status = std::string(),
                      .metadata = std::string(),
                      .body = vector.body};
  append_status_text(*own.status, vector.status);
  if (!append_metadata_text(*own.metadata, vector.metadata).ok()) return "too many metadata pairs";

  const bool http = protocol.name() == "http";
  ExpectedMessage theirs = vector.read.value_or(own);
  if (!theirs.body.has_value() && !theirs.body_bytes.has_value()) theirs.body = vector.body;
  if (http) theirs = as_read_over_http(std::move(theirs));
  const ExpectedMessage& back = http ? theirs : own;

  Outcome written = check_written({protocol, transforms, vector}, own, back);
  if (written != kPassed) return "writing: " + written;
  if (!vector.wire.has_value() || vector.unreadable) return kPassed;
  const Outcome as_own = check_read({protocol, transforms, vector}, *vector.wire, back);
  if (!vector.read.has_value()) return as_own == kPassed ? kPassed : "reading: " + as_own;
  const Outcome as_theirs = check_read({protocol, transforms, vector}, *vector.wire, theirs);
  // What the original damages when writing may come out whole, or as the original reads it.
  if (is_defect(vector) && (as_own == kPassed || as_theirs == kPassed)) return kPassed;
  const Outcome both = first_of({as_own, as_theirs});
  return both == kPassed ? kPassed : "reading: " + both;
}

Outcome check_v3_message(V3Parser parse, const TransformSet& transforms, const Vector& vector) {
  if (!vector.wire.has_value()) return "no frame to read";
  const Result<V3Message> message = parse(*vector.wire, kLimits, transforms);
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

}  // namespace fairlead::wire::internal
