#include "fairlead/upstream/service.h"

#include <algorithm>
#include <concepts>
#include <coroutine>
#include <utility>

#include "fairlead/observe/log.h"
#include "fairlead/rpc/resent_call.h"

namespace fairlead::upstream {
namespace {

Status not_sent(Code code, std::string_view reason, std::string_view message) {
  return Status(code, reason, message).with_outcome(Outcome::kNotSent);
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
  Awaiter(Service& service, Deadline deadline, CancelToken cancel, bool wait_for_ready)
      : service_(service),
        deadline_(deadline),
        cancel_(std::move(cancel)),
        wait_for_ready_(wait_for_ready) {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> awaiting) {
    service_.wait(*this, deadline_, cancel_, wait_for_ready_);
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
  const bool wait_for_ready_;
  ResumePoint awaiting_;
  Result<rpc::Session*> session_ = static_cast<rpc::Session*>(nullptr);
  bool done_ = false;
};

// ---- endpoints

namespace {

std::string in_words(const Status& status) {
  return std::string(status.message()) + " [" + std::string(status.reason()) + "]";
}

}  // namespace

Status DialSettings::validate() const {
  if (connect_timeout <= Duration::zero() || handshake_timeout <= Duration::zero()) {
    return Status(Code::kInvalidOperation, "redial.bad_option",
                  "connect_timeout and handshake_timeout must be greater than zero");
  }
  return redial.validate();
}

Service::Service(rpc::Peer& peer, std::string name, ServiceOptions options)
    : peer_(peer),
      name_(std::move(name)),
      options_(std::move(options)),
      resend_(options_.resend),
      random_(options_.seed != 0 ? Random(options_.seed) : Random::from_system()) {}

Service::~Service() {
  for (const auto& link : links_) {
    FL_CHECK(link->waiters == nullptr);
    if (link->session != nullptr) link->session->on_closed(nullptr);
    for (const Extra& extra : link->extras) extra.session->on_closed(nullptr);
    uncount(*link);
  }
  FL_CHECK(unplaced_ == nullptr && unready_ == nullptr);
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
      links.back()->redial.update(options_.dial.redial);
      options_.metrics.count(Redial::State::kPreparing, 1);
    }
  }
  std::swap(links, links_);
  known_ = true;
  for (const auto& gone : links) {
    if (gone != nullptr) retire_all(gone);
  }
  place_all(unplaced_);
  place_all(unready_);
  watch();
}

void Service::update(const DialSettings& settings) {
  options_.dial = settings;
  for (const auto& link : links_) link->redial.update(settings.redial);
}

void Service::update(const ServiceOptions& options) {
  ServiceOptions next = options;
  next.line = options_.line;
  next.metrics = options_.metrics;
  next.seed = options_.seed;
  options_ = std::move(next);
  update(options.dial);
  update(options.resend);
  if (!idle_timer_.armed()) return;
  idle_timer_.disarm();
  close_idle();
}

// Whether a call's turn may come to it: it has a session, or this call dials it, or is one of those
// that wait for its first dial. One that was lost, or whose peer goes away, is dialled by itself
// and calls go elsewhere until it is READY.
bool Service::takes_turns(const Link& link, Time now) {
  switch (link.redial.state()) {
    case Redial::State::kReady:
      return true;
    case Redial::State::kPreparing:
      return link.opens_again_at == Time::max();
    case Redial::State::kDialing:
      return !link.redial.ever_ready() && !link.redial.quarantined();
    case Redial::State::kBackoff:
      return !link.redial.ever_ready() && link.redial.may_dial(now);
    default:
      return false;
  }
}

// The next endpoint in turn; where none takes turns, one that is being dialled again, or may be;
// null when there is none.
std::shared_ptr<Service::Link> Service::next_link() {
  const Time now = core().now();
  const auto next_of = [this](const auto& fits) -> std::shared_ptr<Link> {
    for (std::size_t tried = 0; tried < links_.size(); ++tried) {
      next_ = next_ >= links_.size() ? 0 : next_;
      const std::shared_ptr<Link>& link = links_[next_++];
      if (fits(*link)) return link;
    }
    return nullptr;
  };
  std::shared_ptr<Link> link = next_of([now](const Link& one) { return takes_turns(one, now); });
  if (link != nullptr) return link;
  return next_of([now](const Link& one) {
    const bool dialled = one.redial.state() == Redial::State::kDialing || one.redial.may_dial(now);
    return dialled && !one.redial.quarantined();
  });
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
    if (takes_turns(*link, now)) return nullptr;  // its turn: somebody must dial
    next_ = at + 1;
  }
  return nullptr;
}

bool Service::given_up() const {
  return !links_.empty() && std::ranges::all_of(links_, [](const std::shared_ptr<Link>& link) {
    return link->redial.state() == Redial::State::kClosed;
  });
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
  if (given_up()) {
    Status lost = not_sent(Code::kDialFailed, "upstream.lost",
                           "'" + name_ + "' was dialled again " +
                               std::to_string(options_.dial.redial.redial_times) +
                               " times (dial.redial_times) and is given up");
    return last.ok() ? lost : std::move(lost).with_cause(last.message());
  }
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
  return std::move(status).with_cause(in_words(last));
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

void Service::wait(SessionWaiter& waiter, Deadline deadline, const CancelToken& cancel,
                   bool wait_for_ready) {
  FL_CHECK(waiter.list_ == nullptr);
  waiter.service_ = this;
  waiter.patient_ = wait_for_ready;
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
  if (link == nullptr) {
    if (!waiter.patient_ || given_up()) return waiter.fail(no_endpoint());
    enlist(waiter, unready_);
    return watch();
  }
  if (usable(*link)) {
    waiter.leave();
    return waiter.on_session(pick(link));
  }
  enlist(waiter, link->waiters);
  begin_dial(link, "asked");
}

// Those that are in the list now; each may come back to it.
void Service::place_all(SessionWaiter*& list) {
  SessionWaiter* waiting = nullptr;
  while (SessionWaiter* waiter = list) {
    waiter->leave_list();
    enlist(*waiter, waiting);
  }
  while (SessionWaiter* waiter = waiting) {
    waiter->leave_list();
    place(*waiter);
  }
}

std::vector<EndpointView> Service::endpoints() const {
  std::vector<EndpointView> views;
  for (const auto& link : links_) {
    const Status& error = link->last_error;
    views.push_back({.name = link->endpoint.id,
                     .address = to_text(link->endpoint),
                     .state = link->redial.state(),
                     .failures = link->redial.failures(),
                     .wait_left = link->redial.wait_left(core().now()),
                     .sessions = sessions_of(*link),
                     .dials = link->redial.dials(),
                     .recovered = link->redial.recovered(),
                     .last_error = error.ok() ? std::string() : in_words(error)});
  }
  return views;
}

std::size_t Service::sessions_of(const Link& link) {
  std::size_t count = link.session != nullptr && link.session->open() ? 1U : 0U;
  for (const Extra& extra : link.extras) count += extra.session->open() ? 1U : 0U;
  return count;
}

std::size_t Service::session_count() const {
  std::size_t count = 0;
  for (const auto& link : links_) count += sessions_of(*link);
  return count;
}

// ---- calls

// One attempt of a call, over a session.
struct Service::OverSession {
  rpc::RawCall call;
  explicit OverSession(const RawRequest& /*request*/) {}
  void start(Service& /*service*/, rpc::Session& session, const RawRequest& request,
             Deadline deadline, const CancelToken& cancel) {
    session.start_call(call, request.head(), deadline, cancel, request.body);
  }
};

// One attempt of a PUSH, over a session: it ends at once.
struct Service::Written {
  struct Ended {
    Status status;
    bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<> /*awaiting*/) const noexcept {}
    Result<rpc::Reply> await_resume() {
      if (!status.ok()) return std::move(status);
      return rpc::Reply();
    }
  };
  Ended call;
  explicit Written(const RawRequest& /*request*/) {}
  void start(Service& /*service*/, rpc::Session& session, const RawRequest& request,
             Deadline /*deadline*/, const CancelToken& /*cancel*/) {
    call.status = session.push(request.head(), request.body);
  }
};

// One attempt by the line, which sends it again over later sessions where that is safe.
template <wire::Kind kKind>
struct Service::ByLine {
  rpc::ResentCall call;
  explicit ByLine(const RawRequest& request) : call(request, kKind) {}
  void start(Service& service, rpc::Session& session, const RawRequest& /*request*/,
             Deadline deadline, const CancelToken& cancel) {
    service.line_of(session).start(call, deadline, cancel);
  }
};

// Until it ends in a way that another endpoint would not change. One loop for all answers and ways,
// and no coroutine around it: a call has one frame here.
template <class Answered, class Attempt>
Task<Answered> Service::attempt(RawRequest request, Deadline deadline, CancelToken cancel) {
  for (int attempt = 1;; ++attempt) {
    rpc::Session* session = ready_session();
    if (session == nullptr) {
      FL_CO_TRY_ASSIGN(session, co_await Awaiter(*this, deadline, cancel, request.wait_for_ready));
    }
    Attempt one(request);
    one.start(*this, *session, request, deadline, cancel);
    Result<rpc::Reply> reply = co_await one.call;
    const bool again = !reply.ok() && may_try_elsewhere(reply.status());
    if (again && attempt < kAttemptsMax) continue;
    if constexpr (std::same_as<Answered, Answer>) {
      Answer answer(std::move(reply), one.call.take_error_metadata());
      co_return answer;
    } else if constexpr (std::same_as<Answered, Status>) {
      co_return reply.status();
    } else {
      co_return reply;
    }
  }
}

template <class Answered>
Task<Answered> Service::call_somewhere(RawRequest request, Deadline deadline, CancelToken cancel) {
  request.delivery = delivery_of(request);
  if (request.delivery == rpc::DeliveryMode::kAtLeastOnce) {
    return attempt<Answered, ByLine<wire::Kind::kCall>>(std::move(request), deadline,
                                                        std::move(cancel));
  }
  return attempt<Answered, OverSession>(std::move(request), deadline, std::move(cancel));
}

Task<Result<rpc::Reply>> Service::call(RawRequest request, Deadline deadline, CancelToken cancel) {
  return call_somewhere<Result<rpc::Reply>>(std::move(request), deadline, std::move(cancel));
}

Task<Answer> Service::ask(RawRequest request, Deadline deadline, CancelToken cancel) {
  return call_somewhere<Answer>(std::move(request), deadline, std::move(cancel));
}

Task<Status> Service::push(RawRequest request, Deadline deadline, CancelToken cancel) {
  request.delivery = delivery_of(request);
  if (request.delivery == rpc::DeliveryMode::kAtMostOnce) {
    return attempt<Status, Written>(std::move(request), deadline, std::move(cancel));
  }
  return attempt<Status, ByLine<wire::Kind::kPush>>(std::move(request), deadline,
                                                    std::move(cancel));
}

Task<Status> Service::close(Deadline deadline) {
  constexpr Duration kLookSoon = std::chrono::milliseconds(10);
  closed_ = true;
  look_timer_.disarm();
  idle_timer_.disarm();
  while (SessionWaiter* waiter = unplaced_) waiter->fail(no_endpoint());
  while (SessionWaiter* waiter = unready_) waiter->fail(no_endpoint());
  for (const auto& link : links_) {
    while (SessionWaiter* waiter = link->waiters) waiter->fail(no_endpoint());
  }
  std::vector<std::shared_ptr<Link>> links = leaving_;
  links.insert(links.end(), links_.begin(), links_.end());
  for (const auto& link : links) {
    while (rpc::Session* session = link->session) {
      co_await wait_for_answers(link, *session, deadline, kLookSoon);
      if (link->session != session) continue;  // it has ended meanwhile
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
