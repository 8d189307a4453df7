// WebSocketHub: the open WebSockets of a server on one core.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "fairlead/async/deadline.h"
#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/http/message.h"
#include "fairlead/http/websocket.h"
#include "fairlead/http/websocket_accept.h"
#include "fairlead/io/core.h"

namespace fairlead::http {

struct WebSocketHubOptions {
  std::size_t connections_max = 10'000;  // >= 1; 503 beyond
  // >= 1; of one peer's address, 429 beyond. Not of loopback: that is a proxy, or who runs us.
  std::size_t connections_per_host_max = 256;
  WebSocketAcceptOptions accept{};
};

// Makes the handler of a connection that has just opened; the hub owns it.
using MakeWebSocketHandler = std::function<std::unique_ptr<WebSocketHandler>(WebSocket& socket)>;

// Owns each connection and its handler until on_close() has returned, counts them, and sends all
// of them away at the end. A handler neither disposes of its socket nor keeps it beyond on_close().
//
// Thread:   one per core; every method there.
// Lifetime: close() must have completed before destruction, and the hub outlives its Server.
class WebSocketHub {
 public:
  // Errors: kBadMessage `websocket.bad_option`, naming the option.
  static Result<std::unique_ptr<WebSocketHub>> make(io::Core& core, WebSocketHubOptions options);
  WebSocketHub(const WebSocketHub&) = delete;
  WebSocketHub& operator=(const WebSocketHub&) = delete;
  ~WebSocketHub();

  // The answer to a request for a WebSocket: as accept_websocket(), and 503 `websocket.too_many`,
  // 503 `websocket.draining`, 429 `websocket.too_many_of_host`.
  Response accept(const Request& request, MakeWebSocketHandler make_handler);

  // Other options for connections that come from now on; `socket` has been validated. Those that
  // are open keep theirs.
  void update(std::shared_ptr<const WebSocketOptions> socket);

  // Takes no more connections; those that are open go on. close() comes later.
  void stop() { stopped_ = true; }
  // Takes no more connections, closes all of them with 1001, waits until `deadline`, then cuts the
  // others off. Idempotent, but only one call at a time.
  // Errors: kDeadlineExceeded `websocket.drain_cut`: some were cut off; the hub is empty
  //         nevertheless.
  Task<Status> close(Deadline deadline);

  std::size_t connections() const { return members_.size(); }

 private:
  class Member;
  WebSocketHub(io::Core& core, WebSocketHubOptions options);

  Status check_room(const io::Address& peer, const std::string& host) const;
  void add(std::unique_ptr<WebSocket> socket, std::string host,
           const MakeWebSocketHandler& make_handler);
  void remove(Member& member);

  io::Core& core_;
  WebSocketHubOptions options_;
  std::unordered_map<Member*, std::unique_ptr<Member>> members_;
  std::unordered_map<std::string, std::size_t> hosts_;  // connections of each
  bool stopped_ = false;                                // takes no more
  bool closing_ = false;                                // close() was called
  Event empty_;  // set when the last member is gone after close() began
};

}  // namespace fairlead::http
