#include "fairlead/upstream/service.h"

#include <algorithm>
#include <concepts>
#include <utility>

#include "fairlead/observe/log.h"
#include "fairlead/rpc/resent_call.h"

namespace fairlead::upstream {
namespace {

// Calls under way over a session that nobody shall use any more have so much time.
constexpr Duration kRetiring = std::chrono::seconds(30);

Status not_sent(Code code, std::string_view reason, std::string_view message) {
  return Status(code, reason, message).with_outcome(Outcome::kNotSent);
}

// The Host of a request: the name that the certificate must be for, and the port.
std::string authority_of(const Endpoint& endpoint, const std::string& told_name) {
  const std::string& name = told_name.empty() ? endpoint.server_name : told_name;
  const bool ipv6 = name.find(':') != std::string::npos;
  return (ipv6 ? "[" + name + "]" : name) + ":" + std::to_string(endpoint.address.port());
}

}  // namespace

bool may_try_elsewhere(const Status& status) {
  // A peer that said hello refused it before its handler, because it goes away or has too much.
  if (status.outcome() == Outcome::kNotProcessed) return status.code() == Code::kOverloaded;
  if (status.outcome() != Outcome::kNotSent) return false;
  switch (status.code()) {
    case Code::kConnectionClosed:
    case Code::kWriteFailed:
    case Code::kDialFailed:
    case Code::kLocalLimit:
    case Code::kSendQueueFull:
      return true;
    default:
      return false;
  }
}

// ---- waiting
// -------------------------------------------------------------------------------------

void SessionWaiter::leave() {
  disarm();
  forget();
  leave_list();
}

void SessionWaiter::leave_list() {
  if (list_ == nullptr) return;
  if (next_ != this) {  // a ring: the first one's previous is the last
    previous_->next_ = next_;
    next_->previous_ = previous_;
  }
  if (*list_ == this) *list_ = next_ != this ? next_ : nullptr;
  list_ = nullptr;
}

void SessionWaiter::fail(Status status) {
  leave();
  on_session(std::move(status));
}

void SessionWaiter::on_timer() {
  fail(not_sent(Code::kDeadlineExceeded, "call.deadline",
                "the deadline passed while connecting to '" + service_->name() + "'"));
}

void SessionWaiter::on_cancel() {
  fail(not_sent(Code::kCancelled, "call.cancelled", "cancelled while connecting"));
}

// A coroutine's wait for a session.
class Service::Awaiter final : public SessionWaiter {
 public:
  Awaiter(Service& service, Deadline deadline, CancelToken cancel)
      : service_(service), deadline_(deadline), cancel_(std::move(cancel)) {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting) {
    service_.wait(*this, deadline_, cancel_);
    if (done_) return false;
    awaiting_.keep(awaiting);
    return true;
  }
  Result<rpc::Session*> await_resume() { return std::move(session_); }

 private:
  void on_session(Result<rpc::Session*> session) override {
    session_ = std::move(session);
    done_ = true;
    if (awaiting_) awaiting_.resume();
  }

  Service& service_;
  Deadline deadline_;
  CancelToken cancel_;
  ResumePoint awaiting_;
  Result<rpc::Session*> session_ = static_cast<rpc::Session*>(nullptr);
  bool done_ = false;
};

// ---- endpoints
// -----------------------------------------------------------------------------------

Service::Service(rpc::Peer& peer, std::string name, ServiceOptions options)
    : peer_(peer),
      name_(std::move(name)),
      options_(options),
      resend_(options.resend),
      random_(Random::from_system()) {}

Service::~Service() {
  for (const auto& link : links_) {
    FL_CHECK(link->waiters == nullptr);
    if (link->session != nullptr) link->session->on_closed(nullptr);
    for (const Extra& extra : link->extras) extra.session->on_closed(nullptr);
  }
  FL_CHECK(unplaced_ == nullptr);
}

void Service::update(const EndpointSnapshot& endpoints) {
  if (closed_) return;
  std::vector<std::shared_ptr<Link>> links;
  for (const Endpoint& endpoint : *endpoints) {
    const auto known = std::ranges::find_if(links_, [&](const std::shared_ptr<Link>& link) {
      return link != nullptr && link->endpoint.id == endpoint.id &&
             same_way(link->endpoint, endpoint);
    });
    if (known != links_.end()) {
      links.push_back(std::exchange(*known, nullptr));
    } else {
      links.push_back(std::make_shared<Link>());
      links.back()->endpoint = endpoint;
    }
  }
  std::swap(links, links_);
  for (const auto& gone : links) {
    if (gone != nullptr) retire_all(gone);
  }
  known_ = true;
  for (SessionWaiter* waiter = unplaced_; waiter != nullptr; waiter = unplaced_) {
    waiter->leave_list();
    place(*waiter);
  }
}

// Lets go of an endpoint with all sessions to it.
void Service::retire_all(const std::shared_ptr<Link>& link) {
  while (!link->extras.empty()) let_go(*link, *link->extras.back().session);
  link->removed = true;
  scope_.spawn_detached(retire_with_line(link, core().deadline_after(kRetiring)));
}

Task<void> Service::retire_with_line(std::shared_ptr<Link> link, Deadline deadline) {
  co_await retire(link, deadline);
  if (link->line != nullptr) link->line->close();  // what was not sent goes elsewhere
}

// Calls under way end, then the link's session closes.
Task<void> Service::retire(std::shared_ptr<Link> link, Deadline deadline) {
  rpc::Session* session = link->session;
  if (session == nullptr) co_return;
  const Time patience_end = deadline.at();
  while (link->session != nullptr && session->calls_waiting() > 0 && core().now() < patience_end) {
    const Deadline soon = earlier(deadline, core().deadline_after(std::chrono::milliseconds(20)));
    Status slept = co_await Sleep(core().timers(), soon, scope_.token());
    if (!slept.ok()) break;
  }
  if (link->session == nullptr) co_return;
  Status closed = co_await session->close(deadline);
  if (!closed.ok()) FL_LOG(debug, "upstream.cut", {"service", name_});
}

// The next endpoint in turn that does not rest; null when there is none.
std::shared_ptr<Service::Link> Service::next_link() {
  const Time now = core().now();
  for (std::size_t tried = 0; tried < links_.size(); ++tried) {
    next_ = next_ >= links_.size() ? 0 : next_;
    const std::shared_ptr<Link>& link = links_[next_++];
    if (link->rests_until <= now) return link;
  }
  return nullptr;
}

rpc::Session* Service::ready_session() {
  const Time now = core().now();
  for (std::size_t tried = 0; tried < links_.size(); ++tried) {
    const std::size_t at = next_ >= links_.size() ? 0 : next_;
    const std::shared_ptr<Link>& link = links_[at];
    if (usable(*link)) {
      next_ = at + 1;
      return pick(link);
    }
    if (link->rests_until <= now) return nullptr;  // its turn: somebody must dial
    next_ = at + 1;
  }
  return nullptr;
}

Status Service::no_endpoint() const {
  if (closed_) {
    return not_sent(Code::kConnectionClosed, "upstream.closed", "this client is being closed");
  }
  if (links_.empty()) {
    return not_sent(Code::kNoEndpoint, "upstream.no_endpoint",
                    "no copy of '" + name_ +
                        "' is registered; start one, or look whether it uses "
                        "the same store");
  }
  const Status& last = links_.front()->last_error;
  // It was reached and said no, to our login: its own words say more than that it is not there.
  const bool answered = static_cast<int>(last.code()) >= static_cast<int>(Code::kBadMessage);
  if (answered) return Status(last).with_outcome(Outcome::kNotSent);
  const Endpoint& first = links_.front()->endpoint;
  const std::string address = to_text(first);
  const std::string copies = "copies of '" + name_ + "' can be reached";
  const std::string message =
      links_.size() > 1  ? "none of the " + std::to_string(links_.size()) + " " + copies
      : name_ == address ? "'" + address + "' cannot be reached"
                         : "the only copy of '" + name_ + "', " + address + ", cannot be reached";
  Status status = not_sent(Code::kNoEndpoint, "upstream.no_endpoint", message);
  if (last.ok()) return status;
  return std::move(status).with_cause(std::string(last.message()) + " [" +
                                      std::string(last.reason()) + "]");
}

void Service::enlist(SessionWaiter& waiter, SessionWaiter*& list) {
  waiter.list_ = &list;
  if (list == nullptr) {
    list = waiter.previous_ = waiter.next_ = &waiter;
    return;
  }
  waiter.next_ = list;
  waiter.previous_ = list->previous_;
  list->previous_->next_ = &waiter;
  list->previous_ = &waiter;
}

void Service::wait(SessionWaiter& waiter, Deadline deadline, const CancelToken& cancel) {
  FL_CHECK(waiter.list_ == nullptr);
  waiter.service_ = this;
  waiter.dials_failed_ = 0;
  if (deadline.passed(core().now())) return waiter.on_timer();
  if (waiter.listen(cancel)) return waiter.on_cancel();
  if (deadline.is_set()) core().timers().arm(waiter, deadline.at());
  place(waiter);
}

// Puts a waiter where its session will come from. Its timer and token stay as they are.
void Service::place(SessionWaiter& waiter) {
  if (closed_) return waiter.fail(no_endpoint());
  if (!known_) return enlist(waiter, unplaced_);
  const std::shared_ptr<Link> link = next_link();
  if (link == nullptr) return waiter.fail(no_endpoint());
  if (usable(*link)) {
    waiter.leave();
    return waiter.on_session(pick(link));
  }
  enlist(waiter, link->waiters);
  if (!link->dialing) scope_.spawn_detached(dial(link));
}

Task<void> Service::dial(std::shared_ptr<Link> link) {
  link->dialing = true;
  Result<rpc::Session*> made = co_await connect(link->endpoint, link->known, link->line.get());
  link->dialing = false;
  if (made.ok())
    dialled(link, **made);
  else
    dial_failed(*link, made.status());
}

Task<Result<rpc::Session*>> Service::connect(Endpoint endpoint, bool again, rpc::ResendLine* line) {
  rpc::DialOptions options;
  options.protocol = endpoint.protocol != nullptr ? endpoint.protocol : options_.protocol;
  if (endpoint.tls || options_.tls_required) {
    if (options_.tls == nullptr) {
      co_return Status(Code::kDialFailed, "upstream.no_tls",
                       to_text(endpoint.address, true) +
                           " speaks TLS, and this caller has no settings for that");
    }
    options.tls = options_.tls->current();
    options.server_name =
        options_.server_name.empty() ? endpoint.server_name : options_.server_name;
  }
  if (!endpoint.websocket.empty()) {
    options.websocket = {.authority = authority_of(endpoint, options.server_name),
                         .target = endpoint.websocket};
  }
  options.login = options_.login;
  options.again = again;
  options.resend = line;
  const Deadline deadline = core().deadline_after(options_.dial_timeout);
  co_return co_await peer_.dial(endpoint.address, deadline, scope_.token(), std::move(options));
}

void Service::dialled(const std::shared_ptr<Link>& link, rpc::Session& session) {
  link->failures = 0;
  link->known = true;
  link->rests_until = {};
  adopt(link, session);
  while (SessionWaiter* waiter = link->waiters) {
    if (!usable(*link)) break;
    waiter->leave();
    waiter->on_session(pick(link));
  }
  while (SessionWaiter* waiter = link->waiters) {  // lost at once: as if it had never come
    waiter->fail(not_sent(Code::kConnectionClosed, "session.closed", "the session closed at once"));
  }
  if (link->removed) scope_.spawn_detached(retire(link, core().deadline_after(kRetiring)));
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
  session.on_closed([link](rpc::Session& gone, const Status&) { (void)forget(*link, &gone); });
  session.on_leaving([this, link](rpc::Session& leaving) { let_go(*link, leaving); });
}

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

// No new call takes this session, because its peer goes away or nobody needs it: calls under way
// end there. When it was the last one the next call dials again, without a rest.
void Service::let_go(Link& link, rpc::Session& session) {
  if (closed_ || link.removed || !forget(link, &session)) return;
  auto leaving = std::make_shared<Link>();
  leaving->endpoint = link.endpoint;
  leaving->session = &session;
  leaving->removed = true;
  session.on_closed([leaving](rpc::Session&, const Status&) { leaving->session = nullptr; });
  scope_.spawn_detached(retire(leaving, core().deadline_after(kRetiring)));
}

// ---- more than one session to an endpoint
// -------------------------------------------------------------------------------------

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
  Result<rpc::Session*> made = co_await connect(link->endpoint, link->known, nullptr);
  link->extra_dialing = false;
  if (!made.ok()) {  // those that are there go on
    link->extra_rests_until = core().now() + options_.backoff_max;
    FL_LOG(warn, "upstream.dial_failed", {"service", name_}, {"endpoint", to_text(link->endpoint)},
           {"reason", made.status().reason()});
    co_return;
  }
  if (link->removed || closed_) {
    Status closed = co_await (*made)->close(core().deadline_after(kRetiring));
    if (!closed.ok()) FL_LOG(debug, "upstream.cut", {"service", name_});
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
      } else if (extra.session->calls_waiting() > 0) {
        next = std::min(next, now + options_.connections_idle);
      } else {
        let_go(*link, *extra.session);
      }
    }
  }
  if (next != Time::max()) core().timers().arm(idle_timer_, next);
}

std::size_t Service::session_count() const {
  std::size_t count = 0;
  for (const auto& link : links_) {
    if (link->session != nullptr && link->session->open()) ++count;
    count += static_cast<std::size_t>(std::ranges::count_if(
        link->extras, [](const Extra& extra) { return extra.session->open(); }));
  }
  return count;
}

void Service::dial_failed(Link& link, Status why) {
  double backoff = static_cast<double>(options_.backoff_first.count());
  for (std::uint32_t i = 0; i < link.failures && i < 64; ++i) backoff *= 1.6;
  backoff = std::min(backoff, static_cast<double>(options_.backoff_max.count()));
  backoff *= 0.8 + 0.4 * random_.unit();
  link.rests_until = core().now() + Duration(static_cast<Duration::rep>(backoff));
  ++link.failures;
  link.last_error = std::move(why);
  FL_LOG(warn, "upstream.dial_failed", {"service", name_}, {"endpoint", to_text(link.endpoint)},
         {"reason", link.last_error.reason()});
  while (SessionWaiter* waiter = link.waiters) {
    if (++waiter->dials_failed_ >= kAttemptsMax) {
      waiter->fail(Status(link.last_error).with_outcome(Outcome::kNotSent));
      continue;
    }
    waiter->leave_list();  // its timer and token go on: the same wait, elsewhere
    place(*waiter);
  }
}

// ---- calls
// ---------------------------------------------------------------------------------------

// One loop for both, and no coroutine around it: a call has one frame here.
template <class Answered>
Task<Answered> Service::call_somewhere(RawRequest request, Deadline deadline, CancelToken cancel) {
  const bool by_line = delivery_of(request) == rpc::DeliveryMode::kAtLeastOnce;
  if (by_line) {
    auto sending = send_by_line<Answered>(std::move(request), false, deadline, std::move(cancel));
    co_return co_await sending;
  }
  for (int attempt = 1;; ++attempt) {
    rpc::Session* session = ready_session();
    if (session == nullptr) {
      FL_CO_TRY_ASSIGN(session, co_await Awaiter(*this, deadline, cancel));
    }
    rpc::RawCall call;
    session->start_call(call, request.head(), deadline, cancel, request.body);
    Result<rpc::Reply> reply = co_await call;
    const bool again = !reply.ok() && may_try_elsewhere(reply.status());
    if (again && attempt < kAttemptsMax) continue;
    if constexpr (std::same_as<Answered, Answer>) {
      Answer answer(std::move(reply), call.take_error_metadata());
      co_return answer;
    } else {
      co_return reply;
    }
  }
}

// The line sends it again where that is safe; this loop only what surely was not sent.
template <class Answered>
Task<Answered> Service::send_by_line(RawRequest request, bool push, Deadline deadline,
                                     CancelToken cancel) {
  for (int attempt = 1;; ++attempt) {
    rpc::Session* session = ready_session();
    if (session == nullptr) {
      FL_CO_TRY_ASSIGN(session, co_await Awaiter(*this, deadline, cancel));
    }
    rpc::ResendRequest resend;
    resend.method = request.method;
    resend.body_codec = request.body_codec;
    resend.body = request.body;
    resend.metadata = request.metadata;
    resend.transforms = request.transforms;
    resend.secure = request.secure;
    resend.mode = delivery_of(request);
    resend.push = push;
    rpc::ResentCall call(std::move(resend));
    line_of(*session).start(call, deadline, cancel);
    Result<rpc::Reply> reply = co_await call;
    const bool again = !reply.ok() && may_try_elsewhere(reply.status());
    if (again && attempt < kAttemptsMax) continue;
    if constexpr (std::same_as<Answered, Answer>) {
      Answer answer(std::move(reply), call.take_error_metadata());
      co_return answer;
    } else {
      co_return reply;
    }
  }
}

Task<Result<rpc::Reply>> Service::call(RawRequest request, Deadline deadline, CancelToken cancel) {
  return call_somewhere<Result<rpc::Reply>>(std::move(request), deadline, std::move(cancel));
}

Task<Answer> Service::ask(RawRequest request, Deadline deadline, CancelToken cancel) {
  return call_somewhere<Answer>(std::move(request), deadline, std::move(cancel));
}

Task<Status> Service::push(RawRequest request, Deadline deadline, CancelToken cancel) {
  if (delivery_of(request) != rpc::DeliveryMode::kAtMostOnce) {
    const Result<rpc::Reply> sent = co_await send_by_line<Result<rpc::Reply>>(
        std::move(request), true, deadline, std::move(cancel));
    co_return sent.status();
  }
  Status last;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    rpc::Session* session = ready_session();
    if (session == nullptr) {
      FL_CO_TRY_ASSIGN(session, co_await Awaiter(*this, deadline, cancel));
    }
    last = session->push(request.head(), request.body);
    if (last.ok() || !may_try_elsewhere(last)) co_return last;
  }
  co_return last;
}

Task<Status> Service::close(Deadline deadline) {
  closed_ = true;
  while (SessionWaiter* waiter = unplaced_) waiter->fail(no_endpoint());
  for (const auto& link : links_) {
    while (SessionWaiter* waiter = link->waiters) waiter->fail(no_endpoint());
  }
  const std::vector<std::shared_ptr<Link>> links = links_;
  for (const auto& link : links) {
    while (rpc::Session* session = link->session) {
      Status closed = co_await session->close(deadline);
      (void)forget(*link, session);  // another one takes its place
      if (!closed.ok()) FL_LOG(debug, "upstream.cut", {"service", name_});
    }
    if (link->line != nullptr) link->line->close();
  }
  Status ended = co_await scope_.close(core().timers(), deadline);
  co_return ended;
}

}  // namespace fairlead::upstream
