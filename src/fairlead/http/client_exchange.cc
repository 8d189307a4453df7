#include "fairlead/http/client_exchange.h"

#include <limits>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/http/client.h"
#include "fairlead/http/client_connection.h"

namespace fairlead::http {
namespace {

// RFC 9110 section 10.1.1: a client does not wait for ever for 100, since a server may not know it.
constexpr Duration kContinuePatience = std::chrono::seconds(1);

}  // namespace

ClientExchange::ClientExchange(Client& client, internal::Pool& pool,
                               const proto::HeadLimits& limits)
    : client_(client), pool_(pool), parser_(limits) {}

ClientExchange::~ClientExchange() {
  if (pass_ && !error_.ok()) client_.options_.metrics.client_requests_failed.add();
  client_.give_back(pool_, std::move(connection_));
}

void ClientExchange::bound(Deadline deadline, CancelToken cancel) {
  deadline_ = deadline;
  cancel_ = std::move(cancel);
}

void ClientExchange::frame(std::optional<std::uint64_t> length, bool expects_continue) {
  length_left_ = length;
  sending_ = length.value_or(1) > 0;
  continue_awaited_ = sending_ && expects_continue;
  if (continue_awaited_) continue_until_ = client_.core_.now() + kContinuePatience;
}

// ---- the request ------------------------------------------------------------------------------

Task<Status> ClientExchange::write(Bytes piece) {
  FL_CHECK(!finished_);
  give_up_if_late();
  if (must_wait()) co_await hold_back();
  if (piece.size() > length_left_.value_or(piece.size())) {
    co_return Status(Code::kInvalidOperation, "http.too_long",
                     "the body is longer than the length that its head told");
  }
  if (state_ == State::kDone || body_is_unwanted()) co_return why_no_more();
  if (length_left_) {
    *length_left_ -= piece.size();
    sending_ = *length_left_ > 0;
  }
  connection_->write_piece(std::move(piece), !length_left_);
  if (must_wait()) co_await hold_back();
  co_return state_ == State::kDone ? why_no_more() : Status();
}

Status ClientExchange::finish(std::span<const Field> trailers) {
  FL_CHECK(!std::exchange(finished_, true));
  if (state_ == State::kDone || body_is_unwanted()) return {};
  Status ended = length_left_.value_or(0) > 0
                     ? Status(Code::kInvalidOperation, "http.too_short",
                              "the body is shorter than the length that its head told")
                     : Status();
  if (!length_left_) ended = connection_->write_last_chunk(trailers);
  if (ended.ok()) {
    sending_ = false;
  } else {
    connection_->give_up(ended);  // who reads hears it, and may end the exchange
  }
  return ended;
}

void ClientExchange::write_whole(const Bytes& body) {
  length_left_ = 0;
  sending_ = false;
  connection_->write_piece(body, false);
}

bool ClientExchange::must_wait() const {
  if (state_ == State::kDone) return false;
  if (continue_awaited_) return !head_here_;
  return connection_->takes_no_more();
}

// The server answered where it should have asked for the body.
bool ClientExchange::body_is_unwanted() const { return continue_awaited_ && head_here_; }

// OK: the answer came in time.
Status ClientExchange::why_no_more() const {
  if (!error_.ok() || !sending_) return error_;
  return Status(Code::kConnectionClosed, "http.answered",
                "the server has answered and takes no more of the body")
      .with_outcome(Outcome::kUnknown);
}

Task<void> ClientExchange::hold_back() {
  while (must_wait()) {
    const Deadline patience = continue_awaited_ ? Deadline(continue_until_) : Deadline();
    taken_.emplace();
    Status waited =
        co_await taken_->wait(client_.core_.timers(), earlier(deadline_, patience), cancel_);
    taken_.reset();
    if (waited.ok()) continue;
    const bool impatient = continue_awaited_ && waited.code() == Code::kDeadlineExceeded &&
                           !deadline_.passed(client_.core_.now());
    if (impatient) {
      continue_awaited_ = false;
    } else {
      connection_->give_up(std::move(waited));
    }
  }
}

// ---- the response -----------------------------------------------------------------------------

Task<Status> ClientExchange::answered() {
  give_up_if_late();
  while (!head_here_ && state_ != State::kDone) co_await wait_for_news();
  co_return head_here_ ? Status() : error_;
}

const Response& ClientExchange::response() const {
  FL_CHECK(head_here_);
  return response_;
}

Task<Result<Bytes>> ClientExchange::read() {
  give_up_if_late();
  while (true) {
    if (!direct_.empty()) co_return std::exchange(direct_, Bytes());
    if (!arrived_.empty()) {
      Bytes piece(arrived_.view());
      arrived_.clear();
      connection_->resume_body();
      co_return piece;
    }
    if (!error_.ok()) co_return error_;
    if (state_ == State::kDone) co_return Bytes();
    co_await wait_for_news();
  }
}

Task<Result<Response>> ClientExchange::whole() {
  give_up_if_late();
  while (state_ != State::kDone) co_await wait_for_news();
  if (!error_.ok()) co_return error_;
  co_return std::move(response_);
}

Task<void> ClientExchange::wait_for_news() {
  arrival_.emplace();
  Status waited = co_await arrival_->wait(client_.core_.timers(), deadline_, cancel_);
  arrival_.reset();
  if (!waited.ok()) connection_->give_up(std::move(waited));
}

// Work that never waits must notice the end of its time, too.
void ClientExchange::give_up_if_late() {
  if (state_ == State::kDone) return;
  if (deadline_.passed(client_.core_.now())) {
    connection_->give_up(
        Status(Code::kDeadlineExceeded, "wait.deadline", "the deadline of the exchange passed"));
  } else if (cancel_.cancelled()) {
    connection_->give_up(Status(Code::kCancelled, "wait.cancelled", "the exchange was cancelled"));
  }
}

// False: the body is known to be larger than what whole() takes.
bool ClientExchange::start_body(const proto::Framing& framing, std::uint64_t whole_bytes_max,
                                const proto::HeadLimits& limits) {
  state_ = State::kBody;
  const proto::TrailerLimits left =
      proto::trailer_limits(limits, parser_.size(), parser_.fields().size());
  if (streamed_) {
    pieces_.start(framing, std::numeric_limits<std::uint64_t>::max());
    pieces_.keep_trailers(trailers_, left);
    return true;
  }
  if (!gathered_.start(framing, whole_bytes_max)) return false;
  gathered_.keep_trailers(trailers_, left);
  return true;
}

void ClientExchange::arrive(Bytes piece) {
  if (arrival_ && !arrival_->is_set() && arrived_.empty() && direct_.empty()) {
    direct_ = std::move(piece);
  } else {
    arrived_.append(piece.view());
  }
}

void ClientExchange::end_body() {
  state_ = State::kDone;
  if (!streamed_) response_.body = gathered_.take();
  response_.trailers.add_all(trailers_);
}

}  // namespace fairlead::http
