// Connections that say in every way what they speak, over real sockets on one core.
#include "fairlead/rpc/entrance.h"

#include <list>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/time.h"
#include "fairlead/rpc/entrance_end.h"
#include "fairlead/rpc/session.h"
#include "tests/testkit/certificates.h"
#include "tests/testkit/heap.h"
#include "tests/testkit/log_records.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using namespace std::literals;

class EntranceTest : public ::testing::Test {
 protected:
  void TearDown() override {
    clients.clear();
    if (entrance.has_value()) {
      EXPECT_TRUE(core->run(entrance->close(core->deadline_after(5s))).ok());
    }
    arrived.clear();
    listener.reset();
    core->turn(Deadline(core->now()));
  }
  void use_certificate() {
    options.tls = holder.get();
    io::TlsOptions client;
    client.ca_file = folder.write("root.pem", root.certificate_pem());
    context = io::TlsContext::make(io::TlsRole::kClient, client, wall_ms()).value();
  }
  void listen() {
    options.frames = wire::find_protocol("raw");
    options.thrift = wire::find_protocol("thrift-binary");
    options.http = true;
    options.metrics = metrics;
    const auto arrive = [this](std::unique_ptr<io::Stream> stream, std::string door) {
      arrived.emplace_back(*core, std::move(stream)).door = std::move(door);
    };
    entrance.emplace(
        *core, options,
        Entrance::Doors{
            .rpc =
                [arrive](auto stream, io::TlsStream* tls, const wire::Protocol& protocol) {
                  arrive(std::move(stream),
                         (tls != nullptr ? "tls " : "") + std::string(protocol.name()));
                },
            .http =
                [this, arrive](auto stream, io::TlsStream* tls, std::optional<Time> began) {
                  head_began = began;
                  arrive(std::move(stream), tls != nullptr ? "tls to http server" : "http server");
                },
            .turned_away =
                [arrive](auto stream, const wire::Protocol* protocol) {
                  arrive(
                      std::move(stream),
                      "away by " + (protocol != nullptr ? std::string(protocol->name()) : "http"));
                },
            .tls_failed =
                [this](const io::Address& from, const Status& why) {
                  failed_at = from;
                  failed = why;
                }});
    listener = core->listen(io::Address::loopback(0), {},
                            [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                              if (turn_away) return entrance->turn_away(std::move(stream));
                              entrance->accept(std::move(stream));
                            })
                   .value();
  }
  End& dial() {
    auto made = core->run(core->connect(listener->local(), core->deadline_after(10s), {}));
    EXPECT_TRUE(made.ok()) << made.status();
    return clients.emplace_back(*core, std::move(made).value());
  }
  static Task<Result<std::unique_ptr<io::TlsStream>>> dial_tls_later(
      io::Core& core, io::Address to, std::shared_ptr<const io::TlsContext> context) {
    const Deadline deadline = core.deadline_after(10s);
    FL_CO_TRY_ASSIGN(auto stream, co_await core.connect(to, deadline, CancelToken()));
    co_return co_await io::tls_connect(core, std::move(stream), context, "localhost", deadline,
                                       CancelToken());
  }
  static Task<Status> dial_tls_here(io::Core& core, io::Address to,
                                    std::shared_ptr<const io::TlsContext> context,
                                    std::list<End>* out) {
    FL_CO_TRY_ASSIGN(auto made, co_await dial_tls_later(core, to, context));
    out->emplace_back(core, std::move(made));
    co_return Status();
  }
  Status dial_tls() {
    return core->run(dial_tls_here(*core, listener->local(), context, &clients));
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(50ms));
    ASSERT_TRUE(condition());
  }
  // Turns until what was sent has been looked at: a connection behind it has been accepted.
  void settle() {
    for (int i = 0; i < 20; ++i) core->turn(core->deadline_after(1ms));
  }
  std::string door_of(std::string_view bytes) {
    arrived.clear();
    End& client = dial();
    client.write(bytes);
    turn_until(
        [&] { return client.closed || (!arrived.empty() && arrived.back().received == bytes); });
    return arrived.empty() ? "closed" : arrived.back().door;
  }

  bool turn_away = false;  // who comes
  std::unique_ptr<io::Core> core = io::Core::make().value();
  testkit::TestFolder folder;
  testkit::TestIdentity root = testkit::TestIdentity::root();
  io::TlsOptions tls_options{.certificates = {folder.write("server", root.issue({}))},
                             .alpn = {"http/1.1"}};
  std::unique_ptr<io::TlsHolder> holder =
      io::TlsHolder::make(io::TlsRole::kServer, tls_options, wall_ms()).value();
  std::shared_ptr<const io::TlsContext> context;
  observe::Registry registry;
  EntranceMetrics metrics = EntranceMetrics::make(registry).value();
  std::unique_ptr<observe::Bounds> bounds = observe::Bounds::make(registry).value();
  EntranceOptions options;
  std::optional<Entrance> entrance;
  std::unique_ptr<io::Listener> listener;
  std::list<End> arrived;
  std::list<End> clients;
  std::optional<Time> head_began;
  io::Address failed_at;
  Status failed;
};

constexpr std::string_view kRaw = "\0\0\0\x10\x07\0abc"sv;
constexpr std::string_view kThrift = "\0\0\0\x20\x0f\xff\0\0abc"sv;
constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kErpc =
    "POST /a HTTP/1.1\r\nX-Mtype: 1\r\nX-Seq: 1\r\nContent-Length: 0\r\n\r\n";

TEST_F(EntranceTest, LeadsEachKindToItsDoorWithAllOfItsBytes) {
  listen();
  EXPECT_EQ(door_of(kRaw), "raw");
  EXPECT_EQ(door_of(kThrift), "thrift-binary");
  EXPECT_EQ(door_of(kGet), "http server");
  EXPECT_EQ(door_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "http server");
  EXPECT_EQ(door_of("\r\n" + std::string(kGet)), "http server");
  EXPECT_EQ(door_of(" GET / HTTP/1.1\r\n\r\n"), "http server") << "who refuses it";
  EXPECT_EQ(door_of(kErpc), "http server") << "erpc's form is off";
  EXPECT_EQ(entrance->undecided(), 0U);
}

TEST_F(EntranceTest, LosesNothingWhereverTheFirstBytesAreCut) {
  options.erpc_http = true;
  listen();
  for (const std::string_view bytes : {kRaw, kThrift, kGet, kErpc}) {
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      arrived.clear();
      End& client = dial();
      client.write(bytes.substr(0, cut));
      settle();
      client.write(bytes.substr(cut));
      turn_until([&] { return !arrived.empty() && arrived.back().received == bytes; });
      clients.clear();
    }
  }
}

TEST_F(EntranceTest, TakesOneByteAtATime) {
  options.erpc_http = true;
  listen();
  for (const std::string_view bytes : {kThrift, kErpc}) {
    arrived.clear();
    End& client = dial();
    for (const char c : bytes) {
      client.write({&c, 1});
      core->turn(core->deadline_after(1ms));
    }
    turn_until([&] { return !arrived.empty() && arrived.back().received == bytes; });
  }
}

TEST_F(EntranceTest, GivesAFrameOnByItsFirstByteWhereNothingElseBeginsSo) {
  listen();
  entrance.reset();
  arrived.clear();
  options.thrift = nullptr;
  entrance.emplace(*core, options,
                   Entrance::Doors{.rpc = [this](auto stream, io::TlsStream*, const auto&) {
                     arrived.emplace_back(*core, std::move(stream));
                   }});
  End& client = dial();
  client.write(kRaw.substr(0, 1));
  turn_until([&] { return !arrived.empty(); });
}

TEST_F(EntranceTest, TellsErpcsHttpFromOthersByTheWholeHead) {
  options.erpc_http = true;
  listen();
  EXPECT_EQ(door_of(kErpc), "http");
  EXPECT_EQ(door_of(kGet), "http server");
  EXPECT_EQ(door_of("GET / HTTP/1.1\nX-Seq: 1\n\n"), "http server") << "who refuses the line end";
  EXPECT_EQ(door_of("GET / HTTP/1.1\r\nA: " + std::string(65536, 'x')), "http server");
}

TEST_F(EntranceTest, GivesARequestOnThatCameWithItsEnd) {
  listen();
  End& client = dial();
  client.write(kGet);
  client.stream->close();
  turn_until([&] { return !arrived.empty() && arrived.back().ended; });
  EXPECT_EQ(arrived.back().received_at_end, kGet);
}

TEST_F(EntranceTest, ClosesWhatItDoesNotKnowCountsItAndTellsTheFirst) {
  std::vector<std::string> lines;
  observe::Logger logger({}, std::make_unique<testkit::LogRecords>(lines));
  const observe::ScopedDefaultLogger as_default(logger);
  listen();
  EXPECT_EQ(door_of("\xfe\xfd garbage"), "closed");
  EXPECT_EQ(door_of("SSH-2.0-OpenSSH_9.2p1\r\n"), "closed");
  EXPECT_EQ(door_of("\x16\x03\x01\x02\x00\x01"sv), "closed") << "TLS without a certificate";
  EXPECT_EQ(metrics.unknown_protocols.value(), 3U);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("entrance.unknown_protocol"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("times=1"), std::string::npos) << lines[0];
}

TEST_F(EntranceTest, LooksOnceMoreInsideTls) {
  use_certificate();
  listen();
  for (const std::string_view bytes : {kRaw, kThrift, kGet}) {
    arrived.clear();
    const Status dialled = dial_tls();
    ASSERT_TRUE(dialled.ok()) << dialled;
    clients.back().write(bytes);
    turn_until([&] { return !arrived.empty() && arrived.back().received == bytes; });
    EXPECT_TRUE(arrived.back().door.starts_with("tls ")) << arrived.back().door;
  }
  EXPECT_EQ(door_of(kRaw), "raw") << "plain is still spoken";
}

TEST_F(EntranceTest, RefusesTlsInsideTls) {
  use_certificate();
  listen();
  ASSERT_TRUE(dial_tls().ok());
  clients.back().write("\x16\x03\x01\x00\x05hello"sv);
  turn_until([&] { return clients.back().closed; });
  EXPECT_TRUE(arrived.empty());
  EXPECT_EQ(metrics.unknown_protocols.value(), 1U);
}

TEST_F(EntranceTest, RefusesPlainBytesWhereOnlyTlsIsSpoken) {
  use_certificate();
  options.tls_only = true;
  listen();
  EXPECT_EQ(door_of(kGet), "closed");
  EXPECT_EQ(failed.reason(), "tls.not_tls");
  EXPECT_EQ(failed_at.host(), "127.0.0.1");
}

TEST_F(EntranceTest, GoesToHttpWithoutAByteWhereTheHandshakeAgreedOnIt) {
  use_certificate();
  io::TlsOptions client;
  client.ca_file = folder.write("root.pem", root.certificate_pem());
  client.alpn = {"h2", "http/1.1"};
  context = io::TlsContext::make(io::TlsRole::kClient, client, wall_ms()).value();
  listen();
  ASSERT_TRUE(dial_tls().ok());
  turn_until([&] { return !arrived.empty(); });
  EXPECT_EQ(arrived.back().door, "tls to http server");
  EXPECT_FALSE(head_began.has_value());

  clients.back().write(kGet);
  turn_until([&] { return arrived.back().received == kGet; });
}

TEST_F(EntranceTest, RefusesAClientThatOffersOnlyHttp2) {
  use_certificate();
  io::TlsOptions client;
  client.ca_file = folder.write("root.pem", root.certificate_pem());
  client.alpn = {"h2"};
  context = io::TlsContext::make(io::TlsRole::kClient, client, wall_ms()).value();
  listen();
  EXPECT_EQ(dial_tls().reason(), "tls.no_common_protocol");
  turn_until([&] { return failed.reason() == "tls.no_common_protocol"; });
}

TEST_F(EntranceTest, HoldsAThousandSilentConnectionsAndClosesThemAtOnce) {
  listen();
  constexpr std::size_t kConnections = 1000;
  for (std::size_t i = 0; i < kConnections; ++i) dial();
  turn_until([&] { return entrance->undecided() == kConnections; });
  EXPECT_EQ(metrics.undecided_connections.value(), 1000);

  const Status closed = core->run(entrance->close(core->deadline_after(5s)));

  EXPECT_TRUE(closed.ok()) << closed;
  EXPECT_EQ(entrance->undecided(), 0U);
  turn_until([&] { return clients.back().closed; });
  EXPECT_EQ(door_of(kGet), "closed") << "and nobody is let in after that";
}

TEST_F(EntranceTest, OwnsAsMuchAsASessionForWhoIsUndecided) {
  listen();
  constexpr std::int64_t kConnections = 100;
  std::vector<std::unique_ptr<io::Stream>> accepted;
  auto sink = core->listen(io::Address::loopback(0), {},
                           [&](io::Core&, std::unique_ptr<io::Stream> stream) {
                             accepted.push_back(std::move(stream));
                             if (accepted.size() < kConnections) return;
                             const testkit::Heap before = testkit::heap();
                             for (auto& each : accepted) entrance->accept(std::move(each));
                             const std::int64_t bytes = testkit::heap().bytes - before.bytes;
                             RecordProperty("bytes_each", static_cast<int>(bytes / kConnections));
                             constexpr std::int64_t kMallocMax = 48;  // and lists of the core's
                             const auto session = static_cast<std::int64_t>(sizeof(Session));
                             EXPECT_LE(bytes / kConnections, session + kMallocMax);
                           });
  for (std::int64_t i = 0; i < kConnections; ++i) {
    auto made = core->run(core->connect(sink.value()->local(), core->deadline_after(10s), {}));
    clients.emplace_back(*core, std::move(made).value());
    if (accepted.size() < kConnections) {
      core->turn(core->deadline_after(1ms));
    }
  }
  turn_until([&] { return entrance->undecided() == kConnections; });
}

TEST_F(EntranceTest, ClosesOneConnectionTooManyAtOnce) {
  options.undecided_max = 2;
  options.bounds = bounds.get();
  listen();
  End& first = dial();
  dial();
  turn_until([&] { return entrance->undecided() == 2; });
  End& third = dial();
  turn_until([&] { return third.closed; });

  EXPECT_EQ(metrics.undecided_refused.value(), 1U);
  EXPECT_EQ(bounds->hits(observe::Bound::kUndecided), 1U);
  first.write(kRaw);
  turn_until([&] { return !arrived.empty(); });
  EXPECT_EQ(entrance->undecided(), 1U);
}

TEST_F(EntranceTest, MoreMayComeOnceTheLimitIsRaisedAndNobodyGoesWhenItIsLowered) {
  options.undecided_max = 1;
  listen();
  dial();
  turn_until([&] { return entrance->undecided() == 1; });

  entrance->update({.undecided_max = 2});
  dial();
  turn_until([&] { return entrance->undecided() == 2; });
  entrance->update({.undecided_max = 1});
  End& third = dial();
  turn_until([&] { return third.closed; });

  EXPECT_EQ(entrance->undecided(), 2U);
  EXPECT_EQ(metrics.undecided_refused.value(), 1U);
}

TEST_F(EntranceTest, TheTimeOfWhoIsHereStaysAndWhoComesGetsTheNewOne) {
  listen();
  End& patient = dial();
  turn_until([&] { return entrance->undecided() == 1; });

  entrance->update({.undecided_max = 10, .first_byte_timeout = 20ms});
  End& hurried = dial();
  turn_until([&] { return hurried.closed; });

  EXPECT_FALSE(patient.closed);
  EXPECT_EQ(metrics.undecided_late.value(), 1U);
}

TEST_F(EntranceTest, WhoIsTurnedAwayGoesByADoorOfItsOwn) {
  use_certificate();
  turn_away = true;
  listen();

  EXPECT_EQ(door_of("GET / HTTP/1.1\r\n\r\n"), "away by http");
  EXPECT_EQ(door_of("\x00\x00\x00\x10\x05"sv), "away by raw");
  EXPECT_EQ(door_of("\x16\x03\x01\x00\x80\x01"sv), "closed") << "TLS costs too much";
  EXPECT_EQ(metrics.unknown_protocols.value(), 0U);
}

}  // namespace
}  // namespace fairlead::rpc
