// HandlerResponder: answers requests by a Handler. Private to the room.
#pragma once

#include <utility>

#include "fairlead/async/scope.h"
#include "fairlead/http/exchange.h"

namespace fairlead::http::internal {

// Thread: the server's core. Lifetime: its server's; close() must have completed.
class HandlerResponder final : public Responder {
 public:
  HandlerResponder(Handler handler, std::size_t body_bytes_max)
      : handler_(std::move(handler)), plan_{.bytes_max = body_bytes_max, .streamed = false} {}

  Result<BodyPlan> plan(const Request&) override { return plan_; }
  void set_body_bytes_max(std::size_t bytes_max) { plan_.bytes_max = bytes_max; }
  void respond(Exchange& exchange) override { scope_.spawn(handle(exchange)); }

  Task<Status> close(TimerWheel& timers, Deadline deadline) {
    return scope_.close(timers, deadline);
  }

 private:
  Task<void> handle(Exchange& exchange);
  Task<Result<Response>> run(Request& request);

  const Handler handler_;
  BodyPlan plan_;
  Scope scope_;  // one task per request being handled
};

}  // namespace fairlead::http::internal
