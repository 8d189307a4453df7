// Messages of a Service that outlive their session: a line per endpoint, made at its first use.
#include <algorithm>
#include <utility>

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
  resend_.take(options);
  for (const auto& link : links_) {
    if (link->line != nullptr) link->line->update(options);
  }
}

void Service::want_session(const std::shared_ptr<Link>& link) {
  if (closed_ || link->removed || link->returning) return;
  link->returning = true;
  scope_.spawn_detached(come_back(link));
}

// Who asks may be the end of the session itself, of which the link hears later in the same turn.
// One that rests, or is being dialled, comes back by itself: dialled() attaches it.
Task<void> Service::come_back(std::shared_ptr<Link> link) {
  constexpr Duration kTurn = std::chrono::milliseconds(1);
  Status slept = co_await Sleep(core().timers(), core().deadline_after(kTurn), scope_.token());
  link->returning = false;
  if (!slept.ok() || closed_ || link->removed || link->line->size() == 0) co_return;
  if (usable(*link)) {
    link->line->attach(*link->session);
  } else if (link->redial.state() == Redial::State::kClosed) {
    link->line->close();
  } else {
    begin_dial(link, "resend");
  }
}

// Of an endpoint that was taken out: what is under way may end, all else goes elsewhere.
Task<void> Service::close_line(std::shared_ptr<Link> link) {
  link->line->retire();
  const Status heard = co_await link->line->empty(scope_.token());
  if (!heard.ok()) link->line->close();
}

}  // namespace fairlead::upstream
