#include "fairlead/http/exchange.h"

#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/http/server_connection.h"

namespace fairlead::http {

using proto::Refusal;

io::Core& Exchange::core() const { return connection_->core(); }

const io::Stream* Exchange::stream() const { return connection_->stream(); }

void Exchange::answer(Result<Response> response) { connection_->answer(std::move(response)); }

void Exchange::answer(int status, std::span<const Field> fields, std::string_view body) {
  connection_->answer(status, fields, body);
}

Status Exchange::gone() const {
  return Status(Code::kConnectionClosed, "http.client_gone",
                "the client has closed the connection");
}

Task<Result<Bytes>> Exchange::read() {
  FL_CHECK(body_streamed_);
  if (std::exchange(continue_owed_, false) && !lost_) connection_->say_continue();
  while (true) {
    if (!direct_.empty()) co_return std::exchange(direct_, Bytes());
    if (!arrived_.empty()) {
      Bytes piece(arrived_.view());
      arrived_.clear();
      if (!lost_) connection_->resume_body();
      co_return piece;
    }
    if (body_refusal_ != Refusal::kNone) co_return proto::to_status(body_refusal_);
    if (!body_open_) co_return Bytes();
    if (lost_) co_return gone();
    arrival_.emplace();
    Status arrived = co_await arrival_->wait(core().timers(), Deadline());
    arrival_.reset();
    FL_CHECK(arrived.ok());
  }
}

// The head is read. False: the body is known to be too large.
bool Exchange::start_body(const BodyPlan& plan, const proto::HeadLimits& limits) {
  const proto::Framing& framing = parser_.head().framing;
  const proto::TrailerLimits left =
      proto::trailer_limits(limits, parser_.size(), parser_.fields().size());
  if (plan.streamed) {
    if (!pieces_.start(framing, plan.bytes_max)) return false;
    pieces_.keep_trailers(trailers_, left);
  } else {
    if (!whole_.start(framing, plan.bytes_max)) return false;
    whole_.keep_trailers(trailers_, left);
  }
  return true;
}

// The body is read to its end.
void Exchange::take_trailers() { request_.trailers.add_all(trailers_); }

void Exchange::arrive(Bytes piece) {
  if (arrival_ && !arrival_->is_set() && arrived_.empty()) {
    direct_ = std::move(piece);
    arrival_->set();
  } else {
    arrived_.append(piece.view());
  }
}

void Exchange::end_body(Refusal refusal) {
  body_open_ = false;
  body_refusal_ = refusal;
  if (arrival_) arrival_->set();
}

Status Exchange::begin(int status, std::span<const Field> fields,
                       std::optional<std::uint64_t> length) {
  FL_CHECK(!begun_);
  if (lost_) {
    begun_ = true;
    return {};
  }
  return connection_->begin(status, fields, length);
}

Task<Status> Exchange::write(std::string_view piece) {
  FL_CHECK(begun_);
  if (lost_) co_return gone();
  if (length_left_) {
    if (piece.size() > *length_left_) {
      co_return Status(Code::kInvalidOperation, "http.too_long",
                       "the body is longer than the length that its head told");
    }
    *length_left_ -= piece.size();
  }
  connection_->write_piece(piece);
  while (!lost_ && connection_->takes_no_more()) {
    taken_.emplace();
    Status taken = co_await taken_->wait(core().timers(), Deadline());
    taken_.reset();
    FL_CHECK(taken.ok());
  }
  co_return lost_ ? gone() : Status();
}

void Exchange::finish(std::span<const Field> trailers) {
  FL_CHECK(begun_);
  connection_->finish_answer(trailers);
}

void Exchange::cut() { connection_->cut(); }

void Exchange::reset() {
  parser_.reset();
  whole_.start({}, 0);
  request_.body = {};
  request_.trailers.clear();
  request_.cancelled = {};
  arrived_.release();
  direct_ = {};
  length_left_.reset();
  body_refusal_ = Refusal::kNone;
  body_open_ = body_streamed_ = continue_owed_ = begun_ = chunked_ = lost_ = false;
  connection_ = nullptr;
}

}  // namespace fairlead::http
