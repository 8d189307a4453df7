// ws-json: one message inside of one WebSocket message, byte-compatible with erpc v7's JSON
// sub-protocol where its output is JSON, and right where it is not.
//
//   {"seq":1,"mtype":1,"serviceMethod":"/m","meta":"","bodyCodec":106,"body":"..","xferPipe":[103]
//    ,"status":"code=404&msg=..."}
//
// Nothing stands around it: no length, no ids, so parse() is given exactly one message and never
// asks for more. Transforms act on the body alone. `status` is ours and stands there only when it
// is no OK: the original sends none, skips ours, and so takes an error for an empty success.
// Strings, and the two readings of a body, are those of json (json_protocol.h);
// docs/wire/ws_json.md.
#pragma once

#include "fairlead/wire/protocol.h"

namespace fairlead::wire {

// A body that cannot be restored is kBadBody: the next message begins where the next one begins.
// Cost: as json. A body that has to be packed or a message with a tail is moved once more.
class WsJsonProtocol final : public Protocol {
 public:
  std::string_view name() const override { return "ws-json"; }
  Carries carries() const override { return {}; }
  Received parse(std::string_view input, const Limits& limits,
                 const TransformSet* transforms) const override;
  std::optional<PeekedHead> peek_head(std::string_view input) const override;
  FrameStart begin(Buffer& out, const MessageHead& head) const override;
  Status finish(Buffer& out, FrameStart start, const Limits& limits,
                const TransformSet* transforms) const override;
};

}  // namespace fairlead::wire
