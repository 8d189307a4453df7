// How a server connection answers: heads and bodies, streams, refusals, upgrades, and what comes
// after an answer.
#include <algorithm>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/problem.h"
#include "fairlead/http/proto/chunk_writer.h"
#include "fairlead/http/proto/writer.h"
#include "fairlead/http/server_connection.h"

namespace fairlead::http::internal {
namespace {

using proto::Refusal;

// A streamed answer that is not taken; beyond it write() waits.
constexpr std::size_t kUntakenBytesMax = 256 * 1024;

// Framing and connection are the server's business, whatever a handler thinks.
bool is_server_field(std::string_view name) {
  switch (name.size()) {
    case 10:
      return equals_ignoring_case(name, "Connection");
    case 14:
      return equals_ignoring_case(name, "Content-Length");
    case 17:
      return equals_ignoring_case(name, "Transfer-Encoding");
    default:
      return false;
  }
}

bool has_no_body(int status) { return status < 200 || status == 204 || status == 304; }

Status bad_response(std::string_view message) {
  return Status(Code::kInternal, "http.bad_response", message);
}

}  // namespace

void ServerConnection::count_answer(int status) {
  server_.options_.metrics.request_seconds.record(core().now() - exchange_->dispatched_);
  if (status >= 500) server_.options_.metrics.requests_failed.add();
}

void ServerConnection::answer(Result<Response> result) {
  FL_CHECK(state_ == State::kAnswering && !exchange_->begun_);
  const std::string& id = exchange_->request_.id;
  if (!result.ok()) {
    const proto::RefusalRow& row = proto::refusal_row(exchange_->body_refusal_);
    const bool refused = row.reason == result.status().reason();  // by us, while the body came
    result = problem_response(
        result.status(), id,
        {.http_status = refused ? row.http_status : 0, .show_cause = server_.options_.show_cause});
  }
  const bool upgrades = result->status == 101 && result->upgrade != nullptr;
  if (!upgrades && (result->status < 200 || result->status > 599)) {
    result = problem_response(bad_response("the handler gave no valid status"), id);
  }
  count_answer(result->status);
  if (stream_ == nullptr) return end_exchange();
  if (upgrades) return upgrade(*result);
  if (server_.announced_ || ended_ || exchange_->body_open_) keep_alive_ = false;
  write(*result);
  end_exchange();
}

void ServerConnection::answer(int status, std::span<const Field> fields, std::string_view body) {
  FL_CHECK(state_ == State::kAnswering && !exchange_->begun_);
  FL_CHECK(status >= 200 && status <= 599);
  count_answer(status);
  if (stream_ == nullptr) return end_exchange();
  if (server_.announced_ || ended_ || exchange_->body_open_) keep_alive_ = false;
  const Status written = write_head(status, fields, body.size());
  if (!written.ok()) {
    write_failed(written);
  } else {
    const bool bare = to_head_ || has_no_body(status);
    if (!bare) stream_->output().append(body);
    wrote(bare ? 0 : body.size());
  }
  end_exchange();
}

Status ServerConnection::begin(int status, std::span<const Field> fields,
                               std::optional<std::uint64_t> length) {
  FL_CHECK(state_ == State::kAnswering);
  if (server_.announced_ || ended_) keep_alive_ = false;  // an open body: finish_answer() sees
  exchange_->chunked_ = !length && !http10_ && !has_no_body(status);
  if (!length && http10_) keep_alive_ = false;
  FL_TRY(write_head(status, fields, length));
  exchange_->begun_ = true;
  exchange_->length_left_ = length;
  count_answer(status);
  wrote(0);
  return {};
}

void ServerConnection::write_piece(std::string_view piece) {
  if (to_head_ || piece.empty()) return;
  Buffer& out = stream_->output();
  if (exchange_->chunked_) {
    proto::write_chunk(out, piece);
  } else {
    out.append(piece);
  }
  wrote(piece.size());
}

bool ServerConnection::takes_no_more() const {
  return stream_ != nullptr && stream_->unsent_bytes() >= kUntakenBytesMax;
}

void ServerConnection::finish_answer(std::span<const Field> trailers) {
  FL_CHECK(state_ == State::kAnswering);
  if (stream_ == nullptr) return end_exchange();
  if (!to_head_ && exchange_->length_left_.value_or(0) > 0) return cut();
  if (!to_head_ && exchange_->chunked_) {
    Buffer& out = stream_->output();
    if (!proto::write_last_chunk(out, trailers).ok()) return cut();
    wrote(5);
  }
  if (exchange_->body_open_) keep_alive_ = false;
  end_exchange();
}

void ServerConnection::cut() {
  if (stream_ != nullptr) {
    keep_alive_ = false;
    abort_stream(Status(Code::kConnectionClosed, "http.cut", "the answer could not be ended"));
    state_ = State::kClosing;
  }
  end_exchange();
}

// A body until close would look whole if the connection ended in order: with output that was not
// sent it ends with a reset.
void ServerConnection::abort_stream(Status why) {
  const bool until_close = exchange_ != nullptr && exchange_->begun_ && !exchange_->chunked_ &&
                           !exchange_->length_left_.has_value();
  if (until_close) stream_->output().append("\n");
  stream_->abort(std::move(why));
}

// Answers with what is wrong and ends the connection: what comes behind cannot be trusted.
void ServerConnection::refuse(Refusal refusal) {
  server_.options_.metrics.requests_refused.add();
  keep_alive_ = false;
  const int http_status = proto::refusal_row(refusal).http_status;
  std::string id;
  server_.make_request_id(id);
  write(problem_response(proto::to_status(refusal), id, {.http_status = http_status}));
  if (stream_ != nullptr) close_stream();
}

void ServerConnection::turn_away() {
  server_.options_.metrics.requests_refused.add();
  keep_alive_ = false;
  std::string id;
  server_.make_request_id(id);
  Response response = problem_response(
      Status(Code::kOverloaded, "http.conn_limit", "too many connections; come back later"), id);
  response.fields.add("Retry-After", "5");
  write(response);
  if (stream_ != nullptr) close_stream();
}

void ServerConnection::write(const Response& response) {
  const Status written = write_head(response.status, response.fields, response.body.size());
  if (!written.ok()) return write_failed(written);
  const bool bare = to_head_ || has_no_body(response.status);
  if (!bare) {
    if (response.body.size() >= io::Stream::kSharedBytesMin && response.body.owned())
      stream_->share(response.body);
    else
      stream_->output().append(response.body.view());
  }
  wrote(bare ? 0 : response.body.size());
}

// A field cannot be sent. The answer without it would be another one: tell instead.
void ServerConnection::write_failed(const Status& why) {
  const Response failed = problem_response(
      bad_response("the handler gave a field that cannot be sent").with_cause(why.message()),
      exchange_ == nullptr ? std::string_view() : exchange_->request_.id,
      {.show_cause = server_.options_.show_cause});
  const Status written = write_head(failed.status, failed.fields, failed.body.size());
  FL_CHECK(written.ok());
  if (!to_head_) stream_->output().append(failed.body.view());
  wrote(failed.body.size());
  server_.options_.metrics.requests_failed.add();
}

template <class List>
Status ServerConnection::write_head(int status, const List& fields,
                                    std::optional<std::uint64_t> length) {
  Buffer& out = stream_->output();
  const std::size_t before = out.size();
  proto::HeadWriter writer(out);
  writer.status_line(status);
  bool dated = false;
  bool upgrades = false;  // RFC 9110 section 7.8: who sends Upgrade names it in Connection
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field field = fields[i];
    if (is_server_field(field.name)) continue;
    if (field.name.size() == 4 && equals_ignoring_case(field.name, "Date")) dated = true;
    if (field.name.size() == 7 && equals_ignoring_case(field.name, "Upgrade")) upgrades = true;
    writer.field(field.name, field.value);
  }
  if (!dated) writer.field("Date", server_.date_.at(core()));
  if (status == 101) {
    writer.field("Connection", "Upgrade");
  } else {
    if (!has_no_body(status)) {
      if (length)
        writer.content_length(*length);
      else if (exchange_->chunked_)
        writer.field("Transfer-Encoding", "chunked");
    }
    if (!keep_alive_) writer.field("Connection", upgrades ? "close, Upgrade" : "close");
    if (keep_alive_ && upgrades) writer.field("Connection", "Upgrade");
    if (keep_alive_ && http10_ && !upgrades) writer.field("Connection", "keep-alive");
  }
  FL_TRY(writer.finish());
  appended_ += out.size() - before;
  return {};
}

// The connection becomes somebody else's, behind the head.
void ServerConnection::upgrade(Response& response) {
  if (!exchange_->parser_.head().framing.upgrade || exchange_->body_open_) {
    write(problem_response(bad_response("an upgrade that the request did not ask for"),
                           exchange_->request_.id));
    return end_exchange();
  }
  const Status written = write_head(101, response.fields, std::nullopt);
  if (!written.ok()) {
    write_failed(written);
    return end_exchange();
  }
  stream_->wrote();
  disarm();
  std::unique_ptr<io::Stream> stream = std::move(stream_);
  const auto take = std::move(response.upgrade);
  end_exchange();
  take(std::move(stream));
}

// The answer is complete, or goes nowhere: the exchange is over.
void ServerConnection::end_exchange() {
  server_.give_back(std::move(exchange_));
  if (stream_ == nullptr) return server_.remove(*this);
  if (state_ == State::kClosing) return;
  if (!keep_alive_) return close_stream();
  next_request();
}

void ServerConnection::next_request() {
  state_ = State::kHead;
  await_until(core().now() + server_.options_.idle_timeout);
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

void ServerConnection::say_continue() {
  if (stream_ == nullptr) return;
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  stream_->output().append(kContinue);
  wrote(kContinue.size());
}

void ServerConnection::resume_body() {
  if (stream_ == nullptr || reading_) return;
  if (std::exchange(paused_, false)) stream_->resume();
}

}  // namespace fairlead::http::internal
