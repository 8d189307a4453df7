#include "fairlead/service/websocket_sessions.h"

#include <string>
#include <utility>
#include <vector>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/problem.h"
#include "fairlead/http/proto/target.h"
#include "fairlead/http/proto/websocket_handshake.h"
#include "fairlead/rpc/http_mapping.h"
#include "fairlead/rpc/websocket_stream.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::service::internal {
namespace {

constexpr std::int32_t kLoginSeq = 1;  // nothing else is on its way yet

std::string token_of(const http::Request& request) {
  if (const std::string_view bearer = rpc::bearer_token(request.fields); !bearer.empty()) {
    return std::string(bearer);
  }
  const auto query = http::proto::parse_query(request.query);
  if (!query.ok()) return {};
  for (const http::proto::QueryPair& pair : *query) {
    if (pair.name == "token") return pair.value;
  }
  return {};
}

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
  void on_part(http::WebSocket&, std::uint64_t bytes) override { stream_->on_part(bytes); }

 private:
  rpc::WebSocketStream* stream_;  // the session keeps it until it has heard of the end
};

}  // namespace

// One session on its way to a WebSocket: its stream exists before the connection is opened, and
// sends to this object until then.
//
//   CHECKING -- AUTH_REPLY --> OPEN   101 was answered
//   CHECKING, OPEN -- refused, or the request is no handshake --> ENDED   the session hears of it
class Opening : public std::enable_shared_from_this<Opening> {
 public:
  Opening(WebSocketSessions& sessions, http::Exchange& exchange, const wire::Protocol* protocol)
      : sessions_(sessions),
        exchange_(&exchange),
        protocol_(protocol),
        peer_(exchange.request().peer) {}

  void begin(rpc::SessionValues caller, const std::string& token);

  // What the stream does.
  Status send(std::string_view message);
  void close(std::uint16_t code);
  void abort(Status why);
  void pause() {
    if (socket_ != nullptr) socket_->pause();
  }
  void resume() {
    if (socket_ != nullptr) socket_->resume();
  }
  std::size_t unsent_bytes() const { return socket_ == nullptr ? 0 : socket_->unsent_bytes(); }
  std::size_t untaken_bytes() const { return socket_ == nullptr ? 0 : socket_->untaken_bytes(); }
  const io::Address& peer() const { return peer_; }

 private:
  class Socket;
  void check(std::string_view reply);
  void answer();
  void refuse(const Status& why);
  void end(Status why);

  WebSocketSessions& sessions_;
  http::Exchange* exchange_;  // null once it is answered
  const wire::Protocol* const protocol_;
  const io::Address peer_;
  rpc::WebSocketStream* stream_ = nullptr;  // of the session
  http::WebSocket* socket_ = nullptr;       // once it is open
  std::vector<std::string> early_;          // messages of a session that is open before its socket
  bool ended_ = false;
};

// What the stream of the session sees. It dies with the stream, or when that has heard of the end.
class Opening::Socket final : public rpc::MessageSocket {
 public:
  explicit Socket(std::shared_ptr<Opening> opening) : opening_(std::move(opening)) {}

  Status send(std::string_view message) override { return opening_->send(message); }
  void close(std::uint16_t code) override { opening_->close(code); }
  void abort(Status why) override { opening_->abort(std::move(why)); }
  void pause() override { opening_->pause(); }
  void resume() override { opening_->resume(); }
  std::size_t unsent_bytes() const override { return opening_->unsent_bytes(); }
  std::size_t untaken_bytes() const override { return opening_->untaken_bytes(); }
  io::Address peer() const override { return opening_->peer(); }

 private:
  const std::shared_ptr<Opening> opening_;
};

void Opening::begin(rpc::SessionValues caller, const std::string& token) {
  const std::shared_ptr<Opening> kept = shared_from_this();
  rpc::Peer& peer = sessions_.peer_;
  auto stream = std::make_unique<rpc::WebSocketStream>(peer.core(), std::make_unique<Socket>(kept),
                                                       protocol_);
  stream_ = stream.get();
  peer.accept(std::move(stream), protocol_).values() = std::move(caller);
  if (token.empty()) return answer();
  const wire::Protocol& form = protocol_ == nullptr ? *wire::protocols().front() : *protocol_;
  Buffer login;
  const wire::MessageHead head{
      .seq = kLoginSeq, .kind = wire::Kind::kAuthCall, .body_codec = wire::kPlainCodec};
  const Status written = form.append(login, head, token, peer.options().limits, nullptr);
  if (!written.ok()) {
    refuse(written);
    return end(written);
  }
  stream_->on_message(false, login.view());
}

Status Opening::send(std::string_view message) {
  if (socket_ != nullptr) return socket_->send_binary(message);
  if (exchange_ != nullptr)
    check(message);
  else if (!ended_)
    early_.emplace_back(message);
  return {};
}

// The session's first message is its AUTH_REPLY, which the client has in the answer's status.
void Opening::check(std::string_view reply) {
  const wire::Protocol& form = protocol_ == nullptr ? *wire::protocols().front() : *protocol_;
  const wire::Received read = form.parse(reply, sessions_.peer_.options().limits, nullptr);
  if (read.state != wire::Received::State::kMessage ||
      read.message.kind != wire::Kind::kAuthReply) {
    return refuse(Status(Code::kInternal, "session.login_unread", "the login was answered oddly"));
  }
  Status status = wire::parse_status_text(read.message.status);
  if (!status.ok()) return refuse(status);
  const std::string behind(reply.substr(read.size));  // bytes of what the login pushed already
  if (protocol_ == nullptr && !behind.empty()) early_.push_back(behind);
  answer();
}

// Opens the connection, if the request is a handshake as it should be and there is room.
void Opening::answer() {
  http::Exchange* const exchange = std::exchange(exchange_, nullptr);
  const auto open = [kept = shared_from_this()](http::WebSocket& socket) {
    kept->socket_ = &socket;
    return std::make_unique<StreamFeeder>(*kept->stream_);
  };
  exchange->answer(sessions_.hub_->accept(exchange->request(), open));
  if (socket_ == nullptr) {
    return end(Status(Code::kConnectionClosed, "websocket.refused", "the handshake was refused"));
  }
  for (const std::string& message : std::exchange(early_, {})) {
    if (const Status sent = socket_->send_binary(message); !sent.ok()) return socket_->abort(sent);
  }
}

void Opening::refuse(const Status& why) {
  http::Exchange* const exchange = std::exchange(exchange_, nullptr);
  if (exchange == nullptr) return;
  http::Response response =
      http::problem_response(why, exchange->request().id, {.http_status = 401});
  response.fields.add("WWW-Authenticate", "Bearer");
  exchange->answer(std::move(response));
}

void Opening::close(std::uint16_t code) {
  if (socket_ != nullptr) return socket_->close(code, {});
  refuse(Status(Code::kUnauthenticated, "session.login_late", "the login took too long"));
  end(Status());
}

void Opening::abort(Status why) {
  if (socket_ != nullptr) return socket_->abort(std::move(why));
  refuse(why);
  end(std::move(why));
}

// The session hears of it in a turn of its own, never inside its own call.
void Opening::end(Status why) {
  if (std::exchange(ended_, true)) return;
  sessions_.peer_.core().post(
      [kept = shared_from_this(), why = std::move(why)] { kept->stream_->on_close(why); });
}

Result<std::unique_ptr<WebSocketSessions>> WebSocketSessions::make(rpc::Peer& peer,
                                                                   const HttpSpec& setting,
                                                                   http::WebSocketMetrics metrics) {
  std::unique_ptr<WebSocketSessions> sessions(new WebSocketSessions(peer, std::move(metrics)));
  sessions->default_protocol_ = setting.websocket;
  sessions->accept_.protocols = {"json", "pb", "raw"};
  sessions->accept_.any_origin = setting.origins == std::vector<std::string>{"*"};
  if (!sessions->accept_.any_origin) sessions->accept_.origins = setting.origins;
  http::WebSocketAcceptOptions accept = sessions->accept_;
  accept.socket = sessions->socket_options();
  FL_TRY_ASSIGN(sessions->hub_,
                http::WebSocketHub::make(peer.core(), {.accept = std::move(accept)}));
  return sessions;
}

std::shared_ptr<const http::WebSocketOptions> WebSocketSessions::socket_options() const {
  http::WebSocketOptions socket = rpc::websocket_options(peer_.options().limits);
  socket.metrics = metrics_;
  return std::make_shared<const http::WebSocketOptions>(std::move(socket));
}

void WebSocketSessions::update() { hub_->update(socket_options()); }

void WebSocketSessions::open(http::Exchange& exchange, rpc::SessionValues caller) {
  const http::Request& request = exchange.request();
  const auto checked = http::proto::check_websocket_request(
      request.method, request.minor, request.fields,
      {.protocols = accept_.protocols, .deflate = accept_.deflate});
  // The hub refuses with what the refusal needs; nobody logs in by a request that is none.
  if (!checked.ok() || !http::check_websocket_origin(request, accept_).ok()) {
    return exchange.answer(hub_->accept(request, nullptr));
  }
  const auto protocol =
      rpc::protocol_of_websocket(checked->protocol.empty() ? default_protocol_ : checked->protocol);
  FL_CHECK(protocol.has_value());  // no others are agreed to
  const std::string token = peer_.router().login() == nullptr ? std::string() : token_of(request);
  std::make_shared<Opening>(*this, exchange, *protocol)->begin(std::move(caller), token);
}

}  // namespace fairlead::service::internal
