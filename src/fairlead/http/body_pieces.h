// BodyPieces: takes a body out of what a stream reads, piece by piece, whatever frames it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fairlead/base/bytes.h"
#include "fairlead/http/proto/chunked.h"
#include "fairlead/http/proto/head.h"

namespace fairlead::http::internal {

// Thread: one owner. Memory: none of its own; the pieces share the chunk of the input.
class BodyPieces {
 public:
  struct Step {
    proto::ParseState state = proto::ParseState::kNeedMore;
    std::size_t consumed = 0;  // bytes of the input that are done with
    Bytes data;                // a run of body bytes inside them
  };

  // Begins a body. False: it is known to be larger than `bytes_max`, kBodyTooLarge.
  bool start(const proto::Framing& framing, std::uint64_t bytes_max);
  // After start(): trailers of this body go to `trailers`, complete at the end of it; borrowed
  // until then.
  void keep_trailers(proto::Trailers& trailers, proto::TrailerLimits limits) {
    chunks_.keep_trailers(trailers, limits);
  }

  // Reads on at the front of `input` until there is a run of body bytes, the end, a refusal, or no
  // byte left. Call again with what follows `consumed` while it is not empty.
  // Errors in refusal(): kBodyTooLarge and those of ChunkedDecoder.
  Step next(const Bytes& input);
  // The peer ends its bytes. True: that was the end of the body.
  bool end() const { return framing_.body == proto::BodyKind::kUntilClose; }

  proto::Refusal refusal() const { return refusal_; }

 private:
  proto::Framing framing_;
  std::uint64_t left_ =
      0;  // that may still come: of the body where its length is known, else of the limit
  proto::Refusal refusal_ = proto::Refusal::kNone;
  proto::ChunkedDecoder chunks_;
};

}  // namespace fairlead::http::internal
