#include "fairlead/service/http_handler.h"

#include <utility>

#include "fairlead/http/problem.h"

namespace fairlead::service::internal {

http::Handler http_handler(const ListenPlan&) {
  return http::plain_handler([](const http::Request& request) -> Result<http::Response> {
    const Status status(Code::kNotFound, "http.not_served", "calls are not served over HTTP here");
    return http::problem_response(status, request.id, {.http_status = 501});
  });
}

}  // namespace fairlead::service::internal
