// A file of vectors, read: plain values with defaults where a vector leaves something out.
// Private to the room; the only place that includes simdjson.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/base/status.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::wire::internal {

// What a reader of a frame has found, or should find. Absent: not said.
struct ExpectedMessage {
  std::int64_t seq = 0;
  std::int64_t kind = 0;
  std::int64_t body_codec = 0;
  std::string method{};
  std::optional<std::string> status{};
  std::optional<std::string> metadata{};
  std::optional<std::size_t> metadata_bytes{};
  std::optional<std::string> body{};
  std::optional<std::size_t> body_bytes{};
};

// One vector. Which members mean something depends on `kind`.
struct Vector {
  std::string id{};
  std::string kind{};
  std::string protocol{};
  bool exact = false;       // the encoder must make these very bytes; what codecs make, unless
                            // the file says otherwise
  bool defect = false;      // the file says that the original is at fault here
  bool refused = false;     // the original refuses to write this
  bool unreadable = false;  // the original refuses to read what it wrote

  // Messages.
  std::int64_t seq = 0;
  std::string seq_text{};  // v3
  std::int64_t message_kind = 0;
  std::int64_t body_codec = 0;
  std::string method{};
  std::string uri{};          // v3
  std::string reply_error{};  // v3, its JSON; empty for none
  std::string body{};
  std::string transforms{};
  Metadata metadata{};
  Status status{};
  std::optional<std::string> wire{};
  std::optional<std::size_t> wire_bytes{};
  std::string wire_sha256{};              // hex
  std::optional<ExpectedMessage> read{};  // as the original reads it

  // codec: `body_codec` and `body` besides
  std::string value_kind{};  // what the value is: "int32", "obj", ...
  std::string value{};       // its JSON
  std::vector<std::string> value_keys{};

  // mapper: `name` under no prefix, and under the prefix that "Root" maps to
  std::string name{};
  std::optional<std::string> http_name{}, http_name_under_root{};
  std::optional<std::string> rpc_name{}, rpc_name_under_root{};
  std::optional<std::string> snake_name{};

  // status, status_decode, meta_decode, xfer
  std::string query{};
  std::string json{};
  std::string again{};
  Metadata pairs{};
  std::int64_t code = 0;
  std::string message{};
  std::string cause{};
  std::string plain{};
  std::string packed{};
  std::string ids{};

  // secure: a body in erpc's form, for two codecs
  std::string key{};
  std::string key_version{};
  std::string secure_json{};
  std::string secure_protobuf{};
};

// Errors: kBadMessage `vectors.bad_json`, `vectors.bad_file`.
Result<std::vector<Vector>> read_vectors(std::string_view json);

}  // namespace fairlead::wire::internal
