// One connection of a Server, as the state machine drawn in server.h.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "fairlead/async/cancel.h"
#include "fairlead/async/task.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/http/body_reader.h"
#include "fairlead/http/message.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/http/server.h"
#include "fairlead/io/core.h"

namespace fairlead::http::internal {

// What reading one request needs. Pooled by the server, so that idle connections hold none.
struct Exchange {
  explicit Exchange(proto::HeadLimits limits) : parser(limits) {}
  proto::RequestHeadParser parser;
  BodyReader body;
  Request request;
};

// Lifetime: owned by Server::connections_ until its stream is closed and its handler has ended;
// then it dies at the end of the turn.
class ServerConnection final : public io::Disposable, private io::StreamHandler, private Timer {
 public:
  ServerConnection(Server& server, std::unique_ptr<io::Stream> stream);
  ~ServerConnection() override = default;

  void start();
  // Closes now if no request is under way, else after its answer.
  void drain();
  // Cuts the connection off; its handler hears its token.
  void abort(Status why);

 private:
  enum class State : std::uint8_t { kHead, kBody, kHandling, kClosing };

  // io::StreamHandler
  io::ReadResult on_read(const Bytes& input) override;
  void on_end() override;
  void on_close(Status why) override;
  void on_sent() override;
  void on_timer() override;

  // Both take from the front of `input` and say whether there may be more to do.
  bool read_head(const Bytes& input, io::ReadResult& read);
  bool read_body(const Bytes& input, io::ReadResult& read);
  proto::Refusal fill_request();
  void dispatch();
  Task<void> handle(Request request);
  void answer(Result<Response> result);
  void refuse(proto::Refusal refusal);
  void write(const Response& response);
  Status write_head(const Response& response);
  void next_request();
  void close_stream();
  bool output_is_stuck() const;
  void await_until(Time phase_end);
  void arm();

  Server& server_;
  std::unique_ptr<io::Stream> stream_;  // null once closed
  std::unique_ptr<Exchange> exchange_;  // while a request is being read
  const io::Address peer_;
  std::optional<CancelSource> cancel_;  // heard by the request being handled
  std::string request_id_;              // of the request being handled
  State state_ = State::kHead;
  bool reading_ = false;     // on_read() is on the stack
  bool paused_ = false;      // the stream waits for resume()
  bool ended_ = false;       // the peer sends no more
  bool keep_alive_ = false;  // as the request being handled wishes
  bool http10_ = false;      // it came from HTTP/1.0
  bool to_head_ = false;     // it is a HEAD
  Time dispatched_;          // when the request was given to its handler
  Time phase_end_ = Time::max();
  Time stall_end_ = Time::max();  // when output that nobody takes ends the connection
  std::size_t stall_bytes_ = 0;   // unsent when stall_end_ was set
};

}  // namespace fairlead::http::internal
