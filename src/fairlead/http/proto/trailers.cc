#include "fairlead/http/proto/trailers.h"

#include <algorithm>
#include <array>

#include "fairlead/base/text.h"
#include "fairlead/http/proto/scan.h"

namespace fairlead::http::proto {
namespace {

// The groups of RFC 9110 section 6.5.1, and names that proxies set or that describe the content:
// more than the standard forbids.
constexpr std::array<std::string_view, 43> kForbidden = {"Transfer-Encoding",
                                                         "Content-Length",
                                                         "Host",
                                                         "Connection",
                                                         "Keep-Alive",
                                                         "Proxy-Connection",
                                                         "Upgrade",
                                                         "TE",
                                                         "Trailer",
                                                         "Via",
                                                         "Forwarded",
                                                         "X-Forwarded-For",
                                                         "X-Forwarded-Host",
                                                         "X-Forwarded-Proto",
                                                         "X-Real-IP",
                                                         "Authorization",
                                                         "Proxy-Authorization",
                                                         "WWW-Authenticate",
                                                         "Proxy-Authenticate",
                                                         "Cookie",
                                                         "Set-Cookie",
                                                         "Cache-Control",
                                                         "Expect",
                                                         "Max-Forwards",
                                                         "Pragma",
                                                         "Range",
                                                         "If-Match",
                                                         "If-None-Match",
                                                         "If-Modified-Since",
                                                         "If-Unmodified-Since",
                                                         "If-Range",
                                                         "Age",
                                                         "Date",
                                                         "Expires",
                                                         "Location",
                                                         "Retry-After",
                                                         "Vary",
                                                         "Warning",
                                                         "Allow",
                                                         "Content-Encoding",
                                                         "Content-Type",
                                                         "Content-Range",
                                                         "Content-Location"};

}  // namespace

bool is_trailer_allowed(std::string_view name) {
  return std::ranges::none_of(kForbidden, [name](std::string_view forbidden) {
    return equals_ignoring_case(name, forbidden);
  });
}

bool Trailers::add_line(std::string_view line) {
  const std::size_t begin = text_.size();
  const std::size_t colon = internal::token_end(line, 0);
  if (colon == 0 || colon == line.size() || line[colon] != ':') return false;
  if (!is_trailer_allowed(line.substr(0, colon))) return true;
  const std::string_view value = trim(line.substr(colon + 1));
  if (!table_.add(begin, colon, begin + colon, value.size())) return false;
  text_.append(line.substr(0, colon)).append(value);
  table_.set_base(text_.data());
  return true;
}

void Trailers::clear() {
  text_.clear();
  table_.clear();
}

}  // namespace fairlead::http::proto
