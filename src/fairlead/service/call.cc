#include "fairlead/service/call.h"

#include "fairlead/service/default_codec.h"

namespace fairlead::service {

void apply(CallOptions& options, Within word) { options.within = word.duration; }
void apply(CallOptions& options, const WithMeta& word) {
  wire::append_metadata_pair(options.metadata, word.key, word.value);
}
void apply(CallOptions& options, WithCodec word) { options.codec = word.codec; }
void apply(CallOptions& options, CancelledBy word) { options.cancel = std::move(word.token); }
void apply(CallOptions& options, WithTransforms word) { options.transforms = std::move(word.ids); }
void apply(CallOptions& options, Sealed word) { options.secure = word.form; }

namespace internal {

Status would_block() {
  return Status(Code::kInvalidOperation, "call.would_block",
                "get() would stop the loop of this thread; co_await the call instead");
}

CallState::CallState(upstream::Service& upstream, const contract::MethodInfo& method,
                     CallOptions options)
    : upstream_(upstream),
      method_(method),
      options_(std::move(options)),
      codec_(options_.codec.value_or(default_codec(*method.argument))) {
  const Duration within = options_.within > Duration::zero()
                              ? options_.within
                              : upstream_.peer().options().call_timeout;
  deadline_ = upstream_.peer().core().deadline_after(within);
  if (const Ambient* here = ambient()) {  // also while it waits for a session
    deadline_ = earlier(deadline_, here->deadline);
    if (!options_.cancel.can_be_cancelled()) options_.cancel = here->cancel;
  }
}

void CallState::start() {
  if (rpc::Session* session = upstream_.ready_session()) return send(*session);
  upstream_.wait(*this, deadline_, options_.cancel);
}

void CallState::on_session(Result<rpc::Session*> session) {
  if (!session.ok()) return end(session.status());
  send(**session);
}

void CallState::send(rpc::Session& session) {
  ++attempts_;
  const rpc::CallHead head{.method = method_.path,
                           .body_codec = static_cast<std::uint8_t>(codec_),
                           .metadata = options_.metadata,
                           .transforms = options_.transforms,
                           .secure = options_.secure};
  if (method_.argument->kind == contract::Kind::kBytes) {
    return session.start_call(*this, head, deadline_, options_.cancel,
                              *static_cast<const Bytes*>(argument()));
  }
  session.start_call(*this, head, deadline_, options_.cancel, [this](Buffer& out) {
    return codec::encode(codec_, *method_.argument, argument(), out);
  });
}

void CallState::on_done(Status status, const wire::MessageView& reply, const Bytes& input) {
  if (!status.ok()) {
    if (attempts_ < upstream::kAttemptsMax && upstream::may_try_elsewhere(status)) return start();
    return end(std::move(status));
  }
  const auto codec = static_cast<codec::CodecId>(reply.body_codec);
  const Status decoded =
      codec::decode(codec, *method_.reply, Bytes(input.chunk(), reply.body), this->reply());
  if (decoded.ok()) return end(Status());
  end(Status(Code::kDecodeReplyFailed, decoded.reason(),
             "the reply of " + method_.path + ": " + std::string(decoded.message())));
}

void CallState::end(Status status) {
  status_ = std::move(status);
  done_ = true;
  if (awaiting_) return awaiting_.resume();
  if (listener_) {
    const Listener listener = std::move(listener_);  // it may destroy this state
    listener(*this);
  }
}

}  // namespace internal

PushCall PushCall::start(upstream::Service& upstream, const contract::MethodInfo& method,
                         const void* argument, CallOptions options) {
  auto state = std::make_shared<State>();
  const codec::CodecId codec = options.codec.value_or(default_codec(*method.argument));
  Buffer body;
  state->status = codec::encode(codec, *method.argument, argument, body);
  state->done = !state->status.ok();
  if (state->done) return PushCall(std::move(state));
  io::Core& core = upstream.peer().core();
  const Duration within =
      options.within > Duration::zero() ? options.within : upstream.peer().options().call_timeout;
  // Its handler may end at once: what it pushes goes on without it.
  const AmbientScope nothing(nullptr);
  upstream::RawRequest request{.method = method.path,
                               .body_codec = static_cast<std::uint8_t>(codec),
                               .body = Bytes(body.view()),
                               .metadata = std::move(options.metadata),
                               .transforms = std::move(options.transforms),
                               .secure = options.secure};
  core.spawn(run(upstream, std::move(request), core.deadline_after(within),
                 std::move(options.cancel), state));
  return PushCall(std::move(state));
}

Task<void> PushCall::run(upstream::Service& upstream, upstream::RawRequest request,
                         Deadline deadline, CancelToken cancel, std::shared_ptr<State> state) {
  state->status = co_await upstream.push(std::move(request), deadline, std::move(cancel));
  state->done = true;
  if (state->awaiting)
    state->awaiting.resume();
  else if (state->listener)
    state->listener(state->status);
}

}  // namespace fairlead::service
