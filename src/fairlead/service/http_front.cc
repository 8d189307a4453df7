#include "fairlead/service/http_front.h"

#include <utility>

#include "fairlead/http/proto/websocket_handshake.h"
#include "fairlead/io/tls_stream.h"
#include "fairlead/service/caller_identity.h"

namespace fairlead::service::internal {
namespace {

// Most requests have no Upgrade, and are asked no more.
bool asks(const http::Request& request) {
  return request.fields.find("Upgrade").has_value() &&
         http::proto::asks_for_websocket(request.fields);
}

// What the client's certificate says, where it showed one; read from it once for a connection.
void tell_caller(const http::Exchange& exchange, rpc::SessionValues& values) {
  const auto* const tls = dynamic_cast<const io::TlsStream*>(exchange.stream());
  if (tls != nullptr) remember_caller(values, tls->info());
}

}  // namespace

HttpFront::HttpFront(rpc::Peer& peer, const ListenPlan& plan, const HttpSpec& setting)
    : peer_(peer),
      http_(plan.http),
      tls_(plan.where.tls || plan.tls_too),
      calls_(peer, calls_options(setting)) {}

rpc::HttpCallsOptions HttpFront::calls_options(const HttpSpec& setting) {
  rpc::HttpCallsOptions options;
  options.cors = setting.cors();
  if (tls_) {
    options.on_request = [this](rpc::Session& session, const http::Request&) {
      tell_caller(*asking_, session.values());
    };
  }
  return options;
}

Result<std::unique_ptr<HttpFront>> HttpFront::make(rpc::Peer& peer, const ListenPlan& plan,
                                                   const HttpSpec& setting,
                                                   http::WebSocketMetrics metrics) {
  std::unique_ptr<HttpFront> front(new HttpFront(peer, plan, setting));
  if (!plan.websocket) return front;
  FL_TRY_ASSIGN(front->sockets_, WebSocketSessions::make(peer, setting, std::move(metrics)));
  return front;
}

Result<http::BodyPlan> HttpFront::plan(const http::Request&) {
  return http::BodyPlan{.bytes_max = peer_.options().limits.frame_bytes_max, .streamed = false};
}

void HttpFront::respond(http::Exchange& exchange) {
  const http::Request& request = exchange.request();
  if (sockets_ != nullptr && (!http_ || asks(request))) {
    rpc::SessionValues caller;
    if (tls_) tell_caller(exchange, caller);
    return sockets_->open(exchange, std::move(caller));
  }
  const auto answer = [](void* to, int status, std::span<const http::Field> fields,
                         std::string_view body) {
    static_cast<http::Exchange*>(to)->answer(status, fields, body);
  };
  asking_ = &exchange;  // for the time of the call: values are put on the session inside it
  calls_.respond(request, {.to = &exchange, .answer = answer});
}

void HttpFront::update() {
  if (sockets_ != nullptr) sockets_->update();
}

void HttpFront::stop() {
  if (sockets_ != nullptr) sockets_->stop();
}

Task<Status> HttpFront::close(Deadline deadline) {
  if (sockets_ == nullptr) co_return Status();
  co_return co_await sockets_->close(deadline);
}

}  // namespace fairlead::service::internal
