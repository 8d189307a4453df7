// Writes fields of a protobuf message whose numbers are below 16. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/wire/protocols/pb_scanner.h"
#include "fairlead/wire/protocols/varint.h"

namespace fairlead::wire::internal {

inline char pb_tag(std::uint32_t field, PbWireType type) {
  return static_cast<char>(field << 3 | type);
}

// As an int32 is written: a negative one takes ten bytes. Zero is left out, as proto3 has it.
inline void append_pb_number(Buffer& out, std::uint32_t field, std::int32_t value) {
  if (value == 0) return;
  out.append(pb_tag(field, kPbVarint));
  append_varint(out, static_cast<std::uint64_t>(std::int64_t{value}));
}

inline void append_pb_text(Buffer& out, std::uint32_t field, std::string_view text) {
  if (text.empty()) return;
  out.append(pb_tag(field, kPbBytes));
  append_varint(out, text.size());
  out.append(text);
}

// Makes a field of what stands in `out` from `at` to its end: its tag and length go in front, and
// it moves up by them. Nothing there: no field.
inline void make_pb_text(Buffer& out, std::size_t at, std::uint32_t field) {
  const std::size_t size = out.size() - at;
  if (size == 0) return;
  const std::size_t head_size = 1 + varint_size(size);
  out.prepare(head_size);
  out.commit(head_size);
  char* const begin = out.at(at);
  std::memmove(begin + head_size, begin, size);
  *begin = pb_tag(field, kPbBytes);
  put_varint(begin + 1, size);
}

}  // namespace fairlead::wire::internal
