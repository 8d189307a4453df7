// One connection of a Client: one exchange at a time, idle in its pool in between.
//
//   idle ─► begin(): HEAD ─► BODY ─► done ─► leave_exchange(): idle again, if reusable()
//                      └───────┴─ fail(): done with an error, and the stream is closed
//
// The state of an exchange lies in ClientExchange; here is what reads and writes its bytes.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fairlead/http/client.h"
#include "fairlead/http/client_exchange.h"

namespace fairlead::http::internal {

class ClientConnection;

// The connections to one address.
struct Pool {
  std::string key;
  std::size_t open = 0;                                 // idle, busy, and being made
  std::vector<std::unique_ptr<ClientConnection>> idle;  // the last one was used last
};

class ClientConnection final : public io::Disposable, private io::StreamHandler, private Timer {
 public:
  ClientConnection(Client& client, Pool& pool, std::unique_ptr<io::Stream> stream);
  ~ClientConnection() override = default;

  // Writes the head of `request`, whose body will have `length` bytes; nullopt: it is chunked.
  // `exchange` is borrowed until leave_exchange().
  // Errors: kEncodeFailed, NOT_SENT; kConnectionClosed `http.closed`.
  Status begin(ClientExchange& exchange, const ClientRequest& request,
               std::optional<std::uint64_t> length);
  void leave_exchange() { exchange_ = nullptr; }
  // After an exchange: it may carry another one.
  bool reusable() const { return reusable_ && stream_ != nullptr && stream_->unsent_bytes() == 0; }
  void become_idle();
  void leave_idle() { disarm(); }
  Pool& pool() { return pool_; }

  // For ClientExchange, from begin() on. What is written to a lost connection is dropped.
  void write_piece(Bytes piece, bool chunked);
  Status write_last_chunk(std::span<const Field> trailers);
  bool takes_no_more() const;
  void resume_body();
  // Ends the exchange with `why` and the connection with it. The exchange may be gone after it.
  void give_up(Status why);

 private:
  io::ReadResult on_read(const Bytes& input) override;
  void on_end() override;
  void on_close(Status why) override;
  void on_sent() override;
  void on_timer() override;

  bool in_exchange() const;
  void read_on(const Bytes& input, io::ReadResult& read);
  // They take from the front of `input` and say whether there may be more to do.
  bool read_head(const Bytes& input, io::ReadResult& read);
  bool read_interim(int status);
  bool read_whole(const Bytes& input, io::ReadResult& read);
  bool read_streamed(const Bytes& input, io::ReadResult& read);
  Status write_head(const ClientRequest& request, std::optional<std::uint64_t> length);
  void end_response();
  void lose(std::string_view cause);
  bool fail(Status status);
  void wake();

  // Neither is touched once the connection is out of the pool and out of its exchange: its last
  // callbacks may come after the client's end.
  Client& client_;
  Pool& pool_;
  io::Core& core_;
  std::unique_ptr<io::Stream> stream_;  // null once closed
  ClientExchange* exchange_ = nullptr;  // null: none
  bool keep_alive_ = false;             // as the response says
  bool reusable_ = false;
  bool paused_ = false;  // the stream waits for resume()
};

}  // namespace fairlead::http::internal
