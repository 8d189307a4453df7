// ClientExchange: one request of a Client and its response, with both bodies streamed.
//
//   Client::open() ─┬► write() ..., finish()              the request's body, if there is one
//                   └► answered() ─► read() ... until the end, response().trailers
//
// The two ways are independent: a response may begin, and end, before the request has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "fairlead/async/cancel.h"
#include "fairlead/async/deadline.h"
#include "fairlead/async/event.h"
#include "fairlead/async/gate.h"
#include "fairlead/async/task.h"
#include "fairlead/base/buffer.h"
#include "fairlead/base/result.h"
#include "fairlead/http/body_pieces.h"
#include "fairlead/http/body_reader.h"
#include "fairlead/http/message.h"
#include "fairlead/http/proto/head.h"

namespace fairlead::http {

class Client;

namespace internal {
class ClientConnection;
struct Pool;
}  // namespace internal

// Its end gives the connection back when the request was finished and the response read to its end
// by the connection, whether or not read() took it all; else it closes the connection, so a server
// sees a request that was given up as a cut one.
//
// Deadline and token of open() hold for all of it. An error but those of misuse ends the exchange
// and its connection; every later call gives the same error.
//
// Thread:   the client's core. One task may write while another one reads.
// Lifetime: the caller's; ends before the client does, and while no call of it is under way.
class ClientExchange {
 public:
  ClientExchange(const ClientExchange&) = delete;
  ClientExchange& operator=(const ClientExchange&) = delete;
  ~ClientExchange();

  // Sends a piece of the body, and waits while the server does not take what is there (256 KiB).
  // Large pieces that own their memory are not copied. Of a request that expects 100 the first call
  // waits for it, for an answer, or for a second. Not after finish().
  // Errors: kConnectionClosed `http.answered`: the server has answered without the whole body and
  //         takes no more; go on with answered() and read(). The connection is not used again.
  //         kInvalidOperation `http.too_long`: more than the length told to open(); it is not sent,
  //         and the exchange goes on. Those of answered().
  Task<Status> write(Bytes piece);

  // Ends the body, once; needless where the length told to open() is reached. Trailers go out only
  // behind a chunked body.
  // Errors, which end the exchange, so that a request never looks whole when it is not:
  //         kInvalidOperation `http.too_short`; kEncodeFailed `http.bad_trailer`.
  //         That the connection was lost is told by answered().
  Status finish(std::span<const Field> trailers = {});

  // Waits for the head of the response, and not for the request to be finished.
  // Errors; the outcome of each is UNKNOWN:
  //   kDeadlineExceeded `wait.deadline`, kCancelled `wait.cancelled`
  //   kConnectionClosed `http.closed`: nothing came back
  //   kBadGateway `http.response_cut`, `http.too_many_interim`, `http.unexpected_upgrade`, or a
  //   reason of proto/refusal.h: what came is no answer
  Task<Status> answered();
  // After answered() gave OK: status and fields; after the end of the body its trailers too. Its
  // `body` stays empty.
  const Response& response() const;

  // The next piece of the response's body; empty: it has ended. While 64 KiB are here and not
  // taken, no more is read. How much comes in all is not bounded.
  // Errors: those of answered(). A body that is cut is told behind what came of it.
  Task<Result<Bytes>> read();

  // The connection had carried requests before. `http.closed` on such a one often says only that
  // the server gave up waiting: whoever can send the request again takes a fresh one then.
  bool reused() const { return reused_; }

 private:
  friend Client;
  friend internal::ClientConnection;
  enum class State : std::uint8_t { kHead, kBody, kDone };  // of the response

  // A place in `pool` that is taken; a connection in it comes later.
  ClientExchange(Client& client, internal::Pool& pool, const proto::HeadLimits& limits);

  void bound(Deadline deadline, CancelToken cancel);
  void frame(std::optional<std::uint64_t> length, bool expects_continue);
  bool start_body(const proto::Framing& framing, std::uint64_t whole_bytes_max,
                  const proto::HeadLimits& limits);
  void arrive(Bytes piece);
  void end_body();
  bool must_wait() const;
  bool has_news() const { return state_ == State::kDone || (streamed_ && head_here_); }
  bool body_is_unwanted() const;
  Status why_no_more() const;
  void give_up_if_late();
  Task<void> hold_back();
  Task<void> wait_for_news();
  // For Client::send(): a body that needs no waiting, and the whole response.
  void write_whole(const Bytes& body);
  Task<Result<Response>> whole();

  std::optional<Gate::Pass> pass_;  // of open(); goes last
  Client& client_;
  internal::Pool& pool_;
  std::unique_ptr<internal::ClientConnection> connection_;  // null: it was never made
  Deadline deadline_;
  CancelToken cancel_;
  Status error_;  // of the exchange
  bool reused_ = false;
  bool streamed_ = true;  // the response; false: it is gathered for whole()
  // The request.
  std::optional<Event> taken_;
  std::optional<std::uint64_t> length_left_;  // nullopt: chunked
  Time continue_until_;
  bool continue_awaited_ = false;
  bool sending_ = false;  // its body is not complete
  bool finished_ = false;
  // The response.
  proto::ResponseHeadParser parser_;
  proto::Trailers trailers_;
  internal::BodyReader gathered_;
  internal::BodyPieces pieces_;
  Response response_;
  Buffer arrived_;  // and not taken
  Bytes direct_;    // in front of it: arrived while read() waited
  std::optional<Event> arrival_;
  State state_ = State::kHead;
  bool head_here_ = false;
  bool to_head_ = false;  // the request is a HEAD
  bool heard_ = false;    // a byte came back
  int interims_ = 0;      // 1xx responses
};

}  // namespace fairlead::http
