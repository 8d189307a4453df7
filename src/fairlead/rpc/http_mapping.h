// What RPC over HTTP and the gateway do alike with heads: which fields of a request become metadata
// of a call, which codecs the two sides mean, and which metadata of a reply become fields. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fairlead/base/result.h"
#include "fairlead/codec/codec.h"
#include "fairlead/http/fields.h"

namespace fairlead::rpc {

inline constexpr std::string_view kRequestIdKey = "x-request-id";

// Whether the trace of a caller (traceparent, tracestate, baggage) is believed.
enum class TraceFields : std::uint8_t { kPass, kDrop };

// Appends the fields of a request as metadata, names in lower case. Left out are those of one hop
// (RFC 9110 section 7.6.1, and whatever Connection names), of the content, of the negotiation
// (Accept*), and those that nobody outside may say: wire::is_reserved_key(), x-request-id,
// forwarded, x-forwarded-*, x-consumer-*. Does not allocate when `out` has room.
void append_field_metadata(std::string& out, const http::Fields& fields, TraceFields trace);
// Appends the pairs of a query, without those that nobody outside may say, and without traces.
// Errors: kBadMessage `http.bad_query`.
Status append_query_metadata(std::string& out, std::string_view query);

// The codec of a request's body, by its Content-Type:
//   one that a codec has      that codec
//   none, and no body         none
//   none, and a body          JSON
//   form, body begins with { or [ after blanks     JSON: `curl -d '{"a":1}'` names it a form
// Errors: 415 `http.media_type`, whose message lists kMediaTypes; those of check_content_coding();
//         kBadMessage `codec.json`: who says JSON must send some.
Result<std::uint8_t> body_codec_of(const http::Fields& fields, std::string_view body);
// Bodies come as they are: nothing is inflated, so that no small body becomes a large one here.
// Errors: 415 `http.content_coding` for a Content-Encoding that is not identity.
Status check_content_coding(const http::Fields& fields);
// Adds to an answer with 415 what would have been taken (RFC 9110 section 15.5.16):
// Accept-Encoding where check_content_coding() refused, and nowhere else (section 12.5.3); Accept
// with `media_types` otherwise.
void append_accepted(http::Fields& out, const Status& refused, std::string_view media_types);
inline constexpr Code kUnsupportedMediaType{415};
inline constexpr std::string_view kMediaTypeReason = "http.media_type";
inline constexpr Code kNotAcceptable{406};
// What bodies may be, the preferred one first.
inline constexpr std::string_view kMediaTypes =
    "application/json, application/x-protobuf, application/x-www-form-urlencoded, text/plain, "
    "application/x-thrift, application/xml";

// The codec that the Accept fields like best (RFC 9110 section 12.5.1): the highest q of the most
// specific range, among equals the first of kMediaTypes. Without such a field JSON.
// Errors: 406 `http.not_acceptable`, whose message lists kMediaTypes.
Result<codec::CodecId> reply_codec_of(const http::Fields& fields);

inline constexpr std::size_t kReplyFieldsMax = 64;
// Appends to `out` the pairs of a reply's metadata that a field may carry, at most
// kReplyFieldsMax: tokens with visible values, without fields of the hop, of the content and
// reserved ones, Date, Server, Location. More pairs than a message may have: none.
void append_reply_fields(http::Fields& out, std::string_view metadata);

// The same for the metadata of an error that is answered with `status`: X-Fl-Retry-After, in ms,
// goes out as the seconds of Retry-After with 429 and 503 (RFC 9110 section 10.2.3).
void append_error_fields(http::Fields& out, int status, std::string_view metadata);

// The Content-Type of a reply's body: what its metadata says under `content-type`, in any case of
// letters, where that has the form type/subtype with visible parameters; else that of its codec, or
// empty when there is none. `told` keeps the former's text for the result.
std::string_view reply_content_type(std::uint8_t codec, std::string_view metadata,
                                    std::string& told);

// The token of `Authorization: Bearer token` (RFC 6750 section 2.1); empty: there is none.
std::string_view bearer_token(const http::Fields& fields);

}  // namespace fairlead::rpc
