// Who is let in: certificates, names, versions, protocols, and everything that is no handshake.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"
#include "fairlead/io/tls_holder.h"
#include "fairlead/io/tls_test.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

class TlsHandshake : public TlsTest {
 protected:
  // Dials and expects that the client refuses; the server must hear of it too.
  void expect_refused_by_client(std::string_view reason, const std::string& name = "localhost") {
    listen();
    const Status dialed = dial(name);
    EXPECT_EQ(dialed.code(), Code::kDialFailed) << dialed;
    EXPECT_EQ(dialed.reason(), reason) << dialed;
    EXPECT_EQ(dialed.outcome(), Outcome::kNotSent);
    turn_until([this] { return server != nullptr && server->closed; });
    EXPECT_EQ(server->why.code(), Code::kConnectionClosed);
  }
  // Dials with the client's certificate as the options say, and gives what the server thinks of it.
  std::string client_certificate_verdict() {
    listen();
    const Status dialed = dial();
    turn_until(
        [this] { return server != nullptr && (server->closed || server->tls->established()); });
    if (!server->closed) return "welcome";
    if (client.has_value()) {  // TLS 1.3: the client's handshake was done before the server's
      turn_until([this] { return client->closed; });
      EXPECT_EQ(client->why.reason(), "tls.rejected") << client->why;
    } else {
      // TLS 1.2 has no alert for a certificate that is missing.
      const bool missing = server->why.reason() == "tls.no_certificate";
      EXPECT_EQ(dialed.reason(), missing ? "tls.handshake_failed" : "tls.rejected") << dialed;
    }
    return std::string(server->why.reason());
  }
};

class TlsVersions : public TlsHandshake, public ::testing::WithParamInterface<TlsVersion> {
 protected:
  TlsVersions() { server_options.version_min = server_options.version_max = GetParam(); }
};

TEST_P(TlsVersions, AgreeOnVersionProtocolAndName) {
  server_options.alpn = {"fairlead", "h2"};
  client_options.alpn = {"http/1.1", "h2"};

  connect();

  for (const TlsStream* side : {client->tls, server->tls}) {
    const TlsInfo info = side->info();
    EXPECT_EQ(info.version, GetParam());
    EXPECT_EQ(info.alpn, "h2");
    EXPECT_EQ(info.server_name, "localhost");
    EXPECT_FALSE(info.cipher.empty());
    EXPECT_FALSE(info.resumed);
  }
  EXPECT_EQ(client->tls->info().peer_subject, "CN=test");
  EXPECT_EQ(client->tls->info().peer_names, std::vector<std::string>{"localhost"});
  EXPECT_EQ(server->tls->info().peer_subject, "") << "clients need no certificate";
}

TEST_P(TlsVersions, AskForClientCertificates) {
  server_options.client_certificate = ClientCertificate::kRequired;
  server_options.ca_file = client_options.ca_file;
  EXPECT_EQ(client_certificate_verdict(), "tls.no_certificate");

  client_options.certificates = {folder.write("client", root.issue({.name = "caller"}))};
  client_context = nullptr;
  EXPECT_EQ(client_certificate_verdict(), "welcome");
  EXPECT_EQ(server->tls->info().peer_subject, "CN=caller");

  client_options.certificates = {
      folder.write("stranger", TestIdentity::root("other").issue({.name = "stranger"}))};
  client_context = nullptr;
  EXPECT_EQ(client_certificate_verdict(), "tls.bad_certificate");

  client_options.certificates = {
      folder.write("late", root.issue({.begins_days = -9, .ends_days = -1}))};
  client_context = nullptr;
  EXPECT_EQ(client_certificate_verdict(), "tls.expired");
}

TEST_P(TlsVersions, ResumeWhatWasAgreedBefore) {
  echo = true;
  connect();
  client->write("first");  // TLS 1.3: the ticket comes behind the handshake
  turn_until([this] { return client->received == "first"; });
  client->stream->close();
  turn_until([this] { return client->closed && server->closed; });

  const Status dialed = dial();
  ASSERT_TRUE(dialed.ok()) << dialed;
  client->write("again");
  turn_until([this] { return client->received == "again"; });

  EXPECT_TRUE(client->tls->info().resumed);
  EXPECT_TRUE(server->tls->info().resumed);
  EXPECT_EQ(client->tls->info().peer_subject, "CN=test");
}

TEST_P(TlsVersions, DoNotResumeWithoutTickets) {
  server_options.tickets = false;
  echo = true;
  connect();
  client->write("first");
  turn_until([this] { return client->received == "first"; });
  client->stream->close();
  turn_until([this] { return client->closed; });

  ASSERT_TRUE(dial().ok());
  EXPECT_FALSE(client->tls->info().resumed);
}

INSTANTIATE_TEST_SUITE_P(Both, TlsVersions,
                         ::testing::Values(TlsVersion::kTls12, TlsVersion::kTls13),
                         [](const auto& param) {
                           return param.param == TlsVersion::kTls12 ? "Tls12" : "Tls13";
                         });

TEST_F(TlsHandshake, LetsAClientWithoutCertificateInWhenOneIsOnlyWanted) {
  server_options.client_certificate = ClientCertificate::kWanted;
  server_options.ca_file = client_options.ca_file;
  EXPECT_EQ(client_certificate_verdict(), "welcome");

  client_options.certificates = {
      folder.write("stranger", TestIdentity::root("other").issue({.name = "stranger"}))};
  client_context = nullptr;
  EXPECT_EQ(client_certificate_verdict(), "tls.bad_certificate");
}

TEST_F(TlsHandshake, RefusesAServerOfAnotherName) {
  expect_refused_by_client("tls.name_mismatch", "shop.example");
}

TEST_F(TlsHandshake, RefusesAServerOfAnotherAddress) {
  expect_refused_by_client("tls.name_mismatch", "127.0.0.2");
}

TEST_F(TlsHandshake, KnowsAServerByItsAddress) {
  listen();
  const Status dialed = dial("127.0.0.1");
  EXPECT_TRUE(dialed.ok()) << dialed;
  EXPECT_EQ(client->tls->info().server_name, "") << "addresses are no server names (RFC 6066)";
}

TEST_F(TlsHandshake, RefusesAServerThatNobodyTrusts) {
  server_options.certificates = {folder.write("server", TestIdentity::root("other").issue({}))};
  expect_refused_by_client("tls.bad_certificate");
}

TEST_F(TlsHandshake, RefusesAServerWhoseCertificateHasExpired) {
  server_options.certificates = {
      folder.write("server", root.issue({.begins_days = -9, .ends_days = -1}))};
  expect_refused_by_client("tls.expired");
}

TEST_F(TlsHandshake, NeedsTheNameOfTheServerUnlessNobodyIsVerified) {
  listen();
  EXPECT_EQ(dial("").reason(), "tls.bad_option");

  client_options.verify_server = false;
  client_context = nullptr;
  EXPECT_TRUE(dial("").ok());
  EXPECT_TRUE(dial("anybody.example").ok());
}

TEST_F(TlsHandshake, NeedsAVersionAndAProtocolThatBothKnow) {
  server_options.version_min = TlsVersion::kTls13;
  client_options.version_max = TlsVersion::kTls12;
  expect_refused_by_client("tls.no_common_version");

  server_options = {.certificates = server_options.certificates, .alpn = {"fairlead"}};
  client_options = {.ca_file = client_options.ca_file, .alpn = {"h2"}};
  client_context = nullptr;
  expect_refused_by_client("tls.no_common_protocol");
}

TEST_F(TlsHandshake, ShowsTheCertificateOfTheNameThatIsAskedFor) {
  server_options.certificates.push_back(
      folder.write("shop", root.issue({.name = "shop", .alternatives = {"DNS:*.shop.example"}})));
  const auto shown_for = [this](const std::string& name) {
    listen();
    const Status dialed = dial(name);
    EXPECT_TRUE(dialed.ok()) << dialed;
    return dialed.ok() ? client->tls->info().peer_subject : "";
  };
  EXPECT_EQ(shown_for("www.shop.example"), "CN=shop");
  EXPECT_EQ(shown_for("localhost"), "CN=test");
  EXPECT_EQ(shown_for("127.0.0.1"), "CN=test");
  EXPECT_EQ(dial("elsewhere.example").reason(), "tls.name_mismatch") << "the first is shown";
}

TEST_F(TlsHandshake, SpeaksForTheHostsOfTheCertificateThatItHasShown) {
  server_options.certificates.push_back(folder.write(
      "shop", root.issue({.name = "shop", .alternatives = {"DNS:*.shop.example", "IP:::1"}})));
  connect();
  EXPECT_TRUE(server->tls->speaks_for("LocalHost"));
  EXPECT_TRUE(server->tls->speaks_for("127.0.0.1")) << "the certificate is for it, too";
  EXPECT_FALSE(server->tls->speaks_for("127.0.0.2"));
  EXPECT_FALSE(server->tls->speaks_for("www.shop.example")) << "of the other certificate";
  EXPECT_FALSE(server->tls->speaks_for(std::string(300, 'a')));
  EXPECT_FALSE(server->tls->speaks_for(std::string_view("localhost\0.evil", 15)));

  ASSERT_TRUE(dial("www.shop.example").ok());
  turn_until([this] { return server != nullptr && server->tls->established(); });
  EXPECT_TRUE(server->tls->speaks_for("api.shop.example"));
  EXPECT_TRUE(server->tls->speaks_for("::1"));
  EXPECT_FALSE(server->tls->speaks_for("localhost"));
}

TEST_F(TlsHandshake, SpeaksForWhateverIsAskedWhereTheClientNamedNoServer) {
  listen();
  ASSERT_TRUE(dial("127.0.0.1").ok());
  turn_until([this] { return server != nullptr && server->tls->established(); });
  EXPECT_TRUE(server->tls->speaks_for("elsewhere.example"));
}

TEST_F(TlsHandshake, ReadsWhatWasAgreedOnOnce) {
  connect();
  EXPECT_EQ(&server->tls->info(), &server->tls->info());
  EXPECT_EQ(server->tls->info().server_name, "localhost");
}

TEST_F(TlsHandshake, TakesAChainOverAnIssuerInBetween) {
  const TestIdentity between =
      root.issue({.name = "between", .alternatives = {}, .may_sign = true});
  server_options.certificates = {
      folder.write("server", between.issue({}), between.certificate_pem())};
  connect();
}

TEST_F(TlsHandshake, UsesNewFilesForNewConnectionsAndLeavesOldOnesAlone) {
  auto holder = TlsHolder::make(TlsRole::kServer, server_options, wall_ms()).value();
  listen();
  server_context = holder->current();
  client_context = context_of(TlsRole::kClient, client_options);
  ASSERT_TRUE(dial().ok());
  turn_until([this] { return server != nullptr && server->tls->established(); });
  // The first connection goes on beside the second.
  server->echo = true;
  std::optional<TlsRecorder> second_server;
  std::optional<TlsRecorder> second_client;

  folder.write("server", root.issue({.name = "renewed"}));
  ASSERT_TRUE(holder->reload(wall_ms()).ok());
  auto second_listener =
      core->listen(Address::loopback(0), {},
                   [&](Core& owner, std::unique_ptr<Stream> stream) {
                     second_server.emplace(owner,
                                           tls_wrap(owner, std::move(stream), holder->current()));
                   })
          .value();
  const Status dialed = dial(second_listener->local(), "localhost", second_client);
  ASSERT_TRUE(dialed.ok()) << dialed;
  client->write("still here");
  turn_until([this] { return client->received == "still here"; });

  EXPECT_EQ(client->tls->info().peer_subject, "CN=test");
  EXPECT_EQ(second_client->tls->info().peer_subject, "CN=renewed");
}

TEST_F(TlsHandshake, SaysWhatPlainBytesOnATlsPortAre) {
  connect_plainly();
  client->write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  turn_until([this] { return server->closed && client->closed; });
  EXPECT_EQ(server->why.code(), Code::kConnectionClosed);
  EXPECT_EQ(server->why.reason(), "tls.not_tls");
  EXPECT_NE(server->why.message().find("bytes of HTTP"), std::string_view::npos);
  EXPECT_EQ(server->reads, 0);
}

TEST_F(TlsHandshake, RefusesGarbageAtItsFirstByte) {
  connect_plainly();
  client->write("x");
  turn_until([this] { return server->closed; });
  EXPECT_EQ(server->why.reason(), "tls.not_tls");
}

TEST_F(TlsHandshake, RefusesGarbageThatLooksLikeARecord) {
  connect_plainly();
  client->write(std::string("\x16\x03\x01\x00\x10", 5) + "0123456789abcdef");
  turn_until([this] { return server->closed && client->closed; });
  EXPECT_EQ(server->why.reason(), "tls.handshake_failed") << server->why;
  EXPECT_EQ(client->received.substr(0, 1), "\x15") << "an alert leaves before the connection ends";
}

TEST_F(TlsHandshake, GivesUpOnAServerThatSpeaksNoTls) {
  auto plain =
      core->listen(Address::loopback(0), {}, [this](Core& owner, std::unique_ptr<Stream> stream) {
        accepted(owner, std::move(stream));
        server->write("HTTP/1.1 400 Bad Request\r\n\r\n");
      });
  listener = std::move(plain).value();
  const Status dialed = dial();
  EXPECT_EQ(dialed.code(), Code::kDialFailed);
  EXPECT_EQ(dialed.reason(), "tls.not_tls") << dialed;
}

TEST_F(TlsHandshake, EndsWhenAClientSaysNothing) {
  server_options.handshake_timeout = 20ms;
  connect_plainly();
  turn_until([this] { return server->closed; });
  EXPECT_EQ(server->why.reason(), "tls.timeout");
}

TEST_F(TlsHandshake, EndsWhenAServerSaysNothing) {
  client_options.handshake_timeout = 20ms;
  auto silent = core->listen(
      Address::loopback(0), {},
      [this](Core& owner, std::unique_ptr<Stream> stream) { accepted(owner, std::move(stream)); });
  listener = std::move(silent).value();
  const Status dialed = dial();
  EXPECT_EQ(dialed.code(), Code::kDialFailed);
  EXPECT_EQ(dialed.reason(), "tls.timeout");
}

// A client hello, cut at every byte, with the connection ended there.
TEST_F(TlsHandshake, SurvivesAHelloCutAtAnyByte) {
  auto plain = core->listen(
      Address::loopback(0), {},
      [this](Core& owner, std::unique_ptr<Stream> stream) { accepted(owner, std::move(stream)); });
  listener = std::move(plain).value();
  client_options.handshake_timeout = 20ms;
  EXPECT_EQ(dial().reason(), "tls.timeout");
  const std::string hello = server->received;
  ASSERT_GT(hello.size(), 100U);

  listen();
  for (std::size_t cut = 0; cut < hello.size(); ++cut) {
    hang_up();
    auto made = core->run(core->connect(listener->local(), core->deadline_after(5s), {}));
    ASSERT_TRUE(made.ok()) << made.status();
    client.emplace(*core, std::move(made).value());
    client->write(std::string_view(hello).substr(0, cut));
    client->stream->close();
    turn_until([this] { return server != nullptr && server->closed; });
    ASSERT_EQ(server->why.reason(), "tls.handshake_cut") << "cut at byte " << cut;
    ASSERT_EQ(server->reads, 0);
  }
}

// Any bit of a client hello may be wrong: the server refuses, answers, or waits for more.
TEST_F(TlsHandshake, SurvivesAHelloWithAnyBitFlipped) {
  server_options.handshake_timeout = 10ms;
  auto plain = core->listen(
      Address::loopback(0), {},
      [this](Core& owner, std::unique_ptr<Stream> stream) { accepted(owner, std::move(stream)); });
  listener = std::move(plain).value();
  client_options.handshake_timeout = 20ms;
  EXPECT_EQ(dial().reason(), "tls.timeout");
  const std::string hello = server->received;

  listen();
  Random random(11);
  for (std::size_t at = 0; at < hello.size(); at += 1 + random.below(3)) {
    hang_up();
    auto made = core->run(core->connect(listener->local(), core->deadline_after(5s), {}));
    ASSERT_TRUE(made.ok()) << made.status();
    client.emplace(*core, std::move(made).value());
    std::string damaged = hello;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << random.below(8)));
    client->write(damaged);
    client->stream->close();
    turn_until([this] { return server != nullptr && server->closed; });
    ASSERT_TRUE(server->why.reason().starts_with("tls.")) << server->why << " at byte " << at;
    ASSERT_EQ(server->reads, 0);
  }
}

TEST_F(TlsHandshake, IsGivenUpWhenItsCallerIs) {
  auto silent = core->listen(
      Address::loopback(0), {},
      [this](Core& owner, std::unique_ptr<Stream> stream) { accepted(owner, std::move(stream)); });
  listener = std::move(silent).value();
  client_context = context_of(TlsRole::kClient, client_options);
  CancelSource cancel;
  std::optional<Status> outcome;
  const auto attempt = [](Task<Result<std::unique_ptr<TlsStream>>> dialing,
                          std::optional<Status>* out) -> Task<void> {
    auto made = co_await std::move(dialing);
    *out = made.status();
  };
  core->spawn(attempt(
      dial_task(*core, listener->local(), client_context, "localhost", cancel.token()), &outcome));
  turn_until([this] { return server != nullptr && server->reads > 0; });

  cancel.cancel();

  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->reason(), "wait.cancelled");
  turn_until([this] { return server->ended; });
}

}  // namespace
}  // namespace fairlead::io
