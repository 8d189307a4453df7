#include "fairlead/http/client_connection.h"

#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/writer.h"

namespace fairlead::http::internal {
namespace {

using proto::ParseState;

constexpr int kInterimsMax = 8;

bool is_client_field(std::string_view name) {
  return equals_ignoring_case(name, "Host") || equals_ignoring_case(name, "Content-Length") ||
         equals_ignoring_case(name, "Transfer-Encoding") ||
         equals_ignoring_case(name, "Connection");
}

// RFC 9110 section 8.6: a method that means to send content says that it has none.
bool wants_length(const ClientRequest& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
         request.method == "PATCH";
}

Status bad_gateway(std::string_view reason, std::string_view message) {
  return Status(Code::kBadGateway, reason, message).with_outcome(Outcome::kUnknown);
}

Status bad_gateway(proto::Refusal refusal) {
  const proto::RefusalRow& row = proto::refusal_row(refusal);
  return bad_gateway(row.reason, row.text).with_context("response");
}

}  // namespace

ClientConnection::ClientConnection(Client& client, Pool& pool, std::unique_ptr<io::Stream> stream)
    : client_(client),
      pool_(pool),
      core_(client.core_),
      stream_(std::move(stream)),
      parser_(client.options_.head) {
  stream_->start(*this);
}

Task<Result<Response>> ClientConnection::exchange(const ClientRequest* request, Deadline deadline,
                                                  CancelToken cancel) {
  reusable_ = false;
  heard_ = false;
  interims_ = 0;
  to_head_ = request->method == "HEAD";
  result_.reset();
  parser_.reset();
  done_.emplace();
  if (stream_ == nullptr) {
    co_return Status(Code::kConnectionClosed, "http.closed", "the connection was lost")
        .with_outcome(Outcome::kUnknown);
  }
  FL_CO_TRY(write(*request));
  Status waited = co_await done_->wait(core_.timers(), deadline, std::move(cancel));
  if (!waited.ok()) {
    state_ = State::kIdle;
    co_return std::move(waited).with_outcome(Outcome::kUnknown);
  }
  co_return std::move(*result_);
}

Status ClientConnection::write(const ClientRequest& request) {
  proto::HeadWriter writer(stream_->output());
  writer.request_line(request.method, request.target);
  const std::string own = request.address.is_unix() ? "localhost" : request.address.to_text();
  writer.field("Host", request.authority.empty() ? own : request.authority);
  for (std::size_t i = 0; i < request.fields.size(); ++i) {
    const Field field = request.fields[i];
    if (!is_client_field(field.name)) writer.field(field.name, field.value);
  }
  if (wants_length(request)) writer.content_length(request.body.size());
  if (Status status = writer.finish(); !status.ok()) {
    reusable_ = true;  // nothing was sent
    return std::move(status).with_outcome(Outcome::kNotSent);
  }
  state_ = State::kHead;
  stream_->output().append(request.body.view());
  stream_->wrote();
  return {};
}

io::ReadResult ClientConnection::on_read(const Bytes& input) {
  if (state_ == State::kIdle) {
    // Nobody asked: the connection is out of step, or its exchange was given up.
    reusable_ = false;
    stream_->abort(bad_gateway("http.unasked", "bytes came that nobody asked for"));
    return {input.size(), 0};
  }
  heard_ = true;
  io::ReadResult result;
  bool more = true;
  while (more && result.consumed < input.size()) {
    io::ReadResult step;
    const Bytes rest = input.slice(result.consumed);
    more = state_ == State::kHead ? read_head(rest, step) : read_body(rest, step);
    result.consumed += step.consumed;
    result.wanted = step.wanted;
    if (state_ == State::kIdle) break;
  }
  if (state_ != State::kIdle) return result;
  if (result.consumed < input.size()) reusable_ = false;
  // The waiter may start the next exchange here, on this connection: nothing is touched after it.
  const io::ReadResult all{input.size(), 0};
  done_->set();
  return all;
}

bool ClientConnection::read_head(const Bytes& input, io::ReadResult& read) {
  switch (parser_.parse(input.view(), to_head_)) {
    case ParseState::kNeedMore:
      return false;
    case ParseState::kRefused:
      fail(bad_gateway(parser_.refusal()));
      return false;
    case ParseState::kDone:
      break;
  }
  const proto::ResponseHead& head = parser_.head();
  read.consumed = parser_.size();
  if (head.status == 101) {
    fail(bad_gateway("http.unexpected_upgrade", "the server switched protocols unasked"));
    return false;
  }
  if (head.status < 200) {
    if (++interims_ > kInterimsMax) {
      fail(bad_gateway("http.too_many_interim", "too many 1xx responses"));
      return false;
    }
    parser_.reset();
    return true;
  }
  Response response;
  response.status = head.status;
  response.fields = Fields(parser_.fields());
  result_ = std::move(response);
  const proto::Framing framing = head.framing;
  reusable_ = framing.keep_alive;
  if (!body_.start(framing, client_.options_.body_bytes_max)) {
    fail(bad_gateway(body_.refusal()));
    return false;
  }
  state_ = framing.body == proto::BodyKind::kNone ? State::kIdle : State::kBody;
  return true;
}

bool ClientConnection::read_body(const Bytes& input, io::ReadResult& read) {
  switch (body_.read(input, read)) {
    case ParseState::kNeedMore:
      return false;
    case ParseState::kRefused:
      fail(bad_gateway(body_.refusal()));
      return false;
    case ParseState::kDone:
      break;
  }
  result_->value().body = body_.take();
  state_ = State::kIdle;
  return false;
}

// The exchange ends with `status`, and the connection with it. The caller wakes the waiter.
void ClientConnection::fail(Status status) {
  reusable_ = false;
  state_ = State::kIdle;
  result_ = std::move(status);
}

void ClientConnection::on_end() {
  reusable_ = false;
  if (state_ == State::kBody && body_.end()) {
    result_->value().body = body_.take();
    state_ = State::kIdle;
    stream_->close();
    return done_->set();
  }
  stream_->close();
  if (state_ != State::kIdle) return lose("the peer ended the connection");
}

void ClientConnection::on_close(Status why) {
  core_.dispose(std::move(stream_));
  if (state_ != State::kIdle) return lose(why.ok() ? "closed" : why.message());
  if (armed()) client_.drop_idle(*this);
}

// The peer is gone in the middle of an exchange.
void ClientConnection::lose(std::string_view cause) {
  fail(heard_ ? bad_gateway("http.response_cut", "the response was cut").with_cause(cause)
              : Status(Code::kConnectionClosed, "http.closed",
                       "the connection was closed before a response came")
                    .with_outcome(Outcome::kUnknown)
                    .with_cause(cause));
  done_->set();
}

void ClientConnection::become_idle() {
  core_.timers().arm(*this, core_.now() + client_.options_.idle_timeout);
}

void ClientConnection::on_timer() { client_.drop_idle(*this); }

}  // namespace fairlead::http::internal
