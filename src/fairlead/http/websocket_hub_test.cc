#include "fairlead/http/websocket_hub.h"

#include <algorithm>

#include "fairlead/http/server.h"
#include "fairlead/http/testing.h"
#include "fairlead/http/websocket_client.h"
#include "fairlead/http/websocket_testing.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using testing::RawClient;
using testing::Recorder;
using testing::turn_until;

const std::string kAsk =
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

class Echo final : public WebSocketHandler {
  void on_message(WebSocket& socket, bool text, std::string_view payload) override {
    EXPECT_TRUE((text ? socket.send_text(payload) : socket.send_binary(payload)).ok());
  }
  void on_close(WebSocket&, WebSocketEnd) override {}
};

Task<Result<Response>> give(Response response) { co_return std::move(response); }

// A server with a hub, and clients of both kinds, on one core.
class WebSocketHubTest : public ::testing::Test {
 protected:
  void start(WebSocketHubOptions options = {}) {
    WebSocketOptions socket = *options.accept.socket;
    socket.metrics = metrics;
    options.accept.socket = std::make_shared<const WebSocketOptions>(socket);
    hub = WebSocketHub::make(*core, std::move(options)).value();
    WebSocketHub* const to = hub.get();
    server =
        Server::make(*core, {}, [this, to](Request& request) {
          if (!come_from.empty()) request.peer = io::Address::parse(come_from).value();
          return give(to->accept(request, [](WebSocket&) { return std::make_unique<Echo>(); }));
        }).value();
    address = server->listen(io::Address::loopback(0)).value();
  }
  void TearDown() override {
    if (server == nullptr) return;
    recorders.clear();
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
    Status closed = core->run(hub->close(core->deadline_after(1s)));
    EXPECT_TRUE(closed.ok() || closed.reason() == "websocket.drain_cut") << closed;
    EXPECT_EQ(hub->connections(), 0U);
    EXPECT_EQ(metrics.connections_open.value(), 0);
  }
  Result<std::unique_ptr<WebSocket>> connect(WebSocketConnectOptions options = {}) {
    return core->run(
        connect_websocket(*core, address, std::move(options), core->deadline_after(5s)));
  }
  Recorder& open(WebSocketConnectOptions options = {}) {
    auto socket = connect(std::move(options));
    EXPECT_TRUE(socket.ok()) << socket.status();
    recorders.push_back(std::make_unique<Recorder>(*core));
    recorders.back()->take(std::move(socket).value());
    return *recorders.back();
  }
  void expect_echo(Recorder& recorder, const std::string& text) {
    recorder.messages.clear();
    ASSERT_TRUE(recorder.socket->send_text(text).ok());
    ASSERT_TRUE(turn_until(*core, [&] { return !recorder.messages.empty(); }));
    EXPECT_EQ(recorder.messages.front(), "text " + text);
  }

  std::string come_from;  // what peers are taken for; empty: what they are
  observe::Registry registry;
  WebSocketMetrics metrics = WebSocketMetrics::make(registry).value();
  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::unique_ptr<WebSocketHub> hub;
  std::unique_ptr<Server> server;
  io::Address address;
  std::vector<std::unique_ptr<Recorder>> recorders;
};

TEST_F(WebSocketHubTest, ServesOurOwnClient) {
  start();
  Recorder& recorder = open();
  expect_echo(recorder, "hello");
  expect_echo(recorder, std::string(200'000, 'x'));
  recorder.socket->close(WebSocketCode::kNormal, "done");
  ASSERT_TRUE(turn_until(*core, [&] { return recorder.end.has_value(); }));
  EXPECT_TRUE(recorder.end->status.ok());
  EXPECT_EQ(recorder.end->code, WebSocketCode::kNormal);
  ASSERT_TRUE(turn_until(*core, [&] { return hub->connections() == 0; }));
  EXPECT_EQ(metrics.closed_normally.value(), 1U);
}

TEST_F(WebSocketHubTest, LosesNoFrameThatCameWithTheRequest) {
  start();
  RawClient client(*core, address);
  client.send(kAsk + testing::frame(proto::WebSocketOpcode::kText, "early"));
  client.wait_for("early");
  EXPECT_NE(client.received().find("HTTP/1.1 101 Switching Protocols\r\n"), std::string::npos);
  EXPECT_NE(client.received().find("\r\nConnection: Upgrade\r\n"), std::string::npos);
}

TEST_F(WebSocketHubTest, KeepsAWindowFromMessageToMessageWhereBothDo) {
  WebSocketHubOptions options;
  options.accept.deflate = proto::WebSocketDeflate{};
  start(std::move(options));
  Recorder& recorder = open();
  for (std::size_t i = 0; i < 5; ++i) expect_echo(recorder, std::string(1000 + i, 'a'));
  std::string noise(5000, '\0');
  Random random(1);
  for (char& c : noise) c = static_cast<char>('!' + random.below(90));
  expect_echo(recorder, noise);
  expect_echo(recorder, noise);
}

// bad-inputs 4, beyond 3.
TEST_F(WebSocketHubTest, Beyond3LimitsTheConnectionsOfOneAddress) {
  start({.connections_per_host_max = 2});
  come_from = "192.0.2.7:4000";
  open();
  Recorder& second = open();
  const auto third = connect();
  EXPECT_EQ(third.status().code(), Code::kRateLimited);
  EXPECT_EQ(third.status().reason(), "websocket.refused");
  ASSERT_NE(third.status().cause(), nullptr);
  EXPECT_NE(third.status().cause()->find("websocket.too_many_of_host"), std::string::npos);
  EXPECT_EQ(metrics.handshakes_refused.value(), 1U);
  second.socket->close(WebSocketCode::kNormal, "");
  ASSERT_TRUE(turn_until(*core, [&] { return hub->connections() == 1; }));
  expect_echo(open(), "room again");
  come_from = "192.0.2.8:4000";
  expect_echo(open(), "of another address");
}

TEST_F(WebSocketHubTest, LimitsNoConnectionsOfLoopbackWhereProxiesAre) {
  start({.connections_per_host_max = 1});
  open();
  expect_echo(open(), "the second");
}

TEST_F(WebSocketHubTest, RefusesMoreConnectionsThanItMayHold) {
  start({.connections_max = 1});
  open();
  const auto second = connect();
  EXPECT_EQ(second.status().code(), Code::kOverloaded);
  ASSERT_NE(second.status().cause(), nullptr);
  EXPECT_NE(second.status().cause()->find("websocket.too_many"), std::string::npos);
}

// bad-inputs 4, beyond 7.
TEST_F(WebSocketHubTest, Beyond7Says1001ToEachWhenItCloses) {
  start();
  for (int i = 0; i < 20; ++i) open();
  EXPECT_TRUE(core->run(hub->close(core->deadline_after(5s))).ok());
  ASSERT_TRUE(turn_until(*core, [&] {
    return std::ranges::all_of(recorders, [](const auto& each) { return each->end.has_value(); });
  }));
  for (const auto& each : recorders) EXPECT_EQ(each->end->code, WebSocketCode::kGoingAway);
  EXPECT_EQ(connect().status().code(), Code::kOverloaded);
}

TEST_F(WebSocketHubTest, OpensNoMoreOnceItIsStoppedAndTheOthersGoOn) {
  start();
  Recorder& recorder = open();

  hub->stop();

  const auto late = connect();
  EXPECT_EQ(late.status().code(), Code::kOverloaded);
  ASSERT_NE(late.status().cause(), nullptr);
  EXPECT_NE(late.status().cause()->find("websocket.draining"), std::string::npos);
  expect_echo(recorder, "still here");
}

TEST_F(WebSocketHubTest, CutsOffWhoDoesNotAnswerItsGoodbye) {
  start();
  RawClient client(*core, address);
  client.send(kAsk);
  client.wait_for("\r\n\r\n");
  const Status closed = core->run(hub->close(core->deadline_after(50ms)));
  EXPECT_EQ(closed.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(closed.reason(), "websocket.drain_cut");
  EXPECT_EQ(hub->connections(), 0U);
  client.wait_for_close();
}

TEST_F(WebSocketHubTest, RefusesOptionsThatMakeNoSense) {
  EXPECT_EQ(WebSocketHub::make(*core, {.connections_max = 0}).status().reason(),
            "websocket.bad_option");
  EXPECT_EQ(WebSocketHub::make(*core, {.connections_per_host_max = 0}).status().reason(),
            "websocket.bad_option");
  for (const WebSocketOptions& bad :
       {WebSocketOptions{.message_bytes_max = 0}, WebSocketOptions{.frame_bytes_max = 0},
        WebSocketOptions{.ping_interval = -1s}, WebSocketOptions{.pings_max = 0},
        WebSocketOptions{.close_timeout = 0s}, WebSocketOptions{.write_timeout = 0s}}) {
    EXPECT_EQ(validate(bad).reason(), "websocket.bad_option");
  }
}

}  // namespace
}  // namespace fairlead::http
