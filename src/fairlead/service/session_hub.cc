#include "fairlead/service/session_hub.h"

#include <algorithm>

#include "fairlead/base/check.h"
#include "fairlead/service/session_redial.h"

namespace fairlead::service {

Hub::Hub() : load_(std::make_shared<internal::BroadcastLoad>()) {}

Hub::~Hub() {
  for (const auto& part : parts_) {
    FL_CHECK(part->sessions.empty() && part->coming_back.empty());
  }
}

void Hub::add_core(rpc::Peer& dials, upstream::DialLine* line) {
  parts_.push_back(std::make_unique<Part>(dials, line));
  parts_.back()->delivery = options_.delivery;
}

Hub::Part* Hub::part_of(const io::Core& core) const {
  const auto found = std::ranges::find_if(
      parts_, [&core](const auto& part) { return &part->dials.core() == &core; });
  return found == parts_.end() ? nullptr : found->get();
}

// ---- coming and going

std::shared_ptr<Hub::Entry> Hub::entry_of(rpc::Session& session) {
  FL_CHECK(session.peer().options().watcher == this);
  std::shared_ptr<rpc::SessionMark>& mark = session.mark();
  if (mark == nullptr) mark = std::make_shared<Entry>(*this, session);
  return std::static_pointer_cast<Entry>(mark);  // nobody else sets it
}

SessionRef Hub::of(rpc::Session& session) { return SessionRef(entry_of(session)); }

void Hub::on_open(rpc::Session& session) { list(session); }

SessionRef Hub::list(rpc::Session& session) {
  std::shared_ptr<Entry> entry = entry_of(session);
  Part* const part = part_of(entry->core);
  FL_CHECK(part != nullptr);
  entry->number = ++part->last_number;
  part->sessions.add(entry->number, *entry);
  std::shared_ptr<Entry> older;
  {
    const bool dialled = session.side() == rpc::Session::Side::kDialled;
    const io::Address address = dialled ? session.local_address() : entry->peer;
    MutexLock lock(mutex_);
    entry->place = Entry::Place::kListed;
    if (entry->id.empty()) entry->id = free_id(address);
    older = place(entry);
  }
  if (older != nullptr) send_away(older, "second login", true);
  return SessionRef(std::move(entry));
}

void Hub::on_end(rpc::Session& session, const Status& why) {
  const std::shared_ptr<Entry> entry = entry_of(session);
  if (entry->session != &session) return;  // its dial has not ended well
  Part* const part = part_of(entry->core);
  if (entry->redial == nullptr) {
    entry->reach.store(Entry::Reach::kGone, std::memory_order_release);
  } else {
    if (goes_away(entry, session)) return;
    const bool given_up = entry->redial->machine().state() == upstream::Redial::State::kClosed;
    come_back_no_more(*entry, given_up);
  }
  if (take_out(entry)) {
    part->sessions.remove(entry->number);
    if (on_closed_) on_closed_(SessionRef(entry), why);
  }
  entry->session = nullptr;
}

bool Hub::take_out(const std::shared_ptr<Entry>& entry) {
  MutexLock lock(mutex_);
  const bool listed = std::exchange(entry->place, Entry::Place::kEnded) == Entry::Place::kListed;
  const auto found = by_id_.find(entry->id);
  if (found != by_id_.end() && *found == entry) by_id_.erase(found);
  return listed;
}

// ---- ids

// Two sessions may have one address: clients of a Unix socket have none, and a connection may
// come anew before the end of the old one was noticed. Nobody is sent away for that.
std::string Hub::free_id(const io::Address& address) {
  const std::string text = address.to_text();
  std::string id = text;
  if (address.is_unix()) id += "#" + std::to_string(++ids_made_);
  while (by_id_.contains(id)) id = text + "#" + std::to_string(++ids_made_);
  return id;
}

std::shared_ptr<Hub::Entry> Hub::place(const std::shared_ptr<Entry>& entry) {
  std::shared_ptr<Entry> older;
  if (const auto found = by_id_.find(entry->id); found != by_id_.end()) {
    older = *found;
    by_id_.erase(found);
  }
  by_id_.insert(entry);
  return older;
}

Status Hub::set_id(const SessionRef& session, std::string_view id) {
  if (id.empty() || id.size() > kIdBytesMax) {
    return Status(Code::kBadMessage, "session.bad_id",
                  "an id has 1 to " + std::to_string(kIdBytesMax) + " bytes, not " +
                      std::to_string(id.size()));
  }
  const std::shared_ptr<Entry>& entry = session.entry_;
  std::shared_ptr<Entry> older;
  {
    MutexLock lock(mutex_);
    if (entry->place == Entry::Place::kEnded) return internal::session_gone();
    const auto own = by_id_.find(entry->id);
    if (own != by_id_.end() && *own == entry) {
      if (entry->id == id) return {};
      by_id_.erase(own);
    }
    entry->id = id;
    if (entry->place == Entry::Place::kListed) older = place(entry);
  }
  if (older != nullptr) send_away(older, "second login", true);
  return {};
}

// By a letter also on the session's core: the handler that runs may be in the middle of a reply.
// `older`: of a second login. Where its connection has begun to end it is who comes again, so what
// is under way there is not cut.
void Hub::send_away(const std::shared_ptr<Entry>& entry, std::string_view why, bool older) {
  entry->core.post([entry, reason = std::string(why), older] {
    rpc::Session* session = entry->session;
    if (session == nullptr) return entry->hub.stay_away(entry, Status());
    const bool leaves = older && (session->ending() || session->going_announced());
    session->peer().send_away(
        *session, reason,
        leaves ? served_by(session->peer()) : entry->core.deadline_after(kKickPatience));
  });
}

Deadline Hub::served_by(const rpc::Peer& peer) {
  const Duration at_most = peer.options().request_time_max;
  return at_most > Duration::zero() ? peer.core().deadline_after(at_most) : Deadline();
}

std::string Hub::id_of(const Entry& entry) const {
  MutexLock lock(mutex_);
  return entry.id;
}

std::optional<SessionRef> Hub::find(std::string_view id) const {
  MutexLock lock(mutex_);
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  return SessionRef(*found);
}

std::size_t Hub::count() const {
  MutexLock lock(mutex_);
  return by_id_.size();
}

void Hub::for_each(const std::function<void(const SessionRef& session)>& function) const {
  std::vector<SessionRef> found;
  {
    MutexLock lock(mutex_);
    found.reserve(by_id_.size());
    for (const auto& entry : by_id_) found.emplace_back(entry);
  }
  for (const SessionRef& session : found) function(session);
}

// ---- dialling and telling many

Task<Result<SessionRef>> Hub::dial(io::Address address, rpc::DialOptions options, Duration within) {
  HubDial how;
  how.options = std::move(options);
  how.within = within;
  return dial(std::move(address), std::move(how));
}

Task<Result<SessionRef>> Hub::dial(io::Address address, HubDial how) {
  const io::Core* const here = io::Core::current();
  Part* const part = here == nullptr ? nullptr : part_of(*here);
  if (part == nullptr) {
    co_return Status(Code::kInvalidOperation, "call.no_core",
                     "dial() runs on a core of this program, in a handler or a task");
  }
  const Deadline deadline = part->dials.core().deadline_after(how.within);
  part->first_dials.insert(&how);
  Result<rpc::Session*> session =
      co_await part->dials.dial(address, deadline, CancelToken(), how.options);
  part->first_dials.erase(&how);
  if (!session.ok()) co_return session.status();
  SessionRef made = list(**session);
  if (how.redial.has_value()) {
    made.entry_->redial = std::make_unique<internal::SessionRedial>(
        *this, *made.entry_, std::move(address), std::move(how));
  }
  co_return made;
}

Broadcast Hub::broadcast(const contract::MethodInfo& method, std::shared_ptr<const void> argument,
                         CallOptions options, internal::Audience audience) {
  FL_CHECK(!parts_.empty());
  options.cancel = CancelToken();  // of one core; a push does not wait
  auto distant = std::make_shared<internal::Distant<BroadcastResult>>();
  auto job = std::make_shared<internal::BroadcastJob>(load_, method, std::move(argument),
                                                      std::move(options), std::move(audience));
  if (const Status begun = job->begin(); !begun.ok()) {
    distant->deliver(begun);
  } else {
    job->ends_after(parts_.size(), distant);
    for (const auto& part : parts_) {
      part->dials.core().post([this, job, where = part.get()] {
        where->telling.push_back({.job = job, .until = where->last_number});
        if (!where->told_again) tell(*where);
      });
    }
  }
  return Broadcast(distant->wait(CancelToken(), [] {}));
}

// Goes on with the oldest broadcast, so that each session sees them in their order.
void Hub::tell(Part& part) {
  part.told_again = false;
  std::size_t told = 0;
  const std::size_t unsent_bytes_max = broadcast_queue_bytes_max_.load(std::memory_order_relaxed);
  while (!part.telling.empty()) {
    Telling& now = part.telling.front();
    const auto next = part.sessions.after(now.last);
    if (next.entry == nullptr || next.number > now.until) {
      now.job->core_done();
      part.telling.pop_front();
      continue;
    }
    if (told++ == kToldPerTurn) {
      part.told_again = true;
      return part.dials.core().post([this, &part] { tell(part); });
    }
    const Entry& entry = *next.entry;
    now.last = next.number;
    if (now.job->send(*entry.session, entry, unsent_bytes_max)) {
      options_.skipped.add();
    }
  }
}

}  // namespace fairlead::service
