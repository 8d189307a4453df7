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

// "The next session to the same peer", as long as somebody waits for it. One that was lost rests
// and is dialled as Redial says; nobody dials here what may not be dialled now.
Task<void> Service::come_back(std::shared_ptr<Link> link) {
  constexpr Duration kTurn = std::chrono::milliseconds(1);
  constexpr Duration kLookAgain = std::chrono::milliseconds(50);
  // Who asks may be the end of the session itself, of which the link has not heard yet.
  Status slept = co_await Sleep(core().timers(), core().deadline_after(kTurn), scope_.token());
  while (slept.ok() && !closed_ && !link->removed && link->line->size() > 0) {
    if (usable(*link)) {
      link->line->attach(*link->session);
      break;
    }
    if (link->redial.state() == Redial::State::kClosed) {
      link->line->close();  // given up: what was not sent goes elsewhere
      break;
    }
    if (link->redial.may_dial(core().now())) begin_dial(link, "resend");
    const Duration rest =
        std::clamp<Duration>(link->redial.wait_left(core().now()), kTurn, kLookAgain);
    slept = co_await Sleep(core().timers(), core().deadline_after(rest), scope_.token());
  }
  link->returning = false;
}

// Of an endpoint that was taken out: what is under way may end, all else goes elsewhere.
Task<void> Service::close_line(std::shared_ptr<Link> link) {
  constexpr Duration kPatience = std::chrono::seconds(30);
  const Deadline patience = core().deadline_after(kPatience);
  const auto under_way = [&link] {
    const rpc::ResendQueue::Counts& counts = link->line->queue().counts();
    return counts.writing + counts.sent > 0;
  };
  Status slept;
  while (slept.ok() && under_way() && !patience.passed(core().now())) {
    slept = co_await Sleep(core().timers(), core().deadline_after(std::chrono::milliseconds(20)),
                           scope_.token());
  }
  link->line->close();
}

}  // namespace fairlead::upstream
