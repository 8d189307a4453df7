// What all protocols share about frames: their faults, and a frame that is being written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fairlead/base/status.h"
#include "fairlead/wire/message.h"

namespace fairlead::wire {

// What can be wrong with a frame, small and trivial; fault_status() says it in words.
enum class Fault : std::uint8_t {
  kNone,
  kTooBig,                // kTooLarge     `frame.too_big`
  kBadSize,               // kBadMessage   `frame.bad_size`: shorter than any frame can be
  kBadLayout,             // kBadMessage   `frame.bad_layout`: an inner length passes the end
  kBadSeq,                // kBadMessage   `frame.bad_seq`: not an int32
  kBadKind,               // kBadMessage   `frame.bad_kind`: not one of the five
  kMethodTooLong,         // kEncodeFailed `frame.method_too_long`
  kStatusTooLong,         // kEncodeFailed `frame.status_too_long`
  kMetadataTooLong,       // kEncodeFailed `frame.metadata_too_long`
  kTooManyTransforms,     // kEncodeFailed `frame.too_many_transforms`
  kKindNotCarried,        // kEncodeFailed `frame.kind_not_carried`: the protocol has no such kind
  kCodecNotCarried,       // kEncodeFailed `frame.codec_not_carried`: bodies of another codec only
  kTransformsNotCarried,  // kEncodeFailed `frame.transforms_not_carried`
  kMetadataNotCarried,    // kEncodeFailed `frame.metadata_not_carried`: http, no header says it
  kStatusNotCarried       // kEncodeFailed `frame.status_not_carried`: http, a CALL with an error
};

// The fault as a Status. `detail` is the number that it is about (a length, a kind); a length that
// makes no sense is named after what its bytes look like: HTTP, TLS or SSH on the wrong port.
Status fault_status(Fault fault, std::uint32_t detail, const Limits& limits);

// The fault of a head that no protocol of ours writes: a field beyond its limit.
inline Fault check_head(const MessageHead& head) {
  if (head.method.size() > kMethodBytesMax) return Fault::kMethodTooLong;
  if (head.status.size() > kStatusBytesMax) return Fault::kStatusTooLong;
  if (head.metadata.size() > kMetadataBytesMax) return Fault::kMetadataTooLong;
  if (head.transforms.size() > kTransformsMax) return Fault::kTooManyTransforms;
  return Fault::kNone;
}

// A frame that was begun in a buffer. Until it is finished the buffer may only grow at its end.
// Two registers: raw returns it on the hot path.
struct FrameStart {
  std::size_t offset = 0;     // of the frame in the buffer's view
  std::uint32_t body_at = 0;  // of the body, from the frame's begin; raw needs and sets none
  Fault fault = Fault::kNone;
  std::uint8_t transform_count = 0;
};

}  // namespace fairlead::wire
