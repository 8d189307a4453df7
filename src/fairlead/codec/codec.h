// Bodies: C++ values to bytes and back, by the codec that a message names.
//
//   Buffer body;
//   FL_TRY(codec::encode(CodecId::kJson, reply, body));
//   FL_TRY_ASSIGN(auto arg, codec::decode<DivideArg>(CodecId::kJson, message.body));
//
// The mapping of types is docs/reference/bodies.md. No state, no I/O. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/result.h"
#include "fairlead/base/status.h"
#include "fairlead/contract/describe.h"

namespace fairlead::codec {

// The byte on the wire.
enum class CodecId : std::uint8_t {
  kNone = 0,  // no body
  kForm = 'f',
  kJson = 'j',
  kProtobuf = 'p',
  kPlain = 's',
  kThrift = 't',
  kXml = 'x',
};

// "json", "protobuf", ...; "none" for kNone; "unknown" for a byte that is no codec.
std::string_view codec_name(CodecId id);
std::optional<CodecId> find_codec(std::string_view name);
// The codec of this wire byte, if it is one.
std::optional<CodecId> find_codec(std::uint8_t byte);
// "application/json", ...; empty for kNone.
std::string_view content_type_of(CodecId id);
// Reads a Content-Type header with or without parameters, case-insensitively; nullopt for a type
// without codec and for a charset other than UTF-8 (or US-ASCII).
std::optional<CodecId> codec_of_content_type(std::string_view content_type);

struct DecodeOptions {
  enum class Unknown : std::uint8_t { kIgnore, kRefuse };
  // Names that the struct does not have: ignored in calls, refused in configuration and admin
  // writes. (Numbers, of protobuf and Thrift, are always ignored.)
  Unknown unknown_fields = Unknown::kIgnore;
  // Memory that lists and maps may take while decoding; a body may be much smaller than the value
  // that it describes.
  std::size_t memory_bytes_max = std::size_t{64} << 20;
};

// Appends the body of `value` to `out`; on an error `out` is as before. `value` is not looked at
// when the type is void. A Bytes value is the body itself, whatever the codec.
// Errors: kEncodeFailed `codec.json`, `codec.protobuf`, `codec.form`, `codec.plain`,
// `codec.thrift`,
//         `codec.xml` (message: path of the field), `codec.depth` beyond 64 levels,
//         `codec.unsupported` for unknown bytes and for a codec in which a generated type has no
//         form; kNone encodes void and Bytes only, else `codec.none`.
Status encode(CodecId id, const contract::TypeInfo& type, const void* value, Buffer& out);

// Reads `body` into `value`, a freshly made object of the type; after an error it holds an unknown
// part of the body. Bytes fields of protobuf and Thrift bodies, and a body that is Bytes itself,
// share the body's chunk; borrowed bodies are copied where they would have to be kept. Errors:
// kBadMessage `codec.json`, `codec.protobuf`, `codec.form`, `codec.plain`, `codec.thrift`,
//         `codec.xml` (message: path of the field with what was wanted and got, or the position of
//         a syntax error; of a `secret` field only what was wanted),
//         `codec.unknown_field`, `codec.depth`, `codec.none`, `codec.unsupported`;
//         kTooLarge `codec.memory`.
Status decode(CodecId id, const contract::TypeInfo& type, const Bytes& body, void* value,
              const DecodeOptions& options = {});

// Whether `body` is a JSON document as decode() takes it, of whatever type: for bodies that
// somebody else reads. Every object in it is looked at for keys given twice. Costs about 15 bytes
// of memory per byte of the body while it runs. Errors: kBadMessage `codec.json`, `codec.depth`
// beyond 64 levels; the message says line and
//         column, or the path of the key.
Status check_json(const Bytes& body);

template <class T>
Status encode(CodecId id, const T& value, Buffer& out) {
  return encode(id, contract::type_info<T>(), &value, out);
}

template <class T>
Result<T> decode(CodecId id, const Bytes& body, const DecodeOptions& options = {}) {
  if constexpr (std::is_void_v<T>) {
    return Result<void>(decode(id, contract::type_info<void>(), body, nullptr, options));
  } else {
    T value{};
    FL_TRY(decode(id, contract::type_info<T>(), body, &value, options));
    return value;
  }
}

}  // namespace fairlead::codec
