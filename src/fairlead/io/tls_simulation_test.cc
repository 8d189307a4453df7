// TLS on virtual time, over a network that delays, cuts, stalls and breaks.
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/io/simulation.h"
#include "fairlead/io/tls_test.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBytes = 200'000;

// What one run came to.
struct Outcome {
  Status dialed;
  Status client_why;
  Status server_why;
  bool answered = false;  // all of it, unchanged
  std::uint64_t digest = 0;
  std::size_t streams_left = 0;
};

struct Contexts {
  Contexts() {
    const TestIdentity root = TestIdentity::root();
    const TlsOptions for_server{.certificates = {folder.write("server", root.issue({}))}};
    const TlsOptions for_client{.ca_file = folder.write("root.pem", root.certificate_pem()),
                                .tickets = false};  // a run knows nothing of the one before
    server = TlsContext::make(TlsRole::kServer, for_server, wall_ms()).value();
    client = TlsContext::make(TlsRole::kClient, for_client, wall_ms()).value();
  }
  TestFolder folder;
  std::shared_ptr<const TlsContext> server;
  std::shared_ptr<const TlsContext> client;
};

Task<void> scenario(Core* core, Address to, const Contexts* contexts, Outcome* out) {
  auto stream = co_await core->connect(to, core->deadline_after(5s), CancelToken());
  if (!stream.ok()) {
    out->dialed = stream.status();
    co_return;
  }
  auto made = co_await tls_connect(*core, std::move(stream).value(), contexts->client, "localhost",
                                   Deadline(), CancelToken());
  out->dialed = made.status();
  if (!made.ok()) co_return;
  // Outlives its stream, which goes at the end of a turn.
  auto client = std::make_unique<TlsRecorder>(*core, std::move(made).value());
  std::string all;
  for (std::size_t at = 0; at < kBytes; at += 1000) {
    all += std::string(1000, static_cast<char>('a' + at / 1000 % 26));
    client->write(std::string_view(all).substr(at));
    Status slept = co_await Sleep(core->timers(), core->deadline_after(100us));
  }
  for (int i = 0; i < 10'000 && !client->closed && client->received.size() < kBytes; ++i) {
    Status slept = co_await Sleep(core->timers(), core->deadline_after(1ms));
  }
  out->answered = client->received == all;
  client->stream->close();
  for (int i = 0; i < 10'000 && !client->closed; ++i) {
    Status slept = co_await Sleep(core->timers(), core->deadline_after(1ms));
  }
  out->client_why = client->why;
}

Outcome run(std::uint64_t seed, const NetworkOptions& network, const Contexts& contexts) {
  Outcome out;
  Simulation simulation(seed, network);
  Core& client = simulation.add_core("client");
  Core& server = simulation.add_core("server");
  std::list<TlsRecorder> servers;
  auto listener =
      server.listen(Address::loopback(7000), {}, [&](Core& owner, std::unique_ptr<Stream> stream) {
        servers.emplace_back(owner, tls_wrap(owner, std::move(stream), contexts.server));
        servers.back().echo = true;
      });
  client.run(scenario(&client, listener.value()->local(), &contexts, &out));
  const auto settle = [](Core* core) -> Task<void> {
    Status slept = co_await Sleep(core->timers(), core->deadline_after(20s));
  };
  client.run(settle(&client));
  for (const TlsRecorder& one : servers) {
    if (one.closed) out.server_why = one.why;
  }
  out.digest = simulation.digest();
  servers.clear();
  listener.value().reset();
  client.run(settle(&client));
  out.streams_left = simulation.streams();
  return out;
}

TEST(TlsSimulation, CarriesEveryByteOverANetworkThatCutsAndStalls) {
  const Contexts contexts;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    NetworkOptions network;
    network.segment_bytes_max = 1 + seed * 150;
    network.window_bytes = 24 * 1024;  // a window holds what is not consumed: more than a record
    network.stall_chance = 0.01;
    const Outcome out = run(seed, network, contexts);
    ASSERT_TRUE(out.dialed.ok()) << out.dialed << " seed " << seed;
    EXPECT_TRUE(out.answered) << "seed " << seed;
    EXPECT_TRUE(out.client_why.ok()) << out.client_why << " seed " << seed;
    EXPECT_TRUE(out.server_why.ok()) << out.server_why << " seed " << seed;
    EXPECT_EQ(out.streams_left, 0U);
  }
}

TEST(TlsSimulation, TellsBothSidesWhenTheNetworkBreaks) {
  const Contexts contexts;
  int broken = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    NetworkOptions network;
    network.reset_chance = 0.01;
    network.half_open_chance = 0.001;
    const Outcome out = run(seed, network, contexts);
    const Status& why = out.dialed.ok() ? out.client_why : out.dialed;
    if (!why.ok()) ++broken;
    if (!out.dialed.ok()) {
      EXPECT_EQ(out.dialed.code(), Code::kDialFailed) << out.dialed << " seed " << seed;
    }
    EXPECT_EQ(out.streams_left, 0U) << "seed " << seed;
  }
  EXPECT_GT(broken, 10);
}

TEST(TlsSimulation, ReplaysASeed) {
  const Contexts contexts;
  NetworkOptions network;
  network.reset_chance = 0.002;
  EXPECT_EQ(run(3, network, contexts).digest, run(3, network, contexts).digest);
}

}  // namespace
}  // namespace fairlead::io
