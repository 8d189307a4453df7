// Our HTTP server alone, with a Responder that answers views: what http::Server costs.
//
//   fairlead_http_server PORT
//
// /socket is a WebSocket that sends every message back; everything else gets its body back. One
// core, metrics on. Ends with 0 on SIGTERM and SIGINT.
#include <array>
#include <cstdio>
#include <memory>

#include "fairlead/base/text.h"
#include "fairlead/http/server.h"
#include "fairlead/http/websocket_hub.h"
#include "fairlead/runtime/signals.h"

namespace {

using namespace fairlead;

class EchoSocket final : public http::WebSocketHandler {
  void on_message(http::WebSocket& socket, bool, std::string_view payload) override {
    const Status sent = socket.send_binary(payload);
    if (!sent.ok()) socket.close(http::WebSocketCode::kTryAgainLater, "too slow");
  }
  void on_close(http::WebSocket&, http::WebSocketEnd) override {}
};

class Echo final : public http::Responder {
 public:
  explicit Echo(http::WebSocketHub& sockets) : sockets_(sockets) {}

  Result<http::BodyPlan> plan(const http::Request&) override { return http::BodyPlan{}; }
  void respond(http::Exchange& exchange) override {
    const http::Request& request = exchange.request();
    if (request.path == "/socket") {
      return exchange.answer(sockets_.accept(
          request, [](http::WebSocket&) { return std::make_unique<EchoSocket>(); }));
    }
    static constexpr std::array<http::Field, 1> kFields{{{"Content-Type", "text/plain"}}};
    exchange.answer(200, kFields, request.body.view());
  }

 private:
  http::WebSocketHub& sockets_;
};

Status serve(std::uint16_t port) {
  runtime::block_signals();
  FL_TRY_ASSIGN(const auto core, io::Core::make());
  FL_TRY_ASSIGN(const auto signals,
                runtime::SignalWatcher::make(*core, [&core](int) { core->stop(); }));
  observe::Registry registry;
  http::ServerOptions options;
  FL_TRY_ASSIGN(options.metrics, http::Metrics::make(registry));
  options.connections_max = 20'000;
  FL_TRY_ASSIGN(const auto sockets, http::WebSocketHub::make(*core, {}));
  Echo echo(*sockets);
  FL_TRY_ASSIGN(const auto server, http::Server::make(*core, options, echo));
  FL_TRY_ASSIGN([[maybe_unused]] const auto where, server->listen(io::Address::loopback(port)));
  core->run();
  const auto patience = std::chrono::seconds(1);
  const Status drained = core->run(server->close(core->deadline_after(patience)));
  const Status sent_away = core->run(sockets->close(core->deadline_after(patience)));
  return drained.ok() ? sent_away : drained;
}

}  // namespace

int main(int argc, char** argv) {
  const std::optional<std::uint64_t> port = argc == 2 ? parse_uint64(argv[1]) : std::nullopt;
  if (!port.has_value() || *port == 0 || *port > 65535) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  const Status ended = serve(static_cast<std::uint16_t>(*port));
  if (!ended.ok()) std::fprintf(stderr, "%s\n", ended.to_string().c_str());
  return ended.ok() ? 0 : 1;
}
