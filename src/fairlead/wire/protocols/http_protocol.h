// http: erpc's HTTP form, byte-compatible with erpc v7. It looks like HTTP/1.1 and is none: no
// Host, a target that may be empty, replies in any order, told apart by X-Seq.
//
//   POST /home/test HTTP/1.1                       HTTP/1.1 200 OK
//   Accept-Encoding: gzip                          Content-Length: 2
//   Author: andeya                                 Content-Type: application/json;charset=utf-8
//   Content-Length: 2                              X-Mtype: 2
//   Content-Type: application/json;charset=utf-8   X-Seq: 1
//   User-Agent: erpc-httproto/1.1
//   X-Mtype: 1                                     HTTP/1.1 299 Business Error
//   X-Seq: 1                                       ... and the status as JSON
//
// Written: names in canonical form and sorted, a header for each pair of metadata. What HTTP cannot
// say is refused: PUSH, Thrift, transforms but one gzip, keys that are no names of headers.
// Read: any method, X-Mtype and X-Seq required, names in any case; strictly otherwise. The query
// and all other headers are metadata, and the keys that the framework knows have their own spelling
// again, so that X-Real-IP stays what it is. docs/wire/http.md.
//
// No more than this form: everybody else's HTTP is the business of http/proto.
#pragma once

#include <cstddef>

#include "fairlead/wire/protocol.h"

namespace fairlead::wire {

inline constexpr std::size_t kHttpHeadBytesMax = std::size_t{64} << 10;  // with the empty line

// Cost: a message with headers of its own is copied once, body and all. Until a head is whole each
// try looks through it again, so through at most 64 KiB.
class HttpProtocol final : public Protocol {
 public:
  std::string_view name() const override { return "http"; }
  Carries carries() const override { return {.hello = false}; }
  Received parse(std::string_view input, const Limits& limits,
                 const TransformSet* transforms) const override;
  std::optional<PeekedHead> peek_head(std::string_view input) const override;
  FrameStart begin(Buffer& out, const MessageHead& head) const override;
  Status finish(Buffer& out, FrameStart start, const Limits& limits,
                const TransformSet* transforms) const override;
};

}  // namespace fairlead::wire
