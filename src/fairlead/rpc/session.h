// Session: one connection to one remote peer, with every call in flight on it, in both directions.
//
//   it begins ──> LOGIN     where a login is asked for
//             └─> OPEN      elsewhere
//   LOGIN -- AUTH_REPLY that is OK --> OPEN
//   LOGIN -- refused, or too late --> CLOSING
//   OPEN -- close(), or the peer sends no more --> CLOSING     handlers end, their replies leave
//   any -- the stream is gone --> CLOSED     pending calls fail; destroyed when no handler runs
//
// What only two of us understand (cancelling, going away, refusals that are safe to repeat) is used
// after a hello (session_control.cc); with anybody else the link stays plain.
//
// A session that serves what HTTP carries is ONE_WAY where others are OPEN, and may begin again.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "fairlead/async/task.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/result.h"
#include "fairlead/io/core.h"
#include "fairlead/io/stream.h"
#include "fairlead/observe/bounds.h"
#include "fairlead/rpc/call_table.h"
#include "fairlead/rpc/context.h"
#include "fairlead/rpc/duplicate_windows.h"
#include "fairlead/rpc/liveness.h"
#include "fairlead/rpc/metrics.h"
#include "fairlead/rpc/pending_call.h"
#include "fairlead/rpc/router.h"
#include "fairlead/rpc/session_values.h"
#include "fairlead/rpc/session_watcher.h"
#include "fairlead/wire/protocol.h"
#include "fairlead/wire/protocols/raw.h"

namespace fairlead::rpc {

class Peer;
class ResendLine;

namespace internal {
class SerialLines;
}

// What the dialling side says of itself where a login is asked for.
struct Login {
  std::string body{};  // a token, or whatever the other side's check reads
  std::uint8_t body_codec = wire::kPlainCodec;
  std::string metadata{};  // encoded text
};

// Thread: the core of its peer. Lifetime: owned by its Peer; a pointer to it may be dangling after
// any co_await, unless on_closed() was set and has not been called.
class Session final : public io::Disposable, private io::StreamHandler, private Timer {
 public:
  // kServing: serves requests that something else carries, HTTP's; nothing can be sent to who asks.
  enum class Side : std::uint8_t { kAccepted, kDialled, kServing };
  // Key of the value that holds the body of the AUTH_REPLY to our login.
  static constexpr std::string_view kLoginReply = "login.reply";
  static constexpr std::size_t kLoginBytesMax = 64 * 1024;  // of a frame before the login's end

  // Called once when the peer said that it goes away, or this session has reached its age: calls
  // under way will be answered, new ones are better made elsewhere.
  using LeavingHandler = std::function<void(Session& session)>;
  // Called once when the session can no longer be used; it dies at the end of that turn.
  using ClosedHandler = std::function<void(Session& session, const Status& why)>;

  // Made by Peer::accept(), serve() and dial(). `protocol`: null for raw. `login`: begins in LOGIN.
  Session(Peer& peer, std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol, Side side,
          bool login);
  ~Session() override;

  // Sends a CALL in this turn; `call` ends with the reply or an error. `write_body` appends the
  // body to a Buffer and returns a Status; an error of it ends the call as NOT_SENT. No deadline
  // means the peer's call timeout.
  // Errors, at once:  kConnectionClosed `session.closed`, `session.no_login` (before the login's
  //                   end), kInvalidOperation `session.one_way` (of Side::kServing), kLocalLimit
  //                   `session.inflight`, kSendQueueFull `session.write_queue`, kDeadlineExceeded
  //                   `call.deadline`, kCancelled `call.cancelled`, kEncodeFailed and kTooLarge of
  //                   the frame; all NOT_SENT.
  //         later:    kDeadlineExceeded `call.deadline`, kCancelled `call.cancelled`,
  //                   kConnectionClosed `session.closed` (NOT_SENT or UNKNOWN), kWriteFailed
  //                   `session.cut_message` (a part of it was sent: UNKNOWN), and whatever status
  //                   the peer replied.
  template <class BodyWriter>
    requires std::invocable<BodyWriter&, Buffer&>
  void start_call(PendingCall& call, const CallHead& head, Deadline deadline,
                  const CancelToken& cancel, BodyWriter&& write_body) {
    Buffer* out = begin_call(call, head, deadline, cancel);
    if (out != nullptr) end_call(call, write_body(*out));
  }
  // The same with a body that is encoded already; a large one is not copied but keeps its chunk
  // until it is sent (io::Stream::kSharedBytesMin).
  void start_call(PendingCall& call, const CallHead& head, Deadline deadline,
                  const CancelToken& cancel, const Bytes& body);
  // The same for a coroutine.
  Task<Result<Reply>> call(std::string method, std::uint8_t codec, Bytes body,
                           std::string metadata = {}, Deadline deadline = {},
                           CancelToken cancel = {});

  // Sends a PUSH in this turn.
  // Errors: as start_call() at once, without those of deadline, cancel and in-flight limit.
  template <class BodyWriter>
    requires std::invocable<BodyWriter&, Buffer&>
  Status push(const CallHead& head, BodyWriter&& write_body) {
    FL_TRY(begin_push(head));
    return end_push(write_body(body_buffer()));
  }
  // The same with a body that is encoded already.
  Status push(const CallHead& head, const Bytes& body);

  // Sends a PUSH that is a frame of protocol() already: one for many sessions. A large one is not
  // copied (io::Stream::kSharedBytesMin).
  // Errors: kConnectionClosed `session.closed`, `session.no_login`, kInvalidOperation
  //         `session.one_way`; kSendQueueFull `session.write_queue` when more than
  //         `unsent_bytes_max` bytes wait for the peer already. All NOT_SENT.
  Status push_frame(const Bytes& frame, std::size_t unsent_bytes_max);

  // Waits until what is sent next finds room: not at all while write_queue_bytes_max is not
  // reached, else until a quarter of it is left. call() does so; start_call() and push() refuse
  // instead.
  // Errors: kDeadlineExceeded `wait.deadline`, kCancelled `wait.cancelled`, kConnectionClosed
  //         `session.closed`; all NOT_SENT.
  Task<Status> room(Deadline deadline, CancelToken cancel = {});

  // Tells a peer that said hello to make its next calls elsewhere; those that come all the same are
  // refused, 503 `session.going_away`, safe to repeat. Calls under way go on, in both directions.
  // `reason`: a word for its log. `retry_after`: when to come back; zero: at once. Idempotent.
  void go_away(std::string_view reason, Duration retry_after = Duration::zero());
  // The same word some time before go_away() or close(), which do not say it again: until then
  // CALLs that crossed it are answered. Idempotent.
  void announce_going(std::string_view reason);
  // announce_going() said it: the peer knows, and may be waited for to leave by itself.
  bool going_announced() const { return going_announced_; }
  // It has not said yet that it read that word, so calls that crossed it may be on the way.
  bool may_not_know_going() const { return going_ping_ != 0; }
  // It was read from a moment ago and has not said hello: a hello, and a call beside it, may be on
  // the way.
  bool may_say_hello() const;

  // Says go_away(), takes no new calls of ours, lets running handlers end and their replies leave,
  // then closes.
  // After `deadline` whatever is left is cut off. Idempotent.
  // Errors: kDeadlineExceeded `wait.deadline` when it had to cut.
  Task<Status> close(Deadline deadline);

  // Of Side::kServing, while no handler runs: ends here for all who know it, and begins again as
  // another one, with a new id and no values. So one object serves a request after the other.
  void begin_again();

  bool open() const { return state_ == State::kOpen; }
  Time opened_at() const { return opened_at_; }  // when its connection came, or was there
  bool dialled() const { return side_ == Side::kDialled; }
  // The peer said that it goes away.
  bool leaving() const { return peer_leaving_; }
  // It said so, or this side has found the session old: whoever can goes elsewhere.
  bool ending() const;
  // Both sides said hello.
  bool said_hello() const { return features_ != 0; }
  // Index and generation in the peer; unique for the life of the process's peer.
  std::uint64_t id() const { return id_; }
  io::Address peer_address() const { return stream_->peer(); }
  io::Address local_address() const { return stream_->local(); }
  Side side() const { return side_; }
  const wire::Protocol& protocol() const { return on_wire(); }
  std::size_t unsent_bytes() const { return stream_->unsent_bytes(); }
  // Whether the other end gives signs of life. Of Side::kServing and before the login's end:
  // nothing is known.
  LinkHealth health() const;
  // How frames look on this connection: "raw", "json", ...
  std::string_view protocol_name() const;
  io::Core& core() const;
  Peer& peer() const { return peer_; }
  const Metrics& metrics() const;
  // Heard when the session ends.
  CancelToken cancel_token();
  // What a peer that goes away asked for before it is dialled again; zero: nothing.
  Duration retry_after() const;
  // Why it ended, in its ClosedHandler and after it.
  LinkEnd end() const { return end_; }
  std::size_t calls_waiting() const { return calls_.size(); }
  // A call of ours waits for its reply, or a PUSH for its acknowledgement: to close the session
  // now would leave it in doubt. Cost: where it has a ResendLine, a look at what is in it.
  bool waits_for_answers() const;
  std::size_t handlers_running() const { return handlers_running_; }
  SessionValues& values() { return values_; }
  const SessionValues& values() const { return values_; }
  // What the peer's watcher keeps of this session; null: nothing. Only that watcher sets it.
  std::shared_ptr<SessionMark>& mark() { return mark_; }
  internal::SerialLines& serial_lines();  // made at the first use
  void on_closed(ClosedHandler handler);
  void on_leaving(LeavingHandler handler);

 private:
  struct Seldom;
  friend Peer;
  friend PendingCall;
  friend Context;
  friend ResendLine;
  // Whether what comes is served: all; all but CALLs, for whose replies there is no room now; or
  // nothing, since the stream closes when the turn ends.
  enum class Stop : std::uint8_t { kNo, kHolds, kCut };
  // kOneWay: open to the other side only.
  enum class State : std::uint8_t { kLogin, kOpen, kOneWay, kClosing, kClosed };

  // Timer: some call may have reached its deadline, or the link is to be looked at.
  void on_timer() override;
  void watch_deadline(Time deadline);
  void fire_before(Time when);

  // io::StreamHandler
  io::ReadResult on_read(const Bytes& input) override;
  void on_part(std::size_t bytes) override;
  void on_end() override;
  void on_close(Status why) override;
  void on_sent() override;

  Buffer* begin_call(PendingCall& call, const CallHead& head, Deadline deadline,
                     const CancelToken& cancel);
  // `told`: the other side is to know the deadline.
  Buffer* begin_call_until(PendingCall& call, const CallHead& head, Deadline until, bool told,
                           const CancelToken& cancel);
  void watch(PendingCall& call, Deadline until) {
    call.deadline_ = until.at();
    watch(until);
  }
  void watch(Deadline until) {
    if (until.at() < expiry_) watch_deadline(until.at());
  }
  State open_state() const { return side_ == Side::kServing ? State::kOneWay : State::kOpen; }
  std::string_view with_timeout(std::string_view metadata, Duration left);
  static Status cancelled_before();
  Status session_closed() const;
  void end_call(PendingCall& call, Status body_written, const Bytes& shared = {});
  Status begin_push(const CallHead& head);
  Status end_push(Status body_written, const Bytes& shared = {});
  Status begin_frame(const wire::MessageHead& head);
  Status queue_full(std::size_t unsent_bytes_max) const;
  Status end_frame(Status body_written, const Bytes& shared);
  // Ends a frame whose body's last part is `shared`, and hands it to the stream.
  Status send_frame(wire::FrameStart start, const Bytes& shared,
                    const wire::TransformSet* transforms);
  Status send_other_frame(wire::FrameStart start, const wire::TransformSet* transforms);
  wire::FrameStart begin_on_wire(const wire::MessageHead& head) {
    if (protocol_ == nullptr) return wire::raw::begin(stream_->output(), head);
    return protocol_->begin(stream_->output(), head);
  }
  const wire::Protocol& on_wire() const {
    return protocol_ == nullptr ? *wire::protocols().front() : *protocol_;
  }
  // Whether `body` is to be shared with the stream instead of copied.
  bool shares(const Bytes& body, std::string_view transforms) const {
    return body.size() >= io::Stream::kSharedBytesMin && transforms.empty() && body.owned() &&
           protocol_ == nullptr && !seals_;
  }
  // Where the body of the frame under construction goes.
  Buffer& body_buffer() { return seals_ ? sealed_body() : stream_->output(); }

  // session_plugins.cc: messages that plugins see, or that are sealed.
  Buffer* begin_hooked_call(PendingCall& call, const CallHead& head, Deadline deadline,
                            const CancelToken& cancel);
  void end_extended_call(PendingCall& call, Status body_written, const Bytes& shared);
  Status begin_hooked_push(const CallHead& head);
  bool is_hooked_push() const;  // one is under construction
  Status end_hooked_push(Status body_written, const Bytes& shared);
  void receive_extended_reply(PendingCall& call, const wire::MessageView& message,
                              const Bytes& input);
  Status ask_about_reply(const internal::HookedCall& call, Status status,
                         const wire::MessageView& message);
  void serve_extended(const wire::MessageView& message, const Bytes& input);
  bool begin_extended(Context& context, const Handler& handler, const Router::Route* route);
  void refuse_extended(Context& context, const Status& status);
  void finish_extended(Context& context, Status status);
  void abandon_reply(Context& context, const Status& status);
  void fail_waiting(Context& context, const Status& status);
  void tell_reply(Context& context, const Status& status, bool written);
  void tell_served(Context& context, const Status& status);
  void tell_ended_early(Context& context);
  void end_connection(const Status& why);
  // For Peer.
  Status welcome(bool again);
  void see_off(const Status& why);

  // session_secure.cc: bodies that are sealed.
  bool may_seal(const CallHead& head) const;
  bool begin_sealing(PendingCall* call, wire::Kind kind, const CallHead& head,
                     std::string_view& metadata, Status& refused);
  Status seal_frame(PendingCall* call);
  Buffer& sealed_body();
  void stop_sealing();
  // `method`: as it was sent.
  void serve_secure(const wire::MessageView& message, std::string_view method, const Bytes& input);
  Status seal_reply(Context& context);
  // Opens `message`, and makes `status` and `input` fit.
  void open_reply(const internal::CallExtras& extras, wire::MessageView& message, Status& status,
                  Bytes& input) const;

  // session_turned_away.cc: there are too many connections.
  void turn_away();
  bool is_word_of_link(const wire::MessageView& message) const;
  void refuse_turned_away(const wire::MessageView& message);
  void say_turned_away();
  void end_turned_away();

  // session_login.cc: before the session is open.
  void start_login(PendingCall& call, const Login& login, Deadline deadline,
                   const CancelToken& cancel);
  void end_login(const Status& result);
  // Closes the session unless it is open in `login_timeout`.
  void expect_login();
  void receive_login(const wire::MessageView& message, const Bytes& input);
  void refuse_login(const Status& why);

  // session_control.cc: what two of us tell each other about the link itself.
  class Hello;
  void say_hello();
  bool hello_waits() const;  // for its answer
  void heard_hello(std::string_view metadata);
  std::string hello_metadata() const;
  std::uint8_t spoken_features() const;
  // False: this peer has no such method.
  bool serve_control(const wire::MessageView& message);
  void push_control(std::string_view method, std::string_view metadata);
  void tell_going(std::string_view reason, Duration retry_after);
  void cancel_there(std::int32_t seq);
  void peer_cancelled(std::string_view metadata);
  // Handlers that wait.
  void add_waiting(Context& context);
  void remove_waiting(Context& context);
  void end_waiting(Context& context);
  void expire_waiting(Time now);
  void cancel_waiting();
  // The error that a reply says, with the outcome of its call.
  Status judged(Status status, std::string_view metadata) const;
  Buffer* begin_inheriting(PendingCall& call, const CallHead& head, Deadline until,
                           const CancelToken& cancel);

  // session_resume.cc: messages with numbers, which may come again.
  ResendLine* line() const;  // null: nothing outlives this session
  bool line_waits() const;   // for something that was sent here
  void show_secret();
  void add_resume_words(std::string& metadata) const;
  void hear_window(bool showed_secret, bool heard, std::string_view metadata);
  void hear_ack(std::string_view metadata);
  void take_window(std::string_view metadata);
  void receive_numbered(const wire::MessageView& message, const Bytes& input);
  // False: it was answered, or waits for the answer to an earlier attempt.
  bool admit(const wire::MessageView& message);
  void repeat(const wire::MessageView& message, std::uint64_t id,
              const DuplicateWindow::Answer& answer);
  void answer_again(std::int32_t seq, wire::Kind kind, std::string_view transforms,
                    std::uint64_t id, const KeptReply* reply);
  void acknowledge(std::uint64_t id, std::string_view status);
  // How a numbered message ended.
  void settle(Context& context, const Status& status);

  // session_liveness.cc: heartbeats, and links over which nothing passes.
  class Beat;
  internal::Liveness::Rules liveness_rules() const;
  bool probes() const;
  bool a_call_waits() const;
  void begin_link();
  void look_at_link(Time now);
  // The rules are others: looks at the link soon. `slower`: and tells a plain peer, which counts on
  // the heartbeats that it was promised.
  void follow_options(bool slower);
  void tell_link_state(const internal::Liveness::Look& look, Time now);
  void tell_idle(const internal::Liveness::Look& look, Time now);
  bool tell_idle_of(IdleEvent::Kind kind, Time now);
  void send_away(LinkEnd end, std::string_view reason);  // what was written has time to be read
  void send_ping(bool asks);
  void ping_answered(std::uint32_t number);
  void end_silent_link(Time now);
  // False: this peer leaves such messages to its routes.
  bool serve_heartbeat(const wire::MessageView& message);
  void hear_heartbeat(std::string_view metadata);
  Status note_promise(std::string_view metadata);
  void answer_heartbeat(const wire::MessageView& message);
  void bound_pings();
  // The first that is noted is counted.
  void note_end(LinkEnd end) {
    if (end_ == LinkEnd::kUnknown) end_ = end;
  }
  void count_end(const Status& why);

  // session_age.cc
  void begin_age();
  void look_at_age_at(Time when);
  Deadline plain_patience(Deadline deadline) const;
  void look_at_age(Time now);
  // The watcher hears of the end, and lets go.
  void take_mark_off(const Status& why);

  // session_backlog.cc: a peer that does not read.
  struct Backlog;
  Backlog* backlog() const;  // null: what is sent leaves
  Time held_since() const;
  std::uint64_t taken_bytes() const;
  void watch_output();
  void bound_backlog();
  void cut_slow_reader(observe::Bound bound, std::uint64_t limit, std::string_view message);
  void look_at_backlog(Time now);
  bool is_held(const wire::MessageView& message) const;
  void hold(const wire::MessageView& message, std::string_view frame);
  void release_held();
  void end_backlog();

  // session_cut_frames.cc: frames that come slowly.
  io::ReadResult wait_for_rest(io::ReadResult read, std::size_t arrived);
  void look_at_cut_frame(Time now);

  void serve_looked_at(const wire::MessageView& message, const Bytes& input);
  bool sheds(const wire::MessageView& message) const;

  // session_reading.cc: all protocols, from `consumed` on; the way of all but raw that is open.
  io::ReadResult read_any(const Bytes& input, std::size_t consumed);
  void receive_bad_body(const wire::Received& received);
  bool takes_messages() const { return state_ < State::kClosing || handlers_running_ > 0; }
  bool cut() const { return stop_ == Stop::kCut; }

  void receive(const wire::MessageView& message, const Bytes& input);
  bool refuse_while_going(const wire::MessageView& message);
  void receive_reply(const wire::MessageView& message, const Bytes& input);
  void end_with(PendingCall& call, const wire::MessageView& reply, const Bytes& input);
  void serve_any(const wire::MessageView& message, const Bytes& input);
  void serve(const wire::MessageView& message, const Bytes& input);
  // `route`: null when it has none.
  void run(Handler& handler, const Router::Route* route, const wire::MessageView& message,
           const Bytes& input, Deadline deadline);
  void run_plain(Handler& handler, const Router::Route* route, const wire::MessageView& message,
                 const Bytes& input, Deadline deadline);
  void run_under_deadline(Handler& handler, const Router::Route* route,
                          const wire::MessageView& message, const Bytes& input, Deadline deadline);
  void run_waiting(Handler& handler, const Router::Route* route, const wire::MessageView& message,
                   const Bytes& input, Deadline deadline);
  void check_login(const wire::MessageView& message, const Bytes& input);
  Task<void> serve_later(Handler& handler, const Router::Route* route, wire::MessageView message,
                         Bytes input, Deadline deadline, CancelSource source);
  void finish(Context& context, Status status);
  Status write_reply(Context& context, Status status);
  Status send_reply(Context& context, Status status);
  void reply_error(const wire::MessageView& message, std::string_view metadata,
                   const Status& status);
  void refuse(const wire::MessageView& message, const Status& status);
  void protocol_error(const Status& why, std::string_view input);
  // What was written and is unsent: kLost is never sent, kLeaves may be, as close() sends it.
  enum class Unsent : std::uint8_t { kLost, kLeaves };
  void fail_calls(const Status& why, Unsent unsent);
  void tell_leaving();
  void tell_closed(const Status& why);
  Seldom& seldom();
  void bound_unsent();
  void end_if_idle();

  // An idle connection costs what stands here: what few sessions have is in Seldom.
  std::uint32_t handlers_running_ = 0;
  Peer& peer_;
  std::unique_ptr<io::Stream> stream_;
  const wire::Protocol* const protocol_;  // null: raw, without a virtual call
  CallTable calls_;
  // A deadline before it makes the timer fire earlier; max: any does, or tells that a call waits.
  Time expiry_ = Time::max();
  Time armed_at_ = Time::max();  // when the timer fires; max: it is not armed
  const Time opened_at_;
  Time read_at_{};  // when the last bytes came
  // LOGIN: when it is too late for one, of the accepting side. Later: when somebody looks whether
  // the session is old and idle. max: never.
  Time look_at_ = Time::max();
  // Of the message that is about to be served; its context takes it.
  std::unique_ptr<Context::Extras> next_extras_;
  std::unique_ptr<Beat> beat_;      // a PING of ours, until it is answered
  std::unique_ptr<Seldom> seldom_;  // null: it has none of that
  SessionValues values_;
  std::shared_ptr<SessionMark> mark_;
  internal::Liveness liveness_;
  Context* waiting_ = nullptr;  // handlers that wait, the latest first
  std::uint64_t id_;
  std::uint64_t appended_bytes_ = 0;  // in the session's life
  wire::FrameStart frame_;            // of the frame under construction
  // Position in the peer's list.
  Session* previous_ = nullptr;
  Session* next_ = nullptr;
  std::uint32_t peer_timeout_ms_ = 0;  // of calls that name none; told by a hello; 0: it has none
  std::uint32_t going_ping_ = 0;       // PING behind announce_going(); 0: none, or answered
  const Side side_;
  State state_;
  Stop stop_ = Stop::kNo;
  LinkEnd end_ = LinkEnd::kUnknown;   // why it is being ended
  std::uint8_t plugins_reached_ = 0;  // of those that were told of this session
  std::uint8_t features_ = 0;         // what both sides understand; 0: no hello
  bool login_seen_ = false;           // an AUTH_CALL is being checked
  bool frame_open_ = false;
  bool seals_ = false;            // the frame under construction
  bool half_read_ = false;        // the last read ended inside a frame
  bool going_announced_ = false;  // the peer was told, and is still served
  bool going_away_ = false;       // the peer was told
  bool turned_away_ = false;      // it is one connection too many
  bool peer_leaving_ = false;     // and told us
  bool has_window_ = false;       // of what the peer numbers
  bool link_begun_ = false;       // it is counted among those that are alive
};

}  // namespace fairlead::rpc
