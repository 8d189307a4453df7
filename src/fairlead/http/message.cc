#include "fairlead/http/message.h"

#include <utility>

namespace fairlead::http {
namespace {

using Function = std::function<Result<Response>(Request&)>;

// `function` lives in the Handler, which outlives the task.
Task<Result<Response>> run_plain(const Function* function, Request* request) {
  co_return (*function)(*request);
}

}  // namespace

Response Response::text(int status, std::string_view body) {
  return typed(status, "text/plain; charset=utf-8", body);
}

Response Response::json(int status, std::string_view body) {
  return typed(status, "application/json", body);
}

Response Response::typed(int status, std::string_view content_type, std::string_view body) {
  Response response;
  response.status = status;
  response.fields.add("Content-Type", content_type);
  response.body = Bytes(body);
  return response;
}

Handler plain_handler(Function function) {
  return [kept = std::move(function)](Request& request) { return run_plain(&kept, &request); };
}

}  // namespace fairlead::http
