#include "fairlead/service/raw_client.h"

namespace fairlead::service {
namespace {

Status no_core() {
  return Status(Code::kInvalidOperation, "call.no_core",
                "a RawClient is used on a core's thread, in a handler or a task");
}

Deadline deadline_of(const upstream::Service& upstream, const CallOptions& options) {
  const Duration within =
      options.within > Duration::zero() ? options.within : upstream.peer().options().call_timeout;
  return upstream.peer().core().deadline_after(within);
}

}  // namespace

upstream::RawRequest RawClient::request_of(std::string_view method, Bytes body,
                                           const CallOptions& options) {
  return {.method = std::string(method),
          .body_codec = static_cast<std::uint8_t>(options.codec.value_or(codec::CodecId::kPlain)),
          .body = std::move(body),
          .metadata = options.metadata,
          .transforms = options.transforms,
          .secure = options.secure,
          .delivery = options.delivery};
}

Task<Result<rpc::Reply>> RawClient::call_with(upstream::RawRequest request,
                                              CallOptions options) const {
  upstream::Service* here = target_->on_this_core();
  if (here == nullptr) co_return no_core();
  const Deadline deadline = deadline_of(*here, options);
  auto call = here->call(std::move(request), deadline, std::move(options.cancel));
  Result<rpc::Reply> reply = co_await call;
  co_return reply;
}

Task<upstream::Answer> RawClient::ask_request(upstream::RawRequest request,
                                              CallOptions options) const {
  upstream::Service* here = target_->on_this_core();
  if (here == nullptr) co_return no_core();
  const Deadline deadline = deadline_of(*here, options);
  auto call = here->ask(std::move(request), deadline, std::move(options.cancel));
  upstream::Answer answer = co_await call;
  co_return answer;
}

Task<Status> RawClient::push_with(upstream::RawRequest request, CallOptions options) const {
  upstream::Service* here = target_->on_this_core();
  if (here == nullptr) co_return no_core();
  const Deadline deadline = deadline_of(*here, options);
  auto push = here->push(std::move(request), deadline, std::move(options.cancel));
  Status pushed = co_await push;
  co_return pushed;
}

}  // namespace fairlead::service
