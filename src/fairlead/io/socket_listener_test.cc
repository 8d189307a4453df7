#include "fairlead/io/socket_listener.h"

#include <unistd.h>

#include <array>
#include <filesystem>
#include <latch>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/io/core_group.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

// Reads and drops; closes when the peer does. Owned by the map of its core.
class Sink final : public StreamHandler {
 public:
  Sink(Core& core, std::unique_ptr<Stream> stream) : core_(core), stream_(std::move(stream)) {
    stream_->start(*this);
  }
  ~Sink() { core_.dispose(std::move(stream_)); }
  ReadResult on_read(const Bytes& input) override {
    if (when_read) when_read();
    return {input.size(), 0};
  }
  void on_end() override { stream_->close(); }
  void on_close(Status) override {}
  void write(std::string_view text) {
    stream_->output().append(text);
    stream_->wrote();
  }
  std::function<void()> when_read;

 private:
  Core& core_;
  std::unique_ptr<Stream> stream_;
};

// A listener on two cores with threads of their own, and clients on a third.
class SharedListenerTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("fl_accept_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
    const std::string text = GetParam() == std::string("unix")
                                 ? "unix:" + (folder_ / "s.sock").string()
                                 : std::string(GetParam());
    ASSERT_TRUE(group_->start().ok());
    on(0, [&] {
      listener_ = group_->first()
                      .listen(Address::parse(text).value(), {.cores = group_->cores()},
                              [this](Core& core, std::unique_ptr<Stream> stream) {
                                adopt(core, std::move(stream));
                              })
                      .value();
    });
    on(1, [] {});  // it watches the socket too from here on
    address_ = listener_->local();
  }
  void TearDown() override {
    client_core_->post([&] { clients_.clear(); });  // in a turn: no event comes in between
    client_core_->turn(Deadline(client_core_->now()));
    on(0, [&] { listener_.reset(); });
    for (std::size_t i = 0; i < 2; ++i) on(i, [&] { sinks_[i].clear(); });
    group_->stop();
    std::filesystem::remove_all(folder_);
  }

  // Runs `work` on a core and waits for its end.
  template <class Work>
  void on(std::size_t core, Work work) {
    std::latch done(1);
    group_->cores()[core]->post([&] {
      work();
      done.count_down();
    });
    done.wait();
  }
  void adopt(Core& core, std::unique_ptr<Stream> stream) {
    const std::size_t index = &core == &group_->first() ? 0 : 1;
    sinks_[index].push_back(std::make_unique<Sink>(core, std::move(stream)));
    ++taken_[index];
  }
  void connect(int count) {
    const int before = taken_[0] + taken_[1];
    for (int i = 0; i < count; ++i) {
      auto made =
          client_core_->run(client_core_->connect(address_, client_core_->deadline_after(5s), {}));
      ASSERT_TRUE(made.ok()) << made.status();
      clients_.push_back(std::make_unique<Sink>(*client_core_, std::move(made).value()));
    }
    wait_until([&] { return taken_[0] + taken_[1] == before + count; });
  }
  template <class Condition>
  void wait_until(Condition condition) {
    const Time end = steady_now() + 20s;
    while (!condition() && steady_now() < end) std::this_thread::yield();
    ASSERT_TRUE(condition());
  }
  // Keeps a core from moving while it lives; made when others can know that it does not.
  class Blocked {
   public:
    Blocked(SharedListenerTest& test, std::size_t core) : test_(test), core_(core) {
      test.group_->cores()[core]->post([this] { go_on_.wait(); });
      test.wait_until(
          [&] { return test.group_->cores()[core]->activity().busy(steady_now()) > 200ms; });
    }
    ~Blocked() {
      go_on_.count_down();
      test_.on(core_, [] {});
    }

   private:
    SharedListenerTest& test_;
    const std::size_t core_;
    std::latch go_on_{1};
  };

  std::filesystem::path folder_;
  std::unique_ptr<CoreGroup> group_ = CoreGroup::make(2).value();
  std::unique_ptr<Core> client_core_ = Core::make().value();
  std::unique_ptr<Listener> listener_;
  Address address_;
  std::array<std::vector<std::unique_ptr<Sink>>, 2> sinks_;  // each on its core
  std::array<std::atomic<int>, 2> taken_{};
  std::vector<std::unique_ptr<Sink>> clients_;
};

TEST_P(SharedListenerTest, SpreadsConnectionsEvenly) {
  connect(60);

  // Two cores that accept at the same moment may choose the same one, no more.
  EXPECT_NEAR(taken_[0], 30, 2);
}

TEST_P(SharedListenerTest, FillsUpTheCoreWhoseConnectionsHaveGone) {
  connect(40);
  on(0, [&] { sinks_[0].clear(); });
  wait_until([&] { return group_->cores()[0]->load() == 0; });

  connect(20);

  EXPECT_NEAR(static_cast<int>(group_->cores()[0]->load()), 20, 2);
  EXPECT_NEAR(static_cast<int>(group_->cores()[1]->load()), 20, 2);
}

TEST_P(SharedListenerTest, GivesNothingToACoreThatDoesNotMove) {
  for (const std::size_t stuck : {std::size_t{1}, std::size_t{0}}) {
    const Blocked blocked(*this, stuck);
    const int before = taken_[stuck];

    connect(20);  // the listening core itself is the second one to be stuck

    EXPECT_EQ(taken_[stuck], before) << "core " << stuck;
  }
}

TEST_P(SharedListenerTest, RefusesConnectionsOnceClosedThoughACoreHoldsTheSocketStill) {
  const Blocked blocked(*this, 1);

  on(0, [&] { listener_.reset(); });
  const auto late =
      client_core_->run(client_core_->connect(address_, client_core_->deadline_after(5s), {}));

  EXPECT_EQ(late.status().reason(), "dial.refused");
}

TEST_P(SharedListenerTest, OnceStoppedItRefusesConnectionsAndKeepsThoseItHas) {
  connect(4);
  const Blocked blocked(*this, 1);

  on(0, [&] { listener_->stop(); });
  const auto late =
      client_core_->run(client_core_->connect(address_, client_core_->deadline_after(5s), {}));

  EXPECT_EQ(late.status().reason(), "dial.refused");
  EXPECT_EQ(taken_[0] + taken_[1], 4);
}

INSTANTIATE_TEST_SUITE_P(Networks, SharedListenerTest,
                         ::testing::Values("tcp://127.0.0.1:0", "unix"));

// Two cores in the test's own thread, so that each step is chosen.
class SteppedListenerTest : public ::testing::Test {
 protected:
  void listen() {
    listener_ = a_->listen(Address::loopback(0), {.cores = {a_.get(), b_.get()}},
                           [this](Core& core, std::unique_ptr<Stream> stream) {
                             sinks_.push_back(std::make_unique<Sink>(core, std::move(stream)));
                           })
                    .value();
    step(*b_);
  }
  void connect() {
    auto made = client_core_->run(
        client_core_->connect(listener_->local(), client_core_->deadline_after(5s), {}));
    ASSERT_TRUE(made.ok()) << made.status();
    clients_.push_back(std::make_unique<Sink>(*client_core_, std::move(made).value()));
  }
  ~SteppedListenerTest() override {
    listener_.reset();
    a_->post([this] { sinks_.clear(); });
    step(*a_);
    client_core_->post([this] { clients_.clear(); });
    step(*client_core_);
  }
  static void step(Core& core) { core.turn(Deadline(core.now())); }

  std::unique_ptr<Core> a_ = Core::make().value();
  std::unique_ptr<Core> b_ = Core::make().value();
  std::unique_ptr<Core> client_core_ = Core::make().value();
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<std::unique_ptr<Sink>> clients_;
};

// Or a handler could run on something that its owner has closed on every core.
TEST_F(SteppedListenerTest, ClosesAConnectionThatArrivesAfterTheListenersEnd) {
  listen();
  connect();
  step(*a_);  // keeps the first
  connect();
  step(*a_);  // hands the second to the other core, which has none
  ASSERT_EQ(sinks_.size(), 1U);

  listener_.reset();
  step(*b_);

  EXPECT_EQ(sinks_.size(), 1U);
  EXPECT_EQ(b_->load(), 0U);
}

TEST_F(SteppedListenerTest, StoppingTakesWhoIsConnectedAlready) {
  listen();
  connect();
  step(*a_);  // keeps the first
  connect();
  step(*a_);  // hands the second to the other core, which has none
  connect();  // in the backlog
  ASSERT_EQ(sinks_.size(), 1U);

  listener_->stop();
  EXPECT_EQ(sinks_.size(), 2U) << "the third, at once";
  step(*b_);

  EXPECT_EQ(sinks_.size(), 3U) << "the second arrives";
  b_->post([this] { sinks_.pop_back(); });
  step(*b_);
  const auto late = client_core_->run(
      client_core_->connect(listener_->local(), client_core_->deadline_after(5s), {}));
  EXPECT_EQ(late.status().reason(), "dial.refused");
}

// The system told this core alone. A handler that gets stuck must not take the newcomer along.
TEST_F(SteppedListenerTest, AcceptsBeforeAnyHandlerOfTheTurnRuns) {
  listen();
  connect();
  step(*a_);
  ASSERT_EQ(sinks_.size(), 1U);
  std::size_t handed_over = 0;
  sinks_[0]->when_read = [&] { handed_over = b_->load(); };

  clients_[0]->write("request");
  step(*client_core_);
  connect();
  step(*a_);  // finds the request first and the new connection second

  EXPECT_EQ(handed_over, 1U);
}

// As Go's "tcp6" does: a listener on every IPv6 interface does not take IPv4.
class Ipv6ListenerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Listener> listen(const std::string& text) {
    auto opened = core->listen(Address::parse(text).value(), {},
                               [](Core&, const std::unique_ptr<Stream>&) {});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? std::move(opened).value() : nullptr;
  }
  Status dial(const std::string& text) {
    const Address address = Address::parse(text).value();
    return core->run(core->connect(address, core->deadline_after(10s), {})).status();
  }

  std::unique_ptr<Core> core = Core::make().value();
};

TEST_F(Ipv6ListenerTest, TakesIpv6OnlyWhenItsAddressSaysTcp6) {
  const auto listener = listen("tcp6://:0");
  const std::string port = std::to_string(listener->local().port());

  EXPECT_TRUE(dial("[::1]:" + port).ok());
  EXPECT_EQ(dial("127.0.0.1:" + port).reason(), "dial.refused");
}

TEST_F(Ipv6ListenerTest, LeavesThePortToIpv4) {
  const auto listener = listen("tcp6://:0");
  const std::string port = std::to_string(listener->local().port());

  const auto beside = listen("tcp4://:" + port);
  EXPECT_TRUE(dial("127.0.0.1:" + port).ok());
}

TEST_F(Ipv6ListenerTest, TakesBothWhenItsAddressDoesNot) {
  const auto listener = listen("[::]:0");
  const std::string port = std::to_string(listener->local().port());

  EXPECT_TRUE(dial("[::1]:" + port).ok());
  EXPECT_TRUE(dial("127.0.0.1:" + port).ok());
}

}  // namespace
}  // namespace fairlead::io
