// Our WebSocket client against somebody else's echo server: says some messages, wants them back,
// and says goodbye. Ends with 0 when all went well.
//
//   http_websocket_client ADDRESS TARGET
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/async/event.h"
#include "fairlead/http/websocket_client.h"

namespace {

using namespace fairlead;

class Talk final : public http::WebSocketHandler {
 public:
  explicit Talk(std::unique_ptr<http::WebSocket> socket) : socket_(std::move(socket)) {
    socket_->start(*this);
    say_next();
  }
  Event& ended() { return ended_; }
  bool well() const { return well_; }

 private:
  void say_next() {
    if (said_ == messages_.size()) return socket_->close(http::WebSocketCode::kNormal, "done");
    const std::string& message = messages_[said_++];
    const Status sent =
        said_ % 2 == 1 ? socket_->send_text(message) : socket_->send_binary(message);
    if (!sent.ok()) socket_->abort(sent);
  }
  void on_message(http::WebSocket&, bool text, std::string_view payload) override {
    echoed_ = echoed_ && text == (said_ % 2 == 1) && payload == messages_[said_ - 1];
    say_next();
  }
  void on_close(http::WebSocket&, http::WebSocketEnd end) override {
    well_ = echoed_ && end.status.ok() && end.code == http::WebSocketCode::kNormal;
    if (!well_) std::fprintf(stderr, "%s, %d\n", end.status.to_string().c_str(), end.code);
    ended_.set();
  }

  const std::vector<std::string> messages_ = {"hello",
                                              "",
                                              "k\xc3\xb3smos",
                                              std::string("\0\xff", 2),
                                              std::string(70'000, 't'),
                                              std::string(900'000, '\xfe')};
  std::unique_ptr<http::WebSocket> socket_;
  std::size_t said_ = 0;
  bool echoed_ = true;
  bool well_ = false;
  Event ended_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto address = io::Address::parse(argv[1]);
  auto core = io::Core::make();
  if (!address.ok() || !core.ok()) return 2;
  io::Core& loop = **core;
  http::WebSocketConnectOptions options;
  options.target = argv[2];
  const Deadline deadline = loop.deadline_after(std::chrono::seconds(20));
  auto socket = loop.run(http::connect_websocket(loop, *address, std::move(options), deadline));
  if (!socket.ok()) {
    std::fprintf(stderr, "%s\n", socket.status().to_string().c_str());
    return 1;
  }
  Talk talk(std::move(socket).value());
  while (!talk.ended().is_set() && !deadline.passed(loop.now())) loop.turn(deadline);
  return talk.well() ? 0 : 1;
}
