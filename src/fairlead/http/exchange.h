// Exchange: one request and its answer on a connection of a Server. Responder: who answers.
//
//   head ─► plan() ─► whole body ─► respond() ─► answer()                       most requests
//                └──► respond() ─► read() ... ─► begin(), write() ..., finish()  streams
//
// A Handler (message.h) is the comfortable form; a Responder sees heads before their bodies, can
// stream both ways, and answers without an allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "fairlead/async/cancel.h"
#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/base/buffer.h"
#include "fairlead/base/result.h"
#include "fairlead/http/body_pieces.h"
#include "fairlead/http/body_reader.h"
#include "fairlead/http/message.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/io/core.h"

namespace fairlead::http {

namespace internal {
class ServerConnection;
}

// How the body of a request is to come.
struct BodyPlan {
  std::uint64_t bytes_max = std::uint64_t{8} << 20U;  // 413 beyond
  // False: respond() comes when the body is whole, in Request::body. True: at once, and the body is
  // taken by read().
  bool streamed = false;
};

// Thread: the server's core. Lifetime: from respond() until answer(), finish() or cut() is called,
// which must happen exactly once; not touched after it.
class Exchange final : public io::Disposable {
 public:
  explicit Exchange(proto::HeadLimits limits) : parser_(limits) {}

  const Request& request() const { return request_; }
  Request& request() { return request_; }
  io::Core& core() const;
  // The connection, null once it is lost; for who wants to know more of the client, as its
  // certificate. Nothing may be read or written through it.
  const io::Stream* stream() const;
  // The client is gone: what is answered goes nowhere. Request::cancelled tells it too.
  bool lost() const { return lost_; }

  // The whole answer. An error becomes an answer by problem.h.
  void answer(Result<Response> response);
  // The same of views, written at once and without an allocation.
  void answer(int status, std::span<const Field> fields, std::string_view body);

  // The next piece of a streamed body; empty: it has ended, and Request::trailers is what stood
  // behind it. A client that waits for it is told to continue by the first call. While 64 KiB are
  // here and not taken, no more is read.
  // Errors: kTooLarge, kBadMessage, 408 and others with the reasons of proto/refusal.h;
  //         kConnectionClosed `http.client_gone`. Answered with as they are, unless begin() was.
  Task<Result<Bytes>> read();

  // Begins an answer whose body is streamed: of `length` bytes; else chunked, for HTTP/1.0 until
  // the connection closes. Errors: kEncodeFailed `http.bad_field`; nothing is begun then.
  Status begin(int status, std::span<const Field> fields, std::optional<std::uint64_t> length = {});
  // Sends a piece, and waits while the client does not take what is there (256 KiB).
  // Errors: kConnectionClosed `http.client_gone`; kInvalidOperation `http.too_long`: more than the
  //         length that begin() was told.
  Task<Status> write(std::string_view piece);
  // Ends it. A body that is shorter than its length, or a trailer that cannot be sent, cuts the
  // connection. Trailers go out only behind a chunked body.
  void finish(std::span<const Field> trailers = {});
  // Ends the connection: an answer that has begun must not look whole when it is not.
  void cut();

 private:
  friend internal::ServerConnection;
  friend class Server;

  void reset();
  bool start_body(const BodyPlan& plan, const proto::HeadLimits& limits);
  void take_trailers();
  void end_body(proto::Refusal refusal);
  void arrive(Bytes piece);
  void wake();
  Status gone() const;

  internal::ServerConnection* connection_ = nullptr;
  proto::RequestHeadParser parser_;
  internal::BodyReader whole_;
  internal::BodyPieces pieces_;
  proto::Trailers trailers_;  // of the body that is being read
  Request request_;
  std::optional<CancelSource> cancel_;
  Time dispatched_;  // when the request was given to who answers it
  // A streamed body.
  Buffer arrived_;  // and not taken
  Bytes direct_;    // arrived while read() waited
  std::optional<Event> arrival_;
  proto::Refusal body_refusal_ = proto::Refusal::kNone;
  bool body_open_ = false;  // more of it may come
  bool body_streamed_ = false;
  bool continue_owed_ = false;  // the client waits for 100
  // A streamed answer.
  std::optional<Event> taken_;
  std::optional<std::uint64_t> length_left_;
  bool begun_ = false;
  bool chunked_ = false;
  bool lost_ = false;
};

// Thread: the server's core.
class Responder {
 public:
  virtual ~Responder() = default;
  // Looks at a head: what of its body is wanted. An error is answered without its body.
  virtual Result<BodyPlan> plan(const Request& head) = 0;
  // Answers, now or later.
  virtual void respond(Exchange& exchange) = 0;
};

}  // namespace fairlead::http
