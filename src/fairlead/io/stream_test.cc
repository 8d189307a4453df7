#include "fairlead/io/stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <list>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/base/random.h"
#include "fairlead/io/core.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMuch = Stream::kFlushBytes;  // what a write of sends at once

// One end of a connection that records what happens and can be told what to do.
struct Recorder final : StreamHandler {
  Recorder(Core& owner, std::unique_ptr<Stream> made) : core(owner), stream(std::move(made)) {
    stream->start(*this);
  }
  ~Recorder() { core.dispose(std::move(stream)); }
  ReadResult on_read(const Bytes& input) override {
    ++reads;
    std::size_t takes = std::min(input.size(), take_max);
    if (unit > 0) takes = input.size() / unit * unit;
    received.append(input.view().substr(0, takes));
    if (hold) held.push_back(input.slice(0, takes));
    if (echo) {
      stream->output().append(input.view().substr(0, takes));
      stream->wrote();
    }
    if (on_each_read) on_each_read();
    return {takes, takes < input.size() ? unit : 0};
  }
  void on_end() override {
    ended = true;
    received_at_end = received;
    if (close_at_end) stream->close();
  }
  void on_close(Status status) override {
    closed = true;
    why = std::move(status);
  }
  void on_sent() override { ++sent; }
  void write(std::string_view text) {
    stream->output().append(text);
    stream->wrote();
  }

  Core& core;
  std::unique_ptr<Stream> stream;
  std::function<void()> on_each_read;
  std::string received;
  std::string received_at_end;
  std::list<Bytes> held;
  std::size_t take_max = std::string::npos;
  std::size_t unit = 0;
  int reads = 0;
  int sent = 0;
  bool echo = false;
  bool hold = false;
  bool close_at_end = true;
  bool ended = false;
  bool closed = false;
  Status why;
};

class StreamTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() / ("fl_io_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    const std::string text = GetParam() == std::string("unix")
                                 ? "unix:" + (folder / "s.sock").string()
                                 : std::string(GetParam());
    auto opened = core->listen(Address::parse(text).value(), {},
                               [this](Core& owner, std::unique_ptr<Stream> stream) {
                                 server.emplace(owner, std::move(stream));
                               });
    ASSERT_TRUE(opened.ok()) << opened.status();
    listener = std::move(opened).value();
  }
  void TearDown() override {
    server.reset();
    client.reset();
    listener.reset();
    core.reset();
    std::filesystem::remove_all(folder);
  }
  void connect() {
    auto made = core->run(core->connect(listener->local(), core->deadline_after(5s), {}));
    ASSERT_TRUE(made.ok()) << made.status();
    client.emplace(*core, std::move(made).value());
    turn_until([&] { return server.has_value(); });
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(50ms));
    ASSERT_TRUE(condition());
  }

  std::filesystem::path folder;
  std::unique_ptr<Core> core = Core::make().value();
  std::unique_ptr<Listener> listener;
  std::optional<Recorder> server;
  std::optional<Recorder> client;
};

TEST_P(StreamTest, CarriesBytesBothWaysAndClosesInOrder) {
  connect();
  server->echo = true;
  client->write("hello");
  turn_until([&] { return client->received == "hello"; });

  client->stream->close();
  EXPECT_FALSE(client->closed) << "never inside the call";
  turn_until([&] { return client->closed && server->closed; });

  EXPECT_TRUE(client->why.ok());
  EXPECT_TRUE(server->ended);
  EXPECT_TRUE(server->why.ok());
}

TEST_P(StreamTest, SendsAnAnswerWhenTheReadEndsAndOtherOutputWhenTheTurnDoes) {
  connect();
  server->echo = true;
  std::size_t left_of_the_answer = 1;
  std::size_t left_of_the_letter = 0;
  server->on_each_read = [&] {
    core->post([&] {  // runs in the same turn, after all reads
      left_of_the_answer = server->stream->unsent_bytes();
      server->write("letter");
      left_of_the_letter = server->stream->unsent_bytes();
    });
  };

  client->write("hello");
  turn_until([&] { return client->received == "helloletter"; });

  EXPECT_EQ(left_of_the_answer, 0U);
  EXPECT_EQ(left_of_the_letter, 6U);
}

TEST_P(StreamTest, AbortsInsideARead) {
  connect();
  server->echo = true;
  server->on_each_read = [&] {
    server->stream->abort(Status(Code::kOverloaded, "test.enough", "no more"));
    EXPECT_FALSE(server->closed) << "never inside the call";
  };

  client->write("hello");
  turn_until([&] { return server->closed && client->closed; });

  EXPECT_EQ(server->why.reason(), "test.enough");
  EXPECT_EQ(client->received, "") << "unsent output is dropped";
}

TEST_P(StreamTest, GivesACutUnitAgainUntilItIsWhole) {
  connect();
  const std::string unit(300'000, 'u');
  server->unit = unit.size();
  for (std::size_t at = 0; at < unit.size(); at += 50'000) {
    client->write(std::string_view(unit).substr(at, 50'000));
    core->turn(core->deadline_after(1ms));
  }
  turn_until([&] { return server->received.size() == unit.size(); });
  EXPECT_EQ(server->received, unit);
}

// Reads no more than its first bytes, then gives the stream to somebody else.
struct Doorman final : StreamHandler {
  Doorman(Stream& guarded, StreamHandler& to) : stream(guarded), next(to) {}
  ReadResult on_read(const Bytes& input) override {
    seen += input.view();
    if (seen.size() < 3) return {};
    stream.hand_over(next);
    return {1, 0};
  }
  void on_end() override { stream.hand_over(next); }
  void on_close(Status) override {}

  Stream& stream;
  StreamHandler& next;
  std::string seen;
};

TEST_P(StreamTest, GivesWhatAReaderOfFirstBytesLeftToTheNextHandler) {
  connect();
  Doorman doorman(*server->stream, *server);
  server->stream->hand_over(doorman);
  server->echo = true;

  client->write("abc");
  turn_until([&] { return client->received == "bc"; });
  client->write("def");
  turn_until([&] { return client->received == "bcdef"; });

  EXPECT_EQ(doorman.seen, "abc") << "and nothing after it";
  client->stream->close();
  turn_until([&] { return server->closed; });
}

TEST_P(StreamTest, TellsTheNextHandlerOfAnEndThatItsReaderMet) {
  connect();
  Doorman doorman(*server->stream, *server);
  server->stream->hand_over(doorman);

  client->write("a");
  client->stream->close();
  turn_until([&] { return server->closed; });

  EXPECT_EQ(server->received, "a") << "what was never consumed comes with it";
  EXPECT_TRUE(server->ended);
}

// Otherwise the next handler would close before it had seen a request that came with its end.
TEST_P(StreamTest, GivesWhatIsLeftToTheNextHandlerBeforeTheEndThatCameWithIt) {
  connect();
  Doorman doorman(*server->stream, *server);
  server->stream->hand_over(doorman);
  server->echo = true;

  client->write("abcdef");
  client->stream->close();
  turn_until([&] { return server->closed; });

  EXPECT_EQ(server->received, "bcdef");
  EXPECT_EQ(server->received_at_end, "bcdef");
}

// Who takes a stream may not want to read yet.
TEST_P(StreamTest, KeepsWhatWasLeftWhileTheNextHandlerPauses) {
  connect();
  struct Pausing final : StreamHandler {
    explicit Pausing(Recorder& to) : next(to) {}
    ReadResult on_read(const Bytes& input) override {
      next.stream->hand_over(next);
      next.stream->pause();
      received_inside = next.received;
      return {input.size() / 2, 0};
    }
    void on_end() override {}
    void on_close(Status) override {}
    Recorder& next;
    std::string received_inside;
  } doorman(*server);
  server->stream->hand_over(doorman);

  client->write("abcdef");
  for (int turn = 0; turn < 20; ++turn) core->turn(core->deadline_after(1ms));
  EXPECT_EQ(server->received, "");
  server->stream->resume();
  turn_until([&] { return server->received == "def"; });

  EXPECT_EQ(doorman.received_inside, "");
}

TEST_P(StreamTest, StartsAStreamThatWasStartedAlreadyByHandingItOver) {
  connect();
  Doorman doorman(*server->stream, *server);
  server->stream->start(doorman);

  client->write("ab");
  turn_until([&] { return doorman.seen.size() >= 2; });

  EXPECT_EQ(server->received, "");
}

TEST_P(StreamTest, KeepsOrderWhateverTheReaderLeaves) {
  connect();
  Random random(5);
  std::string all;
  for (int i = 0; i < 300; ++i) {
    std::string part(random.below(4000), static_cast<char>('a' + i % 26));
    client->write(part);
    all += part;
    server->take_max = 1 + random.below(6000);
    core->turn(Deadline(core->now()));
  }
  server->take_max = std::string::npos;
  client->write("!");
  all += "!";
  turn_until([&] { return server->received.size() == all.size(); });
  EXPECT_EQ(server->received, all);
}

TEST_P(StreamTest, NeverOverwritesBytesThatAreStillHeld) {
  connect();
  server->hold = true;
  Random random(9);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    std::string part(1 + random.below(3000), static_cast<char>('a' + i % 26));
    client->write(part);
    all += part;
    core->turn(core->deadline_after(1ms));
    if (random.below(4) == 0 && !server->held.empty()) {
      server->received.erase(0, server->held.front().size());
      all.erase(0, server->held.front().size());
      server->held.pop_front();
    }
  }
  turn_until([&] { return server->received.size() == all.size(); });
  std::string held;
  for (const Bytes& bytes : server->held) held += bytes.view();
  EXPECT_EQ(held, all);
}

TEST_P(StreamTest, WaitsForAReaderThatIsSlowAndTellsWhenAllIsSent) {
  connect();
  server->stream->pause();
  const std::string much(8 * 1024 * 1024, 'm');
  client->write(much);
  core->turn(Deadline(core->now()));
  EXPECT_GT(client->stream->unsent_bytes(), 0U);
  EXPECT_EQ(server->reads, 0);

  server->stream->resume();
  turn_until([&] { return server->received.size() == much.size(); });
  turn_until([&] { return client->sent == 1; });
  EXPECT_EQ(client->stream->unsent_bytes(), 0U);
}

TEST_P(StreamTest, SendsWhatWasWrittenBeforeItCloses) {
  connect();
  const std::string much(2 * 1024 * 1024, 'm');
  client->write(much);
  client->stream->close();
  turn_until([&] { return server->closed && client->closed; });
  EXPECT_EQ(server->received.size(), much.size());
}

TEST_P(StreamTest, LetsThePeerReadAnAnswerThoughItsOwnBytesAreUnread) {
  connect();
  server->take_max = 0;
  client->write(std::string(100'000, 'x'));
  turn_until([&] { return server->reads > 0; });
  server->write("go away");
  server->stream->close();
  client->write(std::string(100'000, 'y'));
  turn_until([&] { return client->closed; });
  EXPECT_EQ(client->received, "go away");
}

TEST_P(StreamTest, ReadsWhatAPeerSaidBeforeItBrokeAConnectionThatIsBeingWritten) {
  connect();
  server->stream->pause();
  client->write(std::string(32 << 20, 'x'));
  core->turn(Deadline(core->now()));
  ASSERT_GT(client->stream->unsent_bytes(), 0U);

  server->write("no");
  server.reset();  // with bytes that nobody read: a reset follows

  turn_until([&] { return client->closed; });
  EXPECT_EQ(client->received, "no");
  EXPECT_FALSE(client->why.ok());
}

// Who writes is in the middle of something: it hears of the end when that is over.
TEST_P(StreamTest, TellsOfAnEndThatAWriteMeetsWhenTheTurnEnds) {
  connect();
  server->stream->pause();
  client->write("unread");
  core->turn(Deadline(core->now()));
  server.reset();  // with bytes that nobody read: a reset follows
  core->turn(Deadline(core->now()));
  ASSERT_FALSE(client->closed);

  client->write(std::string(kMuch, 'x'));
  client->write(std::string(kMuch, 'x'));

  EXPECT_FALSE(client->closed);
  EXPECT_EQ(client->stream->unsent_bytes(), 2 * kMuch);
  core->turn(Deadline(core->now()));
  EXPECT_TRUE(client->closed);
  EXPECT_FALSE(client->ended) << "that would be an end in order";
  EXPECT_EQ(client->why.reason(), "connection.reset");
}

TEST_P(StreamTest, WritingMuchBehindItsEndTellsNothingEither) {
  connect();
  client->stream->close();
  client->write(std::string(kMuch, 'x'));
  EXPECT_FALSE(client->closed);
  server->stream->abort(Status(Code::kTooLarge, "test.abort", ""));
  server->write(std::string(kMuch, 'x'));
  EXPECT_FALSE(server->closed);

  turn_until([&] { return client->closed && server->closed; });
  EXPECT_EQ(server->why.reason(), "test.abort");
}

TEST_P(StreamTest, SendsSharedBytesBetweenAppendedOnesToAReaderThatTakesLittle) {
  connect();
  Random random(11);
  std::string expected;
  server->on_each_read = [&] {
    server->take_max = 1 + random.below(200'000);
    server->stream->pause();  // what is left comes again
    server->stream->resume();
  };
  for (int i = 0; i < 40; ++i) {
    const std::string head = "head " + std::to_string(i) + ";";
    const std::string body(random.below(200'000), static_cast<char>('a' + i % 26));
    client->stream->output().append(head);
    client->stream->share(Bytes(body));
    client->stream->wrote();
    expected += head + body;
  }

  turn_until([&] { return server->received.size() == expected.size(); });

  EXPECT_EQ(server->received, expected);
}

// A small body in a large chunk must not keep the chunk while a peer does not read.
TEST_P(StreamTest, LetsGoOfChunksMuchLargerThanTheBytesThatWait) {
  connect();
  server->stream->pause();
  const ChunkRef large(1'000'000);
  for (int i = 0; i < 200; ++i) {
    client->stream->share(Bytes(large, {large->data(), 60'000}));
    client->stream->wrote();
  }
  turn_until([&] { return client->stream->unsent_bytes() < 200 * 60'000; });

  EXPECT_TRUE(large->unique());
  EXPECT_GT(client->stream->unsent_bytes(), 0u);
  client->stream->abort(Status(Code::kConnectionClosed, "test.end", ""));
  turn_until([&] { return client->closed; });
}

TEST_P(StreamTest, KeepsManyLargeUnitsThatComeTogetherApart) {
  connect();
  server->unit = 70'000;
  server->hold = true;
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    const std::string unit(server->unit, static_cast<char>('A' + i));
    client->write(unit);
    expected += unit;
  }

  turn_until([&] { return server->received.size() == expected.size(); });

  EXPECT_EQ(server->received, expected);
  std::string held;  // nothing was overwritten by what came later
  for (const Bytes& units : server->held) held += units.view();
  EXPECT_EQ(held, expected);
}

TEST_P(StreamTest, AnswersAfterThePeerFinishedSending) {
  connect();
  server->close_at_end = false;
  client->write("question");
  client->stream->close();  // half: its sending side ends, lingering for our answer
  turn_until([&] { return server->ended; });
  EXPECT_EQ(server->received, "question");
  server->stream->close();
  turn_until([&] { return server->closed; });
}

TEST_P(StreamTest, AbortDropsWhatWasNotSent) {
  connect();
  client->write("never");
  client->stream->abort(Status(Code::kTooLarge, "test.abort", ""));
  turn_until([&] { return client->closed && server->closed; });
  EXPECT_EQ(client->why.reason(), "test.abort");
  EXPECT_EQ(server->received, "");
}

// Many peers that do not read must not make the system copy and keep megabytes for each.
TEST_P(StreamTest, TheSystemTakesLittleForAPeerThatDoesNotRead) {
  constexpr std::size_t kBytes = 16U << 20U;
  connect();
  server->stream->pause();
  client->write(std::string(kBytes, 'x'));
  turn_until([&] { return client->stream->unsent_bytes() > 0; });
  EXPECT_LE(kBytes - client->stream->unsent_bytes(), 1U << 20U);
}

// Else the system would keep megabytes for a peer that takes them slowly or not at all.
TEST_P(StreamTest, AbortDropsAlsoWhatTheSystemHolds) {
  const bool of_unix = GetParam() == std::string("unix");  // there the system is the peer's side
  connect();
  server->stream->pause();
  client->write(std::string(16U << 20U, 'x'));
  turn_until([&] { return client->stream->unsent_bytes() > 0; });
  client->stream->abort(Status(Code::kTooLarge, "test.abort", ""));
  turn_until([&] { return client->closed; });

  server->stream->resume();
  turn_until([&] { return server->closed; });
  EXPECT_EQ(server->ended, of_unix);
  EXPECT_EQ(server->why.reason(), of_unix ? "" : "connection.reset");
}

INSTANTIATE_TEST_SUITE_P(Networks, StreamTest, ::testing::Values("127.0.0.1:0", "[::1]:0", "unix"),
                         [](const auto& param) {
                           return std::string(param.index == 0   ? "Tcp4"
                                              : param.index == 1 ? "Tcp6"
                                                                 : "Unix");
                         });

TEST(Listener, SaysThatItsAddressIsInUseAndWhatToDo) {
  auto core = Core::make().value();
  const AcceptHandler drop = [](Core&, std::unique_ptr<Stream>) {};
  auto first = core->listen(Address::loopback(0), {}, drop).value();

  const Status second = core->listen(first->local(), {}, drop).status();

  EXPECT_EQ(second.reason(), "listen.in_use");
  EXPECT_NE(second.message().find(first->local().to_text()), std::string_view::npos);
}

TEST(Listener, TakesOverASocketFileThatAKilledProcessLeft) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("fl_stale_" + std::to_string(getpid()));
  const Address address = Address::parse("unix:" + path).value();
  const int left = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(left, address.get(), address.length()), 0);
  close(left);

  auto core = Core::make().value();
  const AcceptHandler drop = [](Core&, std::unique_ptr<Stream>) {};
  {
    auto listener = core->listen(address, {}, drop);
    ASSERT_TRUE(listener.ok()) << listener.status();
    EXPECT_EQ(core->listen(address, {}, drop).status().reason(), "listen.in_use");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Connect, SaysWhoRefused) {
  auto core = Core::make().value();
  const AcceptHandler drop = [](Core&, std::unique_ptr<Stream>) {};
  const Address gone = core->listen(Address::loopback(0), {}, drop).value()->local();

  const auto made = core->run(core->connect(gone, core->deadline_after(5s), {}));
  EXPECT_EQ(made.status().reason(), "dial.refused");
  EXPECT_EQ(made.status().outcome(), Outcome::kNotSent);

  const Address nowhere = Address::parse("unix:/no/such/socket").value();
  EXPECT_EQ(core->run(core->connect(nowhere, Deadline(), {})).status().reason(), "dial.refused");
}

}  // namespace
}  // namespace fairlead::io
