// raw: the default protocol, byte-compatible with teleport/erpc v6 and v7. All integers big-endian.
//
//   u32  length of the frame, with these 4 bytes
//   u8   number of transforms n; n transform ids, outermost first
//   ---- the payload: what follows has passed through the transforms ----
//   u8   length of seq; seq as signed base-36 text: "1", "-1", "zik0zj" = 2147483647
//   u8   kind
//   u8   length of method; method
//   u16  length of status; status text, "code=0" when OK
//   u16  length of metadata; metadata text
//   u8   body codec
//   ...  body, up to the end
//
// docs/wire/raw.md has the table with a worked example.
//
// Functions only, no state, no I/O. There is no way to resynchronise after an error: answer 413 if
// peek_head() allows, then close the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fairlead/base/big_endian.h"
#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/result.h"
#include "fairlead/wire/frame.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/transforms/transform.h"

namespace fairlead::wire::raw {

using wire::Fault;
using wire::FrameStart;

// What parse() found at the front of the input. Small and trivial: the hot path builds no Status.
struct FrameResult {
  enum class State : std::uint8_t {
    kNeedMore,  // cut; `size` is the whole frame's size, or 0 when not even that is known
    kFrame,     // `out` holds the message; the frame took `size` bytes
    kPacked,    // a whole frame of `size` bytes behind transforms: call unpack()
    kError,     // see status(); close the connection
  };
  State state = State::kNeedMore;
  Fault fault = Fault::kNone;
  std::uint32_t size = 0;  // for kError: the offending length or number

  // The error as a Status that names the limit and, for bytes of HTTP, TLS or SSH, what they look
  // like. OK unless state is kError.
  Status status(const Limits& limits) const;
};

// Looks at the first frame of `input`; nothing is copied, `out` points into `input`.
// A frame over the limit is refused as soon as its length bytes are there.
// seq is read as Go's ParseInt(s, 36, 32) does: a sign, upper case and leading zeros are accepted.
// Errors: the faults kTooBig .. kBadKind above. With kBadKind `out` is filled all the same.
// Cost: about 150 instructions for a frame without transforms, whatever its body.
FrameResult parse(std::string_view input, const Limits& limits, MessageView& out);

// Restores the message of a kPacked frame: parse() has set out.transforms and out.body (the bytes
// behind the ids). The result owns what every view of `out` then points into, so that it may
// outlive the input. All stages together may make at most 4 * frame_bytes_max bytes. Errors:
// kBadMessage `frame.unknown_transform`, `frame.bad_layout`, `frame.bad_seq`,
//         `frame.bad_kind`, what the transforms say; kTooLarge `frame.too_big`.
Result<Bytes> unpack(const TransformSet& transforms, const Limits& limits, MessageView& out);

// Whether a frame that is cut, but not inside the ids of its transforms, needs one that is not in
// `transforms` (null: there are none). Nothing can be made of it, so nobody need wait for the rest.
bool needs_unknown_transform(std::string_view input, const TransformSet* transforms);

// For the 413 answer to a frame that is too big: true when the head of the frame is in `input`
// without transforms; fills `out`, whose body is only what has arrived.
bool peek_head(std::string_view input, MessageView& out);

// Writes everything before the body. The caller then appends the body straight to `out` and calls
// finish(). A head that cannot be written is remembered in the result and told by finish().
FrameStart begin(Buffer& out, const MessageHead& head);

// Runs the transforms, patches the length. On an error the buffer is cut back to where begin()
// found it, so frames before it are still good. `shared_bytes`: bytes of the body that the caller
// sends behind the buffer's; a frame with transforms has none.
// Errors: the kEncodeFailed faults above; kEncodeFailed `frame.unknown_transform` or what a
//         transform says; kTooLarge `frame.too_big`. All have the outcome kNotSent.
inline Status finish(Buffer& out, FrameStart start, const Limits& limits,
                     const TransformSet* transforms = nullptr, std::size_t shared_bytes = 0);

// The part of finish() for frames with transforms and for those that cannot be written.
Status finish_any(Buffer& out, FrameStart start, const Limits& limits,
                  const TransformSet* transforms, std::size_t shared_bytes);

inline Status finish(Buffer& out, FrameStart start, const Limits& limits,
                     const TransformSet* transforms, std::size_t shared_bytes) {
  const std::size_t size = out.size() - start.offset + shared_bytes;
  if (start.fault != Fault::kNone || start.transform_count > 0 || size > limits.frame_bytes_max)
      [[unlikely]] {
    return finish_any(out, start, limits, transforms, shared_bytes);
  }
  store_u32(out.at(start.offset), static_cast<std::uint32_t>(size));
  return {};
}

// Takes an unfinished frame back.
inline void abandon(Buffer& out, FrameStart start) { out.truncate(start.offset); }

// begin(), the body, finish(). Same errors as finish().
Status append(Buffer& out, const MessageHead& head, std::string_view body, const Limits& limits,
              const TransformSet* transforms = nullptr);

}  // namespace fairlead::wire::raw
