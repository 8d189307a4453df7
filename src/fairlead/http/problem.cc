#include "fairlead/http/problem.h"

#include <string>

#include "fairlead/base/check.h"
#include "fairlead/base/json_object.h"
#include "fairlead/http/proto/writer.h"

namespace fairlead::http {

Response problem_response(const Status& status, std::string_view request_id,
                          const ProblemOptions& options) {
  FL_CHECK(!status.ok());
  const int http_status =
      options.http_status != 0 ? options.http_status : http_status_of(status.code(), options.style);
  // A number off the table has no name; its reason says more than "unlisted".
  const bool named = find_code(status.code()) != nullptr || status.reason().empty();
  std::string type = "urn:fairlead:error:";
  type += named ? code_name(status.code()) : status.reason();
  JsonObject body;
  body.text("type", type)
      .text("title", proto::reason_phrase(http_status))
      .number("status", http_status)
      .number("code", static_cast<std::int32_t>(status.code()));
  if (!status.reason().empty()) body.text("reason", status.reason());
  body.text("detail", status.message());
  if (options.show_cause && status.cause() != nullptr) body.text("cause", *status.cause());
  if (!request_id.empty()) body.text("request_id", request_id);
  return Response::typed(http_status, "application/problem+json", body.str() + '\n');
}

}  // namespace fairlead::http
