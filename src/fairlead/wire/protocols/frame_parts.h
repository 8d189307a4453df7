// What several protocols do alike. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fairlead/base/big_endian.h"
#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/result.h"
#include "fairlead/wire/frame.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::wire::internal {

inline constexpr std::size_t kLengthBytes = 4;
inline constexpr std::string_view kStatusOk = "code=0";  // what a head without a status means

// kError with this fault.
Received refused(Fault fault, std::uint32_t detail, const Limits& limits);
// kError `frame.bad_layout`: "<protocol> frame: <what>, at byte <at> of its payload".
Received bad_layout(std::string_view protocol, std::string_view what, std::size_t at);

// `frame.unknown_transform` of a process that knows none.
Status no_transforms(Code code);

// Frames of json and pb: u32 length without itself, transform count, ids, payload.
struct Envelope {
  Received::State state = Received::State::kNeedMore;  // kMessage: whole, kError: `fault`
  Fault fault = Fault::kNone;
  std::uint32_t size = 0;  // as Received::size; for kError the offending length
  std::string_view transforms{};
  std::string_view payload{};  // still behind the transforms
};
Envelope open_envelope(std::string_view input, const Limits& limits);
// Writes the envelope's head for `head`, with the length left to seal_envelope().
FrameStart begin_envelope(Buffer& out, const MessageHead& head);
// Runs the transforms, checks the limit, writes the length; on an error the frame is taken back.
Status seal_envelope(Buffer& out, FrameStart start, const Limits& limits,
                     const TransformSet* transforms);

// Restores what `message.body` holds behind `message.transforms`, and points both into the result,
// which owns the restored bytes and, before them, the ids.
// Errors: kBadMessage `frame.unknown_transform`, what the transforms say; kTooLarge
//         `frame.too_big`.
Result<Bytes> unpack_payload(const TransformSet* transforms, const Limits& limits,
                             MessageView& message);
// The front of `input` as json and pb read it: its envelope opened, the transforms undone. With
// kMessage `message.body` is the restored payload, which the protocol then reads.
Received open_payload(std::string_view input, const Limits& limits, const TransformSet* transforms);

// Messages that own their memory: their texts one behind the other, the body last.
// append_texts() writes all but the body, whoever calls appends that, and own_texts() makes `all`
// the owner and points the views into it.
void append_texts(Buffer& out, const MessageView& message);
void own_texts(Received& received, const Buffer& all);
// Replaces the body, which is behind `message.transforms`, by what they restore; every view then
// lies in the owner. Errors: as unpack_payload(); the message is as it was.
Status restore_body(const TransformSet* transforms, const Limits& limits, Received& received);
// The message is whole, its body cannot be had.
void make_bad_body(Received& received, Status why);

// Replaces the payload of a frame, which begins behind the ids, by its packed form.
Status pack_payload(Buffer& out, FrameStart start, const TransformSet* transforms);

// Takes the frame back and gives its fault as a Status that was not sent.
Status take_back(Buffer& out, FrameStart start, Status why);

}  // namespace fairlead::wire::internal
