// Hub: the sessions of a program, on all of its cores: those that were accepted, and those that it
// dialled by the hub. Found by an id, visited, told when they end, and pushed to all at once.
//
//   core 0: entries of its sessions ┐
//   core 1: entries of its sessions ┼─ ids, under one mutex: for those who come and go, look one
//                                   │  up or visit all. No call waits for it.
//   SessionRef ─► entry ─► session  ┘
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/context.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/service/broadcast.h"
#include "fairlead/service/session_order.h"
#include "fairlead/service/session_ref.h"
#include "fairlead/upstream/service.h"

namespace fairlead::service {

struct HubOptions {
  // A session for whose peer more unsent bytes wait is skipped by broadcasts; 0 or more. One frame
  // may still come on top.
  std::size_t broadcast_queue_bytes_max = 1024 * 1024;
  observe::Counter skipped{};  // sessions that a broadcast skipped
  upstream::Metrics links{};   // those that are dialled again
  // Of sessions that come back: what becomes of messages of which neither they nor HubDial says
  // it, when their connection is lost; none: kAtMostOnce.
  std::optional<rpc::DeliveryMode> delivery{};
};

// How Hub::dial() dials, and whether the session comes back when it was lost.
struct HubDial {
  rpc::DialOptions options{};
  Duration within = std::chrono::seconds(5);  // > 0; of the first dial, for all of it
  // None: the end of the connection is that of the session.
  std::optional<upstream::DialSettings> redial{};
  // Where it comes back: what becomes of messages that say nothing about it when their connection
  // is lost (none: HubOptions::delivery), and the rules for those that outlive it.
  std::optional<rpc::DeliveryMode> delivery{};
  rpc::ResendOptions resend{};
  // Where certificates of later dials come from, when they may change; null: those of `options`.
  std::shared_ptr<const io::TlsHolder> tls{};
};

// Thread: any, but for the methods before the first session. Lifetime: outlives its peers and refs;
// the cores outlive it, or turn no more.
class Hub final : private rpc::SessionWatcher {
 public:
  static constexpr std::size_t kIdBytesMax = 255;
  static constexpr Duration kKickPatience = std::chrono::seconds(5);
  // Broadcasts tell so many sessions of a core in one turn, so that others have theirs.
  static constexpr std::size_t kToldPerTurn = 1000;

  // On the session's core; `session.here()` is null for the first time after it.
  using ClosedHandler = std::function<void(const SessionRef& session, const Status& why)>;

  Hub();
  ~Hub();

  // Before the first session, on one thread: a core of the program, with the peer that dials there.
  // `line`: where dials wait for the process's limits; null: there are none.
  void add_core(rpc::Peer& dials, upstream::DialLine* line = nullptr);
  void set_options(const HubOptions& options) {
    options_ = options;
    update_broadcast_queue(options.broadcast_queue_bytes_max);
  }
  // For PeerOptions of every peer.
  rpc::SessionWatcher& watcher() { return *this; }
  // The close notification: a session that could be found has ended, for good; OK in `why` when it
  // was closed in order.
  void on_closed(ClosedHandler handler) { on_closed_ = std::move(handler); }

  std::optional<SessionRef> find(std::string_view id) const FL_EXCLUDES(mutex_);
  // Sessions that can be found.
  std::size_t count() const FL_EXCLUDES(mutex_);
  // Calls `function` for each that can be found at this moment, outside of the lock.
  void for_each(const std::function<void(const SessionRef& session)>& function) const
      FL_EXCLUDES(mutex_);

  // The session of a handler's call; also while its login is checked, when nobody can find it yet.
  SessionRef of(const rpc::Context& context) { return of(context.session()); }
  SessionRef of(rpc::Session& session);
  // Names a session. Who had that id is sent away, "second login", and can be found no more. During
  // a login it counts from its good end on.
  // Errors: kBadMessage `session.bad_id`: not 1 .. kIdBytesMax bytes; kConnectionClosed
  //         `session.closed`.
  Status set_id(const SessionRef& session, std::string_view id) FL_EXCLUDES(mutex_);
  std::string id_of(const internal::HubEntry& entry) const FL_EXCLUDES(mutex_);

  // A session that we dial; it may be called by its peer as an accepted one. On a core's thread.
  // Errors: those of rpc::Peer::dial(); kInvalidOperation `call.no_core` on another thread.
  Task<Result<SessionRef>> dial(io::Address address, rpc::DialOptions options = rpc::DialOptions(),
                                Duration within = std::chrono::seconds(5));
  // The same, where the session may come back: dialled again in the background until it is kicked,
  // closed here, or `redial_times` are used up. Plugins see each dial, with `again`; a login is
  // made anew. Only then follows the close notification.
  Task<Result<SessionRef>> dial(io::Address address, HubDial how);
  // On a core of the program: nothing is dialled any more there, and sessions that are away end.
  // Before its peer closes, where sessions come back.
  Task<Status> close(io::Core& core, Deadline deadline);
  // For rests and dials that begin from now on, of all sessions that come back, those that are
  // being dialled for the first time among them. Thread: any, as of those below.
  void update(const upstream::DialSettings& settings);
  // For messages that wait for their session from now on.
  void update(const rpc::ResendOptions& options);
  // HubOptions::delivery, for messages that begin from now on.
  void update_delivery(std::optional<rpc::DeliveryMode> delivery);
  // HubOptions::broadcast_queue_bytes_max, for whoever is told from now on.
  void update_broadcast_queue(std::size_t bytes_max) {
    broadcast_queue_bytes_max_.store(bytes_max, std::memory_order_relaxed);
  }
  // Sessions of a core that come back, by their ids, for people: at most `limit`, first those that
  // are away. Thread: that core's.
  std::vector<upstream::EndpointView> links(const io::Core& core, std::size_t limit) const;

  // Pushes of S to all that can be found now, `hub.all<Room>().say(line)`: a Stub whose methods
  // give a Broadcast. Broadcasts reach a session in the order in which one thread began them. They
  // leave by letters: what is pushed over a SessionRef meanwhile may overtake them.
  template <contract::Service S>
  auto all() {
    return to<S>({});
  }
  // To all but the one with this id.
  template <contract::Service S>
  auto all_but(std::string_view id) {
    const std::optional<SessionRef> one = find(id);
    return to<S>({.without = one.has_value() ? one->entry_ : nullptr});
  }
  // To those of which `predicate` says true. It is asked on each session's core, so on several at
  // once; it reads Session::values() and the like and does nothing else.
  template <contract::Service S>
  auto some(std::function<bool(const rpc::Session& session)> predicate) {
    return to<S>({.predicate = std::move(predicate)});
  }

 private:
  friend internal::BroadcastCaller;
  friend internal::SessionRedial;
  friend SessionRef;
  using Entry = internal::HubEntry;
  struct Telling {
    std::shared_ptr<internal::BroadcastJob> job;
    std::uint64_t last = 0;   // number of the last one that was told
    std::uint64_t until = 0;  // who came later is not told
  };
  // Its core's alone.
  struct Part {
    rpc::Peer& dials;
    upstream::DialLine* line = nullptr;  // null: no limits
    internal::SessionOrder<Entry> sessions{};
    std::deque<Telling> telling{};
    std::uint64_t last_number = 0;
    bool told_again = false;                         // a letter to go on is under way
    std::set<std::shared_ptr<Entry>> coming_back{};  // away
    std::set<internal::SessionRedial*> redials{};    // of those, and of those that are here
    std::set<HubDial*> first_dials{};                // under way
    std::optional<rpc::DeliveryMode> delivery{};     // as HubOptions
    Scope scope{};                                   // of later dials
    bool closed = false;                             // nothing is dialled again
  };

  // An entry, or an id, by its id.
  struct IdHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const { return std::hash<std::string_view>()(id); }
    std::size_t operator()(const std::shared_ptr<Entry>& entry) const { return (*this)(entry->id); }
  };
  struct SameId {
    using is_transparent = void;
    static std::string_view id(std::string_view text) { return text; }
    static std::string_view id(const std::shared_ptr<Entry>& entry) { return entry->id; }
    bool operator()(const auto& one, const auto& other) const { return id(one) == id(other); }
  };

  void on_open(rpc::Session& session) override;
  void on_leaving(rpc::Session& session) override;
  void on_end(rpc::Session& session, const Status& why) override;

  template <contract::Service S>
  auto to(internal::Audience audience) {
    return contract::Stub<S, internal::BroadcastCaller>(*this, std::move(audience));
  }
  Part* part_of(const io::Core& core) const;
  std::shared_ptr<Entry> entry_of(rpc::Session& session);
  SessionRef list(rpc::Session& session) FL_EXCLUDES(mutex_);
  // session_redial.cc: sessions that come back.
  bool goes_away(const std::shared_ptr<Entry>& entry, rpc::Session& session);
  void dial_when_due(const std::shared_ptr<Entry>& entry);
  Task<void> dial_again(std::shared_ptr<Entry> entry);
  Task<Result<rpc::Session*>> connect_again(std::shared_ptr<Entry> entry);
  void come_back(const std::shared_ptr<Entry>& entry, rpc::Session& session);
  static Task<void> see_off(Part& part, rpc::Session& session);
  // When handlers of a session have ended that takes no more.
  static Deadline served_by(const rpc::Peer& peer);
  static void send_away(const std::shared_ptr<Entry>& entry, std::string_view why, bool older);
  // The end of one that is away.
  void stay_away(std::shared_ptr<Entry> entry, const Status& why) FL_EXCLUDES(mutex_);
  void come_back_no_more(Entry& entry, bool given_up);
  void tell_lost(const Entry& entry);
  void for_each_part(const std::function<void(Part& part)>& function);
  // False: it could not be found any more.
  bool take_out(const std::shared_ptr<Entry>& entry) FL_EXCLUDES(mutex_);
  // Puts it under its id, and gives who stood there.
  std::shared_ptr<Entry> place(const std::shared_ptr<Entry>& entry) FL_REQUIRES(mutex_);
  std::string free_id(const io::Address& address) FL_REQUIRES(mutex_);
  Broadcast broadcast(const contract::MethodInfo& method, std::shared_ptr<const void> argument,
                      CallOptions options, internal::Audience audience);
  void tell(Part& part);

  HubOptions options_;
  std::atomic<std::size_t> broadcast_queue_bytes_max_{HubOptions().broadcast_queue_bytes_max};
  ClosedHandler on_closed_;
  std::vector<std::unique_ptr<Part>> parts_;
  const std::shared_ptr<internal::BroadcastLoad> load_;
  mutable Mutex mutex_;
  std::unordered_set<std::shared_ptr<Entry>, IdHash, SameId> by_id_ FL_GUARDED_BY(mutex_);
  std::uint64_t ids_made_ FL_GUARDED_BY(mutex_) = 0;  // those with a number behind an address
};

}  // namespace fairlead::service
