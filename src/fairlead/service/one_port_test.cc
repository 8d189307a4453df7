// One listener of a whole process that is called in every way.
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/service/test_math.h"
#include "tests/testkit/certificates.h"
#include "tests/testkit/shell.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::Math;
using math_test::MathLogic;
using testkit::output_of;

class OnePortTest : public ::testing::Test {
 protected:
  OnePortTest() {
    for (Spec* spec : {&serving, &calling}) {
      spec->cores = 2;
      spec->log_level = "off";
    }
    ca_file = folder.write("root.pem", root.certificate_pem());
    calling.clients["default"].tls.ca_file = ca_file;
  }
  void serve(ListenSpec listen) {
    if (listen.address.empty()) listen.address = "tcp://127.0.0.1:0";
    ASSERT_TRUE(internal::add_routes<Math>(server.router(), std::make_shared<MathLogic>()).ok());
    serving.listen = {std::move(listen)};
    Status served = server.start(serving);
    if (served.ok()) served = server.serve(false);
    ASSERT_TRUE(served.ok()) << served;
    ASSERT_TRUE(caller.start(calling).ok());
    at = server.addresses().at(0).to_text();
  }
  void use_certificate() { serving.tls.certificates = {folder.write("server", root.issue({}))}; }
  Status call(const std::string& address, const std::string& protocol) {
    FL_TRY_ASSIGN(const Target* target, caller.target(address, {.protocol = protocol}));
    return Client<Math>(*target).name(within(10s)).get().status();
  }
  std::string curl(const std::string& scheme, const std::string& more = "") {
    return output_of("curl -s -m 10 --cacert " + ca_file + " -o /dev/null -w '%{http_code}' " +
                     more + " " + scheme + "://" + at + "/math/name");
  }

  testkit::TestFolder folder;
  testkit::TestIdentity root = testkit::TestIdentity::root();
  std::string ca_file;
  Spec serving;
  Spec calling;
  Process server{"math"};
  Process caller{"caller"};
  std::string at;
};

TEST_F(OnePortTest, AnswersRawAndHttpWithoutASetting) {
  serve({});
  const Status called = call(at, "raw");
  EXPECT_TRUE(called.ok()) << called;
  EXPECT_EQ(curl("http"), "200");
}

TEST_F(OnePortTest, ReachesTheSameHandlerByCurlAndByARawCall) {
  serve({});
  Client<Math> math(**caller.target(at));
  const auto called = math.divide({.a = 10, .b = 2, .caller = {}}, within(10s)).get();
  ASSERT_TRUE(called.ok()) << called.status();
  EXPECT_EQ(called->quotient, 5);
  EXPECT_EQ(output_of("curl -s -m 10 -d '{\"a\":10,\"b\":2}' " + at + "/math/divide"),
            R"({"quotient":5,"caller":""})");
  const std::string refused =
      output_of("curl -s -m 10 -i -d '{\"a\":10,\"b\":0}' " + at + "/math/divide");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 422 ")) << refused;
  EXPECT_NE(refused.find("divisor out of range"), std::string::npos) << refused;
}

TEST_F(OnePortTest, AllowsPagesOfTheOriginsThatAreSetAndNoOthers) {
  serving.http.origins = {"https://shop.example"};
  serve({});
  const auto ask = [this](const std::string& origin) {
    return output_of("curl -s -m 10 -i -H 'Origin: " + origin + "' " + at + "/math/name");
  };
  EXPECT_NE(ask("https://shop.example").find("Access-Control-Allow-Origin: https://shop.example"),
            std::string::npos);
  EXPECT_EQ(ask("https://evil.example").find("Access-Control-"), std::string::npos);
  const std::string upgrade =
      " -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H "
      "'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' ";
  EXPECT_EQ(curl("http", "--max-time 1 -H 'Origin: https://shop.example'" + upgrade), "101");
  EXPECT_EQ(curl("http", "-H 'Origin: https://evil.example'" + upgrade), "403");
}

TEST_F(OnePortTest, AHandshakeThatTakesTooLongIsAHitOfItsBound) {
  use_certificate();
  serving.tls.handshake_timeout = 20ms;
  serve("tls://127.0.0.1:0");
  const auto core = io::Core::make().value();
  const rpc::Router nothing;
  rpc::Peer silent(*core, nothing, {});
  auto dialling = silent.dial(server.addresses().at(0), core->deadline_after(5s));
  ASSERT_TRUE(core->run(std::move(dialling)).ok());
  const auto hits = [this] {
    return server.metrics()
        .counter({"fairlead_rpc_bound_hits_total", ""}, {{"bound", "handshake"}})
        ->value();
  };

  const Time end = steady_now() + 20s;
  while (hits() == 0 && steady_now() < end) core->turn(core->deadline_after(5ms));

  EXPECT_EQ(hits(), 1U);
  EXPECT_EQ(server.metrics().counter({"fairlead_tls_connections_failed_total", ""})->value(), 1U);
  EXPECT_TRUE(core->run(silent.close(core->deadline_after(5s))).ok());
}

TEST_F(OnePortTest, TakesAnUpgradeThatNobodyMeansForAnyOtherRequest) {
  serve({});
  EXPECT_EQ(curl("http", "-H 'Upgrade: websocket'"), "200") << "Connection does not name it";
  EXPECT_EQ(curl("http", "-H 'Connection: Upgrade' -H 'Upgrade: h2c'"), "200");
  EXPECT_EQ(curl("http", "-H 'Connection: Upgrade' -H 'Upgrade: x/1, websocket'"), "400")
      << "asked for, in a list, and without a key";
}

TEST_F(OnePortTest, AnswersPlainRequestsAtAWebSocketAddressWithUpgradeRequired) {
  serve("ws://127.0.0.1:0");
  EXPECT_EQ(curl("http"), "426");
}

TEST_F(OnePortTest, AnswersTlsInFrontOfAllWhereThereIsACertificate) {
  use_certificate();
  serve({});
  EXPECT_TRUE(call(at, "raw").ok());
  const Status called = call("tls://" + at, "raw");
  EXPECT_TRUE(called.ok()) << called;
  EXPECT_EQ(curl("http"), "200");
  EXPECT_EQ(curl("https"), "200");
  EXPECT_EQ(curl("https", "--no-alpn"), "200");
  const std::string agreed = output_of("openssl s_client -connect " + at +
                                       " -alpn h2,http/1.1 -CAfile " + ca_file + " </dev/null");
  EXPECT_NE(agreed.find("ALPN protocol: http/1.1"), std::string::npos) << agreed;
  const std::string refused =
      output_of("openssl s_client -connect " + at + " -alpn h2 -CAfile " + ca_file + " </dev/null");
  EXPECT_NE(refused.find("no application protocol"), std::string::npos) << refused;
}

TEST_F(OnePortTest, CallsRequestsOverTlsForAnotherHostMisdirected) {
  use_certificate();
  serve({});
  const std::string port = at.substr(at.rfind(':'));
  const auto ask = [&](const std::string& options) {
    return output_of("curl -s -m 10 --cacert " + ca_file + " -o /dev/null -w '%{http_code}' " +
                     "--connect-to ::127.0.0.1" + port + " " + options +
                     " https://localhost/math/name");
  };
  EXPECT_EQ(ask(""), "200");
  EXPECT_EQ(ask("-H 'Host: 127.0.0.1'"), "200") << "the certificate is for it, too";
  EXPECT_EQ(ask("-H 'Host: elsewhere.example'"), "421");
  EXPECT_EQ(curl("https", "-H 'Host: elsewhere.example'"), "200") << "no name in the handshake";
  EXPECT_EQ(curl("http", "-H 'Host: elsewhere.example'"), "200") << "nor TLS";
}

TEST_F(OnePortTest, AnswersForAnyHostWhereThatIsSet) {
  use_certificate();
  serving.http.any_host = true;
  serve({});
  EXPECT_EQ(output_of("curl -s -m 10 --cacert " + ca_file + " -o /dev/null -w '%{http_code}' " +
                      "--connect-to ::127.0.0.1" + at.substr(at.rfind(':')) +
                      " -H 'Host: elsewhere.example' https://localhost/math/name"),
            "200");
}

TEST_F(OnePortTest, CountsTlsThatFailsWhereOnlyHttpIsBehindIt) {
  use_certificate();
  serve("https://127.0.0.1:0");
  const auto failures =
      server.metrics().counter({"fairlead_tls_connections_failed_total", ""}).value();
  EXPECT_EQ(curl("https"), "200");
  EXPECT_EQ(failures.value(), 0U);

  EXPECT_EQ(curl("http"), "000");
  const Time end = steady_now() + 10s;
  while (failures.value() == 0 && steady_now() < end) std::this_thread::yield();
  EXPECT_EQ(failures.value(), 1U);
}

TEST_F(OnePortTest, AnswersOnlyTlsWhereTheAddressSaysSo) {
  use_certificate();
  serve("tls://127.0.0.1:0");
  EXPECT_TRUE(call("tls://" + at, "raw").ok());
  EXPECT_EQ(curl("https"), "200");
  EXPECT_EQ(curl("http"), "000");
}

TEST_F(OnePortTest, AnswersFramesAndThriftOfTheKindThatIsSet) {
  ListenSpec listen;
  listen.protocols = {"json", "thrift-binary", "http"};
  serve(listen);
  for (const char* protocol : {"json", "thrift-binary"}) {
    const Status called = call(at, protocol);
    EXPECT_TRUE(called.ok()) << protocol << ": " << called;
  }
  EXPECT_EQ(curl("http"), "200");
}

TEST_F(OnePortTest, AnswersNothingButHttpAtAnHttpAddress) {
  serve("http://127.0.0.1:0");
  EXPECT_EQ(curl("http"), "200");
  EXPECT_FALSE(call(at, "raw").ok());
}

TEST_F(OnePortTest, AnswersNoHttpWhereOneProtocolIsSet) {
  ListenSpec listen;
  listen.protocol = "raw";
  serve(listen);
  EXPECT_TRUE(call(at, "raw").ok());
  EXPECT_NE(curl("http"), "200");
}

TEST_F(OnePortTest, ServesErpcsFormOfHttpWhereItIsOn) {
  ListenSpec listen;
  listen.erpc_http = true;
  serve(listen);
  const std::string reply = output_of(
      "curl -s -m 10 -i -H 'X-Mtype: 1' -H 'X-Seq: 7' -H 'Content-Type: application/json' -d "
      "'\"x\"' "
      "http://" +
      at + "/math/greet");
  EXPECT_NE(reply.find("X-Seq: 7"), std::string::npos) << reply;
  EXPECT_EQ(curl("http"), "200");
}

TEST_F(OnePortTest, EndsAtOnceWithConnectionsThatSaidNothing) {
  serving.drain = 60s;
  serve({});
  auto core = io::Core::make().value();
  std::vector<std::unique_ptr<io::Stream>> silent;
  for (int i = 0; i < 20; ++i) {
    auto made = core->run(core->connect(server.addresses().at(0), core->deadline_after(10s), {}));
    ASSERT_TRUE(made.ok()) << made.status();
    silent.push_back(std::move(made).value());
  }
  EXPECT_TRUE(call(at, "raw").ok());

  const Time before = steady_now();
  caller.stop();
  server.stop();

  EXPECT_LT(steady_now() - before, 20s) << "long before the drain's end";
  for (auto& stream : silent) core->dispose(std::move(stream));
  core->turn(Deadline(core->now()));
}

}  // namespace
}  // namespace fairlead::service
