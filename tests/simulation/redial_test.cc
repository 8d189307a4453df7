// What must hold when links are lost and dialled again: for a crowd that lost one server, for a
// server that comes and goes, and for everybody who waits. Each seed is a run of its own, on
// virtual time.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/io/connection_limits.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/plugin.h"
#include "fairlead/rpc/plugin_chain.h"
#include "fairlead/upstream/service.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::simulation {
namespace {

using namespace std::chrono_literals;
using upstream::Endpoint;
using upstream::EndpointSet;
using upstream::Redial;
using upstream::Service;

// A program that serves at one address, dies there and comes again.
class Server {
 public:
  Server(io::Simulation& world, const std::string& name) : core_(world.add_core(name)) {
    const auto answer = [](rpc::Context& context) {
      if (Buffer* out = context.begin_reply('s')) out->append("yes");
      return Status();
    };
    FL_CHECK(routes_.add(wire::Kind::kCall, "/ask", rpc::make_handler(answer)).ok());
  }
  ~Server() { stop(); }

  void start(bool hello = false) {
    peer_.emplace(core_, routes_, rpc::PeerOptions{.hello = hello});
    listener_ = core_
                    .listen(at_.value_or(io::Address::loopback(0)), {},
                            [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                              arrivals.push_back(core_.now());
                              rpc::Session& session = peer_->accept(std::move(stream));
                              // It crashes while somebody dials, or as soon as somebody has.
                              if (dies_when_dialled) core_.spawn(cut(&session));
                            })
                    .value();
    at_ = listener_->local();
  }
  void stop() {
    listener_.reset();
    if (peer_.has_value()) (void)core_.run(peer_->close(Deadline(core_.now())));
    peer_.reset();
  }
  bool up() const { return peer_.has_value(); }
  void go_away(Duration retry_after) {
    peer_->for_each_session([&](rpc::Session& one) { one.go_away("storm", retry_after); });
  }
  Endpoint endpoint(const std::string& id) const { return {.id = id, .address = *at_}; }

  std::vector<Time> arrivals;
  bool dies_when_dialled = false;

 private:
  static Task<void> cut(rpc::Session* session) {
    Status ended = co_await session->close(Deadline(session->core().now()));
    (void)ended.ok();
  }

  io::Core& core_;
  rpc::Router routes_;
  std::optional<rpc::Peer> peer_;
  std::unique_ptr<io::Listener> listener_;
  std::optional<io::Address> at_;
};

// ---- a crowd

// Programs that call one server, each with a link of its own.
class Crowd {
 public:
  Crowd(io::Simulation& world, const Server& server, std::size_t count)
      : core_(world.add_core("crowd")) {
    const auto endpoints =
        std::make_shared<const EndpointSet>(EndpointSet{server.endpoint("server")});
    for (std::size_t i = 0; i < count; ++i) {
      peers_.push_back(std::make_unique<rpc::Peer>(core_, no_routes_, rpc::PeerOptions{}));
      services_.push_back(std::make_unique<Service>(*peers_.back(), "server"));
      services_.back()->update(endpoints);
      core_.spawn(ask(services_.back().get()));
    }
  }
  ~Crowd() {
    for (const auto& service : services_) {
      (void)core_.run(service->close(core_.deadline_after(1s)));
    }
    services_.clear();
    for (const auto& peer : peers_) (void)core_.run(peer->close(core_.deadline_after(1s)));
  }
  io::Core& core() { return core_; }
  std::size_t connected() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        services_, [](const auto& service) { return service->session_count() == 1; }));
  }

 private:
  static Task<void> ask(Service* service) {
    upstream::RawRequest request{.method = "/ask", .body_codec = 's'};
    auto call = service->call(std::move(request), Deadline());
    Result<rpc::Reply> reply = co_await call;
    EXPECT_TRUE(reply.ok());
  }

  io::Core& core_;
  rpc::Router no_routes_;
  std::vector<std::unique_ptr<rpc::Peer>> peers_;
  std::vector<std::unique_ptr<Service>> services_;
};

struct Arrivals {
  std::size_t all = 0;
  Duration first{}, last{};  // since the server is back
  std::size_t busiest_second = 0;
  std::size_t busiest_tenth = 0;         // of any window of a tenth of first .. last
  std::size_t accepted_in_a_second = 0;  // at the most, by a listener with the usual limits
  Duration accepted_within{};            // of the first one
};

std::size_t busiest(const std::vector<Time>& times, Duration window) {
  std::size_t most = 0;
  for (std::size_t begin = 0, end = 0; begin < times.size(); ++begin) {
    while (end < times.size() && times[end] < times[begin] + window) ++end;
    most = std::max(most, end - begin);
  }
  return most;
}

// When a listener with the usual limits takes those who come then.
std::vector<Time> accepted(const std::vector<Time>& arrivals) {
  io::ConnectionLimits limits({.connections_max = 100'000});
  std::vector<io::ConnectionPass> passes;
  std::vector<Time> out;
  Time now{};
  for (const Time arrival : arrivals) {
    now = std::max(now, arrival);
    for (;;) {
      const Duration wait = limits.wait_before_accept(now, true);
      if (wait <= Duration::zero()) break;
      now += std::max<Duration>(wait, 1ms);
    }
    passes.push_back(std::move(limits.admit(io::Address::loopback(7), 5, now).pass));
    out.push_back(now);
  }
  return out;
}

// Everybody is connected for long, the server is away for a time, and comes back.
Arrivals restart(std::uint64_t seed, std::size_t count, Duration away) {
  io::Simulation world(seed);
  Server server(world, "server");
  server.start();
  Crowd crowd(world, server, count);
  testkit::pass_time(crowd.core(), 30s);
  EXPECT_EQ(crowd.connected(), count);

  server.stop();
  testkit::pass_time(crowd.core(), away);
  server.arrivals.clear();
  server.start();
  const Time back = crowd.core().now();
  testkit::pass_time(crowd.core(), 60s);

  EXPECT_EQ(crowd.connected(), count) << "everybody is back";
  std::vector<Time>& times = server.arrivals;
  std::ranges::sort(times);
  Arrivals arrivals{
      .all = times.size(), .first = times.front() - back, .last = times.back() - back};
  arrivals.busiest_second = busiest(times, 1s);
  arrivals.busiest_tenth = busiest(times, (times.back() - times.front()) / 10);
  const std::vector<Time> taken = accepted(times);
  arrivals.accepted_in_a_second = busiest(taken, 1s);
  arrivals.accepted_within = taken.back() - taken.front();
  return arrivals;
}

double in_seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

// The rule: of the time from the first who comes to the last, no second brings more than twice its
// even share, and no tenth more than two and a half times its. How long that time is follows from
// how long the server was away: those that lost it at one moment try first within 0.1 to 1 s, and
// then less and less often. A server that is back before any of them has tried sees all of them
// within 0.9 s; it takes them by limits.accepts_per_second_max.
TEST(Redial, FiveThousandClientsComeBackSpreadOverTime) {
  constexpr std::size_t kClients = 5000;
  for (const Duration away :
       {Duration(0s), Duration(1s), Duration(2s), Duration(5s), Duration(10s)}) {
    const Arrivals arrivals = restart(1, kClients, away);
    std::printf(
        "away %4.1f s: %zu arrive from %.2f s to %.2f s; busiest second %zu, busiest tenth %zu "
        "(even share %zu)\n",
        in_seconds(away), arrivals.all, in_seconds(arrivals.first), in_seconds(arrivals.last),
        arrivals.busiest_second, arrivals.busiest_tenth, arrivals.all / 10);

    EXPECT_EQ(arrivals.all, kClients) << "one dial each";
    EXPECT_LE(arrivals.busiest_tenth, kClients / 4);
    const double width = in_seconds(arrivals.last - arrivals.first);
    EXPECT_GE(width, 0.8);
    EXPECT_LE(static_cast<double>(arrivals.busiest_second), 2.0 * kClients / width);
    EXPECT_LE(arrivals.accepted_in_a_second, 4000U) << "2,000 at once, and 2,000 a second";
    EXPECT_GT(arrivals.accepted_within, 1s);
  }
}

// ---- everybody who waits

// Counts dials that run: those that began, without those that ended.
class Running final : public rpc::Plugin {
 public:
  explicit Running(std::uint64_t& begun) : Plugin("running"), begun_(begun) {}
  Status pre_dial(rpc::Dialling&) override {
    ++begun_;
    return {};
  }

 private:
  std::uint64_t& begun_;
};

// Two servers that crash, come again, go away and are overloaded; and a program that calls them.
struct Town {
  explicit Town(std::uint64_t seed) : world(seed, network(seed)), core(world.add_core("caller")) {
    FL_CHECK(plugins.add(Running(begun)).ok());
    peer.emplace(
        core, no_routes,
        rpc::PeerOptions{.hello = true, .plugins = &plugins, .heartbeat = rpc::kUsualHeartbeat});
    upstream::ServiceOptions options{.line = &line};
    options.metrics = metrics;
    if (seed % 4 == 0) options.dial.redial.redial_times = 3;
    service.emplace(*peer, "town", options);
    for (Server& server : servers) server.start(true);
  }
  static io::NetworkOptions network(std::uint64_t seed) {
    Random random(seed);
    io::NetworkOptions options;
    options.refuse_chance = 0.2 * random.unit();
    options.unanswered_chance = 0.1 * random.unit();
    options.reset_chance = 0.02 * random.unit();
    options.lost_chance = 0.005 * random.unit();
    options.half_open_chance = 0.005 * random.unit();
    return options;
  }
  Duration up_to(Duration most) {
    return Duration(
        static_cast<Duration::rep>(world.random().below(static_cast<std::uint64_t>(most.count()))));
  }
  void update() {
    EndpointSet set;
    const std::uint64_t without = world.random().below(4);  // 2, 3: nobody
    for (std::size_t i = 0; i < servers.size(); ++i) {
      if (i != without) set.push_back(servers[i].endpoint(std::to_string(i)));
    }
    removals += without < servers.size() ? 1 : 0;
    service->update(std::make_shared<const EndpointSet>(std::move(set)));
  }

  io::Simulation world;
  io::Core& core;
  std::array<Server, 2> servers{Server(world, "a"), Server(world, "b")};
  std::uint64_t begun = 0;
  rpc::PluginChain plugins;
  observe::Registry registry;
  upstream::Metrics metrics = upstream::Metrics::make(registry).value();
  upstream::DialLimits limits{{.dials_max = 3, .dials_per_second = 20}};
  upstream::DialLine line{core, limits};
  rpc::Router no_routes;
  std::optional<rpc::Peer> peer;
  std::optional<Service> service;
  std::size_t removals = 0;
  std::size_t running_most = 0;
  int ended = 0;
  int well = 0;
  int late = 0;
  Scope scope;
};

Task<void> call(Town* town, bool patient) {
  Status slept = co_await Sleep(town->core.timers(), town->core.deadline_after(town->up_to(60s)));
  EXPECT_TRUE(slept.ok());
  upstream::RawRequest request{.method = "/ask", .body_codec = 's', .wait_for_ready = patient};
  const Deadline deadline = town->core.deadline_after(1ms + town->up_to(20s));
  auto calling = town->service->call(std::move(request), deadline);
  Result<rpc::Reply> reply = co_await calling;
  ++town->ended;
  if (reply.ok()) ++town->well;
  if (town->core.now() > deadline.at() + 5ms) ++town->late;
}

void disturb(Town& town) {
  Server& server = town.servers[town.world.random().below(2)];
  switch (town.world.random().below(6)) {
    case 0:
      server.stop();
      break;
    case 1:
      if (!server.up()) server.start(true);
      break;
    case 2:
      if (server.up()) server.go_away(0s);
      break;
    case 3:
      if (server.up()) server.go_away(town.up_to(5s));
      break;
    case 4:
      server.dies_when_dialled = !server.dies_when_dialled;
      break;
    default:
      town.update();
  }
  const std::uint64_t done = town.metrics.dials_ok.value() + town.metrics.dials_failed.value();
  town.running_most = std::max<std::size_t>(town.running_most, town.begun - done);
}

TEST(Redial, EverybodyWhoWaitsEndsOnceAndInTime) {
  int well = 0;
  int failed = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Town town(seed);
    town.update();
    for (int i = 0; i < 100; ++i) town.scope.spawn(call(&town, i % 2 == 0));
    for (int i = 0; i < 120; ++i) {
      testkit::pass_time(town.core, town.up_to(1s));
      disturb(town);
    }
    testkit::pass_time(town.core, 30s);

    EXPECT_EQ(town.ended, 100) << "somebody waits for ever";
    EXPECT_EQ(town.late, 0);
    EXPECT_LE(town.running_most, 3U) << "limits of the process";
    (void)town.core.run(town.service->close(town.core.deadline_after(5s)));
    town.service.reset();
    (void)town.core.run(town.peer->close(town.core.deadline_after(1s)));
    town.peer.reset();
    EXPECT_EQ(town.limits.dialing(), 0U);
    std::int64_t endpoints = 0;
    for (const observe::Gauge& gauge : town.metrics.endpoints) endpoints += gauge.value();
    EXPECT_EQ(endpoints, 0) << "each is counted out";
    well += town.well;
    failed += town.ended - town.well;
  }
  EXPECT_GT(well, 2000);
  EXPECT_GT(failed, 2000) << "and they must have had reason to";
}

// One endpoint that stays: never two dials to it at once, whatever happens and whoever asks.
TEST(Redial, ALinkIsDialledOnceAtATime) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Town town(seed);
    town.service->update(
        std::make_shared<const EndpointSet>(EndpointSet{town.servers[0].endpoint("0")}));
    for (int i = 0; i < 100; ++i) town.scope.spawn(call(&town, i % 2 == 0));
    for (int i = 0; i < 2000; ++i) {
      testkit::pass_time(town.core, town.up_to(60ms));
      if (i % 20 == 0 && town.servers[0].up()) {
        town.servers[0].stop();
      } else if (i % 20 == 10) {
        town.servers[0].start(true);
      }
      const std::uint64_t done = town.metrics.dials_ok.value() + town.metrics.dials_failed.value();
      ASSERT_LE(town.begun - done, 1U);
    }
    (void)town.core.run(town.service->close(town.core.deadline_after(5s)));
    testkit::pass_time(town.core, 30s);
    EXPECT_EQ(town.ended, 100);
    town.service.reset();
    (void)town.core.run(town.peer->close(town.core.deadline_after(1s)));
    town.peer.reset();
  }
}

// ---- a server that comes and goes

TEST(Redial, AServerThatDiesEveryThreeSecondsIsDialledLessAndLess) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    io::Simulation world(seed);
    Server server(world, "server");
    server.start();
    Crowd crowd(world, server, 20);
    for (int i = 0; i < 200; ++i) {  // ten minutes
      testkit::pass_time(crowd.core(), 3s);
      server.stop();
      server.start();
    }
    // A fixed pause would come to 4,000 at one a loss. From 1.6 times as long each time to 30 s, in
    // 600 s: about 26 each.
    EXPECT_LE(server.arrivals.size(), 20U * 34U);
    EXPECT_GE(server.arrivals.size(), 20U * 15U) << "and is not given up";
  }
}

}  // namespace
}  // namespace fairlead::simulation
