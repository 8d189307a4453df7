// pb: byte-compatible with erpc v7.
//
//   u32  length of the frame, without these 4 bytes
//   u8   number of transforms n; n transform ids, outermost first
//   ---- the payload, a proto3 message: what follows has passed through the transforms ----
//   1 seq int32 | 2 mtype int32 | 3 serviceMethod string | 4 status bytes | 5 meta bytes
//   6 bodyCodec int32 | 7 body bytes
//
// Written: fields by number, zero and empty ones left out, a negative seq in ten bytes.
// Read: fields in any order, the last of a repeated one counts, unknown ones are skipped (groups
// nested at most 64 deep). No copy without transforms. docs/wire/pb.md has a worked example.
#pragma once

#include "fairlead/wire/protocol.h"

namespace fairlead::wire {

class PbProtocol final : public Protocol {
 public:
  std::string_view name() const override { return "pb"; }
  Carries carries() const override { return {}; }
  Received parse(std::string_view input, const Limits& limits,
                 const TransformSet* transforms) const override;
  std::optional<PeekedHead> peek_head(std::string_view input) const override;
  FrameStart begin(Buffer& out, const MessageHead& head) const override;
  Status finish(Buffer& out, FrameStart start, const Limits& limits,
                const TransformSet* transforms) const override;
};

}  // namespace fairlead::wire
