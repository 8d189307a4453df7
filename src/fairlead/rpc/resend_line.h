// ResendLine: messages to one peer that outlive its connections.
//
//   start(message) --> ResendQueue --> the session of the moment --> reply, or acknowledgement
//                          ^                    │ lost
//                          └────────────────────┘   want() asks for the next one: attach()
//
// At the hello the line shows its secret and hears the name of the window that the peer keeps for
// it. While the name stays the same, a message may be sent again with the number that it has, and
// is served once. With a peer that keeps none, messages go without numbers, and one that is perhaps
// sent is not sent again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "fairlead/async/ambient.h"
#include "fairlead/async/cancel.h"
#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/bytes.h"
#include "fairlead/io/core.h"
#include "fairlead/rpc/metrics.h"
#include "fairlead/rpc/pending_call.h"
#include "fairlead/rpc/raw_request.h"
#include "fairlead/rpc/resend_queue.h"
#include "fairlead/rpc/resume_words.h"

namespace fairlead::rpc {

class ResendLine;
class Session;

// A CALL or PUSH in the hands of a line. Thread: the line's core. Lifetime: destroying it before
// its end gives the message up.
class ResentMessage : private PendingCall, private ResendQueue::Entry {
 public:
  // A request that says no delivery is one of at_least_once.
  explicit ResentMessage(RawRequest request, wire::Kind kind = wire::Kind::kCall)
      : request_(std::move(request)), kind_(kind), cancelled_(*this) {}

  ResendQueue::State state() const { return Entry::state(); }
  // It was sent to its receiver, or perhaps was, at least so often.
  std::uint32_t attempts() const { return attempts_; }

 protected:
  ~ResentMessage();

 private:
  friend ResendLine;

  // Once; see ResendLine::start(). The views are valid until it returns. May destroy this object.
  virtual void on_result(Status status, const wire::MessageView& reply, const Bytes& input) = 0;
  // The link is lost and nothing of it was sent: true gives it back, and it is the caller's to send
  // elsewhere.
  virtual bool moves_elsewhere() { return false; }

  void on_done(Status status, const wire::MessageView& reply, const Bytes& input) override;
  void on_end(Status status) override;

  struct Cancelled final : fairlead::CancelListener {
    explicit Cancelled(ResentMessage& of) : message(of) {}
    void on_cancel() override;
    ResentMessage& message;
  };

  bool is_push() const { return kind_ == wire::Kind::kPush; }

  const RawRequest request_;
  const wire::Kind kind_;
  Cancelled cancelled_;
  // Its own, and what it has from the call that was being served when it was given.
  Deadline deadline_;
  Deadline inherited_;
  CancelToken cancel_;  // of either
  ResendLine* line_ = nullptr;
  const wire::MessageView* reply_ = nullptr;  // of the end that is being told
  const Bytes* input_ = nullptr;
  std::uint32_t attempts_ = 0;
};

// Thread: its core. Lifetime: outlives the messages that were given to it; its sessions may end
// before or after it.
class ResendLine final : private Timer {
 public:
  // Somebody waits and there is no session: dial one to the same peer, in any time, and attach()
  // it.
  using Want = std::function<void()>;

  // `options` have been validated.
  ResendLine(io::Core& core, const ResendOptions& options, const Metrics& metrics = {},
             Want want = nullptr);
  ~ResendLine();

  // Takes a message: sends it in this turn when the peer is there, else when it is. Whenever that
  // is, it inherits what its giver works under now.
  // Ends with: what Session::start_call() gives; OK for a PUSH that was acknowledged, or that was
  //   handed to the system where nobody acknowledges (best effort, at most once, no numbers); what
  //   its receiver made of a PUSH; kSendQueueFull `resend.full`, NOT_SENT; kDeadlineExceeded
  //   `call.deadline`, `resend.ttl`; kCancelled `call.cancelled`; kConnectionClosed
  //   `session.closed`, UNKNOWN, of cause `resend.window_lost` where the peer does not know any
  //   more whether it was served; what close() says.
  void start(ResentMessage& message, Deadline deadline, const CancelToken& cancel);

  // The session over which messages go from now on. Before its hello (DialOptions::resend), or
  // after; then it is said again. One that had been attached keeps what it has in flight. One that
  // is not open is not taken; one that begins to end later (Session::ending()) is given nothing
  // more; one that is attached since then is, for want of a better one.
  void attach(Session& session);
  // This one is given nothing more, whatever it was when it was attached.
  void leave(const Session& session) {
    if (session_ == &session) to_the_end_ = false;
  }

  // Ends all messages, and takes no more: kConnectionClosed `resend.closed`, NOT_SENT or UNKNOWN.
  void close();
  // The same, where who surely was not sent ends with `unsent`.
  void close(const Status& unsent);
  // Takes no more, and ends those that are not in flight as close() does: the others end as their
  // sessions do, and are not sent again.
  void retire();
  // Of a retired line: until nothing is in it. It may be destroyed then.
  // Errors: kCancelled `wait.cancelled`.
  Task<Status> empty(CancelToken cancel);

  // For new messages, as ResendQueue::update().
  void update(const ResendOptions& options) { queue_.update(options); }

  // Its session has said hello, and messages leave at once.
  bool ready() const { return phase_ == Phase::kReady; }
  bool numbers() const { return ready() && window_ != 0; }
  std::size_t size() const { return queue_.size(); }
  const ResendQueue& queue() const { return queue_; }
  // This session's peer has to say whether something that waits was served.
  bool needs_answer(const Session& session) const {
    return phase_ == Phase::kAsking && session_ == &session && queue_.in_doubt();
  }
  // Something that was given to this session has not ended.
  bool waits_on(const Session& session) const { return queue_.in_flight_on(&session); }
  const ResendOptions& options() const { return queue_.options(); }

 private:
  friend ResentMessage;
  friend Session;
  enum class Phase : std::uint8_t { kNoSession, kAsking, kReady, kClosed };

  // From sessions. `window`: its name; 0: the peer keeps none, or says no hello. `known`: that is
  // so; else nobody answered.
  void answered(const Session& session, std::uint64_t window, bool known);
  void acknowledged(std::uint64_t id, Status status);
  void losing(const Session& session) { losing_ = &session; }  // its calls end now
  void link_lost(Session& session, std::uint64_t handed_over, std::string_view cause);

  void on_timer() override;
  void flush();
  bool can_write();
  void write(ResentMessage& message);
  bool waits_for_the_next(const ResendQueue::Entry& entry, const Status& status) const;
  bool put_back(ResentMessage& message, const Status& status);
  void attempt_ended(ResentMessage& message, Status status, const wire::MessageView& reply,
                     const Bytes& input);
  void cancelled(ResentMessage& message);
  void dropped(ResentMessage& message);
  void move_elsewhere();
  void fire_before(Time when);
  void count();

  io::Core& core_;
  const Metrics metrics_;
  const Want want_;
  const ResumeSecret secret_;
  ResendQueue queue_;
  std::vector<Session*> sessions_;  // whatever they still have in flight
  Session* session_ = nullptr;      // of the moment
  const Session* losing_ = nullptr;
  ResentMessage* writing_ = nullptr;
  std::uint64_t window_ = 0;
  Phase phase_ = Phase::kNoSession;
  bool flushing_ = false;
  bool acknowledges_ = true;  // the peer says what became of PUSHes, or may
  bool blocked_ = false;      // the session takes no more for now
  bool to_the_end_ = false;   // it was attached while it was ending
  Time fires_at_ = Time::max();
  ResendQueue::Counts counted_;
  std::optional<Event> empty_;  // made by who waits for it
};

}  // namespace fairlead::rpc
