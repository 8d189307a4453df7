// What plugins do on a session, and what they share with sealed bodies: messages with extras. Plain
// ones never come here.
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/observe/log.h"
#include "fairlead/rpc/session_control.h"
#include "fairlead/rpc/session_frame.h"
#include "fairlead/rpc/session_resume.h"
#include "fairlead/rpc/session_seldom.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc {
namespace {

// The plugins of the peer, then those of the route.
template <auto Method, class... Arguments>
Status ask_all(const PluginChain& global, const internal::HookedMessage& hooked,
               Arguments&&... arguments) {
  if (global.has<Method>()) FL_TRY(global.ask<Method>(arguments...));
  if (hooked.of_route == nullptr || !hooked.of_route->has<Method>()) return {};
  return hooked.of_route->ask<Method>(arguments...);
}
// And the way back.
template <auto Method, class... Arguments>
void tell_all_back(const PluginChain& global, const internal::HookedMessage& hooked,
                   Arguments&&... arguments) {
  if (hooked.of_route != nullptr && hooked.of_route->has<Method>())
    hooked.of_route->tell_back<Method>(arguments...);
  if (global.has<Method>()) global.tell_back<Method>(arguments...);
}

constexpr HookSet kOfReplies = hook_bit(Hook::kPreWriteReply) | hook_bit(Hook::kPostWriteReply);

internal::HookedCall hooked_call(Session& session, const CallHead& head, wire::Kind kind) {
  return {.method = std::string(head.method),
          .metadata = std::string(head.metadata),
          .transforms = std::string(head.transforms),
          .session = &session,
          .begun = session.core().measured_now(),
          .kind = kind,
          .body_codec = head.body_codec};
}

// What plugins may know of a body of ours, which is whole and neither transformed nor sealed yet.
void note_body(internal::HookedCall& hooked, const Buffer& written, const Bytes& shared) {
  const std::string_view body =
      shared.empty() ? written.view().substr(hooked.body_from) : shared.view();
  hooked.body_bytes = body.size();
  hooked.kept_body = body.substr(0, hooked.keeps_bytes_max);
}

}  // namespace

// ---- sessions

Status Session::welcome(bool again) {
  const PluginChain& plugins = *peer_.session_plugins_;
  if (side_ == Side::kDialled) {
    return plugins.ask_noting<&Plugin::post_dial>(plugins_reached_, *this, again);
  }
  return plugins.ask_noting<&Plugin::post_accept>(plugins_reached_, *this);
}

void Session::see_off(const Status& why) {
  const std::uint8_t reached = std::exchange(plugins_reached_, std::uint8_t{0});
  peer_.session_plugins_->tell_reached<&Plugin::post_disconnect>(reached, *this, why);
}

// A plugin wants no more of it. Handlers that run may still answer.
void Session::end_connection(const Status& why) {
  FL_LOG(debug, "session.refused_by_plugin", {"peer", peer_address().to_text()},
         {"reason", why.reason()}, {"message", why.message()});
  note_end(LinkEnd::kPlugin);
  if (state_ < State::kClosing) state_ = State::kClosing;
  fail_calls(Status(Code::kConnectionClosed, "session.closed", "a plugin ended the connection")
                 .with_cause(why.message()),
             Unsent::kLeaves);
  stream_->pause();
  if (handlers_running_ == 0) stream_->close();
}

// ---- calls and pushes of ours

Buffer* Session::begin_hooked_call(PendingCall& call, const CallHead& head, Deadline deadline,
                                   const CancelToken& cancel) {
  if (call.extras_ == nullptr) call.extras_ = std::make_unique<internal::CallExtras>();
  internal::HookedCall& hooked =
      call.extras_->hooked.emplace(hooked_call(*this, head, wire::Kind::kCall));
  OutgoingHead out(hooked);
  Status refused = peer_.calling_plugins_->ask<&Plugin::pre_write_call>(out);
  if (!refused.ok()) {
    call.fail(std::move(refused).with_outcome(Outcome::kNotSent));
    return nullptr;
  }
  CallHead changed = head;
  changed.method = hooked.method;
  changed.metadata = hooked.metadata;
  Buffer* body = begin_call(call, changed, deadline, cancel);
  if (body != nullptr) call.extras_->hooked->body_from = body->size();
  return body;
}

void Session::end_extended_call(PendingCall& call, Status body_written, const Bytes& shared) {
  if (call.extras_->hooked.has_value() && body_written.ok()) {
    note_body(*call.extras_->hooked, body_buffer(), shared);
  }
  if (seals_ && body_written.ok()) body_written = seal_frame(&call);
  const std::uint64_t before = appended_bytes_;
  Status sent = end_frame(std::move(body_written), shared);
  if (!sent.ok()) return call.fail(std::move(sent));
  call.sent_bytes_ = static_cast<std::uint32_t>(appended_bytes_ - call.sent_from_);
  metrics().calls_sent.add();
  if (!call.extras_->hooked.has_value()) return;
  call.extras_->hooked->frame_bytes = appended_bytes_ - before;
  const OutgoingHead out(*call.extras_->hooked);
  peer_.calling_plugins_->tell<&Plugin::post_write_call>(out);
}

Status Session::begin_hooked_push(const CallHead& head) {
  std::unique_ptr<internal::HookedCall>& hooked = seldom().hooked_push;
  hooked = std::make_unique<internal::HookedCall>(hooked_call(*this, head, wire::Kind::kPush));
  OutgoingHead out(*hooked);
  Status begun = peer_.calling_plugins_->ask<&Plugin::pre_write_push>(out);
  if (begun.ok()) {
    CallHead changed = head;
    changed.method = hooked->method;
    changed.metadata = hooked->metadata;
    begun = begin_push(changed);
  }
  if (begun.ok()) {
    hooked->body_from = body_buffer().size();
    return {};
  }
  hooked.reset();
  return std::move(begun).with_outcome(Outcome::kNotSent);
}

Status Session::end_hooked_push(Status body_written, const Bytes& shared) {
  const auto hooked = std::move(seldom_->hooked_push);
  if (body_written.ok()) note_body(*hooked, body_buffer(), shared);
  if (seals_ && body_written.ok()) body_written = seal_frame(nullptr);
  const std::uint64_t before = appended_bytes_;
  FL_TRY(end_frame(std::move(body_written), shared));
  metrics().pushes_sent.add();
  hooked->frame_bytes = appended_bytes_ - before;
  const OutgoingHead out(*hooked);
  peer_.calling_plugins_->tell<&Plugin::post_write_push>(out);
  return {};
}

void Session::receive_extended_reply(PendingCall& call, const wire::MessageView& message,
                                     const Bytes& input) {
  auto extras = std::move(call.extras_);
  wire::MessageView opened = message;
  Bytes memory = input;
  Status ended;  // of the connection
  if (extras->hooked.has_value()) {
    ended = peer_.calling_plugins_->ask<&Plugin::pre_read_header>(*this, message);
  }
  Status status = wire::parse_status_text(message.status);
  if (!status.ok()) status = judged(std::move(status), message.metadata);
  if (extras->secure.has_value()) open_reply(*extras, opened, status, memory);
  if (!ended.ok()) {
    status = Status(Code::kConnectionClosed, "session.closed", "a plugin ended the connection")
                 .with_cause(ended.message());
    if (state_ < State::kClosing) state_ = State::kClosing;  // who hears it begins nothing here
  } else if (extras->hooked.has_value()) {
    status = ask_about_reply(*extras->hooked, std::move(status), opened);
  }
  if (extras->hooked.has_value()) {
    internal::HookedCall& hooked = *extras->hooked;
    const OutgoingHead sent(hooked);
    const EndedCall end{*this, hooked.method, status, sent, &opened, hooked.begun};
    peer_.calling_plugins_->tell_back<&Plugin::post_call>(end);
  }
  extras->end_attempt();
  call.extras_ = std::move(extras);
  call.on_done(std::move(status), opened, memory);
  // Only now: whoever waits for another call may hold this one too, and end it.
  if (!ended.ok()) end_connection(ended);
}

// What the caller will hear.
Status Session::ask_about_reply(const internal::HookedCall& call, Status status,
                                const wire::MessageView& message) {
  const PluginChain& plugins = *peer_.calling_plugins_;
  const IncomingReply reply{*this, call.method, status, message, call.begun};
  Status asked = plugins.ask_back<&Plugin::post_read_reply_header>(reply);
  if (asked.ok() && status.ok()) asked = plugins.ask_back<&Plugin::pre_read_reply_body>(reply);
  if (asked.ok() && status.ok()) asked = plugins.ask_back<&Plugin::post_read_reply_body>(reply);
  return asked.ok() ? std::move(status) : std::move(asked);
}

void PendingCall::tell_end(const Status& status, const wire::MessageView* reply) {
  std::optional<internal::HookedCall> hooked = std::move(extras_->hooked);
  extras_->end_attempt();
  if (!hooked.has_value()) return;
  const OutgoingHead sent(*hooked);
  const EndedCall end{*hooked->session, hooked->method, status, sent, reply, hooked->begun};
  hooked->session->peer_.calling_plugins_->tell_back<&Plugin::post_call>(end);
}

void PendingCall::drop_extras() {
  tell_end(Status(Code::kCancelled, "call.dropped", "the caller dropped the call"), nullptr);
}

// ---- messages that come in

void Session::serve_extended(const wire::MessageView& message, const Bytes& input) {
  const PluginChain* plugins = peer_.serving_plugins_;
  const bool secure = peer_.options_.secure != nullptr;
  if (message.method == kHeartbeatMethod && peer_.answers_heartbeats_) {
    return serve(message, input);  // whatever plugins or `secure.required` say
  }
  if (plugins == nullptr || message.method.starts_with(kControlPrefix)) {
    return secure ? serve_secure(message, message.method, input) : serve(message, input);
  }
  if (plugins->has<&Plugin::pre_read_header>()) {
    const Status ended = plugins->ask<&Plugin::pre_read_header>(*this, message);
    if (!ended.ok()) {
      if (next_extras_ != nullptr) settle_refused(message, ended);
      return end_connection(ended);
    }
  }
  if (next_extras_ == nullptr) next_extras_ = std::make_unique<Context::Extras>();
  internal::HookedMessage& hooked = next_extras_->hooked.emplace(message);
  hooked.begun = core().now();
  hooked.keeps_reply = (plugins->hooks() & kOfReplies) != 0;
  IncomingHead head(*this, hooked);
  const bool is_call = message.kind == wire::Kind::kCall;
  Status refused = is_call ? plugins->ask<&Plugin::post_read_call_header>(head)
                           : plugins->ask<&Plugin::post_read_push_header>(head);
  if (head.method().starts_with(kControlPrefix)) refused = peer_.router_.not_found(head.method());
  const wire::MessageView seen = hooked.message;
  if (!refused.ok()) {
    (is_call ? metrics().calls_received : metrics().pushes_received).add();
    refuse(seen, refused);
  } else if (secure) {
    serve_secure(seen, message.method, input);
  } else {
    serve(seen, input);
  }
  next_extras_.reset();
}

// False: it was refused.
bool Session::begin_extended(Context& context, const Handler& handler, const Router::Route* route) {
  context.extras_ = std::move(next_extras_);
  if (!context.extras_->hooked.has_value()) return true;
  internal::HookedMessage& hooked = *context.extras_->hooked;
  const PluginChain& plugins = *peer_.serving_plugins_;
  HookSet hooks = plugins.hooks();
  if (route != nullptr) {
    hooked.route = route->number;
    hooked.of_route = route->plugins.get();
    if (hooked.of_route != nullptr) hooks |= hooked.of_route->hooks();
  }
  hooked.keeps_reply = (hooks & kOfReplies) != 0;
  context.reply_metadata_ = hooked.take_reply_metadata();
  const bool is_call = context.kind() == wire::Kind::kCall;
  Status asked = is_call ? ask_all<&Plugin::pre_read_call_body>(plugins, hooked, context)
                         : ask_all<&Plugin::pre_read_push_body>(plugins, hooked, context);
  if (asked.ok() && !handler.decodes()) asked = context.hooked_read_body({});
  if (!asked.ok()) refuse_extended(context, asked);
  return asked.ok();
}

Status Context::hooked_read_body(const ReadBody& body) {
  if (!extras_->hooked.has_value()) return {};
  const PluginChain& plugins = *session_.peer_.serving_plugins_;
  if (kind() == wire::Kind::kCall) {
    return ask_all<&Plugin::post_read_call_body>(plugins, *extras_->hooked, *this, body);
  }
  return ask_all<&Plugin::post_read_push_body>(plugins, *extras_->hooked, *this, body);
}

// ---- replies of ours

void Session::refuse_extended(Context& context, const Status& status) {
  const bool is_call = context.kind() == wire::Kind::kCall;
  (is_call ? metrics().calls_refused : metrics().pushes_failed).add();
  if (is_call && state_ != State::kClosed) {
    if (context.extras_->hooked.has_value() && context.reply_metadata_.empty()) {
      context.reply_metadata_ = context.extras_->hooked->take_reply_metadata();
    }
    if (said_hello()) context.add_reply_meta(wire::kRefusedKey, "1");
    tell_reply(context, status, false);
    reply_error(context.message_, context.reply_metadata_, status);
    tell_reply(context, status, true);
  }
  if (context.admitted() != nullptr) {
    if (!is_call) context.add_reply_meta(wire::kRefusedKey, "1");
    settle(context, status);
  }
  tell_served(context, status);
}

void Session::finish_extended(Context& context, Status status) {
  Context::Extras& extras = *context.extras_;
  const bool hooked = extras.hooked.has_value();
  const bool kept = extras.secure_begun || (hooked && extras.hooked->reply_begun);
  if (kept) frame_open_ = false;
  if (context.kind() == wire::Kind::kPush) {
    if (!status.ok()) metrics().pushes_failed.add();
    if (context.admitted() != nullptr) settle(context, status);
  } else if ((state_ != State::kClosed && !cut()) || context.admitted() != nullptr) {
    tell_reply(context, status, false);
    if (status.ok() && extras.secure_begun) {
      status = seal_reply(context);
    } else if (status.ok() && kept) {
      Buffer* out = context.begin_frame(extras.hooked->reply_codec);
      out->append(extras.hooked->add().reply_body.view());
      frame_open_ = false;
    }
    if (context.admitted() != nullptr) settle(context, status);
    if (state_ == State::kClosed || cut()) return abandon_reply(context, status);
    status = send_reply(context, std::move(status));
    tell_reply(context, status, true);
    if (state_ == State::kLogin) end_login(status);
  }
  tell_served(context, status);
}

// Its window has the answer, and nobody is there to read it.
void Session::abandon_reply(Context& context, const Status& status) {
  if (context.reply_.has_value()) {
    wire::Protocol::abandon(stream_->output(), *std::exchange(context.reply_, std::nullopt));
  }
  tell_served(context, status);
}

// A handler that waits is too late.
void Session::fail_waiting(Context& context, const Status& status) {
  metrics().calls_failed.add();
  if (context.extras_ == nullptr) return reply_error(context.message_, {}, status);
  if (context.admitted() != nullptr) settle(context, status);
  if (state_ == State::kClosed) return;
  tell_reply(context, status, false);
  reply_error(context.message_, context.reply_metadata_, status);
  tell_reply(context, status, true);
}

void Session::tell_reply(Context& context, const Status& status, bool written) {
  if (!context.extras_->hooked.has_value()) return;
  internal::HookedMessage& hooked = *context.extras_->hooked;
  hooked.answered = written;
  if (!hooked.keeps_reply) return;  // no hook of replies
  const PluginChain& plugins = *peer_.serving_plugins_;
  OutgoingReply reply{context, status, wire::kNoCodec, {}};
  if (status.ok()) {
    const bool secure = context.extras_->secure_begun;
    reply.body_codec = secure ? context.extras_->secure->body_codec : hooked.reply_codec;
    reply.body = secure                         ? context.extras_->secure->plain.view()
                 : context.shared_body_.empty() ? hooked.add().reply_body.view()
                                                : context.shared_body_.view();
  }
  if (written)
    tell_all_back<&Plugin::post_write_reply>(plugins, hooked, reply);
  else
    tell_all_back<&Plugin::pre_write_reply>(plugins, hooked, reply);
}

// A handler that waited has ended, and its caller had its answer or wanted none.
void Session::tell_ended_early(Context& context) {
  const bool late = context.extras_->hooked.has_value() && context.extras_->hooked->answered;
  tell_served(context, late ? Status(Code::kHandlerTimeout, "handler.deadline",
                                     "the handler had not ended at the caller's deadline")
                            : Status(Code::kCancelledByCaller, "call.cancelled", "nobody waited"));
}

void Session::tell_served(Context& context, const Status& status) {
  if (!context.extras_->hooked.has_value()) return;
  const internal::HookedMessage& hooked = *context.extras_->hooked;
  const Served served{context, status, hooked.route, hooked.begun, hooked.answered};
  tell_all_back<&Plugin::post_serve>(*peer_.serving_plugins_, hooked, served);
}

}  // namespace fairlead::rpc
