// Peer: one core's end of any number of sessions. Both ends of a connection have one, and both may
// call, push and serve.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "fairlead/async/event.h"
#include "fairlead/async/scope.h"
#include "fairlead/base/result.h"
#include "fairlead/io/core.h"
#include "fairlead/io/tls_context.h"
#include "fairlead/observe/bounds.h"
#include "fairlead/observe/line_gate.h"
#include "fairlead/observe/transitions.h"
#include "fairlead/rpc/liveness.h"
#include "fairlead/rpc/metrics.h"
#include "fairlead/rpc/plugin_chain.h"
#include "fairlead/rpc/router.h"
#include "fairlead/rpc/session.h"
#include "fairlead/rpc/websocket_dial.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/protocol.h"
#include "fairlead/wire/transforms/transform.h"

namespace fairlead::rpc {

// What a session and a peer put up with from others, beyond sizes.
struct Guards {
  // Of a frame, from its first byte to its last; > 0. Closed beyond it, and when, while a frame is
  // cut, fewer bytes than that come in a second; 0: however slowly.
  Duration frame_time_max = std::chrono::seconds(30);
  std::uint32_t frame_rate_min = 1024;
  // A peer that takes nothing of what waits for it so long is closed; > 0.
  Duration slow_reader_after = std::chrono::seconds(15);
  std::uint32_t handlers_max = 200'000;  // that wait, of the peer (see handlers_with); >= 1

  // Errors: kInvalidOperation `peer.bad_option`.
  Status validate() const;
  bool operator==(const Guards&) const = default;
};

// How short the process is of memory, which its watch tells.
enum class Pressure : std::uint8_t {
  kNone,
  kShed,    // messages of class `sheddable` are refused
  kRefuse,  // those of `sheddable_plus` too
};

class Peer;

struct PeerOptions {
  wire::Limits limits{};                                 // one frame, both directions
  std::uint32_t inflight_calls_max = 1000;               // per session and direction, 1 .. 65536
  std::size_t write_queue_bytes_max = 16 * 1024 * 1024;  // unsent per session, 64 KiB or more
  Duration call_timeout = std::chrono::seconds(1);       // > 0; for calls without a deadline
  // Of a handler that waits, whatever its caller says; zero: none.
  Duration request_time_max = std::chrono::seconds(60);
  // Calls of a handler whose own deadline is nearer than this are not sent; >= 0.
  Duration deadline_floor = std::chrono::milliseconds(2);
  // What only two of us understand is agreed on with those that we dial (docs/wire/control.md).
  bool hello = false;
  // So old a session gets, less up to a tenth; then it drains and ends, and nothing under way is
  // cut. Zero: for as long as it lasts; >= 0.
  Duration session_age = Duration::zero();
  // Transforms that are understood and may be used; null: none. Outlives the peer.
  const wire::TransformSet* transforms = nullptr;
  // Opens and seals bodies; null: nothing is done about X-Secure. Outlives the peer.
  const SecureBodies* secure = nullptr;
  // Of all sessions and messages; null: none. Outlives the peer.
  const PluginChain* plugins = nullptr;
  Duration login_timeout =
      std::chrono::seconds(5);        // > 0; for the AUTH_CALL, where one is asked for
  SessionWatcher* watcher = nullptr;  // null: nobody looks
  // Of what senders number, so that it may come again; null: none are kept. Outlives the peer.
  DuplicateWindows* windows = nullptr;
  HeartbeatOptions heartbeat{};  // to others; theirs are answered in any case
  IdleOptions idle{};
  Guards guards{};
  // Of the same core: its handlers that wait and ours count together, against one `handlers_max`.
  // Null: ours alone. Outlives the peer.
  Peer* handlers_with = nullptr;
  observe::Bounds* bounds = nullptr;  // told of each limit that is hit; null: nobody. Outlives it
  observe::Transitions* transitions = nullptr;  // hears of links' states, too; outlives the peer

  // Errors: kInvalidOperation `peer.bad_option`, `frame.bad_limit`.
  Status validate() const;
};

// How a session of ours begins, beside its address.
struct DialOptions {
  const wire::Protocol* protocol = nullptr;     // null: raw
  std::shared_ptr<const io::TlsContext> tls{};  // null: none
  std::string server_name{};                    // what the server's certificate must be for
  std::optional<WebSocketWay> websocket{};      // over WebSocket; nullopt: frames alone
  // None: the session is open at once. Over WebSocket a token goes with the handshake, if it is one
  // (is_bearer_token()); the session has no Session::kLoginReply then.
  std::optional<Login> login{};
  bool again = false;     // for plugins: there was a session before
  Deadline connect_by{};  // of the connection alone; none: that of the whole dial
  // Of the session that this one follows, for those who know both: from before its login on.
  std::shared_ptr<SessionMark> mark{};
  SessionValues values{};
  ResendLine* resend = nullptr;  // the session is attached to it; outlives it, or its own end
};

// Thread: its core. Lifetime: close() must have completed before destruction, or no session be
// open; core and router outlive it.
class Peer {
 public:
  // `options` have been validated.
  Peer(io::Core& core, const Router& router, PeerOptions options, const Metrics& metrics = {});
  ~Peer();
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // Makes a session of an accepted connection. It begins with a login when the router has one. One
  // that a plugin refuses is closed in this turn and serves nothing.
  // `protocol`: null for raw.
  Session& accept(std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol = nullptr);
  // Tells whoever connected that there are too many connections, and closes: a peer that says hello
  // hears that it shall go away (`conn_limit`, kTurnAwayRetry), any other one that its first CALL
  // is refused, 503 `session.conn_limit`; who says nothing for a second hears nothing. Nobody else
  // gets to know such a session.
  void turn_away(std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol = nullptr);
  static constexpr Duration kTurnAwayRetry = std::chrono::seconds(5);
  // Makes a session for requests that something else carries, one at a time: `stream` gives them as
  // messages of `protocol`. It begins with a login when the router has one, and is no connection:
  // not counted, but visited and closed as the others. Nothing may be called while closing().
  Session& serve(std::unique_ptr<io::Stream> stream, const wire::Protocol& protocol);
  // Connects, agrees on TLS, opens a WebSocket and logs in, as told; `deadline` is for all of it.
  // The pointer is good until the next co_await.
  // Errors: those of io::Core::connect(), io::tls_connect(), sub_protocol_of() and
  //         dial_websocket(); kInvalidOperation `peer.closing`; of the login: what the peer
  //         answered, and those of Session::start_call(); of plugins: what pre_dial() and
  //         post_dial() returned, kDialFailed `plugin.threw`.
  // (The defaults are in round brackets: g++ 12 destroys braced ones twice where they are awaited.)
  Task<Result<Session*>> dial(io::Address address, Deadline deadline,
                              CancelToken cancel = CancelToken(),
                              DialOptions options = DialOptions());

  // Says Session::go_away() with `reason`, then closes the session as Session::close() does; not
  // awaited by anybody but close().
  void send_away(Session& session, std::string_view reason, Deadline deadline);

  // Says Session::announce_going() to every session, and to those that say hello later, `pace`
  // apart and within `time_max` in all, so that those who leave do not arrive elsewhere at one
  // moment. Ends when all have been told. Errors: those of Sleep.
  Task<Status> announce_going(std::string reason, Duration pace, Duration time_max);
  // After it: some session was told, or may say hello still, and may leave by itself.
  bool somebody_may_leave();
  // A session was told and has not said yet that it read it: calls that crossed may be on the way.
  bool somebody_may_not_know_going();

  // Closes every session as Session::close() does, and waits for their end.
  Task<Status> close(Deadline deadline);

  const Guards& guards() const { return options_.guards; }
  // From the next message on. `memory_max`: bytes that the process may have, for who asks why.
  void set_pressure(Pressure pressure, std::uint64_t memory_max);

  template <class Visitor>
  void for_each_session(Visitor&& visitor) {
    for (Session* session = first_; session != nullptr;) {
      Session* next = session->next_;
      visitor(*session);
      session = next;
    }
  }
  // The same, the latest first, until the visitor returns false.
  template <class Visitor>
  void visit_sessions(Visitor&& visitor) {
    for (Session* session = first_; session != nullptr;) {
      Session* next = session->next_;
      if (!visitor(*session)) return;
      session = next;
    }
  }
  // close(deadline) is to come, and others, such as a Service, close sessions of this peer before.
  void will_close(Deadline deadline) { closing_by_ = deadline; }
  // Calls whose handlers still ran when their sessions were cut off: at the deadline of close().
  std::uint64_t calls_cut() const { return calls_cut_; }
  // Connections: without those of serve().
  std::size_t session_count() const { return session_count_; }
  bool closing() const { return closing_; }  // close() was called
  io::Core& core() const { return core_; }
  const PeerOptions& options() const { return options_; }
  // What the sessions go by from now on, new ones and those that are open: the next message knows
  // the next limit, and of the guards a lower one counts for what begins next. Their links are
  // looked at within a second, each at a moment of its own. The age that a session gets, and the
  // time for its login, stay as they were when it began. What belongs to the program is never
  // changed by this, whatever `options` say of it: `hello`, `transforms`, `secure`, `plugins`,
  // `watcher`, `windows`, `handlers_with`, `bounds` and `transitions`.
  // `options` have been validated. Cost: one timer for each session, where heartbeats or idle times
  // differ.
  void update(const PeerOptions& options);
  const Router& router() const { return router_; }
  const Metrics& metrics() const { return metrics_; }
  // Whether plugins may give a message another method before its route is looked up.
  bool rewrites_methods() const {
    return serving_plugins_ != nullptr && serving_plugins_->has<&Plugin::post_read_call_header>();
  }

 private:
  friend Session;
  friend PendingCall;
  friend Context;

  Session& open(std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol,
                Session::Side side, bool login);
  Task<Result<std::unique_ptr<io::Stream>>> connect(io::Address address, DialOptions options,
                                                    Deadline deadline, CancelToken cancel);
  Task<Result<std::unique_ptr<io::Stream>>> ask_for_websocket(std::unique_ptr<io::Stream> stream,
                                                              DialOptions options,
                                                              Deadline deadline,
                                                              CancelToken cancel);
  void remove(Session& session);  // destroys it when the turn ends
  Task<void> close_session(Session& session, Deadline deadline, bool* cut);
  void hit(observe::Bound bound, std::uint64_t limit) const {
    if (options_.bounds != nullptr) options_.bounds->hit(bound, limit, core_.now());
  }

  io::Core& core_;
  const Router& router_;
  PeerOptions options_;
  // What hellos say of calls that name no deadline. It stays, so that it is the same for all
  // sessions; when the options say otherwise by now, every call says its own.
  const Duration told_timeout_;
  bool tells_timeouts_ = false;
  const Metrics metrics_;
  // The plugins, where they have a hook of that way; null: none has.
  const PluginChain* serving_plugins_ = nullptr;  // not null also where a route has plugins
  const PluginChain* calling_plugins_ = nullptr;
  const PluginChain* session_plugins_ = nullptr;
  const bool serves_extended_;  // plugins or secure bodies
  std::size_t hold_above_;      // unsent bytes of a session, from which on its CALLs wait
  Pressure pressure_ = Pressure::kNone;
  std::uint64_t memory_max_ = 0;
  bool looks_at_messages_;  // extended, or under pressure
  std::size_t own_handlers_waiting_ = 0;
  std::size_t& handlers_waiting_;  // ours, or those that are counted together
  const bool answers_heartbeats_;  // no route does
  const std::uint64_t spread_by_;  // sessions of processes that began together differ by it
  Session* first_ = nullptr;
  std::size_t session_count_ = 0;
  std::uint64_t last_session_id_ = 0;
  std::uint64_t calls_cut_ = 0;
  std::string timed_metadata_;  // of the call that is being sent, kept for its memory
  bool closing_ = false;
  observe::LineGate pings_told_;
  Deadline closing_by_{};     // of close(); what runs then is cut
  std::string going_reason_;  // not empty: announced to all
  Event empty_;
  Scope scope_;  // handlers that wait, sessions that close
};

}  // namespace fairlead::rpc
