// raw behind the common interface; the bytes and the work are those of raw.h.
#pragma once

#include "fairlead/wire/protocol.h"

namespace fairlead::wire {

class RawProtocol final : public Protocol {
 public:
  std::string_view name() const override { return "raw"; }
  Carries carries() const override { return {}; }
  Received parse(std::string_view input, const Limits& limits,
                 const TransformSet* transforms) const override;
  std::optional<PeekedHead> peek_head(std::string_view input) const override;
  FrameStart begin(Buffer& out, const MessageHead& head) const override;
  Status finish(Buffer& out, FrameStart start, const Limits& limits,
                const TransformSet* transforms) const override;
};

}  // namespace fairlead::wire
