// BodyReader: gathers a whole body from what a stream reads, whatever frames it.
#pragma once

#include <cstddef>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/http/proto/chunked.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/io/stream.h"

namespace fairlead::http::internal {

// A body of known length is not copied: it stays in the stream's chunk until it is whole, and is
// a view of it then. Other bodies are gathered in memory of their own, never more than the limit.
class BodyReader {
 public:
  // Begins a body. False: it is known to be larger than `bytes_max`, kBodyTooLarge.
  bool start(const proto::Framing& framing, std::size_t bytes_max);
  // After start(): trailers of this body go to `trailers`, complete at the end of it; borrowed
  // until then.
  void keep_trailers(proto::Trailers& trailers, proto::TrailerLimits limits) {
    chunks_.keep_trailers(trailers, limits);
  }

  // Reads from the front of `input`; `read` says what was taken and what is wanted next.
  // Errors in refusal(): kBodyTooLarge and those of ChunkedDecoder.
  proto::ParseState read(const Bytes& input, io::ReadResult& read);
  // The peer ends its bytes. True: that was the end of the body.
  bool end() const { return framing_.body == proto::BodyKind::kUntilClose; }

  proto::Refusal refusal() const { return refusal_; }
  Bytes take();  // the body, once it is whole

 private:
  bool gather(std::string_view data);

  proto::Framing framing_;
  std::size_t bytes_max_ = 0;
  proto::Refusal refusal_ = proto::Refusal::kNone;
  proto::ChunkedDecoder chunks_;
  Buffer gathered_;
  Bytes whole_;
};

}  // namespace fairlead::http::internal
