// The HTTP server with a Responder, over TCP: from the bytes of a request to those of its answer.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/http/server.h"
#include "malloc_count.h"

namespace fairlead::allocations {
namespace {

using namespace std::chrono_literals;

const std::string kHead =
    " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a program whose name is long\r\nAccept: */*\r\n";

class Echo final : public http::Responder {
 public:
  Result<http::BodyPlan> plan(const http::Request&) override { return http::BodyPlan{}; }
  void respond(http::Exchange& exchange) override {
    static constexpr std::array<http::Field, 1> kFields{{{"Content-Type", "text/plain"}}};
    exchange.answer(200, kFields, exchange.request().body.view());
  }
};

// A keep-alive connection that stays open, beside the core that serves it.
class HttpServer : public ::testing::Test {
 protected:
  void SetUp() override {
    http::ServerOptions options;
    options.metrics = http::Metrics::make(registry).value();
    server = http::Server::make(*core, options, echo).value();
    const io::Address address = server->listen(io::Address::loopback(0)).value();
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(connect(client, address.get(), address.length()), 0);
  }
  void TearDown() override {
    close(client);
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
  }
  // True: the answer came whole and ends in `body`.
  bool ask(std::string_view request, std::string_view body) {
    if (send(client, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
      return false;
    }
    std::size_t have = 0;
    const Time end = steady_now() + 10s;
    while (steady_now() < end) {
      core->turn(Deadline(core->now()));
      const ssize_t count = recv(client, answer.data() + have, answer.size() - have, MSG_DONTWAIT);
      if (count > 0) have += static_cast<std::size_t>(count);
      const std::string_view bytes(answer.data(), have);
      const std::size_t head = bytes.find("\r\n\r\n");
      if (head == std::string_view::npos || bytes.size() < head + 4 + body.size()) continue;
      return bytes.starts_with("HTTP/1.1 200 ") && bytes.substr(head + 4) == body;
    }
    return false;
  }
  void expect_none(std::string_view request, std::string_view body) {
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(ask(request, body));
    int right = 0;

    MallocCount count;
    for (int i = 0; i < 1000; ++i) right += ask(request, body) ? 1 : 0;

    EXPECT_EQ(count.blocks(), 0U) << count.first_stack();
    EXPECT_EQ(right, 1000);
  }

  observe::Registry registry;
  Echo echo;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::unique_ptr<http::Server> server;
  int client = -1;
  std::array<char, 4096> answer{};
};

TEST_F(HttpServer, TakesNoMemoryForAGetInTheSteadyState) {
  expect_none("GET /a/path/that/is/longer/than/a/short/string?with=a&query=too" + kHead + "\r\n",
              "");
}

TEST_F(HttpServer, TakesNoMemoryForAPostWithContentLengthInTheSteadyState) {
  const std::string body(512, 'x');
  expect_none("POST /echo" + kHead + "Content-Length: 512\r\n\r\n" + body, body);
}

}  // namespace
}  // namespace fairlead::allocations
