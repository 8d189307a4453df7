// PendingCall: one CALL that was sent and waits for its REPLY.
//
//   IDLE -- Session::start_call() --> WAITING -- reply, deadline, cancel, session closed --> DONE
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/async/ambient.h"
#include "fairlead/async/cancel.h"
#include "fairlead/async/deadline.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/result.h"
#include "fairlead/rpc/hooked_message.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/secure/secure_flags.h"

namespace fairlead::rpc {

class Session;

// What a call sends besides its body. Views are read before start_call() returns.
struct CallHead {
  std::string_view method;
  std::uint8_t body_codec = wire::kNoCodec;
  std::string_view metadata{};    // encoded text
  std::string_view transforms{};  // ids
  // The body is sealed in this form. kPlain: in the form that an X-Secure in `metadata` names.
  wire::SecureForm secure = wire::SecureForm::kPlain;
};

// Why a message ends of which the system took a part before its connection was lost; UNKNOWN.
Status cut_message(std::string_view cause);

// When a call ends that is made while one is served: a little before that one.
inline Deadline inherited_deadline(Deadline own, const Ambient& here) {
  constexpr Duration kMargin = std::chrono::milliseconds(1);
  return here.deadline.is_set() ? earlier(own, Deadline(here.deadline.at() - kMargin)) : own;
}

// Lives in what waits for it (a coroutine's frame, an object of the caller): a call in flight
// allocates nothing. Thread: the session's core. Lifetime: destroying it before it is done forgets
// the call; a late reply is dropped.
class PendingCall : private CancelListener {
 public:
  PendingCall() = default;
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;

  bool waiting() const { return session_ != nullptr; }

 protected:
  ~PendingCall() {
    give_up();
    if (extras_ != nullptr) drop_extras();
  }

 private:
  friend class Session;
  friend class CallTable;

  // The end of the call, exactly once: OK with the reply, or why there is none. The views of
  // `reply` and `input`, the read they lie in, are valid until it returns; keep them by `input`'s
  // chunk. May destroy this object.
  virtual void on_done(Status status, const wire::MessageView& reply, const Bytes& input) = 0;

  void on_cancel() override;
  // The peer is told that nobody waits any more.
  void give_up();
  void leave();
  void fail(Status status);
  // Tells the plugins, then on_done(). The call is in no table any more.
  void conclude(Status status, const wire::MessageView& reply, const Bytes& input) {
    if (extras_ != nullptr) tell_end(status, &reply);
    on_done(std::move(status), reply, input);
  }
  void conclude(Status status) {
    if (extras_ != nullptr) tell_end(status, nullptr);
    on_done(std::move(status), wire::MessageView{}, Bytes());
  }
  bool is_hooked() const { return extras_ != nullptr && extras_->hooked.has_value(); }
  // session_plugins.cc
  void tell_end(const Status& status, const wire::MessageView* reply);
  void drop_extras();

  Session* session_ = nullptr;
  Time deadline_{};  // watched by the session's timer
  std::int32_t seq_ = 0;
  std::uint32_t sent_bytes_ = 0;  // of its frame, once it was written
  std::uint64_t sent_from_ = 0;   // where it starts in the bytes of the session's life
  std::unique_ptr<internal::CallExtras> extras_{};  // null: a plain call that no plugin sees
};

// A reply as it came, for callers that do not know its type (gateway, tools).
struct Reply {
  std::uint8_t body_codec = wire::kNoCodec;
  Bytes body{};
  std::string metadata{};    // encoded text
  std::string transforms{};  // ids; the body here is already restored
};

// A PendingCall that a coroutine awaits; gives the raw reply.
//
//   RawCall call;
//   session.start_call(call, head, body, deadline, cancel);
//   Result<Reply> reply = co_await call;
//
// Errors: those of Session::start_call(), and the status that the peer replied.
class RawCall final : public PendingCall {
 public:
  bool await_ready() const noexcept { return !waiting(); }
  void await_suspend(std::coroutine_handle<> awaiting) { awaiting_.keep(awaiting); }
  Result<Reply> await_resume();
  // Of a reply that was an error, when it was awaited; encoded text, empty where none came.
  std::string take_error_metadata() { return std::move(reply_.metadata); }

 private:
  void on_done(Status status, const wire::MessageView& reply, const Bytes& input) override;

  ResumePoint awaiting_;
  Status status_;
  Reply reply_;
};

}  // namespace fairlead::rpc
