// One connection of a Client: one exchange at a time, idle in its pool in between.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/http/body_reader.h"
#include "fairlead/http/client.h"

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

  // `request` is borrowed until the task ends. Errors: those of Client::send() from 'wait.*' on.
  Task<Result<Response>> exchange(const ClientRequest* request, Deadline deadline,
                                  CancelToken cancel);
  // After an exchange: it may carry another one.
  bool reusable() const { return reusable_ && stream_ != nullptr && stream_->unsent_bytes() == 0; }
  void become_idle();
  void leave_idle() { disarm(); }
  Pool& pool() { return pool_; }

 private:
  enum class State : std::uint8_t { kIdle, kHead, kBody };

  io::ReadResult on_read(const Bytes& input) override;
  void on_end() override;
  void on_close(Status why) override;
  void on_timer() override;

  bool read_head(const Bytes& input, io::ReadResult& read);
  bool read_body(const Bytes& input, io::ReadResult& read);
  Status write(const ClientRequest& request);
  void lose(std::string_view cause);
  void fail(Status status);
  void finish(Result<Response> result);

  // Neither is touched once the connection is out of the pool and out of its lease: its last
  // callbacks may come after the client's end.
  Client& client_;
  Pool& pool_;
  io::Core& core_;
  std::unique_ptr<io::Stream> stream_;  // null once closed
  proto::ResponseHeadParser parser_;
  BodyReader body_;
  std::optional<Result<Response>> result_;
  std::optional<Event> done_;  // of the exchange
  State state_ = State::kIdle;
  bool to_head_ = false;
  bool heard_ = false;
  bool reusable_ = false;
  int interims_ = 0;  // 1xx responses of this exchange
};

// A place in a pool and the connection in it, for one request. Its end gives both back.
class Lease {
 public:
  Lease(Client& client, Pool& pool, std::unique_ptr<ClientConnection> connection)
      : client_(&client), pool_(&pool), connection_(std::move(connection)) {}
  Lease(Lease&& other) noexcept
      : client_(std::exchange(other.client_, nullptr)),
        pool_(other.pool_),
        connection_(std::move(other.connection_)) {}
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  Pool& pool() { return *pool_; }
  ClientConnection* connection() { return connection_.get(); }
  void fill(std::unique_ptr<ClientConnection> connection) { connection_ = std::move(connection); }

 private:
  Client* client_;
  Pool* pool_;
  std::unique_ptr<ClientConnection> connection_;
};

}  // namespace fairlead::http::internal
