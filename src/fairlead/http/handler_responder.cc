#include "fairlead/http/handler_responder.h"

#include <exception>

namespace fairlead::http::internal {

// The one place in which what a handler throws is caught.
Task<Result<Response>> HandlerResponder::run(Request& request) {
  std::string thrown;
  try {
    Task<Result<Response>> task = handler_(request);
    Result<Response> result = co_await std::move(task);
    co_return result;
  } catch (const std::exception& error) {
    thrown = error.what();
  } catch (...) {
    thrown = "an exception of an unknown type";
  }
  co_return Status(Code::kInternal, "http.handler_threw", "the handler failed").with_cause(thrown);
}

// The handler's frame is gone before its request is.
Task<void> HandlerResponder::handle(Exchange& exchange) {
  Result<Response> result = co_await run(exchange.request());
  exchange.answer(std::move(result));
}

}  // namespace fairlead::http::internal
