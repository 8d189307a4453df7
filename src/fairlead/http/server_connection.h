// One connection of a Server, as the state machine drawn in server.h.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "fairlead/async/timer_wheel.h"
#include "fairlead/http/exchange.h"
#include "fairlead/http/server.h"
#include "fairlead/io/core.h"
#include "fairlead/io/tls_stream.h"

namespace fairlead::http::internal {

// Lifetime: owned by its Server until its stream is closed or given away and its exchange has
// ended; then it dies at the end of the turn.
class ServerConnection final : public io::Disposable, private io::StreamHandler, private Timer {
 public:
  ServerConnection(Server& server, std::unique_ptr<io::Stream> stream);
  ~ServerConnection() override = default;

  void start(std::optional<Time> head_began);
  // The first request is answered that there are too many connections.
  void start_to_refuse();
  // Closes now if no request is under way, else after its answer.
  void drain();
  // The head of a request has come and its answer has not left to the end.
  bool under_way() const {
    if (state_ == State::kClosing) return stream_ != nullptr && stream_->unsent_bytes() > 0;
    return state_ == State::kBody || state_ == State::kAnswering;
  }
  // Cuts the connection off; who answers hears the token.
  void abort(Status why);

  // For Exchange.
  io::Core& core() const { return server_.core_; }
  const io::Stream* stream() const { return stream_.get(); }
  void answer(Result<Response> result);
  void answer(int status, std::span<const Field> fields, std::string_view body);
  Status begin(int status, std::span<const Field> fields, std::optional<std::uint64_t> length);
  void write_piece(std::string_view piece);
  bool takes_no_more() const;
  void finish_answer(std::span<const Field> trailers);
  void cut();
  void say_continue();
  void resume_body();

 private:
  friend Server;
  enum class State : std::uint8_t { kHead, kBody, kAnswering, kClosing };

  // io::StreamHandler
  io::ReadResult on_read(const Bytes& input) override;
  void on_end() override;
  void on_close(Status why) override;
  void on_sent() override;
  void on_timer() override;

  // They take from the front of `input` and say whether there may be more to do.
  bool read_head(const Bytes& input, io::ReadResult& read);
  bool read_body(const Bytes& input, io::ReadResult& read);
  bool read_streamed(const Bytes& input, io::ReadResult& read);
  proto::Refusal fill_request();
  bool misdirected() const;
  bool begin_body(std::size_t behind_head);
  void respond();
  void refuse(proto::Refusal refusal);
  void turn_away();
  void pause();

  template <class Fields>
  Status write_head(int status, const Fields& fields, std::optional<std::uint64_t> length);
  void write(const Response& response);
  void write_failed(const Status& why);
  void upgrade(Response& response);
  void end_exchange();
  void next_request();
  void close_stream();
  void abort_stream(Status why);
  void count_answer(int status);
  void wake_exchange();

  bool output_is_stuck() const;
  void wrote(std::size_t bytes);
  void await_until(Time phase_end);
  void look_at(Time when);
  std::size_t least_in(Duration window) const;
  bool takes_enough(Time now);
  bool sends_enough(Time now);
  void body_is_late();

  Server& server_;
  std::unique_ptr<io::Stream> stream_;  // null once closed, or somebody else's
  const io::TlsStream* const tls_;      // the same while it is here; null: it is none of TLS
  const io::Address peer_;
  std::unique_ptr<Exchange> exchange_;    // from the first byte of a head to the end of its answer
  ServerConnection* previous_ = nullptr;  // in the server's list
  ServerConnection* next_ = nullptr;
  Time phase_end_ = Time::max();
  Time looks_at_ = Time::max();  // when the timer fires; max: it is not armed
  // Of the output: when the peer must have taken enough, and what was unsent and appended since.
  Time out_end_ = Time::max();
  std::size_t out_mark_ = 0;
  std::size_t appended_ = 0;
  std::uint8_t out_slow_ = 0;  // looks in a row that found too little
  // Of a body: when enough must have come, what has, and what had when the window began.
  Time in_end_ = Time::max();
  std::size_t in_total_ = 0;
  std::size_t in_mark_ = 0;
  State state_ = State::kHead;
  bool head_timed_ = false;   // the first head began before it came here, and its time runs
  bool turned_away_ = false;  // there are too many connections
  bool asked_ = false;        // its first request has begun
  bool reading_ = false;      // on_read() is on the stack
  bool paused_ = false;       // the stream waits for resume()
  bool ended_ = false;        // the peer sends no more
  bool keep_alive_ = false;   // as the request being answered wishes
  bool http10_ = false;       // it came from HTTP/1.0
  bool to_head_ = false;      // it is a HEAD
};

}  // namespace fairlead::http::internal
