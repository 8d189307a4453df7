// Services and callers that speak TLS and other protocols, as their settings say.
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/base/time.h"
#include "fairlead/io/tls_stream.h"
#include "fairlead/service/test_math.h"
#include "tests/testkit/certificates.h"

namespace who_test {

struct WhoArg {
  std::string subject{};
  std::string names{};
};
FL_STRUCT(WhoArg, (1, subject, from_session("tls.subject")), (2, names, from_session("tls.names")))

struct WhoResult {
  std::string told{};
};
FL_STRUCT(WhoResult, (1, told))

struct Who {
  static WhoResult calls(WhoArg);
};
FL_SERVICE(Who, (calls))

struct WhoLogic {
  WhoResult calls(WhoArg in) const { return {.told = in.subject + "|" + in.names}; }
};

}  // namespace who_test

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::Math;
using math_test::MathLogic;
using testkit::TestFolder;
using testkit::TestIdentity;

// A serving and a calling process, each with threads of its own, in one program.
class TlsServiceTest : public ::testing::Test {
 protected:
  TlsServiceTest() {
    ca_file = folder.write("root.pem", root.certificate_pem());
    serving.tls.certificates = {folder.write("server", root.issue({}))};
    serving.listen = {"tls://127.0.0.1:0"};
    for (Spec* spec : {&serving, &calling}) {
      spec->store = "file:" + (folder.path() / "store.db").string();
      spec->cores = 1;
      spec->log_level = "off";
    }
    calling.clients["default"].tls.ca_file = ca_file;
  }

  Status serve() {
    FL_TRY(internal::add_routes<Math>(server.router(), std::make_shared<MathLogic>()));
    FL_TRY(server.start(serving));
    return server.serve(true);
  }
  // How a call goes to the copy that the registry knows.
  Status call() {
    FL_TRY(caller.start(calling));
    FL_TRY_ASSIGN(const Target* target, caller.target("math"));
    return Client<Math>(*target).name(within(10s)).get().status();
  }
  void client_certificates_are_required() {
    serving.tls.ca_file = ca_file;
    serving.tls.client_certificate = io::ClientCertificate::kRequired;
  }
  upstream::Record record() {
    auto core = io::Core::make().value();
    auto store = store::open(*core, {.url = serving.store}).value();
    const auto listing = core->run(store->range("/fairlead/services/math/", {})).value();
    EXPECT_EQ(listing.entries.size(), 1U);
    const auto read = codec::decode<upstream::Record>(codec::CodecId::kJson,
                                                      Bytes::borrow(listing.entries.at(0).value));
    (void)core->run(store->close(core->deadline_after(1s)));
    return read.value();
  }
  // Whom a new connection meets.
  std::string subject_at(const io::Address& address) {
    auto core = io::Core::make().value();
    io::TlsOptions options;
    options.ca_file = ca_file;
    auto context = io::TlsContext::make(io::TlsRole::kClient, options, wall_ms()).value();
    const auto look = [](io::Core& on, io::Address to,
                         std::shared_ptr<const io::TlsContext> tls) -> Task<Result<std::string>> {
      const Deadline deadline = on.deadline_after(10s);
      FL_CO_TRY_ASSIGN(auto stream, co_await on.connect(to, deadline, CancelToken()));
      FL_CO_TRY_ASSIGN(auto wrapped,
                       co_await io::tls_connect(on, std::move(stream), tls, "localhost", deadline,
                                                CancelToken()));
      std::string subject = wrapped->info().peer_subject;
      on.dispose(std::move(wrapped));
      co_return subject;
    };
    const Result<std::string> subject = core->run(look(*core, address, context));
    EXPECT_TRUE(subject.ok()) << subject.status();
    return subject.value_or("");
  }
  static std::string cause(const Status& status) {
    return status.cause() != nullptr ? *status.cause() : std::string();
  }
  // The server's core may count a little later than the caller sees it.
  bool counts_a_failure() {
    const auto failures =
        server.metrics().counter({"fairlead_tls_connections_failed_total", ""}).value();
    const Time end = steady_now() + 10s;
    while (failures.value() == 0 && steady_now() < end) std::this_thread::yield();
    return failures.value() > 0;
  }

  TestFolder folder;
  TestIdentity root = TestIdentity::root();
  std::string ca_file;
  Spec serving;
  Spec calling;
  Process server{"math"};
  Process caller{"caller"};
};

TEST_F(TlsServiceTest, IsCalledOverTheRegistryWithoutASettingThatSaysHow) {
  serving.protocol = "json";
  client_certificates_are_required();
  const io::TlsCertificate own = folder.write("caller", root.issue({.name = "caller"}));
  calling.clients["default"].tls.certificate_file = own.certificate_file;
  calling.clients["default"].tls.key_file = own.key_file;
  const Status serving_now = serve();
  ASSERT_TRUE(serving_now.ok()) << serving_now;

  const Status called = call();

  EXPECT_TRUE(called.ok()) << called;
  EXPECT_EQ(record().protocol, "json");
  EXPECT_TRUE(record().tls);
}

TEST_F(TlsServiceTest, RefusesCallersWithoutACertificateWhereOneIsRequired) {
  client_certificates_are_required();
  ASSERT_TRUE(serve().ok());

  const Status called = call();

  EXPECT_EQ(called.code(), Code::kConnectionClosed) << called;
  EXPECT_EQ(cause(called), "tls.rejected") << called;
  EXPECT_TRUE(counts_a_failure());
}

TEST_F(TlsServiceTest, TellsHandlersWhoCalls) {
  ASSERT_TRUE(
      internal::add_routes<who_test::Who>(server.router(), std::make_shared<who_test::WhoLogic>())
          .ok());
  client_certificates_are_required();
  const io::TlsCertificate own =
      folder.write("caller", root.issue({.name = "shop", .alternatives = {"DNS:shop.example"}}));
  ClientTls& tls = calling.clients["default"].tls;
  tls.certificate_file = own.certificate_file;
  tls.key_file = own.key_file;
  ASSERT_TRUE(serve().ok());
  ASSERT_TRUE(caller.start(calling).ok());

  Client<who_test::Who> who(**caller.target("math"));
  const auto told = who.calls({.subject = "CN=somebody else"}, within(10s)).get();

  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->told, "CN=shop|shop.example");
}

TEST_F(TlsServiceTest, TellsHandlersWhoCallsOverHttpToo) {
  ASSERT_TRUE(
      internal::add_routes<who_test::Who>(server.router(), std::make_shared<who_test::WhoLogic>())
          .ok());
  client_certificates_are_required();
  const io::TlsCertificate own =
      folder.write("caller", root.issue({.name = "shop", .alternatives = {"DNS:shop.example"}}));
  ASSERT_TRUE(serve().ok());

  const std::string command = "curl -s -m 10 --cacert " + ca_file + " --cert " +
                              own.certificate_file + " --key " + own.key_file +
                              " -H 'tls.subject: CN=somebody else' -d '{}' https://" +
                              server.addresses().at(0).to_text() + "/who/calls";
  FILE* const pipe = popen(command.c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::array<char, 256> answer{};
  const std::size_t size = fread(answer.data(), 1, answer.size(), pipe);
  pclose(pipe);

  EXPECT_EQ(std::string(answer.data(), size), R"({"told":"CN=shop|shop.example"})");
}

TEST_F(TlsServiceTest, SaysWhyACopyIsNotTrusted) {
  calling.clients["math"].tls.server_name = "shop";
  ASSERT_TRUE(serve().ok());
  const Status called = call();
  EXPECT_TRUE(cause(called).ends_with("[tls.name_mismatch]")) << called;
}

TEST_F(TlsServiceTest, TakesANewCertificateWhileConnectionsLive) {
  ASSERT_TRUE(serve().ok());
  ASSERT_TRUE(call().ok());
  const io::Address address = io::Address::parse(record().address).value();
  ASSERT_EQ(subject_at(address), "CN=test");
  const auto opened = server.metrics().counter({"fairlead_rpc_sessions_opened_total", ""}).value();

  folder.write("server", root.issue({.name = "fresh"}));
  ASSERT_EQ(kill(getpid(), SIGHUP), 0);
  const Time end = steady_now() + 10s;
  while (subject_at(address) != "CN=fresh" && steady_now() < end) {
  }

  EXPECT_EQ(subject_at(address), "CN=fresh");
  const std::uint64_t sessions = opened.value();
  const Status called = call();
  EXPECT_TRUE(called.ok()) << called;
  EXPECT_EQ(opened.value(), sessions) << "the old connection must live";
}

TEST_F(TlsServiceTest, ServesUnixAndIpv6WithAndWithoutTls) {
  const std::string path = (folder.path() / "s.sock").string();
  serving.listen = {"tcp6://[::1]:0", "unix:" + path};
  ASSERT_TRUE(serve().ok());
  EXPECT_TRUE(call().ok());
  const Result<Target*> over_unix = caller.target("unix:" + path);
  EXPECT_TRUE(Client<Math>(**over_unix).name(within(10s)).get().ok());
}

// What is registered must be an address that can be dialled.
TEST_F(TlsServiceTest, IsReachedWhenItListensOnEveryIpv6Interface) {
  serving.listen = {"tcp6://:0"};
  ASSERT_TRUE(serve().ok());
  const Status called = call();
  EXPECT_TRUE(called.ok()) << called;
  EXPECT_TRUE(record().address.starts_with("[::1]:"));
}

TEST_F(TlsServiceTest, SpeaksTlsOverAUnixSocket) {
  const std::string path = (folder.path() / "s.sock").string();
  ListenSpec listener("unix:" + path);
  listener.tls = true;
  serving.listen = {listener};
  ASSERT_TRUE(serve().ok());
  EXPECT_TRUE(call().ok());
  const Result<Target*> by_address = caller.target("tls+unix:" + path);
  const auto named = Client<Math>(**by_address).name(within(10s)).get();
  EXPECT_TRUE(named.ok()) << named.status();
}

TEST_F(TlsServiceTest, SpeaksTlsToAPlainAddressWhenTheCodeRequiresIt) {
  ASSERT_TRUE(serve().ok());
  ASSERT_TRUE(caller.start(calling).ok());
  const Result<Target*> target =
      caller.target(record().address, {.protocol = "raw", .tls = {.required = true}});
  ASSERT_TRUE(target.ok()) << target.status();
  const auto named = Client<Math>(**target).name(within(10s)).get();
  EXPECT_TRUE(named.ok()) << named.status();
}

TEST_F(TlsServiceTest, CountsWhoSpeaksNoTls) {
  ASSERT_TRUE(serve().ok());
  ASSERT_TRUE(caller.start(calling).ok());
  const Result<Target*> plain = caller.target(record().address);
  const Status called = Client<Math>(**plain).name(within(10s)).get().status();
  EXPECT_EQ(called.code(), Code::kConnectionClosed) << called;
  EXPECT_TRUE(counts_a_failure());
}

// ---- what is told at the start

TEST_F(TlsServiceTest, SaysThatAListenerLacksItsCertificate) {
  serving.tls = {};
  EXPECT_EQ(serve().reason(), "service.no_certificate");
}

TEST_F(TlsServiceTest, SaysThatAKeyDoesNotFit) {
  serving.tls.certificates[0].key_file = folder.write("other.key", root.issue({}).key_pem());
  const Status status = serve();
  EXPECT_EQ(status.reason(), "tls.key_mismatch");
  EXPECT_TRUE(status.message().starts_with("key 'tls.certificates[0].certificate_file': "))
      << status;
}

TEST_F(TlsServiceTest, SaysThatACallersFileIsMissingBeforeTheFirstCall) {
  calling.clients["math"].tls.ca_file = "/no/such/ca.pem";
  const Status status = caller.start(calling);
  EXPECT_EQ(status.reason(), "tls.file_missing");
  EXPECT_TRUE(status.message().starts_with("key 'clients.math.tls.ca_file': /no/such/ca.pem"))
      << status;
}

TEST_F(TlsServiceTest, SaysThatTheCodeAsksForAnUnknownProtocol) {
  ASSERT_TRUE(caller.start(calling).ok());
  EXPECT_EQ(caller.target("127.0.0.1:1", {.protocol = "jsom"}).status().reason(),
            "protocol.unknown");
}

}  // namespace
}  // namespace fairlead::service
