// The chunk that all streams of a core read into: who holds a view keeps it, who does not loses it.
#include <list>
#include <set>

#include <gtest/gtest.h>

#include "fairlead/io/core.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

struct Reader final : StreamHandler {
  Reader(Core& owner, std::unique_ptr<Stream> made) : core(owner), stream(std::move(made)) {
    stream->start(*this);
  }
  ~Reader() { core.dispose(std::move(stream)); }
  ReadResult on_read(const Bytes& input) override {
    last = input.view();
    bytes += input.size();
    chunks.insert(input.chunk().get());
    if (hold) held.push_back(input);
    return {input.size(), 0};
  }
  void on_end() override { stream->close(); }
  void on_close(Status) override {}

  Core& core;
  std::unique_ptr<Stream> stream;
  std::string_view last;  // without its chunk
  std::size_t bytes = 0;
  std::set<const Chunk*> chunks;
  std::list<Bytes> held;
  bool hold = false;
};

class ReadChunkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    listener = core->listen(Address::loopback(0), {},
                            [this](Core& owner, std::unique_ptr<Stream> stream) {
                              server.emplace(owner, std::move(stream));
                            })
                   .value();
    auto connecting = core->connect(listener->local(), core->deadline_after(5s), {});
    client.emplace(*core, core->run(std::move(connecting)).value());
  }
  void TearDown() override {
    client.reset();
    server.reset();
    listener.reset();
  }
  void send(std::string_view text) {
    const std::size_t before = server.has_value() ? server->bytes : 0;
    client->stream->output().append(text);
    client->stream->wrote();
    const Time end = steady_now() + 10s;
    while ((!server.has_value() || server->bytes < before + text.size()) && steady_now() < end) {
      core->turn(core->deadline_after(20ms));
    }
    ASSERT_EQ(server->bytes, before + text.size());
  }

  std::unique_ptr<Core> core = Core::make().value();
  std::unique_ptr<Listener> listener;
  std::optional<Reader> server;
  std::optional<Reader> client;
};

TEST_F(ReadChunkTest, IsUsedAgainWhenNobodyHoldsIt) {
  for (int i = 0; i < 100; ++i) send(std::string(10'000, 'x'));
  EXPECT_EQ(server->chunks.size(), 1U);
}

TEST_F(ReadChunkTest, IsLeftToItsViewsAndUsedAgainWhenTheLastHasGone) {
  send("first");
  server->hold = true;
  send(std::string(40'000, 'k'));
  server->hold = false;
  for (int i = 0; i < 100; ++i) send(std::string(10'000, 'x'));
  EXPECT_EQ(server->chunks.size(), 2U) << "one is kept, one does all the rest";
  for (const Bytes& bytes : server->held) {
    EXPECT_EQ(bytes.view(), std::string(bytes.size(), 'k'));
  }
  server->held.clear();
  for (int i = 0; i < 100; ++i) send(std::string(10'000, 'x'));
  EXPECT_EQ(server->chunks.size(), 2U);
}

#ifndef NDEBUG
// Whoever forgot to hold its bytes reads rubbish at once, not only when the memory is needed.
TEST_F(ReadChunkTest, IsOverwrittenInDebugBuildsWhenItIsGivenBack) {
  send(std::string(1000, 'a'));
  const std::string_view forgotten = server->last;
  EXPECT_EQ(forgotten[999], 'a');
  send("b");
  EXPECT_EQ(forgotten[999], '\xDB');
}
#endif

}  // namespace
}  // namespace fairlead::io
