// Requests over TLS: which hosts a connection may ask for (RFC 9110 sections 7.4 and 15.5.20).
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/http/server.h"
#include "fairlead/http/testing.h"
#include "fairlead/io/tls_stream.h"
#include "tests/testkit/certificates.h"

namespace fairlead::http {
namespace {

using namespace std::chrono_literals;
using testing::turn_until;

// Collects what comes until the server closes.
struct Listener final : io::StreamHandler {
  explicit Listener(std::unique_ptr<io::TlsStream> made) : stream(std::move(made)) {
    stream->start(*this);
  }
  io::ReadResult on_read(const Bytes& input) override {
    received.append(input.view());
    return {input.size(), 0};
  }
  void on_end() override { stream->close(); }
  void on_close(Status) override { closed = true; }

  std::unique_ptr<io::TlsStream> stream;
  std::string received;
  bool closed = false;
};

class ServerTlsTest : public ::testing::Test {
 protected:
  ServerTlsTest() {
    io::TlsOptions serving;
    serving.certificates = {
        folder.write("server", root.issue({.alternatives = {"DNS:localhost", "DNS:*.shop.example",
                                                            "IP:127.0.0.1", "IP:::1"}}))};
    server_context = io::TlsContext::make(io::TlsRole::kServer, serving, wall_ms()).value();
    io::TlsOptions asking;
    asking.ca_file = folder.write("root.pem", root.certificate_pem());
    client_context = io::TlsContext::make(io::TlsRole::kClient, asking, wall_ms()).value();
  }
  void start(ServerOptions options = {}) {
    const Handler handler =
        plain_handler([](Request request) { return Response::text(200, request.authority); });
    server = Server::make(*core, options, handler).value();
    listener = core->listen(io::Address::loopback(0), {},
                            [this](io::Core& on, std::unique_ptr<io::Stream> stream) {
                              server->adopt(io::tls_wrap(on, std::move(stream), server_context));
                            })
                   .value();
  }
  void TearDown() override {
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
    listener.reset();
    core->turn(Deadline(core->now()));
  }
  static Task<Status> dial(io::Core& core, io::Address to, std::string name,
                           std::shared_ptr<const io::TlsContext> context,
                           std::optional<Listener>* out) {
    const Deadline deadline = core.deadline_after(10s);
    FL_CO_TRY_ASSIGN(auto stream, co_await core.connect(to, deadline, CancelToken()));
    FL_CO_TRY_ASSIGN(auto wrapped, co_await io::tls_connect(core, std::move(stream), context, name,
                                                            deadline, CancelToken()));
    out->emplace(std::move(wrapped));
    co_return Status();
  }
  // What a client hears that names `server_name` in the handshake and `host` in its request.
  std::string ask(const std::string& server_name, const std::string& target,
                  const std::string& host) {
    std::optional<Listener> client;
    const Status dialled =
        core->run(dial(*core, listener->local(), server_name, client_context, &client));
    EXPECT_TRUE(dialled.ok()) << dialled;
    if (!dialled.ok()) return "";
    client->stream->output().append("GET " + target + " HTTP/1.1\r\nHost: " + host +
                                    "\r\nConnection: close\r\n\r\n");
    client->stream->wrote();
    EXPECT_TRUE(turn_until(*core, [&] { return client->closed; })) << client->received;
    return client->received;
  }
  std::string status(const std::string& server_name, const std::string& host) {
    return ask(server_name, "/", host).substr(9, 3);
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  testkit::TestFolder folder;
  testkit::TestIdentity root = testkit::TestIdentity::root();
  std::shared_ptr<const io::TlsContext> server_context;
  std::shared_ptr<const io::TlsContext> client_context;
  std::unique_ptr<Server> server;
  std::unique_ptr<io::Listener> listener;
};

TEST_F(ServerTlsTest, AnswersForTheHostThatTheClientNamedAndThoseOfTheCertificate) {
  start();
  for (const char* host : {"localhost", "LOCALHOST:8443", "localhost.", "www.shop.example",
                           "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:8443"}) {
    EXPECT_EQ(status("localhost", host), "200") << host;
  }
}

TEST_F(ServerTlsTest, CallsARequestForAnotherHostMisdirected) {
  start();
  const std::string answer = ask("localhost", "/", "elsewhere.example");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 421 ")) << answer;
  EXPECT_NE(answer.find("http.misdirected"), std::string::npos) << answer;
  for (const char* host : {"shop.example", "a.b.shop.example", "127.0.0.2", "[::2]", "localhos"}) {
    EXPECT_EQ(status("localhost", host), "421") << host;
  }
}

TEST_F(ServerTlsTest, GoesByTheTargetWhereItNamesTheHost) {
  start();
  EXPECT_EQ(ask("localhost", "http://elsewhere.example/", "localhost").substr(9, 3), "421");
  EXPECT_EQ(ask("localhost", "http://localhost/", "elsewhere.example").substr(9, 3), "200");
}

TEST_F(ServerTlsTest, AsksNothingOfClientsThatNamedNoHost) {
  start();
  EXPECT_EQ(status("127.0.0.1", "elsewhere.example"), "200");
}

TEST_F(ServerTlsTest, AnswersForAnyHostWhereThatIsSet) {
  start({.any_host = true});
  EXPECT_EQ(status("localhost", "elsewhere.example"), "200");
}

}  // namespace
}  // namespace fairlead::http
