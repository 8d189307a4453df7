#include "fairlead/wire/protocols/pb_v3.h"

#include <utility>

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/pb_scanner.h"
#include "fairlead/wire/protocols/v3_parts.h"

namespace fairlead::wire {
namespace {

enum Field : std::uint32_t { kSeq = 1, kKind, kUri, kMetadata, kBodyCodec, kBody };

struct Numbers {
  std::int32_t kind = 0;
  std::int32_t body_codec = 0;
};

bool is_byte(std::int32_t value) { return value >= 0 && value <= 255; }

bool read_field(internal::PbScanner& scanner, Numbers& numbers, V3Message& message) {
  std::uint64_t tag = 0;
  if (!scanner.tag(tag)) return false;
  switch (tag >> 3) {
    case kSeq:
      return scanner.text(tag, message.seq);
    case kKind:
      return scanner.number(tag, numbers.kind);
    case kUri:
      return scanner.text(tag, message.uri);
    case kMetadata:
      return scanner.text(tag, message.metadata);
    case kBodyCodec:
      return scanner.number(tag, numbers.body_codec);
    case kBody:
      return scanner.text(tag, message.body);
    default:
      return scanner.skip(tag);
  }
}

}  // namespace

Result<V3Message> parse_pb_v3(std::string_view input, const Limits& limits,
                              const TransformSet& transforms) {
  FL_TRY_ASSIGN(internal::V3Payload restored,
                internal::open_v3_envelope(input, limits, transforms));
  V3Message message;
  Numbers numbers;
  internal::PbScanner scanner(restored.payload);
  while (!scanner.at_end()) {
    if (!read_field(scanner, numbers, message)) {
      return internal::bad_layout("pb v3", scanner.problem(), scanner.at()).status;
    }
  }
  if (!is_byte(numbers.kind) || !is_byte(numbers.body_codec)) {
    return internal::bad_layout("pb v3", "ptype or body_codec is no byte", scanner.at()).status;
  }
  message.kind = static_cast<std::uint8_t>(numbers.kind);
  message.body_codec = static_cast<std::uint8_t>(numbers.body_codec);
  message.transforms = restored.transforms;
  message.owner = std::move(restored.owner);
  return message;
}

}  // namespace fairlead::wire
