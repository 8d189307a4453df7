// The one place where a Status becomes an HTTP answer: RFC 9457 problem details.
//
//   {"type":"urn:fairlead:error:not_found","title":"Not Found","status":404,"code":404,
//    "reason":"route.unknown","detail":"no route for /x","request_id":"0f3k2m9q1ab4c"}
#pragma once

#include <string_view>

#include "fairlead/base/status.h"
#include "fairlead/http/message.h"

namespace fairlead::http {

struct ProblemOptions {
  HttpStyle style = HttpStyle::kStrict;  // how business codes are shown
  int http_status = 0;                   // overrides the table's mapping; 0: the table decides
  bool show_cause = false;               // adds "cause"; for developers, never for the outside
};

// The answer for `status`, which is not OK. `reason` is left out when it is empty, and so is
// `request_id`. Text that is not UTF-8 is escaped.
Response problem_response(const Status& status, std::string_view request_id,
                          const ProblemOptions& options = {});

}  // namespace fairlead::http
