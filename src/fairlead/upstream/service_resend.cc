// Messages that outlive their session: the line to each endpoint, and its next session.
#include <algorithm>

#include "fairlead/upstream/service.h"

namespace fairlead::upstream {

rpc::ResendLine& Service::line_of(rpc::Session& session) {
  const auto found = std::ranges::find_if(links_, [&](const std::shared_ptr<Link>& link) {
    return link->session == &session ||
           std::ranges::find(link->extras, &session, &Extra::session) != link->extras.end();
  });
  FL_CHECK(found != links_.end());
  const std::shared_ptr<Link>& link = *found;
  if (link->line == nullptr) {
    const auto want = [this, weak = std::weak_ptr<Link>(link)] {
      if (const std::shared_ptr<Link> lost = weak.lock()) want_session(lost);
    };
    link->line = std::make_unique<rpc::ResendLine>(core(), resend_, peer_.metrics(), want);
    link->line->attach(*link->session);
  }
  return *link->line;
}

void Service::update(const rpc::ResendOptions& options) {
  rpc::ResendBudget* const process = resend_.process;
  resend_ = options;
  resend_.process = process;
  for (const auto& link : links_) {
    if (link->line != nullptr) link->line->update(options);
  }
}

void Service::want_session(const std::shared_ptr<Link>& link) {
  if (closed_ || link->removed || link->returning) return;
  link->returning = true;
  scope_.spawn_detached(come_back(link));
}

// "The next session to the same peer", as long as somebody waits for it.
Task<void> Service::come_back(std::shared_ptr<Link> link) {
  constexpr Duration kTurn = std::chrono::milliseconds(1);
  Status slept;
  while (slept.ok() && !closed_ && !link->removed && link->line->size() > 0) {
    if (usable(*link)) {
      link->line->attach(*link->session);
      break;
    }
    const Time now = core().now();
    if (!link->dialing && link->rests_until <= now) {
      co_await dial(link);
      if (usable(*link)) continue;
    }
    const Deadline next(std::max(link->rests_until, core().now() + kTurn));
    slept = co_await Sleep(core().timers(), next, scope_.token());
  }
  link->returning = false;
}

}  // namespace fairlead::upstream
