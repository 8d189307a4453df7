#include "fairlead/gateway/across_cores.h"

#include <memory>
#include <utility>

#include "fairlead/async/event.h"

namespace fairlead::gateway::internal {

namespace {

struct Errand {
  io::Core& home;
  std::function<Task<Status>()> work;
  Event done;     // home only
  Status result;  // home only
};

Task<void> carry_out(std::shared_ptr<Errand> errand) {
  Task<Status> work = errand->work();
  Status result = co_await work;
  io::Core& home = errand->home;
  home.post([errand = std::move(errand), result = std::move(result)] {
    errand->result = result;
    errand->done.set();
  });
}

}  // namespace

Task<Status> run_on(io::Core& home, io::Core& other, std::function<Task<Status>()> work) {
  if (&home == &other) {
    Task<Status> here = work();
    co_return co_await here;
  }
  auto errand = std::make_shared<Errand>(home, std::move(work));
  other.post([&other, errand] { other.spawn(carry_out(errand)); });
  Status waited = co_await errand->done.wait(home.timers(), Deadline());
  if (!waited.ok()) co_return waited;
  co_return errand->result;
}

}  // namespace fairlead::gateway::internal
