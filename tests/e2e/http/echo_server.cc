// A server for tests from outside: answers any method on any path with the body it got.
//
//   /json/any   the body must be JSON          /ws/echo    a WebSocket that sends every message
//   back /big        8 MiB                          /events     three server-sent events, then the
//   end /page       the file of --page, as HTML
//
//   http_echo_server [--page FILE] [--patience-ms N] [--detect plain|tls]
//
//   --patience-ms   how long a peer may take nothing, or too little, of what is sent; and a
//                   WebSocket be silent until it is pinged, or take to answer a close
//   --detect        raw calls are spoken at the same port, by first bytes; with tls also TLS, with
//                   a certificate for localhost that nobody trusts
//
// Listens on a free port of loopback and prints "listening on ...". Ends with 0 after draining when
// its standard input is closed.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "detecting_port.h"
#include "fairlead/async/scope.h"
#include "fairlead/codec/codec.h"
#include "fairlead/http/server.h"
#include "fairlead/http/websocket_hub.h"

namespace {

using namespace fairlead;

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

class Echo final : public http::Responder {
 public:
  Echo(http::WebSocketHub& sockets, std::string page)
      : sockets_(sockets), page_(std::move(page)), big_(std::string(8U << 20U, 'b')) {}

  Result<http::BodyPlan> plan(const http::Request&) override { return http::BodyPlan{}; }

  void respond(http::Exchange& exchange) override {
    if (exchange.request().path == "/events") return streams.spawn(send_events(exchange));
    exchange.answer(answer(exchange.request()));
  }

  Scope streams;

 private:
  Result<http::Response> answer(const http::Request& request) {
    if (request.path == "/ws/echo") {
      return sockets_.accept(request,
                             [](http::WebSocket&) { return std::make_unique<EchoSocket>(); });
    }
    if (request.path == "/about") {
      return http::Response::text(200, request.method + " " + request.path + "?" + request.query);
    }
    if (request.path == "/page") {
      return http::Response::typed(200, "text/html; charset=utf-8", page_);
    }
    if (request.path == "/missing") return Status(Code::kNotFound, "route.unknown", "nothing here");
    if (request.path == "/json/any") FL_TRY(codec::check_json(request.body));
    http::Response response = http::Response::typed(
        200, request.fields.value_or("Content-Type", "application/octet-stream"), "");
    response.body = request.path == "/big" ? big_ : request.body;
    return response;
  }

  static Task<void> send_events(http::Exchange& exchange) {
    constexpr std::array<http::Field, 2> kFields = {
        http::Field{"Content-Type", "text/event-stream"}, http::Field{"Cache-Control", "no-store"}};
    if (!exchange.begin(200, kFields).ok()) co_return exchange.cut();
    for (int id = 1; id <= 3; ++id) {
      const std::string number = std::to_string(id);
      const std::string event = "id: " + number + "\ndata: event " + number + "\n\n";
      const Status written = co_await exchange.write(event);
      if (!written.ok()) break;
    }
    exchange.finish();
  }

  http::WebSocketHub& sockets_;
  const std::string page_;
  const Bytes big_;  // one for all, however slowly it is read
};

struct Settings {
  std::string page{};
  std::string detect{};  // empty: nothing but HTTP
  http::ServerOptions server{};
  http::WebSocketOptions socket{};
};

bool read_settings(int count, char** words, Settings& settings) {
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = words[i];
    if (name == "--page") {
      std::ifstream file(words[i + 1]);
      settings.page.assign(std::istreambuf_iterator<char>(file), {});
    } else if (name == "--detect") {
      settings.detect = words[i + 1];
      if (settings.detect != "plain" && settings.detect != "tls") return false;
    } else if (name == "--patience-ms") {
      const std::chrono::milliseconds patience(std::atoi(words[i + 1]));
      settings.server.write_timeout = patience;
      settings.socket.ping_interval = patience;
      settings.socket.close_timeout = patience;
    } else {
      return false;
    }
  }
  return count % 2 == 1;
}

}  // namespace

int main(int count, char** words) {
  Settings settings;
  if (!read_settings(count, words, settings)) return 2;
  auto core = io::Core::make();
  if (!core.ok()) return 1;
  io::Core& loop = **core;
  http::WebSocketHubOptions sockets;
  sockets.accept.socket = std::make_shared<const http::WebSocketOptions>(settings.socket);
  auto hub = http::WebSocketHub::make(loop, sockets);
  if (!hub.ok()) return 1;
  Echo echo(**hub, settings.page);
  auto server = http::Server::make(loop, settings.server, echo);
  if (!server.ok()) return 1;
  std::optional<DetectingPort> port;
  if (!settings.detect.empty()) port.emplace(loop, **server, settings.detect == "tls");
  const io::Address any = io::Address::loopback(0);
  const auto address = port ? port->listen(any) : (*server)->listen(any);
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
  const Deadline end = loop.deadline_after(std::chrono::seconds(5));
  const Status told = port ? loop.run(port->close(end)) : Status();
  const Status closed = loop.run((*server)->close(end));
  const Status drained = loop.run((*hub)->close(end));
  const Status streamed = loop.run(echo.streams.close(loop.timers(), end));
  return told.ok() && closed.ok() && drained.ok() && streamed.ok() ? 0 : 1;
}
