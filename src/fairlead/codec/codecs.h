// The codecs behind codec.h, and what they share. Private to the room.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/status.h"
#include "fairlead/codec/codec.h"
#include "fairlead/contract/field_path.h"
#include "fairlead/contract/type_info.h"

namespace fairlead::codec::internal {

using contract::FieldInfo;
using contract::FieldPath;
using contract::Kind;
using contract::MapKey;
using contract::StructInfo;
using contract::TypeInfo;

// Encoders append to `out` and may leave a part there on an error: encode() takes it back.
Status encode_json(const TypeInfo& type, const void* value, Buffer& out);
Status encode_protobuf(const TypeInfo& type, const void* value, Buffer& out);
Status encode_form(const TypeInfo& type, const void* value, Buffer& out);
Status encode_plain(const TypeInfo& type, const void* value, Buffer& out);
Status encode_thrift(const TypeInfo& type, const void* value, Buffer& out);
Status encode_xml(const TypeInfo& type, const void* value, Buffer& out);
// Of a type that another generator made, in any codec that it has a form in.
Status encode_generated(CodecId id, const TypeInfo& type, const void* value, Buffer& out);

Status decode_json(const TypeInfo& type, const Bytes& body, void* value,
                   const DecodeOptions& options);
// The part of it that reads every document; decode_json() tries json_quick.h before.
Status decode_json_document(const TypeInfo& type, const Bytes& body, void* value,
                            const DecodeOptions& options);
Status decode_protobuf(const TypeInfo& type, const Bytes& body, void* value,
                       const DecodeOptions& options);
Status decode_form(const TypeInfo& type, const Bytes& body, void* value,
                   const DecodeOptions& options);
Status decode_plain(const TypeInfo& type, const Bytes& body, void* value);
Status decode_thrift(const TypeInfo& type, const Bytes& body, void* value,
                     const DecodeOptions& options);
Status decode_xml(const TypeInfo& type, const Bytes& body, void* value,
                  const DecodeOptions& options);
Status decode_generated(CodecId id, const TypeInfo& type, const Bytes& body, void* value,
                        const DecodeOptions& options);

// Checks a body whose type somebody else reads: syntax, nesting, keys given twice (JSON), lengths
// and the memory that it may take (Thrift). `is_null`: the JSON text is null.
Status check_json(const Bytes& body, bool& is_null);
Status check_thrift(const Bytes& body, const DecodeOptions& options);

// Where and what is wrong with a JSON text that simdjson refused: kBadMessage `codec.json` or
// `codec.depth`, "the body: line 2, column 7 (byte 31): wanted a comma or ]". OK when this strict
// reader of RFC 8259 finds nothing wrong.
Status explain_json(std::string_view text, int depth_max);

// A JSON text with "e0" behind every integer that does not fit 64 bits, so that simdjson takes it
// for floating point.
std::string widen_json(std::string_view text);

// Counts the memory that lists and maps take while decoding.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t bytes_max) : left_(bytes_max) {}
  // False when `count` more things of `bytes_each` do not fit.
  bool take(std::size_t count, std::size_t bytes_each) {
    if (count > left_ / (bytes_each + 1)) return false;
    left_ -= count * bytes_each;
    return true;
  }
  Status exceeded(const FieldPath& path) const;

 private:
  std::size_t left_;
};

// Roughly what a node of a map takes beside key and value.
inline constexpr std::size_t kMapNodeBytes = 48;

bool valid_utf8(std::string_view text);

// Reads the text form of a key (JSON, form). False when it is none of the key's type.
bool read_map_key(const TypeInfo& key, std::string_view text, MapKey& out);

// Reads base64 into a chunk of its own.
bool read_base64(std::string_view text, Bytes& out);
// Appends base64.
void write_base64(std::string_view data, Buffer& out);

// "unknown field `nmae` in Item; did you mean `name`?"
Status unknown_field(const StructInfo& structure, const FieldPath& path, std::string_view name);

}  // namespace fairlead::codec::internal
