// Whole processes that call each other over WebSocket, and raw clients that look at the close code.
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/http/websocket_client.h"
#include "fairlead/service/raw_client.h"
#include "fairlead/service/test_math.h"
#include "fairlead/wire/protocols/raw.h"
#include "tests/testkit/certificates.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::DivideResult;
using math_test::Math;
using math_test::MathLogic;

// A WebSocket whose messages the test writes.
class RawSocket final : public http::WebSocketHandler {
 public:
  RawSocket(io::Core& core, const io::Address& address, const std::string& protocol) : core_(core) {
    http::WebSocketConnectOptions options;
    options.protocols = {protocol};
    options.deflate.reset();  // bytes on the connection are those of the test
    http::WebSocketOptions socket_options;
    socket_options.queue_bytes_max = 16U << 20U;
    options.socket = std::make_shared<const http::WebSocketOptions>(socket_options);
    auto made = core.run(
        http::connect_websocket(core, address, std::move(options), core.deadline_after(10s)));
    EXPECT_TRUE(made.ok()) << made.status();
    if (!made.ok()) return;
    socket = *std::move(made);
    socket->start(*this);
  }
  ~RawSocket() override {
    core_.dispose(std::move(socket));
    core_.turn(Deadline(core_.now()));
  }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  // Sends when there is room.
  void send(std::string_view message, bool text = false) {
    const auto sent = [&] {
      if (socket == nullptr) return true;  // closed already
      return (text ? socket->send_text(message) : socket->send_binary(message)).ok();
    };
    EXPECT_TRUE(turn_until(sent));
  }
  // The code with which the server closes.
  std::uint16_t code() {
    EXPECT_TRUE(turn_until([this] { return code_ != 0; }));
    return code_;
  }
  template <class Condition>
  bool turn_until(Condition condition) {
    const Time end = steady_now() + 20s;
    while (steady_now() < end) {
      if (condition()) return true;
      core_.turn(core_.deadline_after(5ms));
    }
    return false;
  }

  std::unique_ptr<http::WebSocket> socket;
  std::size_t received = 0;

 private:
  void on_message(http::WebSocket&, bool, std::string_view) override { ++received; }
  void on_close(http::WebSocket&, http::WebSocketEnd end) override {
    code_ = end.code;
    core_.dispose(std::move(socket));
  }

  io::Core& core_;
  std::uint16_t code_ = 0;
};

std::string echo_frame(std::int32_t seq, std::size_t bytes) {
  Buffer out;
  EXPECT_TRUE(wire::raw::append(out, {.seq = seq, .body_codec = 's', .method = "/math/echo"},
                                std::string(bytes, 'x'), {})
                  .ok());
  return std::string(out.view());
}

Task<Status> wait_for_drain(rpc::Context& context) {
  while (!context.session().peer().closing()) {
    Sleep sleep(context.core().timers(), context.core().deadline_after(1ms), {});
    FL_CO_TRY(co_await sleep);
  }
  co_return Status();
}

class WebSocketCallsTest : public ::testing::Test {
 protected:
  WebSocketCallsTest() {
    for (Spec* spec : {&serving, &calling}) {
      spec->cores = 1;
      spec->log_level = "off";
    }
    serving.listen = {"tcp://127.0.0.1:0"};
  }
  void ask_for_login() {
    ASSERT_TRUE(server.router()
                    .set_login(rpc::make_handler([](rpc::Context& context) {
                      if (context.body() == "sesame") return Status();
                      return Status(Code::kForbidden, "login.unknown", "auth fail");
                    }))
                    .ok());
  }
  void start() {
    ASSERT_TRUE(internal::add_routes<Math>(
                    server.router(), std::make_shared<MathLogic>(MathLogic{.last_stat = &stat}))
                    .ok());
    Status served = server.start(serving);
    if (served.ok()) served = server.serve(false);
    ASSERT_TRUE(served.ok()) << served;
    ASSERT_TRUE(caller.start(calling).ok());
    address = server.addresses().at(0);
    at = address.to_text();
  }
  Result<DivideResult> divide(const std::string& where, const ClientOptions& options = {}) {
    FL_TRY_ASSIGN(const Target* target, caller.target(where, options));
    return Client<Math>(*target).divide({.a = 10, .b = 4, .caller = {}}, within(10s)).get();
  }

  std::atomic<std::int64_t> stat{0};
  Spec serving;
  Spec calling;
  Process server{"math"};
  Process caller{"caller"};
  io::Address address;
  std::string at;
  std::unique_ptr<io::Core> core = io::Core::make().value();
};

TEST_F(WebSocketCallsTest, EverySubProtocolReachesTheTypedHandler) {
  start();
  for (const char* protocol : {"raw", "json", "pb"}) {
    const std::string where = "ws://" + at + "/" + protocol;
    const Result<DivideResult> reply = divide(where, {.protocol = protocol});
    ASSERT_TRUE(reply.ok()) << protocol << ": " << reply.status();
    EXPECT_EQ(reply->quotient, 2.5);
  }
}

TEST_F(WebSocketCallsTest, ALargeBodyComesBackOverEverySubProtocol) {
  start();
  const Bytes body(std::string(5U << 20U, 'b'));
  for (const char* protocol : {"raw", "json", "pb"}) {
    Client<Math> math(**caller.target("ws://" + at + "/" + protocol, {.protocol = protocol}));
    const Result<Bytes> echoed = math.echo(body, within(20s)).get();
    ASSERT_TRUE(echoed.ok()) << protocol << ": " << echoed.status();
    EXPECT_TRUE(echoed->view() == body.view()) << protocol;
  }
}

TEST_F(WebSocketCallsTest, APushArrives) {
  start();
  Client<Math> math(**caller.target("ws://" + at));
  ASSERT_TRUE(math.stat({.ts = 42}).get().ok());
  ASSERT_TRUE(math.nothing(within(10s)).get().ok());  // behind it on the same connection
  EXPECT_EQ(stat.load(), 42);
}

TEST_F(WebSocketCallsTest, AThriftCallerIsToldThatWebSocketDoesNotCarryIt) {
  start();
  EXPECT_EQ(divide("ws://" + at, {.protocol = "thrift-binary"}).status().reason(),
            "dial.no_sub_protocol");
}

TEST_F(WebSocketCallsTest, ATokenIsCheckedAtTheHandshake) {
  ask_for_login();
  start();
  EXPECT_TRUE(divide("ws://" + at, {.login = rpc::Login{.body = "sesame"}}).ok());

  const Status wrong =
      divide("ws://" + at + "/2", {.login = rpc::Login{.body = "barley"}}).status();
  EXPECT_EQ(wrong.code(), Code::kForbidden);
  EXPECT_EQ(wrong.reason(), "login.unknown");
  EXPECT_EQ(wrong.message(), "auth fail");
  EXPECT_EQ(wrong.outcome(), Outcome::kNotSent);

  EXPECT_EQ(divide("ws://" + at + "/3").status().code(), Code::kUnauthenticated);
}

TEST_F(WebSocketCallsTest, ServersThatAreTlsAreAskedForTheirCertificate) {
  const testkit::TestFolder folder;
  const testkit::TestIdentity root = testkit::TestIdentity::root();
  serving.tls.certificates = {folder.write("server", root.issue({}))};
  start();
  const std::string known = folder.write("root.pem", root.certificate_pem());
  const std::string other =
      folder.write("other.pem", testkit::TestIdentity::root("o").certificate_pem());

  const auto good = divide("wss://" + at, {.tls = {.ca_file = known}});
  EXPECT_TRUE(good.ok()) << good.status();
  const auto strange = divide("wss://" + at + "/2", {.tls = {.ca_file = other}});
  EXPECT_EQ(strange.status().reason(), "upstream.no_endpoint");
  ASSERT_NE(strange.status().cause(), nullptr);
  EXPECT_TRUE(strange.status().cause()->ends_with("[tls.bad_certificate]")) << strange.status();
  const auto named =
      divide("wss://" + at + "/3", {.tls = {.ca_file = known, .server_name = "shop"}});
  ASSERT_NE(named.status().cause(), nullptr);
  EXPECT_TRUE(named.status().cause()->ends_with("[tls.name_mismatch]")) << named.status();
}

TEST_F(WebSocketCallsTest, ACallThatRunsWhenTheServiceDrainsIsAnswered) {
  start();
  Client<Math> math(**caller.target("ws://" + at));
  ASSERT_TRUE(math.nothing(within(10s)).get().ok());
  auto call = math.divide_slowly({.a = 300, .b = 2, .caller = {}}, within(10s));
  ASSERT_TRUE(math.nothing(within(10s)).get().ok());  // so the other one runs

  server.stop();

  const Result<DivideResult> reply = call.get();
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->quotient, 150);
}

TEST_F(WebSocketCallsTest, ALoginThatIsBeingCheckedWhenTheServiceDrainsIsSentAway) {
  std::atomic<bool> begun = false;
  const auto check = [&begun](rpc::Context& context) {
    begun = true;
    return wait_for_drain(context);
  };
  ASSERT_TRUE(server.router().set_login(rpc::make_handler(check)).ok());
  start();
  Client<Math> math(**caller.target("ws://" + at, {.login = rpc::Login{.body = "sesame"}}));
  auto call = math.nothing(within(10s));
  while (!begun) std::this_thread::yield();

  server.stop();

  const Status refused = call.get().status();
  EXPECT_EQ(refused.code(), Code::kOverloaded) << refused;
  EXPECT_EQ(refused.reason(), "websocket.draining");
}

TEST_F(WebSocketCallsTest, CopiesAreNotAdvertisedOverWebSocket) {
  serving.store = "memory:";
  serving.advertise = "ws://127.0.0.1:9090";
  ASSERT_TRUE(server.start(serving).ok());
  EXPECT_EQ(server.serve(true).reason(), "address.bad");
}

TEST_F(WebSocketCallsTest, SaysWhyItClosesAConnection) {
  ask_for_login();
  start();
  struct Case {
    const char* protocol;
    std::string message;
    bool text;
    int code;
  };
  const Case kCases[] = {
      {"json", "{", true, 1002},
      {"pb", "\xff\xff", false, 1002},
      {"raw", std::string("\0\0\0\0", 4), false, 1002},
      {"raw", "hello", true, 1003},
      {"raw", "\x15\xff\xff\xff", false, 1009},
      {"json", std::string((8U << 20U) + 1, 'x'), false, 1009},
      {"raw", echo_frame(1, 1), false, 1008},  // where a login is expected
  };
  for (const Case& one : kCases) {
    RawSocket client(*core, address, one.protocol);
    client.send(one.message, one.text);
    EXPECT_EQ(client.code(), one.code) << one.protocol << ' ' << one.message.size();
  }
}

// bad-inputs 4, beyond 4.
TEST_F(WebSocketCallsTest, Beyond4TellsAPeerThatNeverReadsToComeBackLater) {
  serving.limits.guards.slow_reader_after = 200ms;
  start();
  RawSocket client(*core, address, "raw");
  client.socket->pause();

  for (std::int32_t seq = 1; seq <= 600; ++seq) client.send(echo_frame(seq, 100'000));
  const Deadline silence = core->deadline_after(2s);
  while (!silence.passed(core->now())) core->turn(core->deadline_after(10ms));
  client.socket->resume();

  EXPECT_EQ(client.code(), http::WebSocketCode::kTryAgainLater);
  EXPECT_LT(client.received, 600U);
}

// bad-inputs 4, beyond 7.
TEST_F(WebSocketCallsTest, Beyond7SaysThatItIsGoingAwayToEach) {
  start();
  RawSocket json(*core, address, "json");
  RawSocket raw(*core, address, "raw");
  std::thread stopping([this] { server.stop(); });

  EXPECT_EQ(json.code(), http::WebSocketCode::kGoingAway);
  EXPECT_EQ(raw.code(), http::WebSocketCode::kGoingAway);
  stopping.join();
}

}  // namespace
}  // namespace fairlead::service
