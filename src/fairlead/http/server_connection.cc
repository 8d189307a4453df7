#include "fairlead/http/server_connection.h"

#include <algorithm>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/problem.h"
#include "fairlead/http/proto/chars.h"
#include "fairlead/http/proto/chunk_writer.h"
#include "fairlead/http/proto/writer.h"

namespace fairlead::http::internal {
namespace {

using proto::BodyKind;
using proto::ParseState;
using proto::Refusal;

// A streamed body that is not taken; beyond it the stream is paused.
constexpr std::size_t kArrivedBytesMax = 64 * 1024;
// A streamed answer that is not taken; beyond it write() waits.
constexpr std::size_t kUntakenBytesMax = 256 * 1024;

// What a client may name its request so that we keep the name.
bool is_request_id(std::string_view text) {
  return text.size() <= 64 && proto::is_all(text, proto::kTokenChar);
}

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

ServerConnection::ServerConnection(Server& server, std::unique_ptr<io::Stream> stream)
    : server_(server), stream_(std::move(stream)), peer_(stream_->peer()) {}

void ServerConnection::start() {
  await_until(core().now() + server_.options_.head_timeout);
  stream_->start(*this);
}

void ServerConnection::drain() {
  if (state_ == State::kHead && exchange_ == nullptr) close_stream();
}

void ServerConnection::abort(Status why) {
  if (stream_ != nullptr) stream_->abort(std::move(why));
  // Who answers hears it even when the stream is long closed.
  if (state_ == State::kAnswering && exchange_->cancel_) exchange_->cancel_->cancel();
}

// ---- reading ----------------------------------------------------------------------------------

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
    const bool streaming = state_ == State::kAnswering && exchange_->body_open_;
    if ((state_ == State::kAnswering && !streaming) || output_is_stuck()) {
      pause();  // one request at a time; what is behind it waits in the stream
      break;
    }
    io::ReadResult step;
    const Bytes rest = result.consumed == 0 ? input : input.slice(result.consumed);
    if (streaming)
      more = read_streamed(rest, step);
    else
      more = state_ == State::kHead ? read_head(rest, step) : read_body(rest, step);
    result.consumed += step.consumed;
    result.wanted = step.wanted;
  }
  reading_ = false;
  return result;
}

void ServerConnection::pause() {
  paused_ = true;
  stream_->pause();
}

bool ServerConnection::read_head(const Bytes& input, io::ReadResult& read) {
  const bool first_bytes = exchange_ == nullptr;
  if (first_bytes) {
    exchange_ = server_.take_exchange();
    exchange_->connection_ = this;
    to_head_ = false;
  }
  proto::RequestHeadParser& parser = exchange_->parser_;
  switch (parser.parse(input.view())) {
    case ParseState::kNeedMore:
      // Only a head that does not come at once is waited for.
      if (first_bytes) await_until(core().now() + server_.options_.head_timeout);
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
  return begin_body(input.size() - read.consumed);
}

// The head is whole: what becomes of its body? `behind_head`: bytes that have come behind it.
bool ServerConnection::begin_body(std::size_t behind_head) {
  Exchange& exchange = *exchange_;
  const proto::Framing framing = exchange.parser_.head().framing;
  Result<BodyPlan> plan = server_.responder_->plan(exchange.request_);
  if (!plan.ok()) {
    if (framing.body != BodyKind::kNone) keep_alive_ = false;  // whatever the body is, it is unread
    state_ = State::kAnswering;
    server_.options_.metrics.requests_received.add();
    exchange.dispatched_ = core().now();
    answer(plan.status());
    return true;
  }
  if (framing.body == BodyKind::kNone) {
    exchange.body_streamed_ = plan->streamed;
    respond();
    return true;
  }
  const bool begun = plan->streamed ? exchange.pieces_.start(framing, plan->bytes_max)
                                    : exchange.whole_.start(framing, plan->bytes_max);
  if (!begun) {
    refuse(Refusal::kBodyTooLarge);
    return true;
  }
  const bool waits = framing.expect_continue && behind_head == 0;
  in_total_ = in_mark_ = 0;
  in_end_ = core().now() + server_.options_.rate_window;
  look_at(in_end_);
  if (plan->streamed) {
    exchange.body_streamed_ = exchange.body_open_ = true;
    exchange.continue_owed_ = waits;
    respond();
    return true;
  }
  if (waits) say_continue();
  state_ = State::kBody;
  await_until(core().now() + server_.options_.body_timeout);
  return true;
}

bool ServerConnection::read_body(const Bytes& input, io::ReadResult& read) {
  switch (exchange_->whole_.read(input, read)) {
    case ParseState::kNeedMore:
      in_total_ = read.wanted > 0 ? input.size() : in_total_ + read.consumed;
      return false;
    case ParseState::kRefused:
      refuse(exchange_->whole_.refusal());
      return true;
    case ParseState::kDone:
      break;
  }
  exchange_->request_.body = exchange_->whole_.take();
  respond();
  return true;
}

bool ServerConnection::read_streamed(const Bytes& input, io::ReadResult& read) {
  Exchange& exchange = *exchange_;
  if (exchange.arrived_.size() >= kArrivedBytesMax) {
    pause();
    return false;
  }
  BodyPieces::Step step = exchange.pieces_.next(input);
  read.consumed = step.consumed;
  in_total_ += step.consumed;
  // Who reads may answer inside these calls, and the exchange is over then.
  if (step.state != ParseState::kNeedMore) exchange.body_open_ = false;
  if (step.state == ParseState::kRefused) {
    keep_alive_ = false;
    exchange.end_body(exchange.pieces_.refusal());
    return true;
  }
  const bool done = step.state == ParseState::kDone;
  if (!step.data.empty()) {
    exchange.arrive(std::move(step.data));
  } else if (done) {
    exchange.end_body(Refusal::kNone);
  }
  return true;
}

// Copies what the request keeps of its head. Errors: kConnect, kBadPath.
Refusal ServerConnection::fill_request() {
  const proto::RequestHead& head = exchange_->parser_.head();
  Request& request = exchange_->request_;
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
  request.fields.assign(exchange_->parser_.fields());
  request.peer = peer_;
  const std::string_view named = request.fields.value_or("X-Request-Id", "");
  if (is_request_id(named))
    request.id = named;
  else
    server_.make_request_id(request.id);
  return Refusal::kNone;
}

void ServerConnection::respond() {
  Exchange& exchange = *exchange_;
  if (!exchange.cancel_) exchange.cancel_.emplace();
  exchange.request_.cancelled = exchange.cancel_->token();
  state_ = State::kAnswering;
  await_until(Time::max());
  server_.options_.metrics.requests_received.add();
  exchange.dispatched_ = core().now();
  server_.responder_->respond(exchange);
}

// ---- answering --------------------------------------------------------------------------------

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
  if (server_.closing_ || ended_ || exchange_->body_open_) keep_alive_ = false;
  write(*result);
  end_exchange();
}

void ServerConnection::answer(int status, std::span<const Field> fields, std::string_view body) {
  FL_CHECK(state_ == State::kAnswering && !exchange_->begun_);
  FL_CHECK(status >= 200 && status <= 599);
  count_answer(status);
  if (stream_ == nullptr) return end_exchange();
  if (server_.closing_ || ended_ || exchange_->body_open_) keep_alive_ = false;
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
  if (server_.closing_ || ended_) keep_alive_ = false;  // an open body: finish_answer() sees
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
    stream_->abort(Status(Code::kConnectionClosed, "http.cut", "the answer could not be ended"));
    state_ = State::kClosing;
  }
  end_exchange();
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

// ---- the stream's end -------------------------------------------------------------------------

void ServerConnection::on_end() {
  ended_ = true;
  if (state_ != State::kAnswering) return close_stream();
  if (exchange_->body_open_) {  // a cut body: nobody is there who could read an answer
    keep_alive_ = false;
    stream_->close();
  }
}

void ServerConnection::on_close(Status) {
  disarm();
  looks_at_ = Time::max();
  core().dispose(std::move(stream_));
  if (state_ != State::kAnswering) {
    server_.give_back(std::move(exchange_));
    return server_.remove(*this);
  }
  wake_exchange();
}

// The client is gone. Each call may end the exchange, and with it this connection.
void ServerConnection::wake_exchange() {
  Exchange* const lost = exchange_.get();
  lost->lost_ = true;
  if (lost->cancel_) lost->cancel_->cancel();
  if (exchange_.get() == lost && lost->arrival_) lost->arrival_->set();
  if (exchange_.get() == lost && lost->taken_) lost->taken_->set();
}

void ServerConnection::on_sent() {
  if (state_ == State::kAnswering) {
    if (exchange_->taken_) exchange_->taken_->set();
    return;
  }
  if (state_ == State::kHead && std::exchange(paused_, false)) stream_->resume();
}

// More than this waits only when the peer does not take it: wrote() flushes before.
bool ServerConnection::output_is_stuck() const {
  return stream_->unsent_bytes() >= io::Stream::kFlushBytes;
}

// ---- time -------------------------------------------------------------------------------------

void ServerConnection::await_until(Time phase_end) {
  phase_end_ = phase_end;
  look_at(phase_end);
}

// The timer may fire too early and looks again then: arming it for each request would be dear.
void ServerConnection::look_at(Time when) {
  if (when >= looks_at_) return;
  looks_at_ = when;
  core().timers().arm(*this, when);
}

// `bytes` of a body were appended to the output.
void ServerConnection::wrote(std::size_t bytes) {
  appended_ += bytes;
  stream_->wrote();
  if (out_end_ == Time::max()) {
    out_end_ = core().now() + server_.options_.write_timeout;
    out_mark_ = stream_->unsent_bytes();
    appended_ = 0;
  }
  look_at(out_end_);
}

// What a peer moves at least in a window.
std::size_t ServerConnection::least_in(Duration window) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(window).count();
  const auto whole = static_cast<std::size_t>(std::max<std::int64_t>(seconds, 0));
  return std::max<std::size_t>(1, whole * server_.options_.rate_min);
}

// False: the peer takes nothing, or too little, of what is sent.
bool ServerConnection::takes_enough(Time now) {
  const std::size_t unsent = stream_->unsent_bytes();
  if (unsent == 0) {
    out_end_ = Time::max();
    return true;
  }
  if (out_end_ > now) return true;
  const Duration window = server_.options_.write_timeout;
  const std::size_t taken = out_mark_ + appended_ - std::min(unsent, out_mark_ + appended_);
  if (out_end_ != Time::max() && taken < std::min(least_in(window), out_mark_)) return false;
  out_end_ = now + window;
  out_mark_ = unsent;
  appended_ = 0;
  return true;
}

// False: the body comes too slowly.
bool ServerConnection::sends_enough(Time now) {
  const bool reads = state_ == State::kBody || (exchange_ != nullptr && exchange_->body_open_);
  if (!reads) {
    in_end_ = Time::max();
    return true;
  }
  if (in_end_ > now) return true;
  const Duration window = server_.options_.rate_window;
  const bool held = paused_ || exchange_->continue_owed_;  // by us
  if (!held && in_total_ - std::min(in_mark_, in_total_) < least_in(window)) return false;
  in_end_ = now + window;
  in_mark_ = in_total_;
  return true;
}

void ServerConnection::on_timer() {
  looks_at_ = Time::max();
  const Time now = core().now();
  if (!takes_enough(now)) {
    return stream_->abort(
        Status(Code::kConnectionClosed, "http.write_stalled", "the peer does not take its answer"));
  }
  if (!sends_enough(now)) return body_is_late();
  if (phase_end_ <= now) {
    if (state_ == State::kBody) return refuse(Refusal::kBodyTimeout);
    if (state_ == State::kHead && exchange_ != nullptr) return refuse(Refusal::kHeadTimeout);
    return close_stream();
  }
  look_at(std::min({phase_end_, out_end_, in_end_}));
}

void ServerConnection::body_is_late() {
  if (state_ == State::kBody) return refuse(Refusal::kBodyTimeout);
  keep_alive_ = false;
  exchange_->end_body(Refusal::kBodyTimeout);  // who reads it answers, or has begun to
}

}  // namespace fairlead::http::internal
