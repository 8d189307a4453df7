// RawClient: calls whose bodies are bytes in any codec, by the method's name. For proxies, tools,
// and services that no contract describes.
//
//   fl::RawClient peer = app.raw_client("127.0.0.1:9090");
//   auto call = peer.call("/echo/bytes", fl::Bytes(text), fl::with_codec(CodecId::kPlain));
//   fl::Result<fl::Reply> reply = co_await call;   // codec, body, metadata, transforms
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "fairlead/service/call_options.h"
#include "fairlead/service/process.h"

namespace fairlead::service {

// Copyable handle. Thread: that of a core. Lifetime: the App or Runtime that made it.
class RawClient {
 public:
  explicit RawClient(const Target& target) : target_(&target) {}

  // Without with_codec() the body is plain. The call is made when it is awaited.
  // Errors: those of upstream::Service::call(); kInvalidOperation `call.no_core` on another thread.
  template <class... Words>
  Task<Result<rpc::Reply>> call(std::string_view method, Bytes body, Words... words) const {
    CallOptions options;
    (apply(options, words), ...);
    upstream::RawRequest request = request_of(method, std::move(body), options);
    return call_with(std::move(request), std::move(options));
  }
  // The same for a PUSH, which ends when it was written.
  template <class... Words>
  Task<Status> push(std::string_view method, Bytes body, Words... words) const {
    CallOptions options;
    (apply(options, words), ...);
    upstream::RawRequest request = request_of(method, std::move(body), options);
    return push_with(std::move(request), std::move(options));
  }
  // The same for who has the whole request; `options` says how long, and until when.
  Task<Result<rpc::Reply>> call_request(upstream::RawRequest request, CallOptions options) const {
    return call_with(std::move(request), std::move(options));
  }
  // And with what an error reply says besides.
  Task<upstream::Answer> ask_request(upstream::RawRequest request, CallOptions options) const;
  Task<Status> push_request(upstream::RawRequest request, CallOptions options) const {
    return push_with(std::move(request), std::move(options));
  }

 private:
  static upstream::RawRequest request_of(std::string_view method, Bytes body,
                                         const CallOptions& options);
  Task<Result<rpc::Reply>> call_with(upstream::RawRequest request, CallOptions options) const;
  Task<Status> push_with(upstream::RawRequest request, CallOptions options) const;

  const Target* target_;
};

}  // namespace fairlead::service
