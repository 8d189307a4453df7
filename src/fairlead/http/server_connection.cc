#include "fairlead/http/server_connection.h"

#include <algorithm>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/chars.h"

namespace fairlead::http::internal {
namespace {

using proto::BodyKind;
using proto::ParseState;
using proto::Refusal;

// A streamed body that is not taken; beyond it the stream is paused.
constexpr std::size_t kArrivedBytesMax = 64 * 1024;

// What a client may name its request so that we keep the name.
bool is_request_id(std::string_view text) {
  return text.size() <= 64 && proto::is_all(text, proto::kTokenChar);
}

// The host of "host:port" or "[address]:port", as certificates name it.
std::string_view host_of(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  std::string_view host = authority.substr(0, authority.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);  // a name that is complete (RFC 1034)
  return host;
}

// Who has come no longer ago than that may still ask once while the server drains.
constexpr Duration kFirstRequestTime = std::chrono::milliseconds(500);

// Into write_timeout: so many looks in a row that find too little.
constexpr std::uint8_t kLooksPerTimeout = 5;

}  // namespace

ServerConnection::ServerConnection(Server& server, std::unique_ptr<io::Stream> stream)
    : server_(server),
      stream_(std::move(stream)),
      tls_(dynamic_cast<const io::TlsStream*>(stream_.get())),
      peer_(stream_->peer()) {}

void ServerConnection::start(std::optional<Time> head_began) {
  head_timed_ = head_began.has_value();
  await_until(head_began.value_or(core().now()) + server_.options_.head_timeout);
  stream_->start(*this);
}

void ServerConnection::start_to_refuse() {
  constexpr Duration kPatience = std::chrono::seconds(1);
  head_timed_ = turned_away_ = true;
  await_until(core().now() + kPatience);
  stream_->start(*this);
}

void ServerConnection::drain() {
  if (state_ != State::kHead || exchange_ != nullptr) return;
  const Time came = phase_end_ - server_.options_.head_timeout;
  if (asked_ || core().now() >= came + kFirstRequestTime) return close_stream();
  await_until(came + kFirstRequestTime);  // its first request is on the way
}

void ServerConnection::abort(Status why) {
  if (stream_ != nullptr) abort_stream(std::move(why));
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
  const bool timed = std::exchange(head_timed_, false);
  if (first_bytes) {
    asked_ = true;
    exchange_ = server_.take_exchange();
    exchange_->connection_ = this;
    to_head_ = false;
  }
  proto::RequestHeadParser& parser = exchange_->parser_;
  switch (parser.parse(input.view())) {
    case ParseState::kNeedMore:
      // Only a head that does not come at once is waited for.
      if (first_bytes && !timed) await_until(core().now() + server_.options_.head_timeout);
      return false;
    case ParseState::kRefused:
      refuse(parser.refusal());
      return true;
    case ParseState::kDone:
      break;
  }
  read.consumed = parser.size();
  if (turned_away_) {
    turn_away();
    return true;
  }
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
  if (!exchange.start_body(*plan, server_.options_.head)) {
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
  exchange_->take_trailers();
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
  if (done) exchange.take_trailers();
  if (!step.data.empty()) {
    exchange.arrive(std::move(step.data));
  } else if (done) {
    exchange.end_body(Refusal::kNone);
  }
  return true;
}

// Copies what the request keeps of its head. Errors: kConnect, kBadPath, kMisdirected.
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
  if (tls_ != nullptr && misdirected()) return Refusal::kMisdirected;
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

// The client has seen a certificate, and asks for a host that it is not for.
bool ServerConnection::misdirected() const {
  const std::string_view authority = exchange_->parser_.head().authority;
  if (server_.options_.any_host || authority.empty()) return false;
  return !tls_->speaks_for(host_of(authority));
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

// ---- the stream's end -------------------------------------------------------------------------

void ServerConnection::on_end() {
  ended_ = true;
  if (state_ != State::kAnswering) return close_stream();
  if (exchange_->body_open_) {  // a cut body: nobody is there who could read an answer
    keep_alive_ = false;
    stream_->close();
  }
}

void ServerConnection::on_close(Status why) {
  disarm();
  if (!why.ok() && server_.options_.on_failed) server_.options_.on_failed(peer_, why);
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
    out_end_ = core().now() + server_.options_.write_timeout / kLooksPerTimeout;
    out_mark_ = stream_->unsent_bytes();
    appended_ = 0;
    out_slow_ = 0;
  }
  look_at(out_end_);
}

// What a peer moves at least in a window.
std::size_t ServerConnection::least_in(Duration window) const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(window).count();
  const auto whole = static_cast<std::size_t>(std::max<std::int64_t>(seconds, 0));
  return std::max<std::size_t>(1, whole * server_.options_.rate_min);
}

// False: for write_timeout the peer has taken too little of what is sent. What counts is what it
// acknowledges: the system takes megabytes at once, and then nothing until much of them has left.
bool ServerConnection::takes_enough(Time now) {
  if (out_end_ > now) return true;
  const std::size_t untaken = stream_->untaken_bytes();
  if (untaken == 0) {
    out_end_ = Time::max();
    out_slow_ = 0;
    return true;
  }
  const Duration window = server_.options_.write_timeout / kLooksPerTimeout;
  const std::size_t before = out_mark_ + appended_;
  const std::size_t taken = before - std::min(untaken, before);
  const bool enough = taken >= std::min(least_in(window), out_mark_);
  out_slow_ = enough ? 0 : out_slow_ + 1;
  if (out_slow_ >= kLooksPerTimeout) return false;
  out_end_ = now + window;
  out_mark_ = untaken;
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
    const bool in_head = exchange_ != nullptr || head_timed_;
    if (state_ == State::kHead && in_head) return refuse(Refusal::kHeadTimeout);
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
