#include "fairlead/http/handler_responder.h"

#include <utility>

#include "fairlead/base/exception.h"

namespace fairlead::http::internal {

// The one place in which what a handler throws is caught.
Task<Result<Response>> HandlerResponder::run(Request& request) {
  Status thrown(Code::kInternal, "http.handler_threw", "the handler failed");
  try {
    Task<Result<Response>> task = handler_(request);
    Result<Response> result = co_await std::move(task);
    co_return result;
  } catch (...) {
    thrown = with_exception_as_cause(std::move(thrown));
  }
  co_return thrown;
}

// The handler's frame is gone before its request is.
Task<void> HandlerResponder::handle(Exchange& exchange) {
  Result<Response> result = co_await run(exchange.request());
  exchange.answer(std::move(result));
}

}  // namespace fairlead::http::internal
