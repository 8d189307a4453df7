// What a TLS stream does once it is open. The same things hold as for a socket (stream_test.cc).
#include "fairlead/io/tls_stream.h"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"
#include "fairlead/io/tls_test.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

struct Way {
  TlsVersion version;
  const char* address;
  const char* name;
};
void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

class TlsStreamTest : public TlsTest, public ::testing::WithParamInterface<Way> {
 protected:
  TlsStreamTest() {
    server_options.version_min = server_options.version_max = GetParam().version;
    address = GetParam().address;
    if (address == "unix") address = "unix:" + (folder.path() / "s.sock").string();
  }
};

TEST_P(TlsStreamTest, CarriesBytesBothWaysAndClosesInOrder) {
  echo = true;
  connect();
  client->write("hello");
  turn_until([this] { return client->received == "hello"; });

  client->stream->close();
  EXPECT_FALSE(client->closed) << "never inside the call";
  turn_until([this] { return client->closed && server->closed; });

  EXPECT_TRUE(client->why.ok());
  EXPECT_TRUE(server->ended);
  EXPECT_TRUE(server->why.ok()) << server->why;
}

// Takes one byte, then gives the stream to somebody else.
struct TlsDoorman final : StreamHandler {
  TlsDoorman(Stream& guarded, StreamHandler& to) : stream(guarded), next(to) {}
  ReadResult on_read(const Bytes& input) override {
    seen += input.view();
    stream.start(next);
    return {1, 0};
  }
  void on_end() override { ADD_FAILURE() << "the stream is somebody else's by then"; }
  void on_close(Status) override { ADD_FAILURE(); }

  Stream& stream;
  StreamHandler& next;
  std::string seen;
};

TEST_P(TlsStreamTest, GivesWhatIsLeftToTheNextHandlerBeforeTheEndThatCameWithIt) {
  connect();
  TlsDoorman doorman(*server->stream, *server);
  server->stream->start(doorman);
  const std::string long_text(100'000, 'x');

  client->write("abc" + long_text);
  client->stream->close();
  turn_until([this] { return server->closed; });

  EXPECT_EQ(server->received, "bc" + long_text);
  EXPECT_TRUE(server->ended);
  EXPECT_TRUE(server->why.ok()) << server->why;
}

TEST_P(TlsStreamTest, IsHandedOverWhileTheEndOfItsHandshakeIsTold) {
  listen();
  std::optional<TlsDoorman> doorman;
  server_context = context_of(TlsRole::kServer, server_options);
  auto opened = core->listen(Address::parse("127.0.0.1:0").value(), {},
                             [&](Core& owner, std::unique_ptr<Stream> stream) {
                               auto made = tls_wrap(owner, std::move(stream), server_context);
                               made->on_established([&] { doorman->stream.start(*doorman); });
                               accepted(owner, std::move(made));
                               doorman.emplace(*server->stream, *server);
                             });
  listener = std::move(opened).value();

  ASSERT_TRUE(dial().ok());
  client->write("abc");
  turn_until([this] { return server != nullptr && server->received == "bc"; });

  EXPECT_EQ(doorman->seen, "abc");
}

TEST_P(TlsStreamTest, SendsWhatAServerSaysBeforeItsClientDoes) {
  server_context = context_of(TlsRole::kServer, server_options);
  auto opened = core->listen(Address::parse(address).value(), {},
                             [this](Core& owner, std::unique_ptr<Stream> stream) {
                               accepted(owner, tls_wrap(owner, std::move(stream), server_context));
                               server->write("welcome");
                               server->stream->close();
                             });
  listener = std::move(opened).value();
  ASSERT_TRUE(dial().ok());
  turn_until([this] { return client->closed && server->closed; });
  EXPECT_EQ(client->received, "welcome");
  EXPECT_TRUE(client->ended);
  EXPECT_TRUE(client->why.ok());
  EXPECT_TRUE(server->why.ok()) << server->why;
}

TEST_P(TlsStreamTest, CarriesAMegabyteEachWayWhateverTheReadersLeave) {
  connect();
  Random random(5);
  std::string to_server;
  std::string to_client;
  while (to_server.size() < (1U << 20)) {
    std::string part(random.below(9000), '\0');
    for (char& c : part) c = static_cast<char>(random.next());
    client->write(part);
    to_server += part;
    std::ranges::reverse(part);
    server->write(part);
    to_client += part;
    server->take_max = 1 + random.below(40'000);
    client->take_max = 1 + random.below(40'000);
    core->turn(Deadline(core->now()));
  }
  server->take_max = client->take_max = std::string::npos;
  client->write("!");
  server->write("!");
  turn_until([&] {
    return server->received.size() > to_server.size() && client->received.size() > to_client.size();
  });
  EXPECT_TRUE(server->received == to_server + "!");
  EXPECT_TRUE(client->received == to_client + "!");
}

TEST_P(TlsStreamTest, GivesACutUnitAgainUntilItIsWhole) {
  connect();
  const std::string unit(1'000'000, 'u');
  server->unit = unit.size();
  for (std::size_t at = 0; at < unit.size(); at += 50'000) {
    client->write(std::string_view(unit).substr(at, 50'000));
    core->turn(core->deadline_after(1ms));
  }
  turn_until([&] { return server->received.size() == unit.size(); });
  EXPECT_TRUE(server->received == unit);
}

TEST_P(TlsStreamTest, NeverOverwritesBytesThatAreStillHeld) {
  connect();
  server->hold = true;
  Random random(9);
  std::string all;
  for (int i = 0; i < 200; ++i) {
    const std::string part(1 + random.below(3000), static_cast<char>('a' + i % 26));
    client->write(part);
    all += part;
    server->take_max = 1 + random.below(4000);
    core->turn(core->deadline_after(1ms));
  }
  server->take_max = std::string::npos;
  client->write("!");
  turn_until([&] { return server->received.size() == all.size() + 1; });
  std::string held;
  for (const Bytes& bytes : server->held) held += bytes.view();
  EXPECT_EQ(held, all + "!");
}

TEST_P(TlsStreamTest, WaitsForAReaderThatIsSlowAndTellsWhenAllIsSent) {
  connect();
  server->stream->pause();
  const std::string much(8 * 1024 * 1024, 'm');
  client->write(much);
  core->turn(Deadline(core->now()));
  EXPECT_GT(client->stream->unsent_bytes(), much.size() / 2) << "what waits is not hidden below";
  EXPECT_EQ(server->reads, 0);

  server->stream->resume();
  turn_until([&] { return server->received.size() == much.size(); });
  turn_until([this] { return client->sent == 1; });
  EXPECT_EQ(client->stream->unsent_bytes(), 0U);
}

TEST_P(TlsStreamTest, GivesWhatWasLeftAgainAfterAPause) {
  connect();
  server->take_max = 2;
  server->on_each_read = [this] { server->stream->pause(); };
  client->write("abcdef");
  turn_until([this] { return server->reads == 1; });
  core->turn(core->deadline_after(5ms));
  EXPECT_EQ(server->received, "ab");

  for (int i = 0; i < 2; ++i) {
    const int reads = server->reads;
    server->stream->resume();
    EXPECT_EQ(server->reads, reads) << "never inside the call";
    turn_until([&] { return server->reads == reads + 1; });
  }
  EXPECT_EQ(server->received, "abcdef");
}

TEST_P(TlsStreamTest, TellsTheEndOnlyAfterAPause) {
  connect();
  server->on_each_read = [this] { server->stream->pause(); };
  client->write("last words");
  client->stream->close();
  turn_until([this] { return server->reads == 1; });
  core->turn(core->deadline_after(5ms));
  EXPECT_FALSE(server->ended);

  server->stream->resume();
  turn_until([this] { return server->ended && server->closed; });
  EXPECT_TRUE(server->why.ok()) << server->why;
}

TEST_P(TlsStreamTest, SendsWhatWasWrittenBeforeItCloses) {
  connect();
  const std::string much(2 * 1024 * 1024, 'm');
  client->write(much);
  client->stream->close();
  turn_until([this] { return server->closed && client->closed; });
  EXPECT_EQ(server->received.size(), much.size());
  EXPECT_TRUE(server->ended);
  EXPECT_TRUE(client->why.ok());
}

TEST_P(TlsStreamTest, AnswersAfterThePeerFinishedSending) {
  connect();
  server->close_at_end = false;
  client->write("question");
  client->stream->close();  // half: close_notify and the end; it lingers for our answer
  turn_until([this] { return server->ended; });
  EXPECT_EQ(server->received, "question");
  EXPECT_FALSE(server->closed);
  server->write("answer");
  server->stream->close();
  turn_until([this] { return server->closed; });
  EXPECT_TRUE(server->why.ok()) << server->why;
}

TEST_P(TlsStreamTest, SaysThatAConnectionWithoutCloseNotifyWasCut) {
  connect();
  client->write("half a messa");
  turn_until([this] { return server->received == "half a messa"; });
  client->stream->abort(Status(Code::kTooLarge, "test.abort", "enough"));
  turn_until([this] { return server->closed && client->closed; });
  EXPECT_EQ(client->why.reason(), "test.abort");
  EXPECT_FALSE(server->ended) << "an end that nobody announced is no end";
  EXPECT_EQ(server->why.code(), Code::kConnectionClosed);
  EXPECT_EQ(server->why.reason(), "tls.truncated");
}

TEST_P(TlsStreamTest, AbortDropsWhatWasNotSent) {
  connect();
  client->write("never");
  client->stream->abort(Status(Code::kTooLarge, "test.abort", "enough"));
  EXPECT_FALSE(client->closed) << "never inside the call";
  turn_until([this] { return client->closed && server->closed; });
  EXPECT_EQ(server->received, "");
  EXPECT_EQ(client->unsent_at_close, 5U);
}

TEST_P(TlsStreamTest, AbortsInsideARead) {
  connect();
  server->echo = true;
  server->on_each_read = [this] {
    server->stream->abort(Status(Code::kOverloaded, "test.enough", "no more"));
    EXPECT_FALSE(server->closed) << "never inside the call";
  };
  client->write("hello");
  turn_until([this] { return server->closed && client->closed; });
  EXPECT_EQ(server->why.reason(), "test.enough");
  EXPECT_EQ(client->received, "");
}

TEST_P(TlsStreamTest, SendsTheAnswersToOneReadTogether) {
  connect();
  server->take_max = std::string::npos;
  std::size_t left_of_the_answer = 1;
  server->echo = true;
  server->on_each_read = [&] {
    core->post([&] { left_of_the_answer = server->stream->unsent_bytes(); });  // same turn, later
  };
  client->write("one");
  client->write("two");
  turn_until([this] { return client->received == "onetwo"; });
  EXPECT_EQ(left_of_the_answer, 0U) << "the answer left when its read ended";
  EXPECT_EQ(server->reads, 1);
  EXPECT_EQ(client->reads, 1);
}

TEST_P(TlsStreamTest, TellsOfAnEndThatAWriteMeetsWhenTheTurnEnds) {
  connect();
  server->stream->pause();
  client->write("unread");
  core->turn(Deadline(core->now()));
  servers.clear();  // with bytes that nobody read: a reset follows

  client->write(std::string(4 * Stream::kFlushBytes, 'x'));

  EXPECT_FALSE(client->closed);
  turn_until([this] { return client->closed; });
  EXPECT_EQ(client->why.reason(), "connection.reset");
}

TEST_P(TlsStreamTest, DiesWithItsOwnerAtAnyTime) {
  connect();
  client->write(std::string(100'000, 'x'));
  server->on_each_read = [this] { server->stream->pause(); };
  turn_until([this] { return server->reads == 1; });
  server->stream->resume();  // a letter to itself is on its way
  server->on_each_read = nullptr;
  core->dispose(std::move(server->stream));
  core->dispose(std::move(client->stream));
  core->turn(core->deadline_after(1ms));
  core->turn(core->deadline_after(1ms));
}

INSTANTIATE_TEST_SUITE_P(Ways, TlsStreamTest,
                         ::testing::Values(Way{TlsVersion::kTls12, "127.0.0.1:0", "Tls12OverTcp"},
                                           Way{TlsVersion::kTls13, "127.0.0.1:0", "Tls13OverTcp"},
                                           Way{TlsVersion::kTls13, "unix", "Tls13OverUnix"}),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace fairlead::io
