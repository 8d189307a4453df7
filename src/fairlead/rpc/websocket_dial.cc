#include "fairlead/rpc/websocket_dial.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/codec/codec.h"
#include "fairlead/contract/struct.h"
#include "fairlead/http/websocket_client.h"

namespace fairlead::rpc {
namespace {

// What http::problem_response() writes, as far as a Status needs it.
struct Problem {
  std::int32_t code = 0;
  std::string reason{};
  std::string detail{};
};
FL_STRUCT(Problem, (1, code), (2, reason), (3, detail))

// The refusal's own words, where it has some; else `otherwise`.
Status told_by(const http::WebSocketRefusal& refusal, Status otherwise) {
  if (!refusal.content_type.starts_with("application/problem+json")) return otherwise;
  const Result<Problem> problem =
      codec::decode<Problem>(codec::CodecId::kJson, Bytes::borrow(refusal.body));
  if (!problem.ok()) return otherwise;
  const Code code = problem->code > 0 ? static_cast<Code>(problem->code) : otherwise.code();
  const std::string_view reason = problem->reason.empty() ? otherwise.reason() : problem->reason;
  return Status(code, reason, problem->detail);
}

// A WebSocket as what a WebSocketStream sends to, and what feeds that. Owned by the stream.
class OwnedSocket final : public MessageSocket, private http::WebSocketHandler {
 public:
  explicit OwnedSocket(std::unique_ptr<http::WebSocket> socket) : socket_(std::move(socket)) {}

  void begin(WebSocketStream& stream) {
    stream_ = &stream;
    socket_->start(*this);
  }

  Status send(std::string_view message) override { return socket_->send_binary(message); }
  void close(std::uint16_t code) override { socket_->close(code, {}); }
  void abort(Status why) override { socket_->abort(std::move(why)); }
  void pause() override { socket_->pause(); }
  void resume() override { socket_->resume(); }
  std::size_t unsent_bytes() const override { return socket_->unsent_bytes(); }
  std::size_t untaken_bytes() const override { return socket_->untaken_bytes(); }
  io::Address peer() const override { return socket_->peer(); }

 private:
  void on_message(http::WebSocket&, bool text, std::string_view payload) override {
    stream_->on_message(text, payload);
  }
  // The stream disposes of this object, and so of the socket.
  void on_close(http::WebSocket&, http::WebSocketEnd end) override {
    stream_->on_close(std::move(end.status));
  }
  void on_sent(http::WebSocket&) override { stream_->on_sent(); }
  void on_part(http::WebSocket&, std::uint64_t bytes) override { stream_->on_part(bytes); }

  const std::unique_ptr<http::WebSocket> socket_;
  WebSocketStream* stream_ = nullptr;
};

}  // namespace

Result<std::string> sub_protocol_of(const wire::Protocol* protocol) {
  const std::string_view name = protocol == nullptr ? "raw" : protocol->name();
  if (protocol_of_websocket(name).has_value()) return std::string(name);
  return Status(Code::kInvalidOperation, "dial.no_sub_protocol",
                "WebSocket carries raw, json and pb, not " + std::string(name));
}

bool is_bearer_token(const Login& login) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
  };
  return login.body_codec == wire::kPlainCodec && login.metadata.empty() && !login.body.empty() &&
         std::ranges::all_of(login.body, fits);
}

Task<Result<std::unique_ptr<io::Stream>>> dial_websocket(io::Core& core,
                                                         std::unique_ptr<io::Stream> stream,
                                                         WebSocketDial dial, Deadline deadline,
                                                         CancelToken cancel) {
  http::WebSocketRefusal refusal;
  http::WebSocketConnectOptions options;
  options.authority = std::move(dial.way.authority);
  options.target = std::move(dial.way.target);
  if (!dial.token.empty()) options.fields.add("Authorization", "Bearer " + dial.token);
  options.protocols = {dial.sub_protocol};
  options.deflate.reset();
  options.socket = std::move(dial.socket);
  options.refusal = &refusal;
  Result<std::unique_ptr<http::WebSocket>> socket = co_await http::open_websocket(
      core, std::move(stream), std::move(options), deadline, std::move(cancel));
  if (!socket.ok()) {
    Status why = told_by(refusal, socket.status());
    co_return std::move(why).with_outcome(Outcome::kNotSent);
  }
  if ((*socket)->protocol() != dial.sub_protocol) {
    core.dispose(*std::move(socket));
    co_return Status(Code::kBadGateway, "websocket.no_protocol",
                     "the server does not speak the sub-protocol '" + dial.sub_protocol + "'")
        .with_outcome(Outcome::kNotSent);
  }
  const auto protocol = protocol_of_websocket(dial.sub_protocol);
  FL_CHECK(protocol.has_value());
  co_return stream_over(core, *std::move(socket), *protocol);
}

std::unique_ptr<WebSocketStream> stream_over(io::Core& core,
                                             std::unique_ptr<http::WebSocket> socket,
                                             const wire::Protocol* protocol) {
  auto owned = std::make_unique<OwnedSocket>(std::move(socket));
  OwnedSocket& begun = *owned;
  auto stream = std::make_unique<WebSocketStream>(core, std::move(owned), protocol);
  begun.begin(*stream);
  return stream;
}

}  // namespace fairlead::rpc
