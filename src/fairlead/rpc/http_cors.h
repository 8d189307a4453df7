// Which pages of other origins may read answers (the CORS protocol of the Fetch standard, section
// 3.2). Off unless origins are named.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/status.h"
#include "fairlead/base/time.h"
#include "fairlead/http/fields.h"

namespace fairlead::rpc {

struct CorsOptions {
  // "https://app.example.com", compared byte by byte; "*" alone: every origin. Empty: off.
  std::vector<std::string> origins{};
  bool credentials = false;                     // cookies and the like; not with "*"
  Duration max_age = std::chrono::minutes(10);  // that a preflight is remembered; >= 0

  // Errors: kInvalidOperation `http_calls.bad_option`, naming what is wrong.
  Status validate() const;
};

// Whether a request is the question that browsers ask before the real one.
bool is_preflight(std::string_view method, const http::Fields& request);

// Appends the fields that let the page which sent `request` read its answer: none when CORS is off,
// only Vary when the origin is refused. For a preflight also what it may send: `allowed_methods`,
// and the fields that it asks for, none of which has a power of its own here. The views live as
// long as `request`, `options` and `age`, a text that this fills.
void append_cors_fields(std::vector<http::Field>& out, const CorsOptions& options,
                        std::string_view method, const http::Fields& request,
                        std::string_view allowed_methods, std::string& age);

}  // namespace fairlead::rpc
