// Service: a service as its callers on one core see it: the living endpoints, a session to each
// that was needed, and whose turn it is.
//
// What becomes of the link to an endpoint is Redial's to say (redial.h). First use dials at once; a
// link that was lost is dialled again in the background, and calls go elsewhere meanwhile.
//
// READY has one session, or up to connections_max: another one is dialled when all have calls under
// way, calls go to the one with the fewest, and what nobody needed for a while is closed again.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/async/cancel.h"
#include "fairlead/async/scope.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/random.h"
#include "fairlead/base/result.h"
#include "fairlead/io/tls_holder.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/raw_request.h"
#include "fairlead/rpc/resend_line.h"
#include "fairlead/upstream/dial_limits.h"
#include "fairlead/upstream/endpoint.h"
#include "fairlead/upstream/metrics.h"
#include "fairlead/upstream/redial.h"

namespace fairlead::upstream {

// How a service dials; it may change while the service lives.
struct DialSettings {
  Duration connect_timeout = std::chrono::seconds(1);    // > 0; of the connection alone
  Duration handshake_timeout = std::chrono::seconds(3);  // > 0; TLS, WebSocket and login, after it
  RedialOptions redial{};

  // Errors: kInvalidOperation `redial.bad_option`.
  Status validate() const;
};

struct ServiceOptions {
  DialSettings dial{};
  // Where dials wait for the process's limits; null: there are none. The core's; outlives the
  // service.
  DialLine* line = nullptr;
  Metrics metrics{};
  // What is spoken to copies of which nobody says it; null: raw.
  const wire::Protocol* protocol = nullptr;
  // Certificates for copies that speak TLS; null: those cannot be dialled. Outlives the service.
  const io::TlsHolder* tls = nullptr;
  bool tls_required = false;  // TLS with every copy, also when nobody says that it speaks it
  std::string server_name{};  // what certificates must be for; empty: the name of each endpoint
  std::optional<rpc::Login> login{};  // of every session
  std::uint64_t seed = 0;             // of its random choices; 0: the system's
  // Sessions to each endpoint; 1 .. kConnectionsMax. Beyond 1 the order of PUSHes is that of each
  // session, and no longer that of their sending.
  std::uint32_t connections_max = 1;
  Duration connections_idle = std::chrono::minutes(3);  // > 0; those beyond the first close then
  // What happens to messages that say nothing about it when their connection breaks.
  rpc::DeliveryMode delivery = rpc::DeliveryMode::kAtMostOnce;
  rpc::ResendOptions resend{};  // of each endpoint, for those that outlive it
};
inline constexpr std::uint32_t kConnectionsMax = 256;

// A call whose attempt ended with this status may be tried again at another endpoint without
// asking whether it is idempotent: nothing of it was sent, and the fault was the endpoint's; or the
// endpoint says that it refused it before its handler.
bool may_try_elsewhere(const Status& status);

// Attempts of one call, the first included.
inline constexpr int kAttemptsMax = 3;

class Service;

// Waits for a session. Destroying it ends the wait. Thread: the service's core.
class SessionWaiter : private Timer, private CancelListener {
 public:
  SessionWaiter() = default;
  SessionWaiter(const SessionWaiter&) = delete;
  SessionWaiter& operator=(const SessionWaiter&) = delete;

 protected:
  ~SessionWaiter() { leave(); }

 private:
  friend class Service;

  // Once: a session that is open (good until the next co_await), or
  //   kNoEndpoint `upstream.no_endpoint` (none is registered, or none can be reached),
  //   kDialFailed `upstream.lost` (redial_times are used up for all),
  //   the error of the last dial (also `tls.*`, and `upstream.no_tls`: the copy speaks TLS and
  //   there are no options for it), kDeadlineExceeded `call.deadline`, kCancelled `call.cancelled`,
  //   kConnectionClosed `upstream.closed`; all NOT_SENT. May destroy this object.
  virtual void on_session(Result<rpc::Session*> session) = 0;

  void on_timer() override;
  void on_cancel() override;
  void leave();
  void leave_list();
  void fail(Status status);

  Service* service_ = nullptr;
  SessionWaiter** list_ = nullptr;  // the first of the list it is in
  SessionWaiter* previous_ = nullptr;
  SessionWaiter* next_ = nullptr;
  std::uint32_t dials_failed_ = 0;
  bool patient_ = false;  // waits until some endpoint is READY
};

using rpc::RawRequest;

// How a call ended, for who passes it on: an error may have metadata, such as when to come again.
struct Answer {
  // NOLINTNEXTLINE(google-explicit-constructor): a call that brought no reply
  Answer(Status why) : reply(std::move(why)) {}
  Answer(Result<rpc::Reply> came, std::string metadata)
      : reply(std::move(came)), error_metadata(std::move(metadata)) {}

  Result<rpc::Reply> reply;
  std::string error_metadata{};  // encoded text
};

// One endpoint as it is now, for people.
struct EndpointView {
  std::string name{};  // its id
  std::string address{};
  Redial::State state = Redial::State::kPreparing;
  std::uint32_t failures = 0;  // of dials in a row
  Duration wait_left{};        // of its rest
  std::size_t sessions = 0;    // that calls may take
  std::uint64_t dials = 0;
  bool recovered = false;    // READY after a quarantine: to be warmed up slowly
  std::string last_error{};  // "message [reason]"; empty: there was none
};

// Thread: the peer's core. Lifetime: the peer outlives it; close() before destruction.
class Service {
 public:
  Service(rpc::Peer& peer, std::string name, ServiceOptions options = {});
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Replaces the endpoints. Sessions to those that stay are kept; those that are gone finish their
  // calls and close. Until the first update callers wait.
  void update(const EndpointSnapshot& endpoints);
  // For dials and rests that begin from now on. `settings` have been validated.
  void update(const DialSettings& settings);
  // All of `options` but `line`, `metrics` and `seed`. Protocol, TLS and login are for sessions
  // that are dialled from now on, and those that are open stay. More sessions are dialled when they
  // are needed; where there are more than may be, they close when they are idle. `delivery` is for
  // messages that begin. `options` are as good as those of the constructor; what they name before
  // is not used any more.
  void update(const ServiceOptions& options);

  // The session whose turn it is, or null: then wait(). Round robin over the endpoints that can be
  // reached. Good until the next co_await.
  rpc::Session* ready_session();
  // Gives a session to `waiter`, dialling if needed. May call it before it returns. Where none can
  // be had now, `wait_for_ready` says whether it waits until the deadline for one.
  void wait(SessionWaiter& waiter, Deadline deadline, const CancelToken& cancel = {},
            bool wait_for_ready = false);

  // Calls and gives the raw reply; tries elsewhere while nothing was sent (kAttemptsMax). A call of
  // at_least_once goes by the line of its endpoint, over as many sessions as it takes.
  // Errors: those of SessionWaiter::on_session() and of rpc::Session::start_call(); by a line those
  //         of rpc::ResendLine::start(), too.
  Task<Result<rpc::Reply>> call(RawRequest request, Deadline deadline, CancelToken cancel = {});
  // The same, with what an error reply says besides.
  Task<Answer> ask(RawRequest request, Deadline deadline, CancelToken cancel = {});
  // The same for a PUSH. At most once: it ends when it was written to its session, and is lost with
  // that if it has not left. By the line go at_least_once, which ends when its receiver has served
  // it, with what became of it; and best_effort, which ends when the system has taken it, and is
  // sent again when it is lost before.
  // Errors: as call(), and of rpc::Session::push(); by a line also kSendQueueFull `resend.full`,
  //         kDeadlineExceeded `resend.ttl`, kConnectionClosed `resend.closed`.
  Task<Status> push(RawRequest request, Deadline deadline, CancelToken cancel = {});

  // Ends all waits, lets calls under way end, closes the sessions.
  // Errors: kDeadlineExceeded `wait.deadline`.
  Task<Status> close(Deadline deadline);

  // The line to the endpoint of this session, which is ours: for messages that outlive it. Made at
  // the first use. While somebody waits in it, its endpoint is dialled again.
  rpc::ResendLine& line_of(rpc::Session& session);
  // New rules for messages in the lines.
  void update(const rpc::ResendOptions& options);
  rpc::DeliveryMode delivery() const { return options_.delivery; }

  const std::string& name() const { return name_; }
  std::size_t endpoint_count() const { return links_.size(); }
  std::size_t session_count() const;  // those that calls may take
  std::vector<EndpointView> endpoints() const;
  rpc::Peer& peer() const { return peer_; }

 private:
  friend SessionWaiter;
  class Awaiter;

  // A session beyond the first to an endpoint.
  struct Extra {
    rpc::Session* session;
    Time used;  // when a call took it last
  };
  // One endpoint and our sessions to it.
  struct Link {
    Endpoint endpoint;
    Redial redial{};
    rpc::Session* session = nullptr;  // null: no extra either; as all, it may be about to end
    std::vector<Extra> extras{};
    bool extra_dialing = false;
    Time extra_rests_until{};
    bool removed = false;
    Time opens_again_at = Time::max();  // its peer goes away; max: that dial has begun
    Status last_error;
    SessionWaiter* waiters = nullptr;
    std::unique_ptr<rpc::ResendLine> line{};  // null: nobody needed one
    bool returning = false;                   // somebody in the line waits for a session
  };

  io::Core& core() const { return peer_.core(); }
  static bool takes_turns(const Link& link, Time now);
  std::shared_ptr<Link> next_link();
  void place(SessionWaiter& waiter);
  void place_all(SessionWaiter*& list);
  bool given_up() const;
  static std::size_t sessions_of(const Link& link);
  void enlist(SessionWaiter& waiter, SessionWaiter*& list);
  // Whether a link has an open session, which is then its first.
  static bool usable(Link& link) {
    return link.session != nullptr && (link.session->open() || put_open_one_first(link));
  }
  static bool put_open_one_first(Link& link);
  // The session of a usable link for the next call.
  rpc::Session* pick(const std::shared_ptr<Link>& link) {
    if (options_.connections_max == 1) return link->session;
    return least_busy(link);
  }
  rpc::Session* least_busy(const std::shared_ptr<Link>& link);
  struct OverSession;
  struct Written;
  template <wire::Kind kKind>
  struct ByLine;
  template <class Answered, class Attempt>
  Task<Answered> attempt(RawRequest request, Deadline deadline, CancelToken cancel);
  template <class Answered>
  Task<Answered> call_somewhere(RawRequest request, Deadline deadline, CancelToken cancel);
  rpc::DeliveryMode delivery_of(const RawRequest& request) const {
    return request.delivery.value_or(options_.delivery);
  }
  // service_resend.cc: messages that outlive their session.
  void want_session(const std::shared_ptr<Link>& link);
  Task<void> come_back(std::shared_ptr<Link> link);
  Task<void> close_line(std::shared_ptr<Link> link);
  // service_links.cc: sessions and dials.
  template <class Event>
  bool step(Link& link, std::string_view reason, Event event);
  void note(Link& link, Redial::State before, std::string_view reason);
  void uncount(const Link& link);
  void begin_dial(const std::shared_ptr<Link>& link, std::string_view reason);
  Task<void> dial(std::shared_ptr<Link> link);
  Task<void> dial_extra(std::shared_ptr<Link> link);
  Task<Result<rpc::Session*>> connect(std::shared_ptr<Link> link, rpc::ResendLine* line);
  rpc::DialOptions dial_options(const Link& link) const;
  void dialled(const std::shared_ptr<Link>& link, rpc::Session& session);
  void adopt(const std::shared_ptr<Link>& link, rpc::Session& session);
  static bool forget(Link& link, const rpc::Session* session);  // false: it was not there
  void session_gone(const std::shared_ptr<Link>& link, const rpc::Session& session);
  void told_to_leave(const std::shared_ptr<Link>& link, rpc::Session& session);
  std::shared_ptr<Link> let_go(Link& link, rpc::Session& session);
  Task<void> see_off(std::shared_ptr<Link> link, std::shared_ptr<Link> leaving);
  void open_again(const std::shared_ptr<Link>& leaving);
  void close_idle();
  void retire_all(const std::shared_ptr<Link>& link);
  void dial_failed(Link& link, Status why);
  void lost_for_good(Link& link);
  Task<void> retire(std::shared_ptr<Link> leaving);
  Task<void> wait_for_answers(std::shared_ptr<Link> link, rpc::Session& session, Deadline deadline,
                              Duration look_every);
  Deadline served_by() const;
  void look();
  void watch();
  Status no_endpoint() const;

  struct IdleTimer final : Timer {
    explicit IdleTimer(Service& of) : service(of) {}
    void on_timer() override { service.close_idle(); }
    Service& service;
  };
  struct LookTimer final : Timer {
    explicit LookTimer(Service& of) : service(of) {}
    void on_timer() override { service.look(); }
    Service& service;
  };

  rpc::Peer& peer_;
  const std::string name_;
  ServiceOptions options_;
  rpc::ResendOptions resend_;  // of lines to come
  std::vector<std::shared_ptr<Link>> links_;
  std::vector<std::shared_ptr<Link>> leaving_;  // each with a session that calls may not take
  std::size_t next_ = 0;
  SessionWaiter* unplaced_ = nullptr;  // until the first update
  SessionWaiter* unready_ = nullptr;   // until an endpoint is READY, or may be dialled
  Random random_;
  bool known_ = false;  // the first update has come
  bool closed_ = false;
  IdleTimer idle_timer_{*this};  // armed while there are extras
  LookTimer look_timer_{*this};  // at the next dial that nobody asks for
  Scope scope_;
};

}  // namespace fairlead::upstream
