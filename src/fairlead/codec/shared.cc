#include <simdjson.h>

#include <cstring>
#include <vector>

#include "fairlead/base/base64.h"
#include "fairlead/base/text.h"
#include "fairlead/codec/codecs.h"
#include "fairlead/contract/text_value.h"

namespace fairlead::codec::internal {

Status MemoryBudget::exceeded(const FieldPath& path) const {
  return Status(Code::kTooLarge, "codec.memory",
                path.to_string() + ": the value takes more memory than a body may");
}

bool valid_utf8(std::string_view text) {
  std::size_t at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, 8);
    if ((word & 0x8080808080808080U) != 0) break;
  }
  if (at + 8 > text.size()) {
    while (at < text.size() && static_cast<signed char>(text[at]) >= 0) ++at;
    if (at == text.size()) return true;
  }
  return simdjson::validate_utf8(text.data() + at, text.size() - at);
}

bool read_map_key(const TypeInfo& key, std::string_view text, MapKey& out) {
  if (key.kind == Kind::kString) {
    out.text = text;
    return true;
  }
  alignas(8) char storage[8] = {};
  if (!contract::value_from_text(key, storage, text).ok()) return false;
  switch (key.kind) {
    case Kind::kBool:
      out.number = storage[0] != 0 ? 1 : 0;
      return true;
    case Kind::kInt32:
      out.number = *reinterpret_cast<const std::int32_t*>(storage);
      return true;
    case Kind::kUint32:
      out.number = *reinterpret_cast<const std::uint32_t*>(storage);
      return true;
    default:
      out.number = *reinterpret_cast<const std::int64_t*>(storage);
      return true;
  }
}

bool read_base64(std::string_view text, Bytes& out) {
  if (text.empty()) {
    out = Bytes();
    return true;
  }
  ChunkRef chunk(base64_decoded_size_max(text.size()));
  std::size_t size = 0;
  if (!base64_decode(text, chunk->data(), size)) return false;
  const std::string_view data(chunk->data(), size);
  out = Bytes(std::move(chunk), data);
  return true;
}

void write_base64(std::string_view data, Buffer& out) {
  const std::size_t size = base64_size(data.size());
  base64_encode(data, out.prepare(size));
  out.commit(size);
}

Status unknown_field(const StructInfo& structure, const FieldPath& path, std::string_view name) {
  std::vector<std::string_view> names;
  for (const FieldInfo& field : structure.fields) names.push_back(field.name);
  const std::string_view nearest = nearest_name(name.substr(0, 64), names);
  std::string message = FieldPath(path, name).to_string() + ": unknown field of ";
  message += structure.name;
  if (!nearest.empty()) message.append("; did you mean \"").append(nearest).append("\"?");
  return Status(Code::kBadMessage, "codec.unknown_field", message);
}

}  // namespace fairlead::codec::internal
