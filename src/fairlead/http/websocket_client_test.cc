#include "fairlead/http/websocket_client.h"

#include "fairlead/http/proto/websocket_handshake.h"
#include "fairlead/http/testing.h"
#include "fairlead/http/websocket_testing.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;

// A server that answers whatever it is asked with one text, in which KEY is the right answer to
// the key. It ends the connection behind it if it is told to.
class Scripted final : public io::StreamHandler {
 public:
  Scripted(io::Core& core, std::string answer, bool ends)
      : answer_(std::move(answer)), ends_(ends) {
    listener_ = core.listen(io::Address::loopback(0), {},
                            [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                              stream_ = std::move(stream);
                              stream_->start(*this);
                            })
                    .value();
  }
  const io::Address& address() const { return listener_->local(); }

  std::string asked;

 private:
  io::ReadResult on_read(const Bytes& input) override {
    asked.append(input.view());
    proto::RequestHeadParser parser;
    if (parser.parse(asked) != proto::ParseState::kDone) return {input.size(), 0};
    const auto accept = proto::check_websocket_request(parser.head().method, parser.head().minor,
                                                       parser.fields(), {});
    EXPECT_TRUE(accept.ok()) << accept.status();
    std::string answer = answer_;
    if (const std::size_t at = answer.find("KEY"); at != std::string::npos) {
      answer.replace(at, 3, accept->key_answer);
    }
    stream_->output().append(answer);
    stream_->wrote();
    if (ends_) stream_->close();
    return {input.size(), 0};
  }
  void on_end() override { stream_->close(); }
  void on_close(Status) override {}

  const std::string answer_;
  const bool ends_;
  std::unique_ptr<io::Listener> listener_;
  std::unique_ptr<io::Stream> stream_;
};

const std::string kSwitch =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";

class ConnectWebSocket : public ::testing::Test {
 protected:
  Result<std::unique_ptr<WebSocket>> connect(const std::string& answer, bool ends = false,
                                             WebSocketConnectOptions options = {}) {
    server.reset();
    server.emplace(*core, answer, ends);
    return core->run(
        connect_websocket(*core, server->address(), std::move(options), core->deadline_after(5s)));
  }
  std::string reason(const std::string& answer, bool ends = false) {
    const auto socket = connect(answer, ends);
    return std::string(socket.status().reason());
  }
  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::optional<Scripted> server;
};

TEST_F(ConnectWebSocket, GivesTheFramesThatComeWithTheAnswer) {
  WebSocketConnectOptions options;
  options.authority = "shop.example";
  options.target = "/ws?a=b";
  options.protocols = {"json"};
  options.fields.add("Authorization", "Bearer x");
  auto socket = connect("HTTP/1.1 103 Early Hints\r\n\r\n" + kSwitch +
                            "Sec-WebSocket-Protocol: json\r\nSec-WebSocket-Accept: KEY\r\n\r\n" +
                            testing::frame(proto::WebSocketOpcode::kText, "early", false),
                        false, std::move(options));
  ASSERT_TRUE(socket.ok()) << socket.status();
  EXPECT_EQ((*socket)->protocol(), "json");
  EXPECT_TRUE(server->asked.starts_with("GET /ws?a=b HTTP/1.1\r\nHost: shop.example\r\n"));
  EXPECT_NE(server->asked.find("\r\nAuthorization: Bearer x\r\n"), std::string::npos);
  core->turn(Deadline(core->now()));  // nothing is read before start()

  testing::Recorder recorder(*core);
  recorder.take(std::move(socket).value());

  ASSERT_TRUE(testing::turn_until(*core, [&] { return !recorder.messages.empty(); }));
  EXPECT_EQ(recorder.messages.front(), "text early");
}

TEST_F(ConnectWebSocket, ShowsARefusalWithItsText) {
  const std::string head = "HTTP/1.1 403 Forbidden\r\n";
  for (const char* framed : {"Content-Length: 2\r\n\r\nno",
                             "Transfer-Encoding: chunked\r\n\r\n"
                             "2\r\nno\r\n0\r\n\r\n"}) {
    const auto socket = connect(head + framed);
    EXPECT_EQ(socket.status().code(), Code::kForbidden);
    EXPECT_EQ(socket.status().reason(), "websocket.refused");
    ASSERT_NE(socket.status().cause(), nullptr);
    EXPECT_EQ(*socket.status().cause(), "no");
  }
  const auto cut = connect(head + "\r\nuntil the end", true);
  EXPECT_EQ(*cut.status().cause(), "until the end");
  const auto large = connect(head + "Content-Length: 99999\r\n\r\n");
  EXPECT_EQ(large.status().code(), Code::kForbidden);
}

TEST_F(ConnectWebSocket, GivesARefusalWholeToWhoWantsIt) {
  WebSocketRefusal refusal;
  WebSocketConnectOptions options;
  options.refusal = &refusal;
  (void)connect(
      "HTTP/1.1 401 x\r\nContent-Type: application/problem+json\r\nContent-Length: "
      "3\r\n\r\n{\"\n",
      false, options);
  EXPECT_EQ(refusal.status, 401);
  EXPECT_EQ(refusal.content_type, "application/problem+json");
  EXPECT_EQ(refusal.body, "{\"\n");

  refusal = {};
  EXPECT_TRUE(connect(kSwitch + "Sec-WebSocket-Accept: KEY\r\n\r\n", false, options).ok());
  EXPECT_EQ(refusal.status, 0);
}

TEST_F(ConnectWebSocket, TakesNoOtherAnswerForAWebSocket) {
  EXPECT_EQ(reason("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "websocket.not_switched");
  EXPECT_EQ(reason("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"), "websocket.not_switched");
  EXPECT_EQ(reason(kSwitch + "Sec-WebSocket-Accept: x\r\n\r\n"), "websocket.bad_accept");
  EXPECT_EQ(reason("HTTP/1.1 101 x\r\nSec-WebSocket-Accept: KEY\r\n\r\n"), "websocket.no_upgrade");
  EXPECT_EQ(reason("nonsense\r\n\r\n"), "http.bad_start_line");
  EXPECT_EQ(reason("HTTP/1.1 101 x\r\n", true), "websocket.cut");
  std::string interims;
  for (int i = 0; i < 9; ++i) interims += "HTTP/1.1 103 x\r\n\r\n";
  EXPECT_EQ(reason(interims), "http.too_many_interim");
}

TEST_F(ConnectWebSocket, EndsWithItsDeadlineOrToken) {
  server.emplace(*core, "", false);
  auto late =
      core->run(connect_websocket(*core, server->address(), {}, core->deadline_after(20ms)));
  EXPECT_EQ(late.status().code(), Code::kDeadlineExceeded);
  const io::Address nobody = server->address();
  server.reset();
  auto refused = core->run(connect_websocket(*core, nobody, {}, core->deadline_after(5s)));
  EXPECT_EQ(refused.status().code(), Code::kDialFailed);
}

TEST_F(ConnectWebSocket, SendsNoHeadThatCannotBeWritten) {
  WebSocketConnectOptions options;
  options.fields.add("X", "a\r\nb: c");
  EXPECT_EQ(connect("", false, std::move(options)).status().code(), Code::kEncodeFailed);
  EXPECT_TRUE(server->asked.empty());
}

}  // namespace
}  // namespace fairlead::http
