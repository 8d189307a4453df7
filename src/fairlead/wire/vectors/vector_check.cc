#include "fairlead/wire/vectors/vector_check.h"

#include <optional>
#include <utility>

#include "fairlead/contract/name_mapper.h"
#include "fairlead/wire/protocol.h"
#include "fairlead/wire/protocols/v3_message.h"
#include "fairlead/wire/secure/erpc_body.h"
#include "fairlead/wire/status_text.h"
#include "fairlead/wire/vectors/body_check.h"
#include "fairlead/wire/vectors/compare.h"
#include "fairlead/wire/vectors/message_check.h"
#include "fairlead/wire/vectors/vector_file.h"

namespace fairlead::wire {
namespace {

using internal::check_message;
using internal::check_v3_message;
using internal::compare_bytes;
using internal::compare_numbers;
using internal::compare_texts;
using internal::first_of;
using internal::kPassed;
using internal::Outcome;
using internal::Vector;

constexpr std::size_t kUnpackedBytesMax = std::size_t{64} << 20;

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
      if (protocol == nullptr) protocol = find_carried_protocol(vector.protocol);
      if (protocol == nullptr) return std::nullopt;
      return check_message(*protocol, transforms_, vector);
    }
    if (vector.kind == "message_v3") {
      const V3Parser parse = find_v3_parser(vector.protocol);
      if (parse == nullptr) return std::nullopt;
      return check_v3_message(parse, transforms_, vector);
    }
    if (vector.kind == "codec") return internal::check_body(vector);
    if (vector.kind == "mapper") return check_names(vector);
    if (vector.kind == "status") return check_status(vector);
    if (vector.kind == "status_decode") return check_status_text(vector);
    if (vector.kind == "meta_decode") return check_metadata(vector);
    if (vector.kind == "xfer") return check_transforms(vector);
    if (vector.kind == "secure") return check_secure(vector);
    return std::nullopt;
  }

  static Outcome check_names(const Vector& vector);
  static Outcome check_secure(const Vector& vector);
  static Outcome check_status(const Vector& vector);
  static Outcome check_status_text(const Vector& vector);
  static Outcome check_metadata(const Vector& vector);
  Outcome check_transforms(const Vector& vector) const;

  TransformSet transforms_;
};

// Passed when the vector does not say what is wanted.
Outcome compare_names(std::string_view what, const std::string& got,
                      const std::optional<std::string>& wanted) {
  return compare_texts(what, got, wanted.value_or(got));
}

Outcome Checker::check_names(const Vector& vector) {
  using contract::http_style_name;
  using contract::rpc_style_name;
  const std::string_view name = vector.name;
  const std::string http_root = http_style_name({.name = "Root"});
  const std::string rpc_root = rpc_style_name({.name = "Root"});
  return first_of(
      {compare_names("HTTP style", http_style_name({.name = name}), vector.http_name),
       compare_names("HTTP style under Root", http_style_name({.prefix = http_root, .name = name}),
                     vector.http_name_under_root),
       compare_names("RPC style", rpc_style_name({.name = name}), vector.rpc_name),
       compare_names("RPC style under Root", rpc_style_name({.prefix = rpc_root, .name = name}),
                     vector.rpc_name_under_root),
       compare_names("snake case", contract::erpc_snake_case(name), vector.snake_name)});
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
