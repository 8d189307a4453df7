// ws-pb: one message inside of one WebSocket message, byte-compatible with erpc v7's protobuf
// sub-protocol. A proto3 message and nothing around it:
//
//   1 seq int32 | 2 mtype int32 | 3 serviceMethod string | 4 meta bytes | 5 bodyCodec int32
//   6 body bytes | 7 xferPipe bytes | 8 status bytes
//
// parse() is given exactly one message and never asks for more. Transforms act on the body alone.
// Field 8 is ours and stands there only when the status is no OK: the original sends none, skips
// ours, and so takes an error for an empty success. Otherwise written and read as pb
// (pb_protocol.h); docs/wire/ws_pb.md has a worked example.
#pragma once

#include "fairlead/wire/protocol.h"

namespace fairlead::wire {

// A body that cannot be restored is kBadBody: the next message begins where the next one begins.
class WsPbProtocol final : public Protocol {
 public:
  std::string_view name() const override { return "ws-pb"; }
  Carries carries() const override { return {}; }
  Received parse(std::string_view input, const Limits& limits,
                 const TransformSet* transforms) const override;
  std::optional<PeekedHead> peek_head(std::string_view input) const override;
  FrameStart begin(Buffer& out, const MessageHead& head) const override;
  Status finish(Buffer& out, FrameStart start, const Limits& limits,
                const TransformSet* transforms) const override;
};

}  // namespace fairlead::wire
