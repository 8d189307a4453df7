#include "fairlead/http/proto/refusal.h"

#include <array>

namespace fairlead::http::proto {
namespace {

constexpr std::array<RefusalRow, kRefusalCount> kRows = {{
    {200, "", ""},
    {400, "http.bad_start_line",
     "the first line is not that of an HTTP/1.1 message: its parts, which hold no blanks, are one "
     "blank apart"},
    {400, "http.bad_target",
     "the request target is neither a path nor a URL; blanks, '#', backslashes and what is not "
     "ASCII are sent as %XX"},
    {400, "http.bad_path",
     "the path holds dot segments, an escaped slash, backslash or control byte, or a bad escape"},
    {400, "http.bad_query", "the query holds a bad escape or too many pairs"},
    {505, "http.version", "only HTTP/1.0 and HTTP/1.1 are spoken here"},
    {400, "http.bad_field", "a header line is not NAME: VALUE, is folded, or holds a control byte"},
    {400, "http.bad_host", "exactly one Host field is required: a host, or host:port"},
    {400, "http.bad_content_length", "Content-Length must be one decimal number"},
    {400, "http.length_and_coding", "Content-Length and Transfer-Encoding exclude each other"},
    {400, "http.coding_in_http10", "HTTP/1.0 has no Transfer-Encoding"},
    {501, "http.transfer_coding", "the only transfer coding understood is chunked"},
    {400, "http.bad_chunk", "the chunked body is malformed"},
    {400, "http.bad_trailer", "the trailer section is malformed"},
    {417, "http.expectation", "the only expectation understood is 100-continue"},
    {501, "http.method_too_long", "the method is longer than 32 bytes"},
    {501, "http.connect", "CONNECT is not served here"},
    {414, "http.target_too_long", "the request target is longer than the limit"},
    {431, "http.head_too_large", "the header section is larger than the limit"},
    {431, "http.too_many_fields", "there are more header fields than the limit"},
    {431, "http.trailer_too_large", "the trailer section is larger than the limit"},
    {413, "http.body_too_large", "the body is larger than the limit"},
    {408, "http.head_timeout", "the header section did not arrive in time"},
    {408, "http.body_timeout", "the body did not arrive in time"},
    {421, "http.misdirected", "the certificate of this connection is not for the host asked for"},
}};

}  // namespace

const RefusalRow& refusal_row(Refusal refusal) { return kRows[static_cast<std::size_t>(refusal)]; }

Status to_status(Refusal refusal) {
  if (refusal == Refusal::kNone) return {};
  const RefusalRow& row = refusal_row(refusal);
  return Status(static_cast<Code>(row.http_status), row.reason, row.text);
}

}  // namespace fairlead::http::proto
