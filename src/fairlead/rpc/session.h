// Session: one connection to one remote peer, with every call in flight on it, in both directions.
//
//   OPEN -- close(), or the peer sends no more --> CLOSING: handlers end, their replies leave
//   OPEN, CLOSING -- stream gone --> CLOSED: pending calls fail; destroyed when no handler runs
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/result.h"
#include "fairlead/io/core.h"
#include "fairlead/io/stream.h"
#include "fairlead/rpc/call_table.h"
#include "fairlead/rpc/context.h"
#include "fairlead/rpc/metrics.h"
#include "fairlead/rpc/pending_call.h"
#include "fairlead/rpc/router.h"
#include "fairlead/rpc/session_values.h"
#include "fairlead/wire/protocols/raw.h"

namespace fairlead::rpc {

class Peer;

// Thread: the core of its peer. Lifetime: owned by its Peer; a pointer to it may be dangling after
// any co_await, unless on_closed() was set and has not been called.
class Session final : public io::Disposable, private io::StreamHandler, private Timer {
 public:
  // Called once when the session can no longer be used; it dies at the end of that turn.
  using ClosedHandler = std::function<void(Session& session, const Status& why)>;

  // Made by Peer::accept() and Peer::dial().
  Session(Peer& peer, std::unique_ptr<io::Stream> stream);
  ~Session() override;

  // Sends a CALL in this turn; `call` ends with the reply or an error. `write_body` appends the
  // body to a Buffer and returns a Status; an error of it ends the call as NOT_SENT. No deadline
  // means the peer's call timeout.
  // Errors, at once:  kConnectionClosed `session.closed`, kLocalLimit `session.inflight`,
  //                   kSendQueueFull `session.write_queue`, kDeadlineExceeded `call.deadline`,
  //                   kCancelled `call.cancelled`, kEncodeFailed and kTooLarge of the frame;
  //                   all NOT_SENT.
  //         later:    kDeadlineExceeded `call.deadline`, kCancelled `call.cancelled`,
  //                   kConnectionClosed `session.closed` (NOT_SENT or UNKNOWN), and whatever
  //                   status the peer replied.
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
    return end_push(write_body(stream_->output()));
  }
  // The same with a body that is encoded already.
  Status push(const CallHead& head, const Bytes& body);

  // Takes no new calls of ours, lets running handlers end and their replies leave, then closes.
  // After `deadline` whatever is left is cut off. Idempotent.
  // Errors: kDeadlineExceeded `wait.deadline` when it had to cut.
  Task<Status> close(Deadline deadline);

  bool open() const { return state_ == State::kOpen; }
  // Index and generation in the peer; unique for the life of the process's peer.
  std::uint64_t id() const { return id_; }
  io::Address peer_address() const { return stream_->peer(); }
  io::Core& core() const;
  Peer& peer() const { return peer_; }
  const Metrics& metrics() const;
  // Heard when the session ends.
  CancelToken cancel_token();
  std::size_t calls_waiting() const { return calls_.size(); }
  std::size_t handlers_running() const { return handlers_running_; }
  SessionValues& values() { return values_; }
  void on_closed(ClosedHandler handler) { closed_handler_ = std::move(handler); }

 private:
  friend Peer;
  friend PendingCall;
  friend Context;
  enum class State : std::uint8_t { kOpen, kClosing, kClosed };

  // Timer: some call may have reached its deadline.
  void on_timer() override;
  void watch_deadline(Time deadline);

  // io::StreamHandler
  io::ReadResult on_read(const Bytes& input) override;
  void on_end() override;
  void on_close(Status why) override;

  Buffer* begin_call(PendingCall& call, const CallHead& head, Deadline deadline,
                     const CancelToken& cancel);
  void end_call(PendingCall& call, Status body_written, const Bytes& shared = {});
  Status begin_push(const CallHead& head);
  Status end_push(Status body_written, const Bytes& shared = {});
  Status begin_frame(const wire::MessageHead& head);
  Status end_frame(Status body_written, const Bytes& shared);
  // Ends a frame whose body's last part is `shared`, and hands it to the stream.
  Status send_frame(wire::raw::FrameStart start, const Bytes& shared,
                    const wire::TransformSet* transforms);
  // Whether `body` is to be shared with the stream instead of copied.
  static bool shares(const Bytes& body, std::string_view transforms) {
    return body.size() >= io::Stream::kSharedBytesMin && transforms.empty() && body.owned();
  }

  void receive(const wire::MessageView& message, const Bytes& input);
  void receive_reply(const wire::MessageView& message, const Bytes& input);
  void serve(const wire::MessageView& message, const Bytes& input);
  Task<void> serve_later(Handler& handler, wire::MessageView message, Bytes input,
                         Deadline deadline);
  void finish(Context& context, Status status);
  void reply_error(const wire::MessageView& message, std::string_view metadata,
                   const Status& status);
  void refuse(const wire::MessageView& message, const Status& status);
  void protocol_error(const Status& why, std::string_view input);
  void fail_calls(const Status& why);
  void bound_unsent();
  void end_if_idle();

  Peer& peer_;
  std::unique_ptr<io::Stream> stream_;
  CallTable calls_;
  Time expiry_ = Time::max();  // when the timer fires; max: it is not armed
  std::optional<CancelSource> cancel_;
  std::unique_ptr<Event> idle_;  // made by close(): no handler runs
  std::unique_ptr<Event> gone_;  // made by close(): the stream is gone
  ClosedHandler closed_handler_;
  SessionValues values_;
  std::uint64_t id_;
  std::uint64_t appended_bytes_ = 0;  // in the session's life
  wire::raw::FrameStart frame_;       // of the frame under construction
  std::uint32_t handlers_running_ = 0;
  State state_ = State::kOpen;
  bool frame_open_ = false;
  bool cut_ = false;  // beyond its limit of unsent bytes; closes at the turn's end
  // Position in the peer's list.
  Session* previous_ = nullptr;
  Session* next_ = nullptr;
};

}  // namespace fairlead::rpc
