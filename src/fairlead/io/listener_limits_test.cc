// A listener with limits, and clients over real sockets.
#include <sys/resource.h>
#include <sys/socket.h>

#include <deque>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/io/connection_limits.h"
#include "fairlead/io/core.h"
#include "fairlead/io/descriptor.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

// One end of a connection; says goodbye at the end of the peer's bytes.
class End final : public StreamHandler {
 public:
  End(Core& core, std::unique_ptr<Stream> stream) : core_(core), stream_(std::move(stream)) {
    stream_->start(*this);
  }
  ~End() { core_.dispose(std::move(stream_)); }
  ReadResult on_read(const Bytes& input) override { return {input.size(), 0}; }
  void on_end() override { stream_->close(); }
  void on_close(Status) override {}
  void close() { stream_->close(); }

 private:
  Core& core_;
  std::unique_ptr<Stream> stream_;
};

// A client's socket, without any of our loops.
class Client {
 public:
  explicit Client(const Address& to)
      : socket_(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), to_(to) {}
  Client& connect() {
    ::connect(socket_.get(), to_.get(), to_.length());
    return *this;
  }
  // Whether the other end has closed or reset the connection.
  bool closed() const {
    char byte = 0;
    const ssize_t got = recv(socket_.get(), &byte, 1, MSG_PEEK);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != ENOTCONN);
  }
  void hang_up() { socket_.reset(); }

 private:
  internal::Descriptor socket_;
  Address to_;
};

class ListenerLimitsTest : public ::testing::Test {
 protected:
  void listen(const ConnectionLimitOptions& options) {
    ASSERT_TRUE(limits.update(options).ok());
    const auto take = [](std::deque<End>& into) {
      return [&into](Core& on, std::unique_ptr<Stream> stream) {
        into.emplace_back(on, std::move(stream));
      };
    };
    listener = core->listen(Address::loopback(0), {.limits = &limits, .refuse = take(refused)},
                            take(taken))
                   .value();
  }
  void TearDown() override {
    taken.clear();
    refused.clear();
    listener.reset();
    core->turn(Deadline(core->now()));
  }
  Client& connect() { return clients.emplace_back(listener->local()).connect(); }
  template <class Condition>
  bool turn_until(Condition condition) {
    const Time end = steady_now() + 20s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(50ms));
    return condition();
  }

  ConnectionLimits limits{{}};
  std::unique_ptr<Core> core = Core::make().value();
  std::deque<End> taken;
  std::deque<End> refused;
  std::unique_ptr<Listener> listener;
  std::deque<Client> clients;
};

TEST_F(ListenerLimitsTest, WhoIsOverALimitGoesToAnotherHandlerAndTheRestWaits) {
  listen({.connections_max = 3});
  for (int i = 0; i < 6; ++i) connect();

  EXPECT_TRUE(turn_until([&] { return refused.size() == 1; }));
  EXPECT_EQ(taken.size(), 3U);
  EXPECT_EQ(limits.connections(), 4U) << "two wait in the backlog";

  for (Client& client : clients) client.hang_up();
  EXPECT_TRUE(turn_until([&] { return taken.size() + refused.size() == 6; }))
      << "it looks again by itself";
  EXPECT_TRUE(turn_until([&] { return limits.connections() == 0; }));
}

TEST_F(ListenerLimitsTest, AConnectionCountsUntilItsDescriptorIsClosed) {
  listen({.connections_max = 10});
  connect();
  ASSERT_TRUE(turn_until([&] { return taken.size() == 1; }));

  taken.front().close();
  ASSERT_TRUE(turn_until([&] { return clients.front().closed(); }));
  EXPECT_EQ(limits.connections(), 1U) << "what the client still sends is read";

  clients.front().hang_up();
  EXPECT_TRUE(turn_until([&] { return limits.connections() == 0; }));
}

TEST_F(ListenerLimitsTest, MoreThanMayComeInASecondComeALittleLater) {
  listen({.connections_max = 100, .accepts_per_second_max = 20});
  for (int i = 0; i < 24; ++i) connect();
  const Time began = steady_now();

  EXPECT_TRUE(turn_until([&] { return taken.size() == 24; }));
  EXPECT_GE(steady_now() - began, 150ms) << "four more than a second's";
}

TEST_F(ListenerLimitsTest, WithoutADescriptorTheSpareOneClosesConnections) {
  // The sixth comes by the listener's timer. UBSan looks at the type of an object by means of two
  // descriptors, once for each type, and calls it invalid where there are none.
  listen({.connections_max = 100, .accepts_per_second_max = 5});
  for (int i = 0; i < 6; ++i) connect();
  ASSERT_TRUE(turn_until([&] { return taken.size() == 6; }));
  ASSERT_TRUE(limits.update({.connections_max = 100}).ok());
  for (int i = 0; i < 3; ++i) clients.emplace_back(listener->local());
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<internal::Descriptor> filling;
  filling.emplace_back(::dup(0));
  rlimit low = before;
  low.rlim_cur = static_cast<rlim_t>(filling.back().get()) + 1;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);

  std::size_t closed = 0;
  for (std::size_t i = 6; i < 9; ++i) {
    clients[i].connect();
    if (turn_until([&] { return clients[i].closed(); })) ++closed;
    for (int turn = 0; turn < 3; ++turn) core->turn(core->deadline_after(10ms));  // its pauses
  }

  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(closed, 3U);
  EXPECT_FALSE(clients[0].closed());
  connect();
  EXPECT_TRUE(turn_until([&] { return taken.size() == 7; })) << "it accepts again";
}

}  // namespace
}  // namespace fairlead::io
