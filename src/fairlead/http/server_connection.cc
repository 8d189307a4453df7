#include "fairlead/http/server_connection.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/problem.h"
#include "fairlead/http/proto/chars.h"
#include "fairlead/http/proto/writer.h"

namespace fairlead::http::internal {
namespace {

using proto::BodyKind;
using proto::ParseState;
using proto::Refusal;

// What a client may name its request so that we keep the name.
bool is_request_id(std::string_view text) {
  return text.size() <= 64 && proto::is_all(text, proto::kTokenChar);
}

// Framing and connection are the server's business, whatever a handler thinks.
bool is_server_field(std::string_view name) {
  return equals_ignoring_case(name, "Content-Length") ||
         equals_ignoring_case(name, "Transfer-Encoding") ||
         equals_ignoring_case(name, "Connection");
}

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

ServerConnection::ServerConnection(Server& server, std::unique_ptr<io::Stream> stream)
    : server_(server), stream_(std::move(stream)), peer_(stream_->peer()) {}

void ServerConnection::start() {
  await_until(server_.core_.now() + server_.options_.head_timeout);
  stream_->start(*this);
}

void ServerConnection::drain() {
  if (state_ == State::kHead && exchange_ == nullptr) close_stream();
}

void ServerConnection::abort(Status why) {
  if (stream_ != nullptr) stream_->abort(std::move(why));
  // The handler hears it even when the stream is long closed.
  if (state_ == State::kHandling && cancel_) cancel_->cancel();
}

io::ReadResult ServerConnection::on_read(const Bytes& input) {
  reading_ = true;
  io::ReadResult result;
  bool more = true;
  while (more && stream_ != nullptr) {
    if (state_ == State::kClosing) {
      result = {input.size(), 0};
      break;
    }
    if (result.consumed == input.size()) break;
    if (state_ == State::kHandling || output_is_stuck()) {
      // One request at a time; what is behind it waits in the stream.
      paused_ = true;
      stream_->pause();
      break;
    }
    io::ReadResult step;
    const Bytes rest = input.slice(result.consumed);
    more = state_ == State::kHead ? read_head(rest, step) : read_body(rest, step);
    result.consumed += step.consumed;
    result.wanted = step.wanted;
  }
  reading_ = false;
  return result;
}

bool ServerConnection::read_head(const Bytes& input, io::ReadResult& read) {
  if (exchange_ == nullptr) {
    exchange_ = server_.take_exchange();
    to_head_ = false;
    await_until(server_.core_.now() + server_.options_.head_timeout);
  }
  proto::RequestHeadParser& parser = exchange_->parser;
  switch (parser.parse(input.view())) {
    case ParseState::kNeedMore:
      return false;
    case ParseState::kRefused:
      refuse(parser.refusal());
      return true;
    case ParseState::kDone:
      break;
  }
  read.consumed = parser.size();
  if (const Refusal bad = fill_request(); bad != Refusal::kNone) {
    refuse(bad);
    return true;
  }
  const proto::Framing& framing = parser.head().framing;
  if (!exchange_->body.start(framing, server_.options_.body_bytes_max)) {
    refuse(exchange_->body.refusal());
    return true;
  }
  if (framing.body == BodyKind::kNone) {
    dispatch();
    return true;
  }
  if (framing.expect_continue && input.size() == read.consumed) {
    stream_->output().append("HTTP/1.1 100 Continue\r\n\r\n");
    stream_->wrote();
  }
  state_ = State::kBody;
  await_until(server_.core_.now() + server_.options_.body_timeout);
  return true;
}

bool ServerConnection::read_body(const Bytes& input, io::ReadResult& read) {
  switch (exchange_->body.read(input, read)) {
    case ParseState::kNeedMore:
      return false;
    case ParseState::kRefused:
      refuse(exchange_->body.refusal());
      return true;
    case ParseState::kDone:
      break;
  }
  exchange_->request.body = exchange_->body.take();
  dispatch();
  return true;
}

// Copies what the request keeps of its head. Errors: kConnect, kBadPath.
Refusal ServerConnection::fill_request() {
  const proto::RequestHead& head = exchange_->parser.head();
  Request& request = exchange_->request;
  to_head_ = head.method == "HEAD";
  http10_ = head.minor == 0;
  keep_alive_ = head.framing.keep_alive;
  switch (head.parts.form) {
    case proto::TargetForm::kAuthority:
      return Refusal::kConnect;
    case proto::TargetForm::kAsterisk:
      request.path = "*";
      break;
    case proto::TargetForm::kOrigin:
    case proto::TargetForm::kAbsolute:
      if (const Refusal bad = proto::normalize_path(head.parts.path, request.path);
          bad != Refusal::kNone) {
        return bad;
      }
      break;
  }
  request.method = head.method;
  request.target = head.target;
  request.query = head.parts.query;
  request.authority = head.authority;
  request.minor = head.minor;
  request.fields = Fields(exchange_->parser.fields());
  request.peer = peer_;
  const std::string_view named = request.fields.value_or("X-Request-Id", "");
  request.id = is_request_id(named) ? std::string(named) : server_.make_request_id();
  return Refusal::kNone;
}

void ServerConnection::dispatch() {
  Request request = std::move(exchange_->request);
  server_.give_back(std::move(exchange_));
  if (!cancel_) cancel_.emplace();
  request.cancelled = cancel_->token();
  request_id_ = request.id;
  state_ = State::kHandling;
  await_until(Time::max());
  server_.options_.metrics.requests_received.add();
  dispatched_ = server_.core_.now();
  server_.scope_.spawn(handle(std::move(request)));
}

// The one place in which what a handler throws is caught.
Task<void> ServerConnection::handle(Request request) {
  std::string thrown;
  try {
    Task<Result<Response>> task = server_.handler_(std::move(request));
    Result<Response> result = co_await std::move(task);
    answer(std::move(result));
    co_return;
  } catch (const std::exception& error) {
    thrown = error.what();
  } catch (...) {
    thrown = "an exception of an unknown type";
  }
  answer(Status(Code::kInternal, "http.handler_threw", "the handler failed").with_cause(thrown));
}

void ServerConnection::answer(Result<Response> result) {
  FL_CHECK(state_ == State::kHandling);
  server_.options_.metrics.request_seconds.record(server_.core_.now() - dispatched_);
  if (stream_ == nullptr) return server_.remove(*this);
  if (server_.closing_ || ended_) keep_alive_ = false;
  if (!result.ok()) {
    result =
        problem_response(result.status(), request_id_, {.show_cause = server_.options_.show_cause});
  }
  const bool upgrades = result->status == 101 && result->upgrade != nullptr;
  if (!upgrades && (result->status < 200 || result->status > 599)) {
    result = problem_response(
        Status(Code::kInternal, "http.bad_response", "the handler gave no valid status"),
        request_id_);
  }
  if (result->status >= 500) server_.options_.metrics.requests_failed.add();
  write(*result);
  if (stream_ == nullptr) return server_.remove(*this);  // writing found the connection lost
  if (upgrades) {
    disarm();
    result->upgrade(std::move(stream_));
    return server_.remove(*this);
  }
  if (!keep_alive_) return close_stream();
  next_request();
}

// Answers with what is wrong and ends the connection: what comes behind cannot be trusted.
void ServerConnection::refuse(Refusal refusal) {
  server_.options_.metrics.requests_refused.add();
  keep_alive_ = false;
  const int http_status = proto::refusal_row(refusal).http_status;
  const std::string id = server_.make_request_id();
  write(problem_response(proto::to_status(refusal), id, {.http_status = http_status}));
  if (stream_ != nullptr) close_stream();
}

void ServerConnection::write(const Response& response) {
  Status written = write_head(response);
  const Bytes* body = &response.body;
  Response failed;
  if (!written.ok()) {
    // A handler's field cannot be sent. The answer without it would be another one: tell instead.
    failed = problem_response(
        Status(Code::kInternal, "http.bad_response", "the handler gave a field that cannot be sent")
            .with_cause(written.message()),
        request_id_, {.show_cause = server_.options_.show_cause});
    written = write_head(failed);
    FL_CHECK(written.ok());
    body = &failed.body;
    server_.options_.metrics.requests_failed.add();
  }
  if (!to_head_ && !has_no_body(response.status)) stream_->output().append(body->view());
  stream_->wrote();
}

Status ServerConnection::write_head(const Response& response) {
  proto::HeadWriter writer(stream_->output());
  writer.status_line(response.status);
  bool dated = false;
  for (std::size_t i = 0; i < response.fields.size(); ++i) {
    const Field field = response.fields[i];
    if (is_server_field(field.name)) continue;
    if (equals_ignoring_case(field.name, "Date")) dated = true;
    writer.field(field.name, field.value);
  }
  if (!dated) writer.field("Date", server_.date_.at(server_.core_.wall_ms()));
  if (!has_no_body(response.status)) writer.content_length(response.body.size());
  const bool upgrades = response.status == 101;
  if (response.fields.find("Upgrade").has_value()) writer.field("Connection", "Upgrade");
  if (!keep_alive_ && !upgrades) writer.field("Connection", "close");
  if (keep_alive_ && http10_) writer.field("Connection", "keep-alive");
  return writer.finish();
}

void ServerConnection::next_request() {
  state_ = State::kHead;
  await_until(server_.core_.now() + server_.options_.idle_timeout);
  if (reading_ || output_is_stuck()) return;
  if (std::exchange(paused_, false)) {
    stream_->resume();
  } else if (ended_) {
    close_stream();
  }
}

void ServerConnection::close_stream() {
  state_ = State::kClosing;
  server_.give_back(std::move(exchange_));
  await_until(Time::max());
  stream_->close();
}

void ServerConnection::on_end() {
  ended_ = true;
  if (state_ != State::kHandling) close_stream();
}

void ServerConnection::on_close(Status) {
  disarm();
  server_.core_.dispose(std::move(stream_));
  server_.give_back(std::move(exchange_));
  if (state_ != State::kHandling) return server_.remove(*this);
  cancel_->cancel();  // the handler may end inside this call, and answer() removes us
}

void ServerConnection::on_sent() {
  stall_bytes_ = 0;
  stall_end_ = Time::max();
  if (state_ == State::kHead && std::exchange(paused_, false)) stream_->resume();
}

// More than this waits only when the peer does not take it: wrote() flushes before.
bool ServerConnection::output_is_stuck() const {
  return stream_->unsent_bytes() >= io::Stream::kFlushBytes;
}

void ServerConnection::await_until(Time phase_end) {
  phase_end_ = phase_end;
  arm();
}

void ServerConnection::arm() {
  const Time now = server_.core_.now();
  const std::size_t unsent = stream_->unsent_bytes();
  if (unsent == 0) {
    stall_bytes_ = 0;
    stall_end_ = Time::max();
  } else if (stall_bytes_ == 0 || unsent < stall_bytes_) {
    stall_bytes_ = unsent;
    stall_end_ = now + server_.options_.write_timeout;
  }
  const Time next = std::min(phase_end_, stall_end_);
  if (next == Time::max()) return disarm();
  server_.core_.timers().arm(*this, next);
}

void ServerConnection::on_timer() {
  const Time now = server_.core_.now();
  const std::size_t unsent = stream_->unsent_bytes();
  if (unsent > 0 && unsent >= stall_bytes_ && stall_end_ <= now) {
    return stream_->abort(
        Status(Code::kConnectionClosed, "http.write_stalled", "the peer does not take its answer"));
  }
  if (phase_end_ > now) return arm();
  if (state_ == State::kBody) return refuse(Refusal::kBodyTimeout);
  if (state_ == State::kHead && exchange_ != nullptr) return refuse(Refusal::kHeadTimeout);
  close_stream();
}

}  // namespace fairlead::http::internal
