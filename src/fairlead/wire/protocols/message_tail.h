// Messages of which something stands behind the body: begin() knows it, finish() needs it. Until
// then it is put aside, in front of the message. Private to the room.
//
//   begin() and body    | u32 size of the tail | tail | transform ids | head | body
//   take_aside()        | head | body
//   the protocol        | head | body, packed and escaped | tail
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/wire/frame.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::wire::internal {

struct Aside {
  std::string tail;
  std::string transforms;  // at most kTransformsMax ids
};

// Puts `aside` where the message will begin. `start` learns the number of ids.
void put_aside(Buffer& out, FrameStart& start, const Aside& aside);

// Takes it off again: the message moves down to where `start` says that it begins.
Aside take_aside(Buffer& out, const FrameStart& start);

// Replaces what stands in `out` from `body_at` on by its packed form. No ids: nothing to do.
// Errors: kTooLarge `frame.too_big` for a body that a peer with our limit would not restore;
//         kEncodeFailed `frame.unknown_transform`, what a transform says.
Status pack_body(Buffer& out, std::size_t body_at, std::string_view ids, const Limits& limits,
                 const TransformSet* transforms);

// The last check of a message without an envelope: too big, and it is taken back.
Status seal_message(Buffer& out, FrameStart start, const Limits& limits);

}  // namespace fairlead::wire::internal
