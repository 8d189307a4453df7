// json: byte-compatible with erpc v7 where its output is JSON, and right where it is not.
//
//   u32  length of the frame, without these 4 bytes
//   u8   number of transforms n; n transform ids, outermost first
//   ---- the payload: what follows has passed through the transforms ----
//   {"seq":1,"mtype":1,"serviceMethod":"/m","status":"code=0","meta":"","bodyCodec":106,
//    "body":".."}
//
// Written: these keys in this order without blanks; quote, backslash and control bytes escaped; all
// other bytes of a body as they are, also when they are no UTF-8. A body with neither quote nor
// backslash stands as it is, control bytes too: the original writes and reads it so.
// Read: keys in any order, the first of a repeated one counts, unknown ones are skipped (nested at
// most 64 deep); a missing or null text is empty, a missing number 0. Bodies by two rules, the
// second for what the original writes; see docs/wire/json.md.
#pragma once

#include "fairlead/wire/protocol.h"

namespace fairlead::wire {

// Cost: texts with escapes, so most bodies, are copied once, into one block of memory.
class JsonProtocol final : public Protocol {
 public:
  std::string_view name() const override { return "json"; }
  Carries carries() const override { return {}; }
  Received parse(std::string_view input, const Limits& limits,
                 const TransformSet* transforms) const override;
  std::optional<PeekedHead> peek_head(std::string_view input) const override;
  FrameStart begin(Buffer& out, const MessageHead& head) const override;
  Status finish(Buffer& out, FrameStart start, const Limits& limits,
                const TransformSet* transforms) const override;
};

}  // namespace fairlead::wire
