#include "fairlead/http/client_connection.h"

#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/chunk_writer.h"
#include "fairlead/http/proto/hop_fields.h"
#include "fairlead/http/proto/writer.h"

namespace fairlead::http::internal {
namespace {

using proto::ParseState;

constexpr int kInterimsMax = 8;
// A streamed request that is not taken; beyond it write() waits.
constexpr std::size_t kUntakenBytesMax = 256 * 1024;
// A streamed response that is not taken; beyond it the stream is paused.
constexpr std::size_t kArrivedBytesMax = 64 * 1024;

// Beside those of the hop: where a request goes and how its body comes is told in other ways.
bool is_client_field(std::string_view name) {
  return equals_ignoring_case(name, "Host") || equals_ignoring_case(name, "Content-Length") ||
         equals_ignoring_case(name, "Expect");
}

// RFC 9110 section 8.6: a method that means to send content says that it has none.
bool wants_length(const ClientRequest& request, std::uint64_t length) {
  return length > 0 || request.method == "POST" || request.method == "PUT" ||
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
    : client_(client), pool_(pool), core_(client.core_), stream_(std::move(stream)) {
  stream_->start(*this);
}

bool ClientConnection::in_exchange() const {
  return exchange_ != nullptr && exchange_->state_ != ClientExchange::State::kDone;
}

// ---- writing ----------------------------------------------------------------------------------

Status ClientConnection::begin(ClientExchange& exchange, const ClientRequest& request,
                               std::optional<std::uint64_t> length) {
  reusable_ = keep_alive_ = false;
  if (stream_ == nullptr) {
    return Status(Code::kConnectionClosed, "http.closed", "the connection was lost")
        .with_outcome(Outcome::kUnknown);
  }
  if (Status status = write_head(request, length); !status.ok()) {
    reusable_ = true;  // nothing was sent
    return std::move(status).with_outcome(Outcome::kNotSent);
  }
  exchange_ = &exchange;
  exchange.to_head_ = request.method == "HEAD";
  exchange.frame(length, request.expect_continue);
  stream_->wrote();
  return {};
}

Status ClientConnection::write_head(const ClientRequest& request,
                                    std::optional<std::uint64_t> length) {
  proto::HeadWriter writer(stream_->output());
  writer.request_line(request.method, request.target);
  const std::string own = request.address.is_unix() ? "localhost" : request.address.to_text();
  writer.field("Host", request.authority.empty() ? own : request.authority);
  const proto::HopFields hop(request.fields);
  for (std::size_t i = 0; i < request.fields.size(); ++i) {
    const Field field = request.fields[i];
    if (!is_client_field(field.name) && !hop.holds(field.name)) {
      writer.field(field.name, field.value);
    }
  }
  if (request.accept_trailers) {
    writer.field("TE", "trailers");
    writer.field("Connection", "TE");
  }
  if (!length) {
    writer.field("Transfer-Encoding", "chunked");
  } else if (wants_length(request, *length)) {
    writer.content_length(*length);
  }
  if (request.expect_continue && length.value_or(1) > 0) writer.field("Expect", "100-continue");
  return writer.finish();
}

void ClientConnection::write_piece(Bytes piece, bool chunked) {
  if (stream_ == nullptr || piece.empty()) return;
  if (chunked) proto::write_chunk_size(stream_->output(), piece.size());
  if (piece.size() >= io::Stream::kSharedBytesMin && piece.owned()) {
    stream_->share(std::move(piece));
  } else {
    stream_->output().append(piece.view());
  }
  if (chunked) stream_->output().append(proto::kChunkEnd);
  stream_->wrote();
}

Status ClientConnection::write_last_chunk(std::span<const Field> trailers) {
  if (stream_ == nullptr) return {};
  FL_TRY(proto::write_last_chunk(stream_->output(), trailers));
  stream_->wrote();
  return {};
}

bool ClientConnection::takes_no_more() const {
  return stream_ != nullptr && stream_->unsent_bytes() >= kUntakenBytesMax;
}

void ClientConnection::on_sent() {
  if (exchange_ != nullptr) wake();
}

// ---- reading ----------------------------------------------------------------------------------

io::ReadResult ClientConnection::on_read(const Bytes& input) {
  if (!in_exchange()) {
    // Nobody asked: the connection is out of step, or its exchange was given up.
    reusable_ = false;
    stream_->abort(bad_gateway("http.unasked", "bytes came that nobody asked for"));
    return {input.size(), 0};
  }
  exchange_->heard_ = true;
  io::ReadResult result;
  while (true) {
    read_on(input, result);
    if (!in_exchange()) {
      if (result.consumed < input.size()) reusable_ = false;
      wake();
      return {input.size(), 0};
    }
    const bool is_full = exchange_->arrived_.size() >= kArrivedBytesMax;
    wake();
    if (!in_exchange()) return {input.size(), 0};  // it was given up
    if (!is_full || result.consumed == input.size()) return result;
    if (exchange_->arrived_.size() >= kArrivedBytesMax) {
      paused_ = true;
      stream_->pause();
      return result;
    }
  }
}

// Reads the input as far as there is a place for it.
void ClientConnection::read_on(const Bytes& input, io::ReadResult& read) {
  bool more = true;
  while (more && read.consumed < input.size()) {
    io::ReadResult step;
    const Bytes rest = input.slice(read.consumed);
    if (exchange_->state_ == ClientExchange::State::kHead) {
      more = read_head(rest, step);
    } else {
      more = exchange_->streamed_ ? read_streamed(rest, step) : read_whole(rest, step);
    }
    read.consumed += step.consumed;
    read.wanted = step.wanted;
  }
}

bool ClientConnection::read_head(const Bytes& input, io::ReadResult& read) {
  ClientExchange& exchange = *exchange_;
  proto::ResponseHeadParser& parser = exchange.parser_;
  switch (parser.parse(input.view(), exchange.to_head_)) {
    case ParseState::kNeedMore:
      return false;
    case ParseState::kRefused:
      return fail(bad_gateway(parser.refusal()));
    case ParseState::kDone:
      break;
  }
  const proto::ResponseHead& head = parser.head();
  read.consumed = parser.size();
  if (head.status < 200) return read_interim(head.status);
  exchange.response_.status = head.status;
  exchange.response_.fields.assign(parser.fields());
  exchange.head_here_ = true;
  keep_alive_ = head.framing.keep_alive;
  const ClientOptions& options = client_.options_;
  if (!exchange.start_body(head.framing, options.body_bytes_max, options.head)) {
    return fail(bad_gateway(exchange.gathered_.refusal()));
  }
  if (head.framing.body == proto::BodyKind::kNone) end_response();
  return in_exchange();
}

bool ClientConnection::read_interim(int status) {
  if (status == 101) {
    return fail(bad_gateway("http.unexpected_upgrade", "the server switched protocols unasked"));
  }
  if (++exchange_->interims_ > kInterimsMax) {
    return fail(bad_gateway("http.too_many_interim", "too many 1xx responses"));
  }
  if (status == 100) exchange_->continue_awaited_ = false;
  exchange_->parser_.reset();
  return true;
}

bool ClientConnection::read_whole(const Bytes& input, io::ReadResult& read) {
  switch (exchange_->gathered_.read(input, read)) {
    case ParseState::kNeedMore:
      break;
    case ParseState::kRefused:
      return fail(bad_gateway(exchange_->gathered_.refusal()));
    case ParseState::kDone:
      end_response();
      break;
  }
  return false;
}

bool ClientConnection::read_streamed(const Bytes& input, io::ReadResult& read) {
  ClientExchange& exchange = *exchange_;
  if (exchange.arrived_.size() >= kArrivedBytesMax) return false;
  BodyPieces::Step step = exchange.pieces_.next(input);
  read.consumed = step.consumed;
  if (step.state == ParseState::kRefused) return fail(bad_gateway(exchange.pieces_.refusal()));
  if (!step.data.empty()) exchange.arrive(std::move(step.data));
  if (step.state == ParseState::kDone) end_response();
  return in_exchange();
}

void ClientConnection::resume_body() {
  if (stream_ != nullptr && std::exchange(paused_, false)) stream_->resume();
}

// The response is whole. A request that is not, is given up: what else would its rest be?
void ClientConnection::end_response() {
  reusable_ = keep_alive_ && !exchange_->sending_;
  exchange_->end_body();
}

// The exchange ends with `status`, and the connection with it. The caller wakes who waits. False:
// there is nothing more to do.
bool ClientConnection::fail(Status status) {
  reusable_ = false;
  if (stream_ != nullptr) stream_->abort(status);
  exchange_->state_ = ClientExchange::State::kDone;
  exchange_->error_ = std::move(status);
  return false;
}

void ClientConnection::give_up(Status why) {
  FL_CHECK(in_exchange());
  fail(std::move(why).with_outcome(Outcome::kUnknown));
  wake();
}

// Those who wait and need not any more. Each may end the exchange and begin the next one on this
// connection, so nothing of the one that was woken is touched after it.
void ClientConnection::wake() {
  ClientExchange* const woken = exchange_;
  if (woken->taken_ && !woken->must_wait()) woken->taken_->set();
  if (exchange_ == woken && woken->arrival_ && woken->has_news()) woken->arrival_->set();
}

// ---- the stream's end -------------------------------------------------------------------------

void ClientConnection::on_end() {
  reusable_ = false;
  stream_->close();
  if (!in_exchange()) return;
  const ClientExchange& exchange = *exchange_;
  const bool whole = exchange.state_ == ClientExchange::State::kBody &&
                     (exchange.streamed_ ? exchange.pieces_.end() : exchange.gathered_.end());
  if (!whole) return lose("the peer ended the connection");
  keep_alive_ = false;
  end_response();
  wake();
}

void ClientConnection::on_close(Status why) {
  core_.dispose(std::move(stream_));
  if (in_exchange()) return lose(why.ok() ? "closed" : why.message());
  if (armed()) client_.drop_idle(*this);
}

// The peer is gone in the middle of an exchange.
void ClientConnection::lose(std::string_view cause) {
  fail(exchange_->heard_
           ? bad_gateway("http.response_cut", "the response was cut").with_cause(cause)
           : Status(Code::kConnectionClosed, "http.closed",
                    "the connection was closed before a response came")
                 .with_outcome(Outcome::kUnknown)
                 .with_cause(cause));
  wake();
}

void ClientConnection::become_idle() {
  core_.timers().arm(*this, core_.now() + client_.options_.idle_timeout);
}

void ClientConnection::on_timer() { client_.drop_idle(*this); }

}  // namespace fairlead::http::internal
