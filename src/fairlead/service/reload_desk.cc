#include "fairlead/service/reload_desk.h"

#include <limits>
#include <utility>

#include "fairlead/base/check.h"

namespace fairlead::service {
namespace {

constexpr int kUnprocessable = 422;  // the file; the request was good

Status ending() {
  return Status(Code::kOverloaded, "config.ending", "the program ends and reads nothing any more");
}

// Nothing can be said yet; what will be must not mean something else to an older program.
bool says_nothing(std::string_view body) {
  std::string rest;
  for (const char byte : body) {
    if (byte != ' ' && byte != '\t' && byte != '\r' && byte != '\n') rest += byte;
  }
  return rest.empty() || rest == "{}";
}

}  // namespace

ReloadDesk::ReloadDesk(io::Core& core, std::function<void()> ask)
    : core_(core), ask_(std::move(ask)), state_(std::make_shared<State>()) {}

ReloadDesk::~ReloadDesk() { FL_CHECK(state_->waiting.empty()); }

admin::Page ReloadDesk::page() {
  return {.path = "/config/reload",
          .title = "POST: read the configuration again, as on HUP.",
          .handler = [this](http::Request& request) { return read_again(request); },
          .methods = {"POST"}};
}

Task<Result<http::Response>> ReloadDesk::read_again(http::Request& request) {
  if (!says_nothing(request.body.view())) {
    co_return Status(Code::kBadMessage, "admin.bad_body", "the body must be empty or {}");
  }
  if (state_->ended) co_return ending();
  if (state_->waiting.size() >= kWaitingMax) {
    co_return Status(Code::kOverloaded, "config.reload_busy",
                     "others wait for a reading already; ask again in a moment");
  }
  Waiting waiting;
  waiting.number = ++state_->asked;
  state_->waiting.push_back(&waiting);
  ask_();
  const Status waited = co_await waiting.done.wait(core_.timers(), core_.deadline_after(kPatience),
                                                   request.cancelled);
  std::erase(state_->waiting, &waiting);
  if (!waited.ok()) co_return waited;
  if (waiting.json.empty()) co_return ending();
  co_return http::Response::json(waiting.ok ? 200 : kUnprocessable, waiting.json);
}

void ReloadDesk::State::answer(std::uint64_t up_to, bool ok, const std::string& json) {
  const std::vector<Waiting*> all = std::exchange(waiting, {});
  for (Waiting* one : all) {
    if (one->number > up_to) {
      waiting.push_back(one);
      continue;
    }
    one->ok = ok;
    one->json = json;
    one->done.set();
  }
}

void ReloadDesk::told(std::uint64_t begun, ReloadOutcome outcome) {
  core_.post([state = state_, begun, ok = outcome.ok(), json = to_json(outcome)] {
    state->answer(begun, ok, json);
  });
}

void ReloadDesk::end() {
  core_.post([state = state_] {
    state->ended = true;
    state->answer(std::numeric_limits<std::uint64_t>::max(), false, {});
  });
}

}  // namespace fairlead::service
