#include "fairlead/wire/vectors/vector_file.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "fairlead/base/text.h"

namespace fairlead::wire::internal {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;

// A text may be given as {"text": "ab", "times": 1000}; together no longer than this.
constexpr std::int64_t kRepeatedBytesMax = std::int64_t{64} << 20;

std::optional<element> find(element object, std::string_view key) {
  element value;
  if (object[key].get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

std::optional<std::string> find_text(element object, std::string_view key) {
  const std::optional<element> value = find(object, key);
  std::string_view text;
  if (!value.has_value() || value->get(text) != simdjson::SUCCESS) return std::nullopt;
  return std::string(text);
}

std::string text_at(element object, std::string_view key) {
  return find_text(object, key).value_or("");
}

// The value as JSON without blanks; empty when there is none.
std::string json_at(element object, std::string_view key) {
  const std::optional<element> value = find(object, key);
  return value.has_value() ? simdjson::minify(*value) : std::string();
}

std::optional<std::int64_t> find_int(element object, std::string_view key) {
  const std::optional<element> value = find(object, key);
  std::int64_t number = 0;
  if (!value.has_value() || value->get(number) != simdjson::SUCCESS) return std::nullopt;
  return number;
}

std::int64_t int_at(element object, std::string_view key) {
  return find_int(object, key).value_or(0);
}

std::optional<std::size_t> find_size(element object, std::string_view key) {
  const std::optional<std::int64_t> number = find_int(object, key);
  if (!number.has_value() || *number < 0) return std::nullopt;
  return static_cast<std::size_t>(*number);
}

std::optional<std::string> find_hex(element object, std::string_view key) {
  const std::optional<std::string> hex = find_text(object, key);
  if (!hex.has_value()) return std::nullopt;
  std::string escaped;
  for (std::size_t i = 0; i + 1 < hex->size(); i += 2) {
    escaped.append("%").append(hex->substr(i, 2));
  }
  return percent_decode(escaped, false);
}

// Texts that are long in a boring way: `key` holds what is repeated "times" times.
std::string repeated(element object, std::string_view key) {
  const std::string piece = text_at(object, key);
  const std::int64_t most = kRepeatedBytesMax / (std::ssize(piece) + 1);
  std::string out;
  for (std::int64_t times = std::min(int_at(object, "times"), most); times > 0; --times) {
    out += piece;
  }
  return out;
}

std::string repeatable(element value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return repeated(value, "repeat");
}

Metadata metadata_at(element object, std::string_view key) {
  Metadata metadata;
  array pairs;
  if (object[key].get(pairs) != simdjson::SUCCESS) return metadata;
  for (const element pair : pairs) {
    array both;
    element name;
    element value;
    if (pair.get(both) == simdjson::SUCCESS && both.at(0).get(name) == simdjson::SUCCESS &&
        both.at(1).get(value) == simdjson::SUCCESS) {
      metadata.add(repeatable(name), repeatable(value));
    }
  }
  return metadata;
}

std::string body_of(element vector) {
  if (auto bytes = find_hex(vector, "body_hex")) return *std::move(bytes);
  element value;
  if (vector["body"]["value"].get(value) != simdjson::SUCCESS) return {};
  return repeated(value, "text");
}

Status status_of(element object) {
  Status status(static_cast<Code>(int_at(object, "code")), "", text_at(object, "msg"));
  if (const auto cause = find_text(object, "cause")) return std::move(status).with_cause(*cause);
  return status;
}

std::string bytes_of_numbers(element object, std::string_view key) {
  std::string out;
  array numbers;
  if (object[key].get(numbers) != simdjson::SUCCESS) return out;
  for (const element number : numbers) {
    std::int64_t value = 0;
    if (number.get(value) == simdjson::SUCCESS) out += static_cast<char>(value);
  }
  return out;
}

ExpectedMessage expected_of(element read) {
  ExpectedMessage expected;
  expected.seq = int_at(read, "seq");
  expected.kind = int_at(read, "mtype");
  expected.body_codec = int_at(read, "body_codec");
  expected.method = text_at(read, "service_method");
  expected.status = find_text(read, "status_query");
  expected.metadata = find_text(read, "meta_query");
  if (const auto metadata = find(read, "meta_query"); metadata.has_value()) {
    expected.metadata_bytes = find_size(*metadata, "len");
  }
  expected.body = find_hex(read, "body_hex");
  if (!expected.body.has_value()) expected.body = find_text(read, "body_text");
  expected.body_bytes = find_size(read, "body_len");
  return expected;
}

void read_message(element object, Vector& vector) {
  vector.protocol = text_at(object, "proto");
  vector.exact = text_at(object, "compare") == "exact";
  vector.defect = text_at(object, "note").starts_with("DEFECT");
  vector.refused = find(object, "pack_error").has_value();
  vector.seq = int_at(object, "seq");
  vector.seq_text = text_at(object, "seq");
  vector.message_kind = find_int(object, "mtype").value_or(int_at(object, "ptype"));
  vector.body_codec = int_at(object, "body_codec");
  vector.method = text_at(object, "service_method");
  vector.uri = text_at(object, "uri");
  vector.reply_error = json_at(object, "reply_error");
  vector.body = body_of(object);
  vector.transforms = bytes_of_numbers(object, "xfer");
  vector.metadata = metadata_at(object, "meta");
  if (const auto status = find(object, "status")) vector.status = status_of(*status);
  vector.wire = find_hex(object, "wire_hex");
  vector.wire_bytes = find_size(object, "wire_len");
  vector.wire_sha256 = text_at(object, "wire_sha256");
  if (const auto read = find(object, "go_decodes_as")) {
    vector.unreadable = find(*read, "error").has_value();
    vector.read = expected_of(*read);
  }
}

void read_secure(element object, Vector& vector) {
  vector.key = text_at(object, "key");
  vector.key_version = text_at(object, "cipherversion");
  vector.plain = find_hex(object, "plain_hex").value_or("");
  vector.secure_json = text_at(object, "json_body");
  vector.secure_protobuf = find_hex(object, "protobuf_body_hex").value_or("");
}

void read_codec(element object, Vector& vector) {
  vector.defect = text_at(object, "note").starts_with("DEFECT");
  vector.exact = text_at(object, "compare") != "decode" && !vector.defect;
  vector.body_codec = int_at(object, "codec");
  vector.body = find_hex(object, "hex").value_or("");
  const std::optional<element> body = find(object, "body");
  if (!body.has_value()) return;
  vector.value_kind = text_at(*body, "kind");
  vector.value = json_at(*body, "value");
  if (vector.value.empty()) vector.value = "null";
  simdjson::dom::object members;
  if ((*body)["value"].get(members) != simdjson::SUCCESS) return;
  for (const auto& [key, value] : members) vector.value_keys.emplace_back(key);
}

void read_mapper(element object, Vector& vector) {
  vector.name = text_at(object, "name");
  vector.http_name = find_text(object, "http");
  vector.http_name_under_root = find_text(object, "http_under_root");
  vector.rpc_name = find_text(object, "rpc");
  vector.rpc_name_under_root = find_text(object, "rpc_under_root");
  vector.snake_name = find_text(object, "snake");
}

// The kinds that are parts of frames; what a kind does not have stays empty.
void read_part(element object, Vector& vector) {
  vector.status = status_of(object);
  vector.query = text_at(object, "query");
  vector.json = text_at(object, "json");
  vector.again = text_at(object, "again");
  vector.pairs = metadata_at(object, "pairs");
  vector.plain = find_hex(object, "in_hex").value_or("");
  vector.packed = find_hex(object, "out_hex").value_or("");
  vector.ids = text_at(object, "pipe");
  if (const auto read = find(object, "go_decodes_as")) {
    vector.code = int_at(*read, "code");
    vector.message = text_at(*read, "msg");
    vector.cause = text_at(*read, "cause");
  }
}

}  // namespace

Result<std::vector<Vector>> read_vectors(std::string_view json) {
  simdjson::dom::parser parser;
  element root;
  const simdjson::error_code error = parser.parse(simdjson::padded_string(json)).get(root);
  if (error != simdjson::SUCCESS) {
    return Status(Code::kBadMessage, "vectors.bad_json",
                  std::string("no JSON: ") + simdjson::error_message(error));
  }
  array list;
  if (root["vectors"].get(list) != simdjson::SUCCESS) {
    return Status(Code::kBadMessage, "vectors.bad_file", "there is no list `vectors` in it");
  }
  std::vector<Vector> vectors;
  for (const element object : list) {
    Vector vector;
    vector.id = find_text(object, "id").value_or("#" + std::to_string(vectors.size()));
    vector.kind = text_at(object, "kind");
    if (vector.kind.starts_with("message"))
      read_message(object, vector);
    else if (vector.kind == "secure")
      read_secure(object, vector);
    else if (vector.kind == "codec")
      read_codec(object, vector);
    else if (vector.kind == "mapper")
      read_mapper(object, vector);
    else
      read_part(object, vector);
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

}  // namespace fairlead::wire::internal
