#include "fairlead/http/problem.h"

#include <string>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/writer.h"

namespace fairlead::http {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, value);
}

}  // namespace

Response problem_response(const Status& status, std::string_view request_id,
                          const ProblemOptions& options) {
  FL_CHECK(!status.ok());
  const int http_status =
      options.http_status != 0 ? options.http_status : http_status_of(status.code(), options.style);
  // A number off the table has no name; its reason says more than "unlisted".
  const bool named = find_code(status.code()) != nullptr || status.reason().empty();
  std::string body = "{\"type\":\"urn:fairlead:error:";
  append_json_escaped(body, named ? code_name(status.code()) : status.reason());
  body += '"';
  append_member(body, "title", proto::reason_phrase(http_status));
  body += ",\"status\":" + std::to_string(http_status);
  body += ",\"code\":" + std::to_string(static_cast<std::int32_t>(status.code()));
  if (!status.reason().empty()) append_member(body, "reason", status.reason());
  append_member(body, "detail", status.message());
  if (options.show_cause && status.cause() != nullptr) {
    append_member(body, "cause", *status.cause());
  }
  if (!request_id.empty()) append_member(body, "request_id", request_id);
  body += "}\n";
  return Response::typed(http_status, "application/problem+json", body);
}

}  // namespace fairlead::http
