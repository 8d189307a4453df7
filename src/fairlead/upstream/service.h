// Service: a service as its callers on one core see it: the living endpoints, a session to each
// that was needed, and whose turn it is.
//
//   endpoint:  IDLE -- its turn --> DIALING -- ok --> READY -- last session lost --> IDLE
//                                      └-- failed --> RESTING (backoff) -- over --> IDLE
//
// READY has one session, or up to connections_max: another one is dialled when all have calls under
// way, calls go to the one with the fewest, and what nobody needed for a while is closed again.
#pragma once

#include <coroutine>
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
#include "fairlead/upstream/endpoint.h"

namespace fairlead::upstream {

struct ServiceOptions {
  Duration dial_timeout = std::chrono::seconds(1);          // > 0
  Duration backoff_first = std::chrono::milliseconds(100);  // after the first failed dial
  Duration backoff_max = std::chrono::seconds(2);           // it grows by 1.6, jitter 20 %
  // What is spoken to copies of which nobody says it; null: raw.
  const wire::Protocol* protocol = nullptr;
  // Certificates for copies that speak TLS; null: those cannot be dialled. Outlives the service.
  const io::TlsHolder* tls = nullptr;
  bool tls_required = false;  // TLS with every copy, also when nobody says that it speaks it
  std::string server_name{};  // what certificates must be for; empty: the name of each endpoint
  std::optional<rpc::Login> login{};  // of every session
  // Sessions to each endpoint; 1 .. kConnectionsMax. Beyond 1 the order of PUSHes is that of each
  // session, and no longer that of their sending.
  std::uint32_t connections_max = 1;
  Duration connections_idle = std::chrono::minutes(3);  // > 0; those beyond the first close then
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
};

// A request whose body is encoded already, for callers that do not know its type.
struct RawRequest {
  std::string method{};
  std::uint8_t body_codec = wire::kNoCodec;
  Bytes body{};
  std::string metadata{};    // encoded text
  std::string transforms{};  // ids
  wire::SecureForm secure = wire::SecureForm::kPlain;

  rpc::CallHead head() const {
    return {.method = method,
            .body_codec = body_codec,
            .metadata = metadata,
            .transforms = transforms,
            .secure = secure};
  }
};

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
struct EndpointReport {
  std::string address{};
  std::string_view state{};  // "idle", "dialing", "ready", "resting" after a failed dial
  std::size_t sessions = 0;
  std::uint32_t failures = 0;  // dials in a row
  std::string reason{};        // of the last one
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

  // The session whose turn it is, or null: then wait(). Round robin over the endpoints that can be
  // reached. Good until the next co_await.
  rpc::Session* ready_session();
  // Gives a session to `waiter`, dialling if needed. May call it before it returns.
  void wait(SessionWaiter& waiter, Deadline deadline, const CancelToken& cancel = {});

  // Calls and gives the raw reply; tries elsewhere while nothing was sent (kAttemptsMax).
  // Errors: those of SessionWaiter::on_session() and of rpc::Session::start_call().
  Task<Result<rpc::Reply>> call(RawRequest request, Deadline deadline, CancelToken cancel = {});
  // The same, with what an error reply says besides.
  Task<Answer> ask(RawRequest request, Deadline deadline, CancelToken cancel = {});
  // The same for a PUSH, which ends when it was written.
  Task<Status> push(RawRequest request, Deadline deadline, CancelToken cancel = {});

  // Ends all waits, lets calls under way end, closes the sessions.
  // Errors: kDeadlineExceeded `wait.deadline`.
  Task<Status> close(Deadline deadline);

  const std::string& name() const { return name_; }
  std::size_t endpoint_count() const { return links_.size(); }
  std::size_t session_count() const;  // those that calls may take
  rpc::Peer& peer() const { return peer_; }
  std::vector<EndpointReport> report() const;

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
    rpc::Session* session = nullptr;  // null: no extra either; as all, it may be about to end
    std::vector<Extra> extras{};
    bool extra_dialing = false;
    Time extra_rests_until{};
    bool dialing = false;
    bool removed = false;
    bool known = false;          // there was a session to it
    std::uint32_t failures = 0;  // dials in a row
    Time rests_until{};
    Status last_error;
    SessionWaiter* waiters = nullptr;
  };

  io::Core& core() const { return peer_.core(); }
  std::shared_ptr<Link> next_link();
  void place(SessionWaiter& waiter);
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
  template <class Answered>
  Task<Answered> call_somewhere(RawRequest request, Deadline deadline, CancelToken cancel);
  Task<void> dial(std::shared_ptr<Link> link);
  Task<void> dial_extra(std::shared_ptr<Link> link);
  Task<Result<rpc::Session*>> connect(Endpoint endpoint, bool again);
  void dialled(const std::shared_ptr<Link>& link, rpc::Session& session);
  void adopt(const std::shared_ptr<Link>& link, rpc::Session& session);
  static bool forget(Link& link, const rpc::Session* session);  // false: it was not there
  void let_go(Link& link, rpc::Session& session);
  void close_idle();
  void retire_all(const std::shared_ptr<Link>& link);
  void dial_failed(Link& link, Status why);
  Task<void> retire(std::shared_ptr<Link> link, Deadline deadline);
  Status no_endpoint() const;

  struct IdleTimer final : Timer {
    explicit IdleTimer(Service& of) : service(of) {}
    void on_timer() override { service.close_idle(); }
    Service& service;
  };

  rpc::Peer& peer_;
  const std::string name_;
  const ServiceOptions options_;
  std::vector<std::shared_ptr<Link>> links_;
  std::size_t next_ = 0;
  SessionWaiter* unplaced_ = nullptr;  // until the first update
  Random random_;
  bool known_ = false;  // the first update has come
  bool closed_ = false;
  IdleTimer idle_timer_{*this};  // armed while there are extras
  Scope scope_;
};

}  // namespace fairlead::upstream
