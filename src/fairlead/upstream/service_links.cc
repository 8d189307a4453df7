// The sessions of a Service: dialled, lost, dialled again, left and closed.
#include <algorithm>
#include <utility>

#include "fairlead/observe/log.h"
#include "fairlead/rpc/plugin_chain.h"
#include "fairlead/upstream/redial_change.h"
#include "fairlead/upstream/service.h"

namespace fairlead::upstream {
namespace {

// How often a session is looked at whose calls end before it does. Nobody waits for its end.
constexpr Duration kLookEvery = std::chrono::milliseconds(100);

// The Host of a request: the name that the certificate must be for, and the port.
std::string authority_of(const Endpoint& endpoint, const std::string& told_name) {
  const std::string& name = told_name.empty() ? endpoint.server_name : told_name;
  const bool ipv6 = name.find(':') != std::string::npos;
  return (ipv6 ? "[" + name + "]" : name) + ":" + std::to_string(endpoint.address.port());
}

// Whether this side wanted the end of a session, so that its endpoint is as good as before.
bool wanted(rpc::LinkEnd end) {
  return end == rpc::LinkEnd::kOurs || end == rpc::LinkEnd::kAge || end == rpc::LinkEnd::kIdle ||
         end == rpc::LinkEnd::kPlugin;
}

}  // namespace

// ---- states

// The one place where the state of a link changes.
template <class Event>
bool Service::step(Link& link, std::string_view reason, Event event) {
  const Redial::State before = link.redial.state();
  if (!event(link.redial)) return false;
  note(link, before, reason);
  return true;
}

void Service::note(Link& link, Redial::State before, std::string_view reason) {
  const std::string name = name_ + " " + to_text(link.endpoint);
  tell_change(link.redial,
              {.event = "upstream.link", .name = name, .before = before, .reason = reason},
              core().now(), options_.metrics, peer_.options().transitions);
}

// A link that goes out of the list.
void Service::uncount(const Link& link) { options_.metrics.count(link.redial.state(), -1); }

// Dials what is due, and sees when the next one is.
void Service::look() {
  const Time now = core().now();
  const std::vector<std::shared_ptr<Link>> links = links_;
  for (const auto& link : links) {
    if (link->opens_again_at <= now) {
      link->opens_again_at = Time::max();
      open_again(link);
    }
    if (link->redial.due(unready_ != nullptr) <= now) begin_dial(link, "redial");
  }
  watch();
}

void Service::watch() {
  if (closed_) return;
  Time next = Time::max();
  for (const auto& link : links_) {
    next = std::min({next, link->opens_again_at, link->redial.due(unready_ != nullptr)});
  }
  if (next == Time::max()) return look_timer_.disarm();
  core().timers().arm(look_timer_, std::max(next, core().now()));
}

// ---- dialling

void Service::begin_dial(const std::shared_ptr<Link>& link, std::string_view reason) {
  const Time now = core().now();
  if (link->redial.state() == Redial::State::kReady) {  // its only session has begun to end
    step(*link, "session.ending",
         [&](Redial& redial) { return redial.leaving(now, Duration::zero(), random_); });
  }
  const bool begun = step(*link, reason, [now](Redial& redial) { return redial.dial(now); });
  if (begun) scope_.spawn_detached(dial(link));
}

Task<void> Service::dial(std::shared_ptr<Link> link) {
  Result<rpc::Session*> made = co_await connect(link, link->line.get());
  if (link->removed || closed_) {
    if (made.ok()) co_await retire(let_go(*link, **made));
    co_return;
  }
  if (made.ok())
    dialled(link, **made);
  else
    dial_failed(*link, made.status());
}

// When it has its turn: the limits are the process's.
// `line`: is attached to the session from its hello on; null: none.
Task<Result<rpc::Session*>> Service::connect(std::shared_ptr<Link> link, rpc::ResendLine* line) {
  DialPass pass;
  if (options_.line != nullptr) {
    FL_CO_TRY_ASSIGN(pass, co_await options_.line->enter(scope_.token()));
  }
  if (link->removed) {
    co_return Status(Code::kNoEndpoint, "upstream.removed", "the endpoint was taken out");
  }
  rpc::DialOptions options = dial_options(*link);
  const bool needs_tls = link->endpoint.tls || options_.tls_required;
  if (needs_tls && options.tls == nullptr) {
    co_return Status(Code::kDialFailed, "upstream.no_tls",
                     to_text(link->endpoint.address, true) +
                         " speaks TLS, and this caller has no settings for that");
  }
  options.resend = line;
  options.connect_by = core().deadline_after(options_.dial.connect_timeout);
  const Deadline deadline =
      Deadline::after(options.connect_by.at(), options_.dial.handshake_timeout);
  Result<rpc::Session*> made =
      co_await peer_.dial(link->endpoint.address, deadline, scope_.token(), std::move(options));
  (made.ok() ? options_.metrics.dials_ok : options_.metrics.dials_failed).add();
  co_return made;
}

rpc::DialOptions Service::dial_options(const Link& link) const {
  const Endpoint& endpoint = link.endpoint;
  rpc::DialOptions options;
  options.protocol = endpoint.protocol != nullptr ? endpoint.protocol : options_.protocol;
  if ((endpoint.tls || options_.tls_required) && options_.tls != nullptr) {
    options.tls = options_.tls->current();
    options.server_name =
        options_.server_name.empty() ? endpoint.server_name : options_.server_name;
  }
  if (!endpoint.websocket.empty()) {
    options.websocket = {.authority = authority_of(endpoint, options.server_name),
                         .target = endpoint.websocket};
  }
  options.login = options_.login;
  options.again = link.redial.ever_ready();
  return options;
}

void Service::dialled(const std::shared_ptr<Link>& link, rpc::Session& session) {
  const Time now = core().now();
  step(*link, "dialled", [now](Redial& redial) { return redial.ready(now); });
  adopt(link, session);
  while (SessionWaiter* waiter = link->waiters) {
    if (!usable(*link)) break;
    waiter->leave();
    waiter->on_session(pick(link));
  }
  while (SessionWaiter* waiter = link->waiters) {  // lost at once: as if it had never come
    waiter->fail(Status(Code::kConnectionClosed, "session.closed", "the session closed at once")
                     .with_outcome(Outcome::kNotSent));
  }
  place_all(unready_);
  watch();
}

void Service::adopt(const std::shared_ptr<Link>& link, rpc::Session& session) {
  if (link->session == nullptr) {
    link->session = &session;
  } else {
    link->extras.push_back({&session, core().now()});
    (void)usable(*link);
    if (!idle_timer_.armed()) {
      core().timers().arm(idle_timer_, core().now() + options_.connections_idle);
    }
  }
  session.on_closed([this, link](rpc::Session& gone, const Status&) { session_gone(link, gone); });
  session.on_leaving([this, link](rpc::Session& leaving) { told_to_leave(link, leaving); });
}

void Service::dial_failed(Link& link, Status why) {
  const Time now = core().now();
  link.last_error = std::move(why);
  FL_LOG(warn, "upstream.dial_failed", {"service", name_}, {"endpoint", to_text(link.endpoint)},
         {"reason", link.last_error.reason()});
  step(link, link.last_error.reason(), [&](Redial& redial) { return redial.failed(now, random_); });
  if (link.redial.state() == Redial::State::kClosed) lost_for_good(link);
  while (SessionWaiter* waiter = link.waiters) {
    if (++waiter->dials_failed_ >= kAttemptsMax && !waiter->patient_) {
      waiter->fail(Status(link.last_error).with_outcome(Outcome::kNotSent));
      continue;
    }
    waiter->leave_list();  // its timer and token go on: the same wait, elsewhere
    place(*waiter);
  }
  watch();
}

// redial_times are used up. What waits in its line and was not sent goes elsewhere.
void Service::lost_for_good(Link& link) {
  FL_LOG(warn, "upstream.lost", {"service", name_}, {"endpoint", to_text(link.endpoint)},
         {"dials", link.redial.dials()});
  if (const rpc::PluginChain* plugins = peer_.options().plugins) {
    const rpc::LostLink lost{.service = name_,
                             .address = link.endpoint.address,
                             .failures = link.redial.failures(),
                             .why = link.last_error};
    plugins->tell<&rpc::Plugin::post_lost>(lost);
  }
  if (link.line != nullptr) link.line->close();
  if (given_up()) place_all(unready_);
}

// ---- ending

// The first session's place is taken by the youngest extra.
bool Service::forget(Link& link, const rpc::Session* session) {
  if (link.session == session) {
    link.session = link.extras.empty() ? nullptr : link.extras.back().session;
    if (link.session != nullptr) link.extras.pop_back();
    return true;
  }
  return std::erase_if(link.extras, [&](const Extra& e) { return e.session == session; }) > 0;
}

// A session that has begun to end stays for the calls that it still answers, behind the others.
bool Service::put_open_one_first(Link& link) {
  const auto found =
      std::ranges::find_if(link.extras, [](const Extra& extra) { return extra.session->open(); });
  if (found == link.extras.end()) return false;
  std::swap(link.session, found->session);
  return true;
}

void Service::session_gone(const std::shared_ptr<Link>& link, const rpc::Session& session) {
  (void)forget(*link, &session);
  if (closed_ || link->session != nullptr) return;  // the others go on
  const Time now = core().now();
  const std::string_view why = rpc::link_end_name(session.end());
  if (link->redial.state() == Redial::State::kPassiveClosing) {
    step(*link, why, [](Redial& redial) { return redial.closed(); });
  } else if (wanted(session.end())) {
    step(*link, why, [](Redial& redial) { return redial.closing(); });
    step(*link, why, [](Redial& redial) { return redial.closed(); });
  } else if (step(*link, why, [&](Redial& redial) { return redial.lost(now, random_); })) {
    link->last_error = Status(Code::kConnectionClosed, "session.closed",
                              "the connection was lost (" + std::string(why) + ")");
    if (link->redial.state() == Redial::State::kClosed) lost_for_good(*link);
  }
  watch();
}

// The session's peer goes away, or it has become old. When it was the last one of its link, another
// is opened soon, and at once by a call that has none to go to.
void Service::told_to_leave(const std::shared_ptr<Link>& link, rpc::Session& session) {
  const Duration retry_after = session.retry_after();
  const Time now = core().now();
  if (closed_ || link->removed || !forget(*link, &session)) return;
  std::shared_ptr<Link> leaving = let_go(*link, session);
  const bool last = link->session == nullptr;
  if (last) {
    step(*link, "goaway",
         [&](Redial& redial) { return redial.leaving(now, retry_after, random_); });
  } else if (retry_after > Duration::zero()) {
    link->extra_rests_until = now + std::min(retry_after, Redial::kRetryAfterMax);
  }
  if (last && link->redial.state() == Redial::State::kPassiveClosing) {
    const auto spread = static_cast<double>(options_.dial.redial.goaway_spread.count());
    link->opens_again_at = now + Duration(static_cast<Duration::rep>(spread * random_.unit()));
  }
  scope_.spawn_detached(see_off(link, std::move(leaving)));
  watch();
}

// The same endpoint, where another process may have its place, or only the session was old. And one
// that nobody has dialled, where calls have no session to go to.
void Service::open_again(const std::shared_ptr<Link>& leaving) {
  const Time now = core().now();
  const auto has_session = [](const std::shared_ptr<Link>& link) { return usable(*link); };
  if (std::ranges::none_of(links_, has_session)) {
    const auto other = std::ranges::find_if(links_, [&](const std::shared_ptr<Link>& link) {
      return link != leaving && link->redial.may_dial(now);
    });
    if (other != links_.end()) begin_dial(*other, "goaway");
  }
  if (leaving->redial.may_dial(now)) begin_dial(leaving, "goaway");
}

// No new call takes this session, which is not the link's any more: calls under way end there.
std::shared_ptr<Service::Link> Service::let_go(Link& link, rpc::Session& session) {
  auto leaving = std::make_shared<Link>();
  leaving->endpoint = link.endpoint;
  leaving->session = &session;
  leaving->removed = true;
  session.on_closed([leaving](rpc::Session&, const Status&) { leaving->session = nullptr; });
  session.on_leaving(nullptr);
  leaving_.push_back(leaving);
  return leaving;
}

Task<void> Service::see_off(std::shared_ptr<Link> link, std::shared_ptr<Link> leaving) {
  co_await retire(std::move(leaving));
  step(*link, "left", [](Redial& redial) {
    return redial.state() == Redial::State::kPassiveClosing && redial.closed();
  });
  watch();
}

// Lets go of an endpoint with all sessions to it.
void Service::retire_all(const std::shared_ptr<Link>& link) {
  step(*link, "removed", [](Redial& redial) { return redial.remove(); });
  uncount(*link);
  link->removed = true;
  place_all(link->waiters);
  while (rpc::Session* session = link->session) {
    (void)forget(*link, session);
    scope_.spawn_detached(retire(let_go(*link, *session)));
  }
  if (link->line != nullptr) scope_.spawn_detached(close_line(link));
}

// Until `deadline`, while it is the link's session.
Task<void> Service::wait_for_answers(std::shared_ptr<Link> link, rpc::Session& session,
                                     Deadline deadline, Duration look_every) {
  while (link->session == &session && session.waits_for_answers() &&
         !deadline.passed(core().now())) {
    const Deadline soon = earlier(deadline, core().deadline_after(look_every));
    Status slept = co_await Sleep(core().timers(), soon, scope_.token());
    if (!slept.ok()) break;
  }
}

// Calls under way end, each by its own deadline, then the session closes.
Task<void> Service::retire(std::shared_ptr<Link> leaving) {
  rpc::Session* const session = leaving->session;
  co_await wait_for_answers(leaving, *session, Deadline(), kLookEvery);
  if (leaving->session == session) {
    Status closed = co_await session->close(served_by());
    if (!closed.ok()) FL_LOG(debug, "upstream.cut", {"service", name_});
  }
  std::erase(leaving_, leaving);
}

// When the handlers of a session have ended that takes no more: they have as long as any handler
// has. close() has waited for them already.
Deadline Service::served_by() const {
  if (closed_) return Deadline(core().now());
  const Duration at_most = peer_.options().request_time_max;
  return at_most > Duration::zero() ? core().deadline_after(at_most) : Deadline();
}

// ---- more than one session to an endpoint

// The first among equals, so that the last ones become idle and close. Dials another one when even
// this one is busy; nobody waits for it.
rpc::Session* Service::least_busy(const std::shared_ptr<Link>& link) {
  rpc::Session* best = link->session;
  Extra* chosen = nullptr;
  for (Extra& extra : link->extras) {
    if (best->calls_waiting() == 0) break;
    if (!extra.session->open() || extra.session->calls_waiting() >= best->calls_waiting()) continue;
    best = extra.session;
    chosen = &extra;
  }
  const Time now = core().now();
  if (chosen != nullptr) chosen->used = now;
  const bool may_grow = !link->extra_dialing && link->extra_rests_until <= now &&
                        link->extras.size() + 1 < options_.connections_max;
  if (best->calls_waiting() > 0 && may_grow) scope_.spawn_detached(dial_extra(link));
  return best;
}

Task<void> Service::dial_extra(std::shared_ptr<Link> link) {
  link->extra_dialing = true;
  Result<rpc::Session*> made = co_await connect(link, nullptr);
  link->extra_dialing = false;
  if (!made.ok()) {  // those that are there go on
    link->extra_rests_until = core().now() + options_.dial.redial.unseen_wait_max;
    FL_LOG(warn, "upstream.dial_failed", {"service", name_}, {"endpoint", to_text(link->endpoint)},
           {"reason", made.status().reason()});
    co_return;
  }
  // Those that it was to relieve may have been lost meanwhile; their link rests.
  const bool wanted_still = link->redial.state() == Redial::State::kReady;
  if (link->removed || closed_ || !wanted_still) {
    co_await retire(let_go(*link, **made));
    co_return;
  }
  adopt(link, **made);
}

void Service::close_idle() {
  const Time now = core().now();
  Time next = Time::max();
  for (const auto& link : links_) {
    for (std::size_t i = link->extras.size(); i-- > 0;) {
      const Extra extra = link->extras[i];
      const Time ends = extra.used + options_.connections_idle;
      if (ends > now) {
        next = std::min(next, ends);
      } else if (extra.session->waits_for_answers()) {
        next = std::min(next, now + options_.connections_idle);
      } else {
        (void)forget(*link, extra.session);
        scope_.spawn_detached(retire(let_go(*link, *extra.session)));
      }
    }
  }
  if (next != Time::max()) core().timers().arm(idle_timer_, next);
}

}  // namespace fairlead::upstream
