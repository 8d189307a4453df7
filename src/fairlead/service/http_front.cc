#include "fairlead/service/http_front.h"

#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/problem.h"
#include "fairlead/io/tls_stream.h"
#include "fairlead/rpc/websocket_stream.h"
#include "fairlead/service/caller_identity.h"

namespace fairlead::service::internal {
namespace {

// What the stream of a session sees of a WebSocket that a hub owns.
class HubSocket final : public rpc::MessageSocket {
 public:
  explicit HubSocket(http::WebSocket& socket) : socket_(socket) {}

  Status send(std::string_view message) override { return socket_.send_binary(message); }
  void close(std::uint16_t code) override { socket_.close(code, {}); }
  void abort(Status why) override { socket_.abort(std::move(why)); }
  void pause() override { socket_.pause(); }
  void resume() override { socket_.resume(); }
  std::size_t unsent_bytes() const override { return socket_.unsent_bytes(); }
  io::Address peer() const override { return socket_.peer(); }

 private:
  http::WebSocket& socket_;  // lives until its on_close(), after which the stream has no socket
};

// Tells the stream of a session what its WebSocket hears.
class StreamFeeder final : public http::WebSocketHandler {
 public:
  explicit StreamFeeder(rpc::WebSocketStream& stream) : stream_(&stream) {}

  void on_message(http::WebSocket&, bool text, std::string_view payload) override {
    stream_->on_message(text, payload);
  }
  void on_close(http::WebSocket&, http::WebSocketEnd end) override {
    stream_->on_close(std::move(end.status));
  }
  void on_sent(http::WebSocket&) override { stream_->on_sent(); }

 private:
  rpc::WebSocketStream* stream_;  // the session keeps it until it has heard of the end
};

// What the client's certificate says, where it showed one.
void tell_caller(const http::Exchange& exchange, rpc::SessionValues& values) {
  const auto* const tls = dynamic_cast<const io::TlsStream*>(exchange.stream());
  if (tls != nullptr) remember_caller(values, tls->info());
}

bool asks_for_websocket(const http::Request& request) {
  const std::optional<std::string_view> upgrade = request.fields.find("Upgrade");
  return upgrade.has_value() && equals_ignoring_case(trim(*upgrade), "websocket");
}

}  // namespace

HttpFront::HttpFront(rpc::Peer& peer, const ListenPlan& plan)
    : peer_(peer),
      http_(plan.http),
      tls_(plan.where.tls || plan.tls_too),
      calls_(peer, calls_options()) {}

rpc::HttpCallsOptions HttpFront::calls_options() {
  if (!tls_) return {};
  return {.on_request = [this](rpc::Session& session, const http::Request&) {
    tell_caller(*asking_, session.values());
  }};
}

Result<std::unique_ptr<HttpFront>> HttpFront::make(rpc::Peer& peer, const ListenPlan& plan,
                                                   http::WebSocketMetrics metrics) {
  std::unique_ptr<HttpFront> front(new HttpFront(peer, plan));
  if (!plan.websocket) return front;
  http::WebSocketOptions socket;
  socket.message_bytes_max = peer.options().limits.frame_bytes_max;
  socket.metrics = std::move(metrics);
  http::WebSocketHubOptions options;
  options.accept.protocols = {"json", "pb", "raw"};
  options.accept.socket = std::make_shared<const http::WebSocketOptions>(std::move(socket));
  FL_TRY_ASSIGN(front->sockets_, http::WebSocketHub::make(peer.core(), std::move(options)));
  return front;
}

Result<http::BodyPlan> HttpFront::plan(const http::Request&) {
  return http::BodyPlan{.bytes_max = peer_.options().limits.frame_bytes_max, .streamed = false};
}

void HttpFront::respond(http::Exchange& exchange) {
  const http::Request& request = exchange.request();
  if (sockets_ != nullptr && (!http_ || asks_for_websocket(request))) {
    return exchange.answer(open_websocket(exchange));
  }
  const auto answer = [](void* to, int status, std::span<const http::Field> fields,
                         std::string_view body) {
    static_cast<http::Exchange*>(to)->answer(status, fields, body);
  };
  asking_ = &exchange;  // for the time of the call: values are put on the session inside it
  calls_.respond(request, {.to = &exchange, .answer = answer});
}

http::Response HttpFront::open_websocket(http::Exchange& exchange) {
  rpc::SessionValues caller;
  if (tls_) tell_caller(exchange, caller);
  const auto told = std::make_shared<const rpc::SessionValues>(std::move(caller));
  return sockets_->accept(exchange.request(), [this, told](http::WebSocket& socket) {
    const auto protocol = rpc::protocol_of_websocket(socket.protocol());
    FL_CHECK(protocol.has_value());  // no others are agreed to
    auto stream = std::make_unique<rpc::WebSocketStream>(
        peer_.core(), std::make_unique<HubSocket>(socket), *protocol);
    auto feeder = std::make_unique<StreamFeeder>(*stream);
    peer_.accept(std::move(stream), *protocol).values() = *told;
    return feeder;
  });
}

Task<Status> HttpFront::close(Deadline deadline) {
  if (sockets_ == nullptr) co_return Status();
  co_return co_await sockets_->close(deadline);
}

}  // namespace fairlead::service::internal
