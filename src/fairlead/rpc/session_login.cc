// What a session does before it is open: the login of either side.
#include "fairlead/rpc/session_control.h"
#include "fairlead/rpc/session_frame.h"

namespace fairlead::rpc {

void Session::start_login(PendingCall& call, const Login& login, Deadline deadline,
                          const CancelToken& cancel) {
  Status refused;
  if (state_ != State::kLogin) {
    refused = session_closed();
  } else if (call.listen(cancel)) {
    refused = cancelled_before();
  } else {
    call.session_ = this;
    call.sent_from_ = appended_bytes_;
    refused = begin_frame({.seq = calls_.add(call),
                           .kind = wire::Kind::kAuthCall,
                           .body_codec = login.body_codec,
                           .metadata = login.metadata});
  }
  if (!refused.ok()) return call.fail(std::move(refused));
  watch(call, deadline.is_set() ? deadline : core().deadline_after(peer_.options_.call_timeout));
  stream_->output().append(login.body);
  end_call(call, Status());
}

void Session::expect_login() {
  look_at_ = core().now() + peer_.options_.login_timeout;
  fire_before(look_at_);
}

void Session::receive_login(const wire::MessageView& message, const Bytes& input) {
  const std::string kind(wire::kind_name(message.kind));
  if (side_ == Side::kDialled) {
    // erpc numbers its answer by a counter of its own: whatever number it has, it is ours.
    if (message.kind == wire::Kind::kAuthReply) {
      if (PendingCall* call = calls_.take_any()) return end_with(*call, message, input);
      return;  // the dial gave up in this turn
    }
    return refuse_login(Status(Code::kUnauthenticated, "session.login_expected",
                               "the peer sent a " + kind + " where an AUTH_REPLY was expected"));
  }
  if (message.kind == wire::Kind::kAuthCall && !login_seen_) {
    login_seen_ = true;
    if (side_ == Side::kServing) expect_login();
    return check_login(message, input);
  }
  // Whoever brings no login says hello before its first call, and that call shall hear why.
  if (message.kind == wire::Kind::kCall && message.method == kHelloMethod) {
    return refuse(message, Status(Code::kUnauthenticated, "session.login_expected",
                                  "this peer talks to who has logged in"));
  }
  const Status why(Code::kUnauthenticated, "session.login_expected",
                   login_seen_ ? "a " + kind + " came before the login's answer"
                               : "the first message must be an AUTH_CALL, not a " + kind);
  const bool answered = message.kind == wire::Kind::kCall || message.kind == wire::Kind::kAuthCall;
  if (answered) refuse(message, why);
  refuse_login(why);
}

void Session::end_login(const Status& result) {
  if (state_ != State::kLogin) return;
  if (result.ok()) {
    state_ = open_state();
    look_at_ = Time::max();
    begin_age();
    begin_link();
    if (peer_.options_.watcher != nullptr && side_ == Side::kAccepted) {
      peer_.options_.watcher->on_open(*this);
    }
    return;
  }
  metrics().logins_refused.add();
  note_end(LinkEnd::kLogin);
  state_ = State::kClosing;
  const bool fault = result.code() == Code::kInternal;
  stream_->set_goodbye(fault ? io::Goodbye::kFault : io::Goodbye::kRefused);
  end_if_idle();
}

void Session::refuse_login(const Status& why) {
  metrics().logins_refused.add();
  note_end(LinkEnd::kLogin);
  state_ = State::kClosing;
  fail_calls(why, Unsent::kLeaves);
  stream_->set_goodbye(io::Goodbye::kRefused);
  stream_->close();
}

}  // namespace fairlead::rpc
