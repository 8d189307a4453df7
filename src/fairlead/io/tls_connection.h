// The TlsStream behind tls_stream.h. Private to the room.
//
//   HANDSHAKE -- done --> OPEN -- close_notify of the peer --> OPEN, ended_
//       |                   |
//       +------ error ------+--> FAILING: an alert is on its way, why_ is set
//   any -- on_close() of the stream below --> CLOSED
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/io/tls_state.h"
#include "fairlead/io/tls_stream.h"

namespace fairlead::io::internal {

class TlsConnection final : public TlsStream,
                            private StreamHandler,
                            private Timer,
                            private TlsSessionSink {
 public:
  TlsConnection(Core& core, std::unique_ptr<Stream> inner,
                std::shared_ptr<const TlsContext> context);
  ~TlsConnection() override;

  // Client: begins the handshake. `settled` is set when it has ended in either way; then
  // established() or why() tells more. Errors: kInvalidOperation `tls.bad_option`.
  Status begin_client(const std::string& server_name, Event& settled);
  const Status& why() const { return why_; }
  // Nobody waits any more; whatever still comes in this turn is dropped.
  void abandon();

  void start(StreamHandler& handler) override;
  void hand_over(StreamHandler& handler) override;
  void pause() override;
  void resume() override;
  void close() override;
  void abort(Status why) override;
  std::size_t untaken_bytes() const override { return unsent_bytes() + inner_->untaken_bytes(); }
  Address peer() const override { return inner_->peer(); }
  Address local() const override { return inner_->local(); }
  bool established() const override { return state_ == State::kOpen; }
  const TlsInfo& info() const override;
  bool speaks_for(std::string_view host) const override;
  void on_established(std::function<void()> told) override { established_ = std::move(told); }

 private:
  enum class State : unsigned char { kHandshake, kOpen, kFailing, kClosed };
  struct InnerBio;  // how the library reads and writes
  // Lets a letter to ourselves find out that we have gone.
  struct Self {
    TlsConnection* connection;
  };

  ReadResult on_read(const Bytes& input) override;
  void on_end() override;
  void on_close(Status status) override;
  void on_sent() override;
  void on_timer() override;
  void on_session(Openssl<SSL_SESSION> session) override;
  void flush() override;

  void advance();
  void shake_hands();
  void decrypt();
  void make_room(std::size_t bytes);
  void deliver(std::size_t filled);
  void keep_rest(const Bytes& input, ReadResult result);
  void tell_end();
  void go_on_later();
  void go_on();
  std::string_view next_record(std::span<char> gathered) const;
  void finish_output();
  void send_below();
  void fail(Status why);
  Code failure_code() const;

  const std::unique_ptr<Stream> inner_;
  const std::shared_ptr<const TlsContext> context_;
  Openssl<SSL> ssl_;
  StreamHandler* handler_ = nullptr;
  std::function<void()> established_;
  Event* settled_ = nullptr;   // client, until the handshake has ended
  std::string session_key_;    // client: whose sessions may be resumed
  std::string_view incoming_;  // records of the read under way that the library has not seen
  ChunkRef rest_;              // plain text that the handler has not consumed, at its front
  std::size_t rest_bytes_ = 0;
  std::shared_ptr<Self> self_;                   // made when it is first needed
  mutable std::unique_ptr<const TlsInfo> info_;  // the same
  Status why_;
  State state_ = State::kHandshake;
  bool heard_ = false;  // a record has come
  bool paused_ = false;
  bool handed_over_ = false;  // the new handler has not seen what is here
  bool ending_ = false;       // close_notify has come
  bool ended_ = false;        // and the handler knows
  bool closing_ = false;
};

}  // namespace fairlead::io::internal
