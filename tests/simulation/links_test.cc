// What must hold of long-lived links, whatever a slow network that loses nothing does to them.
// Each seed is a run of its own, on virtual time.
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "tests/testkit/heap.h"
#include "tests/testkit/pass_time.h"
#include "tests/testkit/room.h"

namespace fairlead::simulation {
namespace {

using namespace std::chrono_literals;
using room_test::Device;
using room_test::Party;
using room_test::Pong;
using room_test::Room;

constexpr std::uint64_t kSeeds = 40;

// Delays, cuts frames anywhere, stalls and is slow.
io::NetworkOptions slow_network(std::uint64_t seed) {
  Random random(seed);
  io::NetworkOptions network;
  network.delay_max = std::chrono::microseconds(100 + random.below(5000));
  network.segment_bytes_max = 1 + random.below(2000);
  network.window_bytes = 1000 + random.below(50'000);
  network.stall_chance = 0.02 * random.unit();
  if (random.below(2) == 0) network.bytes_per_second = 20'000 + random.below(1'000'000);
  return network;
}

// Two programs and one link between them, which has said hello.
struct Link {
  explicit Link(std::uint64_t seed, rpc::PeerOptions options = {.hello = true})
      : simulation(seed, slow_network(seed)),
        server(simulation, "server", 2, options),
        client(simulation, "client", 1, options) {}
  void open() {
    server.open();
    client.open();
    mine.emplace(client.dial(0, server.listen(0)));
    pass(1s);
    theirs.emplace(*server.hub.find(mine->id()));
  }
  void pass(Duration time) { testkit::pass_time(core(), time); }
  io::Core& core() { return client.core(0); }
  Duration up_to(Duration most) {
    return Duration(static_cast<Duration::rep>(
        simulation.random().below(static_cast<std::uint64_t>(most.count()))));
  }

  io::Simulation simulation;
  Party server;
  Party client;
  std::optional<SessionRef> mine;
  std::optional<SessionRef> theirs;
  Scope scope;
};

// ---- a cancelled call's handler hears it

Task<void> hold_and_cancel(Link* link, Duration begin, Duration patience) {
  Status slept = co_await Sleep(link->core().timers(), link->core().deadline_after(begin));
  EXPECT_TRUE(slept.ok());
  auto call = std::make_optional(link->mine->as<Device>().hold({}, fl::within(100s)));
  slept = co_await Sleep(link->core().timers(), link->core().deadline_after(patience));
  EXPECT_TRUE(slept.ok());
  call.reset();
}

TEST(Links, ACancelledCallsHandlerHearsIt) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Link link(seed);
    link.open();
    for (int i = 0; i < 20; ++i) {
      link.scope.spawn(hold_and_cancel(&link, link.up_to(100ms), link.up_to(50ms)));
    }
    link.pass(10s);  // a tenth of what the callers said

    EXPECT_EQ(link.server.heard.holding, 0);
    EXPECT_EQ(link.server.heard.held, std::vector<Code>(20, Code::kCancelled));
    EXPECT_TRUE(link.mine->open());
  }
}

// ---- mutual calls at the bound

struct Ends {
  int well = 0;
  int refused = 0;
  int other = 0;
};

Task<void> ask_many(SessionRef session, io::Core* core, Ends* ends) {
  for (int i = 0; i < 20; ++i) {
    auto call = session.as<Device>().ask({.at = i}, fl::within(1000s));
    Result<Pong> reply = co_await call;
    if (reply.ok())
      ++ends->well;
    else
      ++(reply.status().reason() == "session.inflight" ? ends->refused : ends->other);
    Status slept = co_await Sleep(core->timers(), core->deadline_after(1ms));
    EXPECT_TRUE(slept.ok());
  }
}

// Each handler calls its caller back while all numbers of calls are taken on both sides.
TEST(Links, MutualCallsAtTheBoundEnd) {
  Ends all;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Link link(seed, {.inflight_calls_max = 4, .hello = true});
    link.open();
    Ends ends;
    const auto begin = [&](SessionRef session, io::Core& core) {
      core.post([&link, &ends, &core, session] {
        for (int i = 0; i < 8; ++i) link.scope.spawn(ask_many(session, &core, &ends));
      });
    };
    begin(*link.mine, link.core());
    begin(*link.theirs, link.server.core(0));
    link.pass(100s);

    EXPECT_EQ(link.scope.running(), 0U) << "somebody waits for ever";
    EXPECT_EQ(ends.well + ends.refused, 320);
    EXPECT_EQ(ends.other, 0);
    all.well += ends.well;
    all.refused += ends.refused;
  }
  EXPECT_GT(all.well, 300);
  EXPECT_GT(all.refused, 300);
}

// ---- a kick loses no reply that was written

struct Served {
  std::set<int> written{};  // by the server
  std::set<int> arrived{};
};

Task<void> call_slow(Link* link, int number, Served* served) {
  rpc::Session* session = link->mine->here();
  if (session == nullptr) co_return;
  auto call = session->call("/slow", 's', Bytes(std::to_string(number)), "",
                            link->core().deadline_after(100s));
  Result<rpc::Reply> reply = co_await call;
  if (reply.ok()) served->arrived.insert(number);
}

Task<void> call_now_and_then(Link* link, Served* served) {
  for (int number = 0; number < 100; ++number) {
    link->scope.spawn(call_slow(link, number, served));
    Status slept =
        co_await Sleep(link->core().timers(), link->core().deadline_after(link->up_to(2ms)));
    EXPECT_TRUE(slept.ok());
  }
}

Task<Status> serve_slowly(rpc::Context* context, Duration time, Served* served) {
  const Deadline until = context->core().deadline_after(time);
  Status slept = co_await Sleep(context->core().timers(), until);
  if (Buffer* out = context->begin_reply('s')) {
    out->append(std::string(400, 'x'));
    served->written.insert(std::stoi(std::string(context->body())));
  }
  co_return slept;
}

TEST(Links, AKickLosesNoReplyThatWasWritten) {
  std::size_t written = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Served served;
    Link link(seed);
    const auto slow = [&](rpc::Context& context) {
      return serve_slowly(&context, link.up_to(50ms), &served);
    };
    FL_CHECK(link.server.router.add(wire::Kind::kCall, "/slow", rpc::make_handler(slow)).ok());
    link.open();
    link.core().post([&] { link.scope.spawn(call_now_and_then(&link, &served)); });
    link.pass(link.up_to(150ms));
    link.theirs->kick("test");
    link.pass(20s);

    EXPECT_EQ(served.arrived, served.written);
    EXPECT_FALSE(link.theirs->open());
    EXPECT_EQ(link.scope.running(), 0U);
    written += served.written.size();
  }
  EXPECT_GT(written, 200U);
  EXPECT_LT(written, 100U * kSeeds) << "some kicks must come in the middle";
}

// ---- a broadcast to many, of whom some do not read

struct Reader final : io::StreamHandler {
  io::ReadResult on_read(const Bytes& input) override {
    received += input.size();
    return {input.size(), 0};
  }
  void on_end() override { stream->close(); }
  void on_close(Status) override {}
  std::unique_ptr<io::Stream> stream;
  std::size_t received = 0;
};

Task<void> connect(io::Core* core, io::Address at, Reader* reader, bool stuck) {
  auto connecting = core->connect(at, Deadline(), {});
  Result<std::unique_ptr<io::Stream>> made = co_await connecting;
  FL_CHECK(made.ok());
  reader->stream = std::move(*made);
  reader->stream->start(*reader);
  if (stuck) reader->stream->pause();
}

struct Sum {
  BroadcastResult result{};
  std::map<std::pair<const io::Core*, std::uint64_t>, std::size_t> told{};  // by core and turn
};

Task<void> broadcast_often(Party* server, std::string text, Sum* sum) {
  io::Core& core = *io::Core::current();
  for (int i = 0; i < 30; ++i) {
    const auto note_turn = [sum](const rpc::Session& session) {
      ++sum->told[{&session.core(), session.core().activity().turns}];
      return true;
    };
    auto broadcast = server->hub.some<Room>(note_turn).say({.from = "x", .text = text});
    Result<BroadcastResult> result = co_await broadcast;
    FL_CHECK(result.ok());
    sum->result.sent += result->sent;
    sum->result.skipped += result->skipped;
    sum->result.failed += result->failed;
    Status slept = co_await Sleep(core.timers(), core.deadline_after(20ms));
    FL_CHECK(slept.ok());
  }
}

TEST(Links, ABroadcastToTenThousandIsBoundedByThoseWhoDoNotRead) {
  constexpr std::size_t kSessions = 10'000;
  constexpr std::size_t kStuck = kSessions / 100;
  constexpr std::size_t kQueueBytes = 8'000;
  constexpr std::size_t kTextBytes = 1'000;
  io::Simulation simulation(1, {.segment_bytes_max = 100'000, .window_bytes = 4'000});
  Party server(simulation, "server", 2);
  server.hub.set_options({.broadcast_queue_bytes_max = kQueueBytes});
  server.open();
  io::Core& crowd = simulation.add_core("crowd");
  std::vector<Reader> readers(kSessions);
  const io::Address at[] = {server.listen(0), server.listen(1)};
  crowd.post([&] {
    for (std::size_t i = 0; i < kSessions; ++i) {
      crowd.spawn(connect(&crowd, at[i % 2], &readers[i], i % 100 == 7));
    }
  });
  testkit::pass_time(crowd, 100ms);
  ASSERT_EQ(server.hub.count(), kSessions);

  Sum sum;
  const testkit::Heap before = testkit::heap();
  server.core(0).run(broadcast_often(&server, std::string(kTextBytes, 't'), &sum));
  testkit::pass_time(crowd, 1s);
  const testkit::Heap after = testkit::heap();

  EXPECT_EQ(sum.result.sent + sum.result.skipped, 30 * kSessions);
  EXPECT_EQ(sum.result.failed, 0U);
  // What fits the window and the queue, 12 of 30, and then none.
  EXPECT_GE(sum.result.skipped, kStuck * 16);
  EXPECT_LE(sum.result.skipped, kStuck * 20);
  const std::size_t all = readers[0].received;
  EXPECT_GT(all, 30 * kTextBytes);
  for (std::size_t i = 0; i < kSessions; ++i) {
    const bool stuck = i % 100 == 7;
    EXPECT_TRUE(stuck || readers[i].received == all) << "reader " << i;
  }
  EXPECT_LE(simulation.unsent_bytes_peak(), kQueueBytes + kTextBytes + 100);
  // The stuck ones hold their queue twice over at most (a buffer grows by doubling) and what the
  // network has for them; the others hold nothing.
  EXPECT_LE(after.bytes - before.bytes,
            static_cast<std::int64_t>(kStuck * (2 * kQueueBytes + 8'000) + 2'000'000));
  for (const auto& [turn, told] : sum.told) {
    EXPECT_LE(told, fl::Hub::kToldPerTurn) << "others have their turn meanwhile";
  }

  for (Reader& reader : readers) crowd.dispose(std::move(reader.stream));
  crowd.turn(Deadline(crowd.now()));
}

}  // namespace
}  // namespace fairlead::simulation
