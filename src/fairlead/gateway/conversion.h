// Between HTTP and calls: what of a request becomes the call, and of a reply the answer. Pure.
#pragma once

#include <string_view>

#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/http/message.h"
#include "fairlead/rpc/pending_call.h"
#include "fairlead/upstream/service.h"

namespace fairlead::gateway::internal {

inline constexpr std::string_view kAllowedMethods = "GET, HEAD, OPTIONS, POST";
// What bodies may be.
inline constexpr std::string_view kMediaTypes =
    "application/json, application/x-www-form-urlencoded";

// The call of `method` that `request` asks for. `timeout` is what the caller will wait.
//
// The body is passed on as it is; its Content-Type names its codec, but a form that begins as JSON
// is JSON (`curl -d '{"a":1}'` names it a form). Metadata, in this order, so that what the gateway
// says is found first:
//   X-Real-IP, X-Accept-Body-Codec (JSON), X-Fl-Timeout, x-request-id: set by the gateway
//   headers in lower case, without those of one hop, of the content, and reserved ones
//   pairs of the query, without reserved ones
// Errors: kKindNotAllowed `gateway.method`, 415 `gateway.media_type`, 415 `http.content_coding`,
//         kBadMessage `gateway.body_in_get`, `http.bad_query`, kNotFound `gateway.method_too_long`,
//         kTooLarge `gateway.metadata_too_big`.
Result<upstream::RawRequest> to_call(const http::Request& request, std::string_view method,
                                     Duration timeout);

// The answer that carries `reply`: its body as it is, the Content-Type of its codec, and its
// metadata as headers where a header may carry it.
http::Response to_response(const rpc::Reply& reply);

}  // namespace fairlead::gateway::internal
