// Server: HTTP/1.1 connections of one core, and the handler that answers them.
//
//   accept ─► HEAD ─► BODY ─► HANDLING ─► answer written ─► HEAD (keep-alive) or CLOSING
//               └──────┴─ refused: answer, CLOSING; nothing behind it is read
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/base/random.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/http/date.h"
#include "fairlead/http/exchange.h"
#include "fairlead/http/message.h"
#include "fairlead/http/metrics.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/io/core.h"

namespace fairlead::http {

namespace internal {
class ServerConnection;
class HandlerResponder;
}  // namespace internal

struct ServerOptions {
  proto::HeadLimits head{};                            // 431, 414 beyond
  std::size_t body_bytes_max = std::size_t{8} << 20U;  // 413 beyond
  std::size_t connections_max = 10'000;                // >= 1; more are closed at once
  Duration head_timeout = std::chrono::seconds(10);    // first byte to last; 408 beyond
  Duration idle_timeout = std::chrono::seconds(60);    // between requests; then closed
  Duration body_timeout = std::chrono::seconds(60);    // the whole body; 408 beyond
  // A peer that takes less than rate_min of what waits for it in this time is closed.
  Duration write_timeout = std::chrono::seconds(15);
  // A body of which less than rate_min comes in this time; 408.
  Duration rate_window = std::chrono::seconds(10);
  std::size_t rate_min = 240;  // bytes per second
  bool show_cause = false;     // causes in error answers
  // Over TLS, a client that named a host in the handshake (SNI) and asks for another one, which the
  // certificate that it saw is not for: 421 unless this is set (RFC 9110 section 7.4).
  bool any_host = false;
  // Hears of each connection that an error ended, "tls.bad_record"; not of those given away.
  std::function<void(const io::Address& peer, const Status& why)> on_failed{};
  Metrics metrics{};
};

// Requests of one connection are handled one at a time in their order, so answers are in order;
// the next one is read while the answer leaves. A connection that is idle owns no buffer.
//
// Thread:   one per core; every method there. Several cores: one Server each, and one listener
//           whose handler gives the stream to adopt() of the Server of its core.
// Lifetime: close() must have completed with OK before destruction.
class Server {
 public:
  // Errors: kBadMessage `http.bad_option`, naming the option.
  static Result<std::unique_ptr<Server>> make(io::Core& core, ServerOptions options,
                                              Handler handler);
  // The same with a Responder, which outlives the server. Its plan() says how large bodies may be.
  static Result<std::unique_ptr<Server>> make(io::Core& core, ServerOptions options,
                                              Responder& responder);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Opens one more address; gives the one really bound. Errors: those of io::Core::listen().
  Result<io::Address> listen(const io::Address& address);
  // Serves a stream that was accepted elsewhere, also one that was started by who looked at its
  // first bytes; the time of its first head runs from `head_began`, else from its first byte here.
  void adopt(std::unique_ptr<io::Stream> stream, std::optional<Time> head_began = {});

  // Answers whatever comes over `stream` 503 with Retry-After, and closes it; after a second in any
  // case. For who is over a limit of the process; it is not counted against connections_max.
  void turn_away(std::unique_ptr<io::Stream> stream);

  // Answers say `Connection: close` from here on, some time before close(): who sends a request
  // now and then leaves by itself, and none crosses the end of its connection.
  void announce_close() { announced_ = true; }

  // ServerOptions::body_bytes_max for requests whose heads come from now on. Of a server that was
  // made with a Handler: a Responder says it itself.
  void set_body_bytes_max(std::size_t bytes_max);

  // Stops accepting, closes idle connections but those that came just now and have not asked yet
  // (they have half a second for one request), lets requests under way end (their answers say
  // `Connection: close`), and waits for them until `deadline`; then cuts them off and cancels
  // their tokens. Idempotent, but only one call at a time.
  // Errors: kDeadlineExceeded `http.drain_cut` when requests were cut off (the server is empty
  //         nevertheless), `wait.deadline` when a handler did not even heed its token within 5 s
  //         more: it still runs, call close() again before destruction.
  Task<Status> close(Deadline deadline);

  std::size_t connections() const { return count_; }
  // Requests that close() has cut off: read as far as their head, and of their answer some had not
  // left.
  std::uint64_t requests_cut() const { return requests_cut_; }

 private:
  friend internal::ServerConnection;
  Server(io::Core& core, ServerOptions options);

  void add(std::unique_ptr<io::Stream> stream, std::optional<Time> head_began, bool turned_away);

  // For connections.
  std::unique_ptr<Exchange> take_exchange();
  void give_back(std::unique_ptr<Exchange> exchange);
  void remove(internal::ServerConnection& connection);
  void make_request_id(std::string& id);
  template <class Visitor>
  void for_each_connection(Visitor&& visitor);

  io::Core& core_;
  const ServerOptions options_;
  std::unique_ptr<internal::HandlerResponder> own_responder_;  // null: it is somebody else's
  Responder* responder_ = nullptr;
  bool announced_ = false;  // connections end with their next answer
  bool closing_ = false;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
  internal::ServerConnection* first_ = nullptr;  // all of them, the newest first
  std::size_t count_ = 0;
  std::uint64_t requests_cut_ = 0;
  std::vector<std::unique_ptr<Exchange>> spare_exchanges_;
  DateCache date_;
  Random random_;
  Event empty_;  // set when the last connection is gone after close() began
};

}  // namespace fairlead::http
