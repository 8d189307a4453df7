// Protocol: one form of frames on a connection. raw, json, pb, thrift-binary and thrift-struct are
// five objects behind this interface; docs/wire/README.md says what each can carry.
//
//   reading   parse(): at the front of the input is no whole frame yet, a message, or an error
//   writing   begin() .. the codec appends the body straight to the output .. finish()
//
// Three more are carried by something else: carried_protocols().
//
// To add one: write its pair of files in protocols/ and one line in protocol.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/status.h"
#include "fairlead/wire/frame.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/transforms/transform.h"

namespace fairlead::wire {

// What parse() found.
struct Received {
  enum class State : std::uint8_t {
    kNeedMore,  // cut; `size` is the whole frame's size, or 0 when not even that is known
    kMessage,   // `message` is whole; the frame took `size` bytes
    kBadBody,   // as kMessage, but the body could not be restored: answer this call with `status`
                // and go on behind the frame
    kError,     // `status` says why; there is no next frame: close the connection
  };
  State state = State::kNeedMore;
  std::uint32_t size = 0;
  MessageView message{};
  // The memory that every view of `message` lies in, when that is not the input: texts that had to
  // be unescaped or transformed. Holds nothing when the views lie in the input.
  Bytes owner{};
  Status status{};

  // What must be kept for as long as the views are used.
  const Bytes& memory(const Bytes& input) const { return owner.chunk() ? owner : input; }
};

// What a protocol can say. What it cannot is an error of finish(), never a silent loss.
struct Carries {
  bool login = true;       // AUTH_CALL and AUTH_REPLY
  bool hello = true;       // a method that nobody knows is answered, and the connection goes on
  bool transforms = true;  // else kEncodeFailed `frame.transforms_not_carried`
  std::uint8_t only_codec = kNoCodec;  // bodies of this codec only; kNoCodec: of any
};

// Enough of a frame's head to answer it.
struct PeekedHead {
  std::int32_t seq = 0;
  Kind kind = Kind::kCall;
};

// Thread: const and without state; one object of each kind serves all cores of the process.
class Protocol {
 public:
  virtual ~Protocol() = default;

  virtual std::string_view name() const = 0;  // for configuration: "raw", "json", ...
  virtual Carries carries() const = 0;

  // Looks at the first frame of `input`. Nothing is allocated before the whole frame is there, and
  // then at most what it holds, or what transforms restore: 4 * frame_bytes_max in all stages.
  // `transforms`: null means that none is known.
  // A frame over the limit is refused as soon as its length is there. raw and thrift count their
  // length bytes, json and pb do not, as the original has it.
  // Errors in `status`: kTooLarge `frame.too_big`, kBadMessage `frame.bad_size`,
  //   `frame.bad_layout`, `frame.bad_seq`, `frame.bad_kind`, `frame.unknown_transform`, what the
  //   transforms say; for kBadBody: the last two, and `frame.bad_body`.
  virtual Received parse(std::string_view input, const Limits& limits,
                         const TransformSet* transforms) const = 0;

  // For the 413 answer to a frame that is too big: seq and kind, when they have arrived and stand
  // before any transform.
  virtual std::optional<PeekedHead> peek_head(std::string_view input) const = 0;

  // Writes what stands before the body. The caller then appends the body to `out` and calls
  // finish(), or abandon(). A head that cannot be written is remembered and told by finish().
  virtual FrameStart begin(Buffer& out, const MessageHead& head) const = 0;

  // Completes the frame: escapes, transforms, lengths. On an error the buffer is cut back to where
  // begin() found it. All errors have the outcome kNotSent.
  // Errors: the kEncodeFailed faults of frame.h; kEncodeFailed `frame.unknown_transform`,
  //         `frame.bad_body` (thrift-struct: no struct, or an error with a body) or what a
  //         transform says; kTooLarge `frame.too_big`.
  virtual Status finish(Buffer& out, FrameStart start, const Limits& limits,
                        const TransformSet* transforms) const = 0;

  // Takes an unfinished frame back.
  static void abandon(Buffer& out, FrameStart start) { out.truncate(start.offset); }

  // begin(), the body, finish(). Same errors as finish().
  Status append(Buffer& out, const MessageHead& head, std::string_view body, const Limits& limits,
                const TransformSet* transforms) const;
};

// All protocols that a connection can be configured to speak, the default one first. They live as
// long as the process.
std::span<const Protocol* const> protocols();

// Null when there is none of this name.
const Protocol* find_protocol(std::string_view name);

// The forms that no connection speaks by itself, so that no listener can be set to one by mistake:
//   ws-json, ws-pb   the inside of one WebSocket message. parse() is given exactly one and never
//                    asks for more: a cut one is an error, and kBadBody goes on with the next.
//   http             erpc's HTTP form, for a listener of HTTP that has it switched on
std::span<const Protocol* const> carried_protocols();

// Null when there is none of this name.
const Protocol* find_carried_protocol(std::string_view name);

}  // namespace fairlead::wire
