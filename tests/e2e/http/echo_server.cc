// A server for tests from outside: answers any method on any path with the body it got. On
// /json/any the body must be JSON. /ws/echo is a WebSocket that sends every message back.
//
//   http_echo_server            listens on a free port of loopback and prints "listening on ..."
//
// Ends with 0 after draining when its standard input is closed.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "fairlead/codec/codec.h"
#include "fairlead/http/server.h"
#include "fairlead/http/websocket_hub.h"

namespace {

using namespace fairlead;

Result<http::Response> echo(const http::Request& request) {
  if (request.path == "/about") {
    return http::Response::text(200, request.method + " " + request.path + "?" + request.query);
  }
  if (request.path == "/missing") return Status(Code::kNotFound, "route.unknown", "nothing here");
  if (request.path == "/json/any") FL_TRY(codec::check_json(request.body));
  http::Response response = http::Response::typed(
      200, request.fields.value_or("Content-Type", "application/octet-stream"), "");
  response.body = request.body;
  return response;
}

// Stops reading while much of what it sent waits.
class EchoSocket final : public http::WebSocketHandler {
 public:
  void on_message(http::WebSocket& socket, bool text, std::string_view payload) override {
    const Status sent = text ? socket.send_text(payload) : socket.send_binary(payload);
    if (!sent.ok()) return socket.close(http::WebSocketCode::kTryAgainLater, "too slow");
    if (socket.unsent_bytes() >= kUnsentBytesMax) socket.pause();
  }
  void on_sent(http::WebSocket& socket) override { socket.resume(); }
  void on_close(http::WebSocket&, http::WebSocketEnd) override {}

 private:
  static constexpr std::size_t kUnsentBytesMax = 1U << 20U;
};

Task<Result<http::Response>> answer_with(Result<http::Response> response) {
  co_return std::move(response);
}

}  // namespace

int main() {
  auto core = io::Core::make();
  if (!core.ok()) return 1;
  io::Core& loop = **core;
  auto hub = http::WebSocketHub::make(loop, {});
  if (!hub.ok()) return 1;
  http::WebSocketHub* const sockets = hub->get();
  auto server = http::Server::make(loop, {}, [sockets](const http::Request& request) {
    if (request.path != "/ws/echo") return answer_with(echo(request));
    return answer_with(
        sockets->accept(request, [](http::WebSocket&) { return std::make_unique<EchoSocket>(); }));
  });
  if (!server.ok()) return 1;
  const auto address = (*server)->listen(io::Address::loopback(0));
  if (!address.ok()) {
    std::fprintf(stderr, "%s\n", address.status().to_string().c_str());
    return 1;
  }
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  auto watch = loop.watch_readable(STDIN_FILENO, [&loop] {
    char block[256];
    if (read(STDIN_FILENO, block, sizeof(block)) == 0) loop.stop();
  });
  if (!watch.ok()) return 1;
  std::printf("listening on %s\n", address->to_text().c_str());
  std::fflush(stdout);
  loop.run();
  const Status closed = loop.run((*server)->close(loop.deadline_after(std::chrono::seconds(5))));
  const Status drained = loop.run((*hub)->close(loop.deadline_after(std::chrono::seconds(5))));
  return closed.ok() && drained.ok() ? 0 : 1;
}
