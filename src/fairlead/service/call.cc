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
void apply(CallOptions& options, Delivered word) { options.delivery = word.mode; }
void apply(CallOptions& options, WaitForReady) { options.wait_for_ready = true; }

namespace internal {

Status would_block() {
  return Status(Code::kInvalidOperation, "call.would_block",
                "get() would stop the loop of this thread; co_await the call instead");
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

ServiceCall::ServiceCall(upstream::Service& upstream, const contract::MethodInfo& method,
                         CallOptions options)
    : SentCall(method, std::move(options)), upstream_(upstream) {
  CallOptions& told = this->options();
  const Duration within =
      told.within > Duration::zero() ? told.within : upstream_.peer().options().call_timeout;
  deadline_ = upstream_.peer().core().deadline_after(within);
  if (const Ambient* here = ambient()) {  // also while it waits for a session
    deadline_ = earlier(deadline_, here->deadline);
    if (!told.cancel.can_be_cancelled()) told.cancel = here->cancel;
  }
}

void ServiceCall::start() {
  if (rpc::Session* session = upstream_.ready_session()) return on_session(session);
  upstream_.wait(*this, deadline_, options().cancel, options().wait_for_ready);
}

void ServiceCall::on_session(Result<rpc::Session*> session) {
  if (!session.ok()) return finished(session.status());
  ++attempts_;
  if (options().delivery.value_or(upstream_.delivery()) == rpc::DeliveryMode::kAtLeastOnce)
      [[unlikely]] {
    options().delivery = rpc::DeliveryMode::kAtLeastOnce;
    return send(upstream_.line_of(**session), deadline_);
  }
  send(**session, deadline_);
}

bool ServiceCall::may_move() {
  return attempts_ < upstream::kAttemptsMax && upstream_.endpoint_count() > 1;
}

void ServiceCall::ended(Status status) {
  if (attempts_ < upstream::kAttemptsMax && upstream::may_try_elsewhere(status)) return start();
  finished(std::move(status));
}

}  // namespace internal

PushCall::PushCall(Status status) : state_(std::make_shared<State>()) {
  state_->end(std::move(status));
}

PushCall::PushCall(Call<void> call) : errand_(std::move(call.errand_)) {
  if (errand_ != nullptr) return;
  state_ = std::make_shared<State>();
  std::move(call).then(
      [state = state_](const Result<void>& result) { state->end(result.status()); });
}

void PushCall::State::end(Status result) {
  status = std::move(result);
  done = true;
  if (awaiting)
    awaiting.resume();
  else if (listener)
    listener(status);
}

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
                               .secure = options.secure,
                               .delivery = options.delivery,
                               .wait_for_ready = options.wait_for_ready};
  core.spawn(run(upstream, std::move(request), core.deadline_after(within),
                 std::move(options.cancel), state));
  return PushCall(std::move(state));
}

Task<void> PushCall::run(upstream::Service& upstream, upstream::RawRequest request,
                         Deadline deadline, CancelToken cancel, std::shared_ptr<State> state) {
  Status pushed = co_await upstream.push(std::move(request), deadline, std::move(cancel));
  state->end(std::move(pushed));
}

}  // namespace fairlead::service
