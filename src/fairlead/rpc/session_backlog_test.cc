// Peers that do not read, on virtual time: who is served, who waits, who is closed.
#include <algorithm>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/http/websocket.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/websocket_dial.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kQueueBytes = 1024 * 1024;
constexpr std::size_t kReplyBytes = 10'000;

PeerOptions options_with(observe::Bounds* bounds) {
  return {.write_queue_bytes_max = kQueueBytes, .call_timeout = 10min, .bounds = bounds};
}

// A call whose end is noted.
class Noted final : public PendingCall {
 public:
  explicit Noted(std::vector<Status>& ends) : ends_(ends) {}

 private:
  void on_done(Status status, const wire::MessageView&, const Bytes&) override {
    ends_.push_back(std::move(status));
  }
  std::vector<Status>& ends_;
};

// ---- a client that writes frames by hand and reads when it is told

class BacklogTest : public ::testing::Test, private io::StreamHandler {
 protected:
  void SetUp() override {
    add(wire::Kind::kCall, "/much", [this](Context& context) {
      context.reply_with('s', Bytes(std::string(kReplyBytes, 'x')));
      served.push_back(context.seq());
      return Status();
    });
    add(wire::Kind::kPush, "/tell", [this](Context&) {
      ++told;
      return Status();
    });
    listener = near.listen(io::Address::loopback(0), {},
                           [this](io::Core&, std::unique_ptr<io::Stream> made) {
                             session = &server.accept(std::move(made));
                             session->on_closed([this](Session&, const Status& why) {
                               session = nullptr;
                               ended = why;
                             });
                           })
                   .value();
    stream = far.run(far.connect(listener->local(), Deadline(), {})).value();
    stream->start(*this);
    stream->pause();
    while (session == nullptr) far.turn(Deadline::after(network.now(), 1ms));
  }
  void TearDown() override {
    far.dispose(std::move(stream));
    far.turn(Deadline(far.now()));
    (void)near.run(server.close(near.deadline_after(1s)));
    listener.reset();
  }
  void add(wire::Kind kind, std::string_view method, auto function) {
    ASSERT_TRUE(router.add(kind, method, make_handler(function)).ok());
  }
  void send(wire::Kind kind, std::string_view method, std::int32_t count,
            std::string_view metadata = {}) {
    for (std::int32_t i = 0; i < count; ++i) {
      const wire::MessageHead head{
          .seq = ++sent, .kind = kind, .method = method, .metadata = metadata};
      ASSERT_TRUE(wire::raw::append(stream->output(), head, "", {}).ok());
    }
    stream->wrote();
    pass(200ms);
  }
  void pass(Duration time) { testkit::pass_time(far, time); }
  void update_queue(std::size_t bytes) {
    near.post([this, bytes] {
      PeerOptions options = server.options();
      options.write_queue_bytes_max = bytes;
      server.update(options);
    });
    pass(1ms);
  }

  io::Simulation network{1, {.segment_bytes_max = 100'000, .window_bytes = 200'000}};
  io::Core& near = network.add_core("server");
  io::Core& far = network.add_core("client");
  observe::Registry registry;
  Metrics metrics = Metrics::make(registry).value();
  std::unique_ptr<observe::Bounds> bounds = observe::Bounds::make(registry).value();
  Router router;
  Peer server{near, router, options_with(bounds.get()), metrics};
  std::unique_ptr<io::Listener> listener;
  std::unique_ptr<io::Stream> stream;
  Session* session = nullptr;
  Status ended;
  std::int32_t sent = 0;
  std::vector<std::int32_t> served;
  int told = 0;
  std::size_t read = 0;

 private:
  io::ReadResult on_read(const Bytes& input) override {
    read += input.size();
    return {input.size(), 0};
  }
  void on_end() override {}
  void on_close(Status) override {}
};

TEST_F(BacklogTest, CallsWaitForRoomAndAreServedInTheirOrderThen) {
  send(wire::Kind::kCall, "/much", 300);
  const std::size_t before = served.size();
  EXPECT_LT(before, 100U) << "half of the queue, and the window";
  EXPECT_GT(before, 50U);
  ASSERT_NE(session, nullptr) << "it may yet read";

  stream->resume();
  pass(5s);
  ASSERT_EQ(served.size(), 300U);
  EXPECT_TRUE(std::ranges::is_sorted(served));
  EXPECT_GT(read, 300 * kReplyBytes);
  EXPECT_LT(network.unsent_bytes_peak(), kQueueBytes);
}

TEST_F(BacklogTest, PushesAreServedWhileCallsWait) {
  send(wire::Kind::kCall, "/much", 300);
  const std::size_t before = served.size();
  send(wire::Kind::kPush, "/tell", 5);

  EXPECT_EQ(told, 5);
  EXPECT_EQ(served.size(), before);
}

TEST_F(BacklogTest, MoreCallsThanMayWaitAreRefused) {
  send(wire::Kind::kCall, "/much", 1'300);

  EXPECT_GT(metrics.calls_refused.value(), 100U);
  EXPECT_GT(bounds->hits(observe::Bound::kWriteQueue), 100U);
  ASSERT_NE(session, nullptr);
  stream->resume();
  pass(10s);
  EXPECT_EQ(served.size() + metrics.calls_refused.value(), 1'300U) << "each has one answer";
}

TEST_F(BacklogTest, CallsWaitByTheQueueThatIsSetNow) {
  update_queue(4 * kQueueBytes);
  send(wire::Kind::kCall, "/much", 300);
  EXPECT_GT(served.size(), 200U) << "half of four times the queue, and the window";
  EXPECT_LT(served.size(), 260U);

  stream->resume();
  pass(5s);
  EXPECT_EQ(served.size(), 300U);
}

TEST_F(BacklogTest, CallsWaitSoonerWhereTheQueueBecameSmaller) {
  update_queue(kQueueBytes / 2);
  send(wire::Kind::kCall, "/much", 100);
  ASSERT_NE(session, nullptr) << ended;
  EXPECT_LT(served.size(), 60U);

  stream->resume();
  pass(5s);
  EXPECT_EQ(served.size(), 100U);
}

TEST_F(BacklogTest, TheTimeOfACallThatWaitedRunsFromItsArrival) {
  send(wire::Kind::kCall, "/much", 200);
  const std::size_t before = served.size();
  send(wire::Kind::kCall, "/much", 10, "X-Fl-Timeout=1000");
  pass(3s);
  stream->resume();
  pass(5s);

  EXPECT_EQ(served.size(), 200U) << "those ten had expired, after " << before;
  EXPECT_EQ(metrics.calls_refused.value(), 10U);
}

TEST_F(BacklogTest, APeerThatTakesNothingForFifteenSecondsIsClosed) {
  send(wire::Kind::kCall, "/much", 300);
  pass(13s);
  EXPECT_NE(session, nullptr);

  pass(4s);
  EXPECT_EQ(session, nullptr);
  EXPECT_EQ(ended.reason(), "session.slow_reader");
  EXPECT_EQ(bounds->hits(observe::Bound::kSlowReader), 1U);
}

TEST_F(BacklogTest, AFrameThatComesByTheByteIsClosedWhileCallsWait) {
  send(wire::Kind::kCall, "/much", 300);
  Buffer frame;
  ASSERT_TRUE(
      wire::raw::append(frame, {.seq = 1000, .kind = wire::Kind::kPush, .method = "/tell"}, "", {})
          .ok());
  for (std::size_t at = 0; at < 8; ++at) {
    stream->output().append(frame.view().substr(at, 1));
    stream->wrote();
    pass(1s);
  }

  EXPECT_EQ(session, nullptr);
  EXPECT_EQ(ended.reason(), "session.slow_frame");
}

TEST_F(BacklogTest, APeerThatTakesALittleNowAndThenIsNot) {
  send(wire::Kind::kCall, "/much", 300);
  for (int i = 0; i < 6; ++i) {
    pass(10s);
    const std::size_t before = read;
    stream->resume();
    while (read == before) far.turn(Deadline(network.now() + 1s));
    stream->pause();
    ASSERT_NE(session, nullptr) << i;
  }
}

TEST_F(BacklogTest, CallsThatWaitAreRefusedWhenTheSessionEnds) {
  send(wire::Kind::kCall, "/much", 300);
  const std::size_t before = served.size();
  auto close = [](Session* closing, io::Core* core) -> Task<void> {
    Status closed = co_await closing->close(core->deadline_after(10s));
  };
  near.spawn(close(session, &near));
  stream->resume();
  pass(5s);

  EXPECT_EQ(served.size(), before);
  EXPECT_EQ(metrics.calls_refused.value(), 300 - before);
}

TEST_F(BacklogTest, WhoAwaitsSendsWhenThereIsRoomAgain) {
  const std::string much(700'000, 'x');
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(session->push({.method = "/x", .body_codec = 's'}, Bytes(much)).ok());
  }
  pass(100ms);
  const Status at_once = session->push({.method = "/x", .body_codec = 's'}, Bytes("x"));
  EXPECT_EQ(at_once.code(), Code::kSendQueueFull);
  std::optional<Status> waited;
  auto wait = [](Session* full, io::Core* core, std::optional<Status>* out) -> Task<void> {
    Status room = co_await full->room(core->deadline_after(60s));
    *out = room;
  };
  near.spawn(wait(session, &near, &waited));
  pass(1s);
  EXPECT_FALSE(waited.has_value());

  stream->resume();
  pass(5s);
  ASSERT_TRUE(waited.has_value());
  EXPECT_TRUE(waited->ok()) << *waited;
}

TEST_F(BacklogTest, WhoIsWokenAndFillsTheQueueAgainWaitsAgain) {
  constexpr int kPushes = 20;
  int pushed = 0;
  auto flood = [](Session* full, io::Core* core, int* count) -> Task<void> {
    while (*count < kPushes) {
      const Status written =
          full->push({.method = "/x", .body_codec = 's'}, Bytes(std::string(700'000, 'x')));
      if (written.ok()) {
        ++*count;
        continue;
      }
      Status room = co_await full->room(core->deadline_after(60s));
      if (!room.ok()) co_return;
    }
  };
  stream->resume();
  near.spawn(flood(session, &near, &pushed));
  pass(10s);

  EXPECT_EQ(pushed, kPushes);
  EXPECT_GT(read, kPushes * 700'000U);
}

TEST_F(BacklogTest, WhoAwaitsHearsOfTheEnd) {
  const std::string much(700'000, 'x');
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(session->push({.method = "/x", .body_codec = 's'}, Bytes(much)).ok());
  }
  std::optional<Status> waited;
  auto wait = [](Session* full, io::Core* core, std::optional<Status>* out) -> Task<void> {
    Status room = co_await full->room(core->deadline_after(60s));
    *out = room;
  };
  near.spawn(wait(session, &near, &waited));
  pass(20s);

  ASSERT_TRUE(waited.has_value());
  EXPECT_EQ(waited->reason(), "session.closed");
}

// ---- a peer that reads slowly but steadily, over a WebSocket

class SlowSocketTest : public ::testing::TestWithParam<const char*> {
 protected:
  // Of both ends below the WebSocket; what the client hears is nothing to it.
  struct Reader final : io::StreamHandler {
    io::ReadResult on_read(const Bytes& input) override { return {input.size(), 0}; }
    void on_end() override {}
    void on_close(Status) override {}
  };
};

INSTANTIATE_TEST_SUITE_P(SubProtocols, SlowSocketTest, ::testing::Values("raw", "json", "pb"),
                         [](const auto& each) { return std::string(each.param); });

// The system holds more than such a peer reads in slow_reader_after, and takes nothing meanwhile.
TEST_P(SlowSocketTest, ThatReadsAllTheTimeIsKept) {
  io::Simulation network(1, {.segment_bytes_max = 10'000,
                             .window_bytes = 1'000'000,
                             .window_step_bytes = 500'000,
                             .bytes_per_second = 10'000});
  io::Core& near = network.add_core("server");
  io::Core& far = network.add_core("client");
  Router router;
  PeerOptions options = options_with(nullptr);
  options.idle.read = 1s;  // somebody looks at the link, and so at what waits
  Peer server(near, router, options);
  const wire::Protocol* const protocol = protocol_of_websocket(GetParam()).value();
  Session* session = nullptr;
  Reader reader;
  auto listener =
      near.listen(io::Address::loopback(0), {},
                  [&](io::Core&, std::unique_ptr<io::Stream> made) {
                    made->start(reader);
                    auto socket = std::make_unique<http::WebSocket>(
                        near, std::move(made), http::WebSocketAgreement{},
                        std::make_shared<const http::WebSocketOptions>(websocket_options({})));
                    session =
                        &server.accept(stream_over(near, std::move(socket), protocol), protocol);
                    session->on_closed([&session](Session&, const Status&) { session = nullptr; });
                  })
          .value();
  auto stream = far.run(far.connect(listener->local(), Deadline(), {})).value();
  stream->start(reader);
  const auto pass = [&](Duration time) {
    const Deadline until = Deadline::after(network.now(), time);
    while (!until.passed(network.now())) far.turn(until);
  };
  while (session == nullptr) pass(1ms);

  const std::string much(200'000, 'x');
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(session->push({.method = "/x", .body_codec = 's'}, Bytes(much)).ok());
  }
  pass(1s);
  ASSERT_NE(session, nullptr);
  const std::size_t unsent = session->unsent_bytes();
  EXPECT_GT(unsent, 100'000U);
  pass(40s);
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(session->unsent_bytes(), unsent) << "nothing has left, but the peer has read";

  far.dispose(std::move(stream));
  far.turn(Deadline(far.now()));
  (void)near.run(server.close(near.deadline_after(1s)));
}

// ---- two peers that call each other

class BothFullTest : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  static void add(Router& router) {
    ASSERT_TRUE(router
                    .add(wire::Kind::kCall, "/much", make_handler([](Context& context) {
                           context.reply_with('s', Bytes(std::string(kReplyBytes, 'x')));
                           return Status();
                         }))
                    .ok());
  }
};

INSTANTIATE_TEST_SUITE_P(Seeds, BothFullTest, ::testing::Range<std::uint64_t>(1, 9));

// Each side has more replies for the other one than its queue holds, and holds the other's calls.
// Were reading to pause, neither would ever read the replies that fill both directions.
TEST_P(BothFullTest, TwoPeersThatHoldEachOthersCallsGetOn) {
  io::Simulation network(GetParam(), {.segment_bytes_max = 20'000, .window_bytes = 60'000});
  io::Core& near = network.add_core("one");
  io::Core& far = network.add_core("other");
  Router routes;
  add(routes);
  PeerOptions options = options_with(nullptr);
  options.inflight_calls_max = 2000;
  Peer one(near, routes, options);
  Peer other(far, routes, options);
  Session* accepted = nullptr;
  auto listener = near.listen(io::Address::loopback(0), {},
                              [&](io::Core&, std::unique_ptr<io::Stream> made) {
                                accepted = &one.accept(std::move(made));
                              })
                      .value();
  Session* const dialled = far.run(other.dial(listener->local(), Deadline())).value();
  const auto pass = [&](Duration time) {
    const Deadline until = Deadline::after(network.now(), time);
    while (!until.passed(network.now())) far.turn(until);
  };
  while (accepted == nullptr) pass(1ms);
  std::vector<Status> ends;
  std::list<Noted> calls;
  const std::string argument(500, 'a');
  const auto start = [&](Session* from) {
    for (int i = 0; i < 600; ++i) {
      from->start_call(calls.emplace_back(ends), {.method = "/much", .body_codec = 's'}, Deadline(),
                       {}, Bytes(argument));
    }
  };
  bool started = false;
  near.post([&] {
    start(accepted);
    started = true;
  });
  far.post([&] { start(dialled); });
  pass(60s);

  EXPECT_TRUE(started);
  EXPECT_EQ(ends.size(), 1200U);
  for (const Status& end : ends) ASSERT_TRUE(end.ok()) << end;
  EXPECT_LT(network.unsent_bytes_peak(), kQueueBytes + 2 * kReplyBytes);
  (void)far.run(other.close(far.deadline_after(5s)));
  (void)near.run(one.close(near.deadline_after(5s)));
}

}  // namespace
}  // namespace fairlead::rpc
