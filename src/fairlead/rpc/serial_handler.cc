#include "fairlead/rpc/serial_handler.h"

#include <exception>
#include <string>
#include <utility>

#include "fairlead/rpc/session.h"

namespace fairlead::rpc {
namespace {

using internal::SerialLines;

// Waits until it is this PUSH's turn. Errors: kOverloaded `route.serial_queue`; kCancelled
// `wait.cancelled` when the session or the handler's time ended first.
Task<Status> stand_in_line(SerialLines::Line& line, Context& context) {
  if (!std::exchange(line.busy, true)) co_return Status();
  if (line.waiting.size() >= kSerialPushesMax) {
    co_return Status(Code::kOverloaded, "route.serial_queue",
                     std::to_string(kSerialPushesMax) + " PUSHes of this session wait for '" +
                         std::string(context.method()) + "' already");
  }
  Event turn;
  line.waiting.push_back(&turn);
  Status waited = co_await turn.wait(context.core().timers(), Deadline(), context.cancel());
  if (!waited.ok()) std::erase(line.waiting, &turn);
  co_return waited;
}

void let_the_next_one_start(SerialLines::Line& line) {
  if (line.waiting.empty()) {
    line.busy = false;
    return;
  }
  Event* const next = line.waiting.front();
  line.waiting.pop_front();
  next->set();  // runs it until its first wait
}

class SerialHandler final : public Handler {
 public:
  explicit SerialHandler(std::unique_ptr<Handler> inner) : inner_(std::move(inner)) {}

  bool waits() const override { return true; }
  Status handle(Context& context) override { return inner_->handle(context); }
  Task<Status> handle_later(Context& context) override {
    SerialLines::Line& line = context.session().serial_lines().line(*this);
    FL_CO_TRY(co_await stand_in_line(line, context));
    Status status;
    std::exception_ptr thrown;
    try {
      status = co_await inner_->handle_later(context);
    } catch (...) {
      thrown = std::current_exception();  // the line moves on first
    }
    let_the_next_one_start(line);
    if (thrown != nullptr) std::rethrow_exception(thrown);
    co_return status;
  }

 private:
  const std::unique_ptr<Handler> inner_;
};

}  // namespace

std::unique_ptr<Handler> make_serial(std::unique_ptr<Handler> inner) {
  if (!inner->waits()) return inner;
  return std::make_unique<SerialHandler>(std::move(inner));
}

}  // namespace fairlead::rpc
