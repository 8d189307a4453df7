#include "fairlead/http/websocket_client.h"

#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/base/secure_random.h"
#include "fairlead/base/text.h"
#include "fairlead/http/body_reader.h"
#include "fairlead/http/proto/websocket_handshake.h"
#include "fairlead/http/proto/writer.h"

namespace fairlead::http {
namespace {

using proto::ParseState;

constexpr int kInterimsMax = 8;
constexpr std::size_t kRefusalBytesMax = 8192;

Status bad_gateway(std::string_view reason, std::string_view message) {
  return Status(Code::kBadGateway, reason, message);
}

// One handshake: writes the request, reads the answer, and hands the stream to a WebSocket.
class Handshake final : public io::Disposable, private io::StreamHandler {
 public:
  Handshake(io::Core& core, std::unique_ptr<io::Stream> stream, WebSocketConnectOptions options)
      : core_(core),
        stream_(std::move(stream)),
        options_(std::move(options)),
        parser_(options_.head) {}

  Status ask();
  Event& settled() { return settled_; }
  Result<std::unique_ptr<WebSocket>> take() { return std::move(*result_); }
  const WebSocketRefusal& refusal() const { return refusal_; }

 private:
  io::ReadResult on_read(const Bytes& input) override;
  void on_end() override;
  void on_close(Status why) override;

  bool read_head(const Bytes& input, io::ReadResult& read);
  bool read_refusal(const Bytes& input, io::ReadResult& read);
  void open();
  void refuse(std::string_view body);
  void settle(Result<std::unique_ptr<WebSocket>> result);

  io::Core& core_;
  std::unique_ptr<io::Stream> stream_;  // null once given away or closed
  const WebSocketConnectOptions options_;
  proto::WebSocketRequest request_;
  proto::ResponseHeadParser parser_;
  internal::BodyReader body_;
  int status_ = 0;            // of a refusal whose body is being read
  WebSocketRefusal refusal_;  // what is known of it
  int interims_ = 0;
  Event settled_;
  std::optional<Result<std::unique_ptr<WebSocket>>> result_;
};

Status Handshake::ask() {
  stream_->start(*this);
  const io::Address peer = stream_->peer();
  const std::string own = peer.is_unix() ? "localhost" : peer.to_text();
  SecureRandom random;
  request_.host = options_.authority.empty() ? own : options_.authority;
  request_.target = options_.target;
  request_.key = proto::websocket_key(random.draw<16>());
  request_.protocols = options_.protocols;
  request_.deflate = options_.deflate;
  proto::HeadWriter writer(stream_->output());
  proto::write_websocket_request(request_, writer);
  for (std::size_t i = 0; i < options_.fields.size(); ++i) {
    const Field field = options_.fields[i];
    writer.field(field.name, field.value);
  }
  FL_TRY(writer.finish());
  stream_->wrote();
  return {};
}

io::ReadResult Handshake::on_read(const Bytes& input) {
  io::ReadResult result;
  bool more = true;
  while (more && !result_.has_value() && result.consumed < input.size()) {
    io::ReadResult step;
    const Bytes rest = input.slice(result.consumed);
    more = status_ == 0 ? read_head(rest, step) : read_refusal(rest, step);
    result.consumed += step.consumed;
  }
  // The waiter goes on in here, and may start the WebSocket.
  if (result_.has_value()) settled_.set();
  return result;
}

bool Handshake::read_head(const Bytes& input, io::ReadResult& read) {
  switch (parser_.parse(input.view(), false)) {
    case ParseState::kNeedMore:
      return false;
    case ParseState::kRefused: {
      const proto::RefusalRow& row = proto::refusal_row(parser_.refusal());
      settle(bad_gateway(row.reason, row.text));
      return false;
    }
    case ParseState::kDone:
      break;
  }
  read.consumed = parser_.size();
  const proto::ResponseHead& head = parser_.head();
  if (head.status < 200 && head.status != 101) {
    if (++interims_ > kInterimsMax) {
      settle(bad_gateway("http.too_many_interim", "too many 1xx responses"));
    }
    parser_.reset();
    return true;
  }
  if (head.status < 400) {
    open();
    return false;
  }
  status_ = head.status;
  refusal_.content_type = parser_.fields().find("Content-Type").value_or("");
  if (!body_.start(head.framing, kRefusalBytesMax) || head.framing.body == proto::BodyKind::kNone) {
    refuse({});
  }
  return true;
}

void Handshake::open() {
  auto reply = proto::check_websocket_reply(parser_.head(), parser_.fields(), request_);
  if (!reply.ok()) return settle(reply.status());
  WebSocketAgreement agreement{.role = proto::WebSocketRole::kClient,
                               .protocol = std::move(reply->protocol),
                               .deflate = reply->deflate};
  settle(std::make_unique<WebSocket>(core_, std::move(stream_), std::move(agreement),
                                     options_.socket));
}

bool Handshake::read_refusal(const Bytes& input, io::ReadResult& read) {
  switch (body_.read(input, read)) {
    case ParseState::kNeedMore:
      return false;
    case ParseState::kRefused:
      refuse({});
      return false;
    case ParseState::kDone:
      break;
  }
  const Bytes body = body_.take();
  refuse(body.view());
  return false;
}

void Handshake::refuse(std::string_view body) {
  refusal_.body = body;
  refusal_.status = status_;
  const std::string phrase(proto::reason_phrase(status_));
  settle(Status(static_cast<Code>(status_), "websocket.refused",
                "the server answers " + std::to_string(status_) + " " + phrase)
             .with_cause(escape_text(body, kRefusalBytesMax)));
}

void Handshake::on_end() {
  if (result_.has_value()) return;
  if (status_ != 0 && body_.end()) {
    const Bytes body = body_.take();
    refuse(body.view());
  } else if (status_ != 0) {
    refuse({});
  } else {
    settle(Status(Code::kConnectionClosed, "websocket.cut",
                  "the server ended the connection before it answered"));
  }
  settled_.set();
}

void Handshake::on_close(Status why) {
  core_.dispose(std::move(stream_));
  if (result_.has_value()) return;
  settle(why.ok() ? Status(Code::kConnectionClosed, "websocket.cut", "closed") : std::move(why));
  settled_.set();
}

void Handshake::settle(Result<std::unique_ptr<WebSocket>> result) {
  if (!result_.has_value()) result_.emplace(std::move(result));
}

// Gives the handshake back, also when the waiting task itself is destroyed. It may be on the stack
// then, so it dies at the turn's end.
class Attempt {
 public:
  Attempt(io::Core& core, std::unique_ptr<Handshake> handshake)
      : core_(core), handshake_(std::move(handshake)) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() { core_.dispose(std::move(handshake_)); }

  Handshake* operator->() const { return handshake_.get(); }

 private:
  io::Core& core_;
  std::unique_ptr<Handshake> handshake_;
};

}  // namespace

Task<Result<std::unique_ptr<WebSocket>>> open_websocket(io::Core& core,
                                                        std::unique_ptr<io::Stream> stream,
                                                        WebSocketConnectOptions options,
                                                        Deadline deadline, CancelToken cancel) {
  FL_CO_TRY(validate(*options.socket));
  WebSocketRefusal* const told = options.refusal;
  auto made = std::make_unique<Handshake>(core, std::move(stream), std::move(options));
  Attempt attempt(core, std::move(made));
  FL_CO_TRY(attempt->ask());
  FL_CO_TRY(co_await attempt->settled().wait(core.timers(), deadline, std::move(cancel)));
  if (told != nullptr) *told = attempt->refusal();
  co_return attempt->take();
}

Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(io::Core& core, io::Address address,
                                                           WebSocketConnectOptions options,
                                                           Deadline deadline, CancelToken cancel) {
  FL_CO_TRY_ASSIGN(std::unique_ptr<io::Stream> stream,
                   co_await core.connect(std::move(address), deadline, cancel));
  co_return co_await open_websocket(core, std::move(stream), std::move(options), deadline,
                                    std::move(cancel));
}

}  // namespace fairlead::http
