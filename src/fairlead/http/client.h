// Client: sends requests over HTTP/1.1 connections that are kept and used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fairlead/async/gate.h"
#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/http/client_exchange.h"
#include "fairlead/http/message.h"
#include "fairlead/http/metrics.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/io/core.h"

namespace fairlead::http {

struct ClientOptions {
  proto::HeadLimits head{};                             // of responses
  std::size_t body_bytes_max = std::size_t{64} << 20U;  // of a whole response: send()
  std::size_t connections_max = 256;                    // to one address; >= 1
  std::size_t idle_max = 32;                            // kept to one address; 0: none is kept
  Duration idle_timeout = std::chrono::seconds(30);     // below the usual server's 60 s
  Duration connect_timeout = std::chrono::seconds(3);
  Metrics metrics{};
};

// What to send, and where to.
struct ClientRequest {
  io::Address address;
  std::string method = "GET";
  std::string target = "/";  // escaped, with query: proto::append_escaped_path() helps
  std::string authority{};   // Host; empty: the address
  // Left out: Host, Content-Length, Expect, and what is of the hop (proto/hop_fields.h), so that a
  // proxy may give the fields that it received.
  Fields fields{};
  Bytes body{};                  // of send(); with open() it is streamed
  bool expect_continue = false;  // the body waits for 100, for an answer, or for a second
  bool accept_trailers = false;  // says TE: trailers; those that come are told in any case
  bool fresh = false;            // over a new connection, not a kept one
};

// Thread:   one core; every method there.
// Lifetime: close() must have completed with OK before destruction.
class Client {
 public:
  // Errors: kBadMessage `http.bad_option`, naming the option.
  static Result<std::unique_ptr<Client>> make(io::Core& core, ClientOptions options);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  // Sends `request` and gives the whole response, whatever its status. When a kept connection
  // turns out to be closed before a byte of the response came, and the method is idempotent
  // (RFC 9110 section 9.2.2), it is sent once more over a fresh one.
  // Errors; outcome() tells whether a byte was sent:
  //   kDialFailed `dial.*`; kLocalLimit `http.pool_full`; kEncodeFailed `http.bad_field`,
  //   `http.bad_start_line`; kConnectionClosed `http.client_closed`: NOT_SENT
  //   kDeadlineExceeded `wait.deadline`, kCancelled `wait.cancelled`: NOT_SENT or UNKNOWN
  //   kConnectionClosed `http.closed`: nothing came back; UNKNOWN
  //   kBadGateway `http.response_cut`, `http.body_too_large`, `http.too_many_interim`,
  //   `http.unexpected_upgrade`, or a reason of proto/refusal.h: what came is no answer; UNKNOWN
  Task<Result<Response>> send(ClientRequest request, Deadline deadline, CancelToken cancel = {});

  // Sends the head of `request` and gives the exchange, to stream its body and the response. The
  // body will have `length` bytes, 0 for none; nullopt: it is chunked. Nothing is sent twice:
  // ClientExchange::reused() tells who could. `request.body` is empty.
  // Errors: those of send() up to `http.closed`.
  Task<Result<std::unique_ptr<ClientExchange>>> open(ClientRequest request,
                                                     std::optional<std::uint64_t> length,
                                                     Deadline deadline, CancelToken cancel = {});

  // Takes no new requests, closes idle connections, waits for requests under way and for the end of
  // each ClientExchange. Idempotent.
  // Errors: kDeadlineExceeded `wait.deadline`; call it again.
  Task<Status> close(Deadline deadline);

  std::size_t idle_connections() const;

 private:
  friend internal::ClientConnection;
  friend ClientExchange;
  Client(io::Core& core, ClientOptions options);

  Result<Gate::Pass> enter(Deadline deadline, const CancelToken& cancel);
  Task<Result<Response>> send_once(const ClientRequest* request, bool fresh, Deadline deadline,
                                   CancelToken cancel, bool* stale);
  Task<Result<std::unique_ptr<ClientExchange>>> begin(const ClientRequest* request,
                                                      std::optional<std::uint64_t> length,
                                                      bool fresh, Deadline deadline,
                                                      CancelToken cancel);
  Result<std::unique_ptr<ClientExchange>> take_place(const io::Address& address, bool fresh);
  Task<Status> connect(ClientExchange* exchange, io::Address address);
  void give_back(internal::Pool& pool, std::unique_ptr<internal::ClientConnection> connection);
  void drop_idle(internal::ClientConnection& connection);
  void forget_if_empty(internal::Pool& pool);

  io::Core& core_;
  const ClientOptions options_;
  std::unordered_map<std::string, std::unique_ptr<internal::Pool>> pools_;  // by address text
  Gate gate_;  // one pass per send() and open exchange
};

}  // namespace fairlead::http
