#include "fairlead/service/session_redial.h"

#include <algorithm>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/observe/log.h"
#include "fairlead/rpc/plugin_chain.h"
#include "fairlead/upstream/redial_change.h"

namespace fairlead::service {
namespace internal {

using upstream::Redial;

SessionRedial::SessionRedial(Hub& hub, HubEntry& entry, io::Address address, HubDial how)
    : hub_(hub),
      part_(*hub.part_of(entry.core)),
      entry_(entry),
      address_(std::move(address)),
      how_(std::move(how)),
      metrics_(hub.options_.links),
      machine_(how_.redial->redial) {
  FL_CHECK(machine_.dial(entry.core.now()) && machine_.ready(entry.core.now()));
  metrics_.count(Redial::State::kReady, 1);
  part_.redials.insert(this);
}

SessionRedial::~SessionRedial() { end(false); }

void SessionRedial::end(bool given_up) {
  disarm();
  if (std::exchange(ended_, true)) return;
  metrics_.count(machine_.state(), -1);
  part_.redials.erase(this);
  unwanted_.cancel();
  if (line_ == nullptr) return;
  if (given_up) {
    line_->close(Status(Code::kDialFailed, "upstream.lost",
                        address_.to_text() + " was dialled again " +
                            std::to_string(settings().redial.redial_times) +
                            " times (dial.redial_times) and is given up")
                     .with_outcome(Outcome::kNotSent)
                     .with_cause(std::string(last_error_.message())));
  } else {
    line_->close();
  }
}

void SessionRedial::update(const upstream::DialSettings& settings) {
  how_.redial = settings;
  machine_.update(settings.redial);
}

void SessionRedial::update(const rpc::ResendOptions& options) {
  how_.resend.take(options);
  if (line_ != nullptr) line_->update(options);
}

rpc::ResendLine* SessionRedial::line_for(CallOptions& options) {
  const rpc::DeliveryMode usual = part_.delivery.value_or(rpc::DeliveryMode::kAtMostOnce);
  const rpc::DeliveryMode delivery = options.delivery.value_or(how_.delivery.value_or(usual));
  const bool outlives = delivery != rpc::DeliveryMode::kAtMostOnce || options.wait_for_ready;
  if (!outlives || ended_) return nullptr;
  options.delivery = delivery;
  if (line_ == nullptr) {
    line_ = std::make_unique<rpc::ResendLine>(entry_.core, how_.resend, peer().metrics());
    // One that ends now has told its line already, and would never tell this one.
    if (entry_.session != nullptr && entry_.session->open()) line_->attach(*entry_.session);
  }
  return line_.get();
}

// The line of a call that was made during the dial: the dial knew of none.
void SessionRedial::attach(rpc::Session& session) {
  if (line_ != nullptr) line_->attach(session);
}

// Over one that refuses calls until a time nobody stays, and nobody is given up for moving on.
bool SessionRedial::moves_on(const rpc::Session& session) const {
  if (machine_.stable(entry_.core.now()) || session.retry_after() > Duration::zero()) return true;
  return (!session.leaving() || !left_who_goes_) && machine_.has_redials();
}

void SessionRedial::leave(const rpc::Session& session) {
  left_who_goes_ = session.open() && session.leaving();
  if (line_ != nullptr) line_->leave(session);
}

void SessionRedial::rest() {
  const Time due = machine_.due();
  if (due != Time::max()) entry_.core.timers().arm(*this, std::max(due, entry_.core.now()));
}

void SessionRedial::on_timer() {
  const auto found = std::ranges::find_if(
      part_.coming_back,
      [this](const std::shared_ptr<HubEntry>& one) { return one.get() == &entry_; });
  FL_CHECK(found != part_.coming_back.end());
  hub_.dial_when_due(*found);
}

rpc::DialOptions SessionRedial::next_options(const std::shared_ptr<HubEntry>& entry) const {
  rpc::DialOptions options = how_.options;
  if (how_.tls != nullptr) options.tls = how_.tls->current();
  options.again = true;
  options.mark = entry;
  options.values = values_;
  options.resend = line_.get();
  options.connect_by = entry_.core.deadline_after(settings().connect_timeout);
  return options;
}

upstream::EndpointView SessionRedial::view() const {
  return {.name = hub_.id_of(entry_),
          .address = address_.to_text(),
          .state = machine_.state(),
          .failures = machine_.failures(),
          .wait_left = machine_.wait_left(entry_.core.now()),
          .sessions = is_here() ? 1U : 0U,
          .dials = machine_.dials(),
          .recovered = machine_.recovered(),
          .last_error = last_error_.ok() ? std::string()
                                         : std::string(last_error_.message()) + " [" +
                                               std::string(last_error_.reason()) + "]"};
}

void SessionRedial::note(Redial::State before, std::string_view reason) {
  const std::string name = hub_.id_of(entry_) + " " + address_.to_text();
  upstream::tell_change(machine_,
                        {.event = "session.link", .name = name, .before = before, .reason = reason},
                        entry_.core.now(), metrics_, peer().options().transitions);
}

}  // namespace internal

using upstream::Redial;

namespace {

// Ends that somebody here asked for: kick(), a close, a plugin.
bool for_good(const rpc::Session& session) {
  return session.end() == rpc::LinkEnd::kOurs || session.end() == rpc::LinkEnd::kPlugin ||
         session.peer().closing();
}

}  // namespace

// Its connection is gone, or has begun to end. True: it may come back.
bool Hub::goes_away(const std::shared_ptr<Entry>& entry, rpc::Session& session) {
  Part* const part = part_of(entry->core);
  internal::SessionRedial& redial = *entry->redial;
  if (part->closed || for_good(session)) return false;
  {
    MutexLock lock(mutex_);
    const auto found = by_id_.find(entry->id);
    const bool listed = found != by_id_.end() && *found == entry;
    if (!listed) return false;  // sent away by a second login
  }
  const Time now = entry->core.now();
  // Who goes away, or has become old, is no fault: a short rest, and not for all at one moment.
  const bool in_order = session.ending() || session.end() == rpc::LinkEnd::kIdle;
  const std::string_view why = in_order ? "goaway" : rpc::link_end_name(session.end());
  redial.failed_by(Status(Code::kConnectionClosed, "session.closed",
                          "the connection was lost (" + std::string(why) + ")"));
  redial.step(why, [&](Redial& machine) {
    if (!in_order) return machine.lost(now, redial.random());
    if (session.retry_after() > Duration::zero()) {
      return machine.leaving(now, session.retry_after(), redial.random());
    }
    return machine.left(now, redial.random());
  });
  if (redial.machine().state() == Redial::State::kClosed) return false;
  redial.leave(session);
  redial.keep(session.values());
  entry->reach.store(Entry::Reach::kAway, std::memory_order_release);
  entry->session = nullptr;
  part->sessions.remove(entry->number);
  part->coming_back.insert(entry);
  redial.rest();
  return true;
}

// Its peer makes room for who comes after it at its address, and waits for those that leave by
// themselves: what begins now takes the next connection.
void Hub::on_leaving(rpc::Session& session) {
  const std::shared_ptr<Entry> entry = entry_of(session);
  if (entry->session != &session || entry->redial == nullptr) return;
  if (!session.open()) return;  // its end is under way
  if (!entry->redial->moves_on(session)) return entry->redial->attach(session);
  if (!goes_away(entry, session)) return;
  Part* const part = part_of(entry->core);
  // One that is old only sees to its end itself.
  if (session.leaving()) part->scope.spawn_detached(see_off(*part, session));
}

// Calls under way end, then the session closes. Until then its peer may call, too.
Task<void> Hub::see_off(Part& part, rpc::Session& session) {
  constexpr Duration kLookEvery = std::chrono::milliseconds(100);  // what crosses comes meanwhile
  io::Core& core = part.dials.core();
  const CancelToken gone = session.cancel_token();
  for (bool told = false;;) {
    Status slept =
        co_await Sleep(core.timers(), core.deadline_after(kLookEvery), part.scope.token());
    if (!slept.ok() || gone.cancelled()) co_return;  // the end of its rpc::Peer is its own
    if (session.waits_for_answers()) continue;
    if (std::exchange(told, true)) break;
    session.go_away("leaving");
  }
  part.dials.send_away(session, "leaving", served_by(part.dials));
}

void Hub::dial_when_due(const std::shared_ptr<Entry>& entry) {
  const Time now = entry->core.now();
  const bool begun =
      entry->redial->step("redial", [now](Redial& machine) { return machine.dial(now); });
  if (begun) part_of(entry->core)->scope.spawn_detached(dial_again(entry));
}

Task<void> Hub::dial_again(std::shared_ptr<Entry> entry) {
  Result<rpc::Session*> made = co_await connect_again(entry);
  Part* const part = part_of(entry->core);
  internal::SessionRedial& redial = *entry->redial;
  if (!part->coming_back.contains(entry)) {  // it was ended meanwhile
    const Deadline deadline = entry->core.deadline_after(kKickPatience);
    if (made.ok()) part->dials.send_away(**made, "closing", deadline);
    co_return;
  }
  if (made.ok()) {
    come_back(entry, **made);
    co_return;
  }
  redial.failed_by(made.status());
  const Time now = entry->core.now();
  redial.step(made.status().reason(),
              [&](Redial& machine) { return machine.failed(now, redial.random()); });
  if (redial.machine().state() != Redial::State::kClosed) {
    redial.rest();
    co_return;
  }
  stay_away(entry, made.status());
}

// Whoever is away when the hub closes is ended, and its token with it.
Task<Result<rpc::Session*>> Hub::connect_again(std::shared_ptr<Entry> entry) {
  Part* const part = part_of(entry->core);
  upstream::DialPass pass;
  if (part->line != nullptr) {
    FL_CO_TRY_ASSIGN(pass, co_await part->line->enter(entry->redial->unwanted()));
  }
  rpc::DialOptions options = entry->redial->next_options(entry);
  const Deadline deadline =
      Deadline::after(options.connect_by.at(), entry->redial->settings().handshake_timeout);
  Result<rpc::Session*> made = co_await part->dials.dial(
      entry->redial->address(), deadline, entry->redial->unwanted(), std::move(options));
  (made.ok() ? options_.links.dials_ok : options_.links.dials_failed).add();
  co_return made;
}

void Hub::come_back(const std::shared_ptr<Entry>& entry, rpc::Session& session) {
  Part* const part = part_of(entry->core);
  const Time now = entry->core.now();
  part->coming_back.erase(entry);
  entry->session = &session;
  entry->number = ++part->last_number;
  part->sessions.add(entry->number, *entry);
  entry->redial->step("dialled", [now](Redial& machine) { return machine.ready(now); });
  entry->reach.store(Entry::Reach::kOpen, std::memory_order_release);
  entry->redial->attach(session);
}

void Hub::come_back_no_more(Entry& entry, bool given_up) {
  entry.reach.store(Entry::Reach::kGone, std::memory_order_release);
  entry.redial->end(given_up);
  if (given_up) tell_lost(entry);
}

// redial_times are used up.
void Hub::tell_lost(const Entry& entry) {
  const internal::SessionRedial& redial = *entry.redial;
  const std::string name = id_of(entry);
  FL_LOG(warn, "session.lost", {"name", name}, {"endpoint", redial.address().to_text()},
         {"dials", redial.machine().dials()});
  const rpc::PluginChain* const plugins = part_of(entry.core)->dials.options().plugins;
  if (plugins == nullptr) return;
  const rpc::LostLink lost{.service = name,
                           .address = redial.address(),
                           .failures = redial.machine().failures(),
                           .why = redial.last_error()};
  plugins->tell<&rpc::Plugin::post_lost>(lost);
}

void Hub::stay_away(std::shared_ptr<Entry> entry, const Status& why) {
  Part* const part = part_of(entry->core);
  if (part->coming_back.erase(entry) == 0) return;
  internal::SessionRedial& redial = *entry->redial;
  const bool given_up = redial.machine().state() == Redial::State::kClosed;
  redial.step("ended", [](Redial& machine) { return machine.remove(); });
  come_back_no_more(*entry, given_up);
  if (take_out(entry) && on_closed_) on_closed_(SessionRef(entry), why);
}

Task<Status> Hub::close(io::Core& core, Deadline deadline) {
  Part* const part = part_of(core);
  FL_CHECK(part != nullptr);
  part->closed = true;
  const std::set<std::shared_ptr<Entry>> away = part->coming_back;
  for (const auto& entry : away) stay_away(entry, Status());
  Status ended = co_await part->scope.close(core.timers(), deadline);
  co_return ended;
}

void Hub::for_each_part(const std::function<void(Part& part)>& function) {
  for (const auto& part : parts_) {
    part->dials.core().post([where = part.get(), function] { function(*where); });
  }
}

void Hub::update(const upstream::DialSettings& settings) {
  for_each_part([settings](Part& part) {
    for (HubDial* how : part.first_dials) {
      if (how->redial.has_value()) how->redial = settings;
    }
    for (internal::SessionRedial* redial : part.redials) redial->update(settings);
  });
}

void Hub::update(const rpc::ResendOptions& options) {
  for_each_part([options](Part& part) {
    for (HubDial* how : part.first_dials) how->resend.take(options);
    for (internal::SessionRedial* redial : part.redials) redial->update(options);
  });
}

void Hub::update_delivery(std::optional<rpc::DeliveryMode> delivery) {
  for_each_part([delivery](Part& part) { part.delivery = delivery; });
}

std::vector<upstream::EndpointView> Hub::links(const io::Core& core, std::size_t limit) const {
  const Part* const part = part_of(core);
  FL_CHECK(part != nullptr);
  std::vector<upstream::EndpointView> views;
  for (const auto& entry : part->coming_back) {
    if (views.size() >= limit) break;
    views.push_back(entry->redial->view());
  }
  for (const internal::SessionRedial* redial : part->redials) {
    if (views.size() >= limit) break;
    if (redial->is_here()) views.push_back(redial->view());
  }
  return views;
}

}  // namespace fairlead::service
