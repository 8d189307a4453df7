#include "fairlead/wire/protocols/message_tail.h"

#include <array>
#include <cstdint>
#include <cstring>

#include "fairlead/wire/protocols/frame_parts.h"

namespace fairlead::wire::internal {

void put_aside(Buffer& out, FrameStart& start, const Aside& aside) {
  std::array<char, kLengthBytes> size{};
  store_u32(size.data(), static_cast<std::uint32_t>(aside.tail.size()));
  out.append({size.data(), size.size()});
  out.append(aside.tail);
  out.append(aside.transforms);
  start.transform_count = static_cast<std::uint8_t>(aside.transforms.size());
}

Aside take_aside(Buffer& out, const FrameStart& start) {
  const std::string_view all = out.view().substr(start.offset);
  const std::size_t tail_size = load_u32(all.data());
  const std::size_t ids_at = kLengthBytes + tail_size;
  Aside aside{.tail = std::string(all.substr(kLengthBytes, tail_size)),
              .transforms = std::string(all.substr(ids_at, start.transform_count))};
  const std::size_t message_at = ids_at + start.transform_count;
  char* const begin = out.at(start.offset);
  std::memmove(begin, begin + message_at, all.size() - message_at);
  out.truncate(out.size() - message_at);
  return aside;
}

Status pack_body(Buffer& out, std::size_t body_at, std::string_view ids, const Limits& limits,
                 const TransformSet* transforms) {
  if (ids.empty()) return {};
  const std::size_t size = out.size() - body_at;
  if (size > limits.frame_bytes_max) {
    return fault_status(Fault::kTooBig, static_cast<std::uint32_t>(size), limits);
  }
  if (transforms == nullptr) return no_transforms(Code::kEncodeFailed);
  Buffer packed;
  FL_TRY(transforms->pack(ids, out.view().substr(body_at), packed));
  out.truncate(body_at);
  out.append(packed.view());
  return {};
}

Status seal_message(Buffer& out, FrameStart start, const Limits& limits) {
  const std::size_t size = out.size() - start.offset;
  if (size <= limits.frame_bytes_max) return {};
  return take_back(out, start,
                   fault_status(Fault::kTooBig, static_cast<std::uint32_t>(size), limits));
}

}  // namespace fairlead::wire::internal
