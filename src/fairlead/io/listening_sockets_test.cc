#include "fairlead/io/listening_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/io/core.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

// The one process goes, the other comes, both on the test's thread; they share descriptors as
// processes do, by a copy of each.
class ListeningSocketsTest : public ::testing::Test {
 protected:
  // One process: its sockets, and two cores that accept.
  struct Side {
    Side()
        : first(Core::make({.sockets = &sockets}).value()),
          second(Core::make({.sockets = &sockets}).value()) {}
    ~Side() {
      listener.reset();
      turn();
    }
    Status listen(const std::string& text) {
      auto opened =
          first->listen(Address::parse(text).value(), {.cores = {first.get(), second.get()}},
                        [this](Core&, const std::unique_ptr<Stream>&) { ++accepted; });
      if (opened.ok()) listener = std::move(opened).value();
      turn();
      return opened.status();
    }
    void turn() {
      for (Core* core : {first.get(), second.get()}) core->turn(Deadline(core->now()));
    }
    void leave() {
      first->post([this] { sockets.leave(); });
      turn();
    }

    ListeningSockets sockets;
    std::unique_ptr<Core> first;
    std::unique_ptr<Core> second;
    std::unique_ptr<Listener> listener;
    int accepted = 0;
  };

  ListeningSocketsTest() {
    folder_ = std::filesystem::temp_directory_path() / ("fl_sockets_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~ListeningSocketsTest() override { std::filesystem::remove_all(folder_); }

  std::string unix_address() const { return "unix:" + (folder_ / "s.sock").string(); }
  static Status give(const Side& from, Side& to, bool borrowed = false) {
    for (ListeningSockets::Socket socket : from.sockets.all()) {
      socket.descriptor = fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0);
      socket.borrowed = borrowed;
      FL_TRY(to.sockets.inherit(std::move(socket)));
    }
    return {};
  }
  Status dial(const Address& address) {
    Core& core = *client_core_;
    auto made = core.run(core.connect(address, core.deadline_after(10s), {}));
    if (!made.ok()) return made.status();
    core.dispose(std::move(made).value());
    return {};
  }
  static void turn_until_accepted(Side& side, int wanted) {
    const Time end = steady_now() + 20s;
    while (side.accepted < wanted && steady_now() < end) side.turn();
    ASSERT_EQ(side.accepted, wanted);
  }

  std::filesystem::path folder_;
  std::unique_ptr<Core> client_core_ = Core::make().value();
};

TEST_F(ListeningSocketsTest, GiveAnotherProcessThePortThatTheSystemChose) {
  Side before;
  Side after;
  ASSERT_TRUE(before.listen("127.0.0.1:0").ok());

  ASSERT_TRUE(give(before, after).ok());
  ASSERT_TRUE(after.listen("127.0.0.1:0").ok());

  EXPECT_EQ(after.listener->local().to_text(), before.listener->local().to_text());
  EXPECT_TRUE(after.sockets.drop_rest().empty());
}

TEST_F(ListeningSocketsTest, AreFoundByWhereTheyListenToo) {
  Side before;
  Side after;
  ASSERT_TRUE(before.listen("127.0.0.1:0").ok());
  const std::string told = before.listener->local().to_text();

  ASSERT_TRUE(give(before, after).ok());

  EXPECT_TRUE(after.listen(told).ok());
}

// The system may have told this process alone of them.
TEST_F(ListeningSocketsTest, ThatAreLeftGiveUpWhatCameBefore) {
  Side before;
  ASSERT_TRUE(before.listen("127.0.0.1:0").ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(dial(before.listener->local()).ok());

  before.sockets.leave();  // before the core has looked at its events

  EXPECT_EQ(before.accepted, 3);
}

// A process that fails before it has taken over must not end what the one before goes on with.
TEST_F(ListeningSocketsTest, ThatAreBorrowedStayUntilTheyAreOwn) {
  for (const std::string& address : {std::string("127.0.0.1:0"), unix_address()}) {
    Side before;
    ASSERT_TRUE(before.listen(address).ok());
    const Address where = before.listener->local();
    {
      Side fails;
      ASSERT_TRUE(give(before, fails, true).ok());
      ASSERT_TRUE(fails.listen(address).ok());
      fails.listener->stop();
    }
    EXPECT_TRUE(dial(where).ok()) << address;
    turn_until_accepted(before, 1);
    {
      Side after;
      ASSERT_TRUE(give(before, after, true).ok());
      ASSERT_TRUE(after.listen(address).ok());
      before.leave();
      after.sockets.own();
      after.listener->stop();
      EXPECT_FALSE(dial(where).ok()) << address;
    }
  }
}

TEST_F(ListeningSocketsTest, GoOnInTheProcessThatWasGivenThem) {
  for (const std::string& text : {std::string("127.0.0.1:0"), unix_address()}) {
    auto before = std::make_unique<Side>();
    Side after;
    ASSERT_TRUE(before->listen(text).ok());
    const Address address = before->listener->local();
    ASSERT_TRUE(give(*before, after).ok());
    ASSERT_TRUE(after.listen(text).ok());

    before->leave();
    before.reset();

    for (int i = 0; i < 3; ++i) ASSERT_TRUE(dial(address).ok()) << text;
    turn_until_accepted(after, 3);
  }
}

TEST_F(ListeningSocketsTest, ThatWereLeftAreAcceptedFromNoMore) {
  Side before;
  Side after;
  ASSERT_TRUE(before.listen("127.0.0.1:0").ok());
  ASSERT_TRUE(give(before, after).ok());
  before.leave();

  ASSERT_TRUE(dial(before.listener->local()).ok());
  for (int i = 0; i < 3; ++i) before.turn();

  EXPECT_EQ(before.accepted, 0);
}

TEST_F(ListeningSocketsTest, OfTheServiceManagerOutliveTheListener) {
  Side manager;
  ASSERT_TRUE(manager.listen(unix_address()).ok());
  const int descriptor = fcntl(manager.sockets.all()[0].descriptor, F_DUPFD_CLOEXEC, 0);
  {
    Side service;
    ASSERT_TRUE(service.sockets.inherit({.descriptor = descriptor, .lent = true}).ok());
    ASSERT_TRUE(service.listen(unix_address()).ok());
    EXPECT_TRUE(service.sockets.all()[0].lent) << "the one after it must know too";
  }

  EXPECT_TRUE(dial(manager.listener->local()).ok());
}

TEST_F(ListeningSocketsTest, ThatNobodyTookAreClosed) {
  Side before;
  Side after;
  ASSERT_TRUE(before.listen("127.0.0.1:0").ok());
  const Address address = before.listener->local();
  ASSERT_TRUE(give(before, after).ok());
  before.listener.reset();
  before.turn();

  EXPECT_EQ(after.sockets.drop_rest(), std::vector{address.to_text()});
  EXPECT_EQ(dial(address).reason(), "dial.refused");
}

TEST_F(ListeningSocketsTest, AreRefusedWhenTheyDoNotListen) {
  ListeningSockets sockets;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int deaf = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int datagrams = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  for (const int fd : {ends[0], ends[1], deaf, datagrams, -1}) {
    EXPECT_EQ(sockets.inherit({.descriptor = fd}).reason(), "listen.bad_socket");
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "it is closed all the same";
  }
}

TEST_F(ListeningSocketsTest, ForIpv6AloneAreNotThoseForBoth) {
  Side before;
  ASSERT_TRUE(before.listen("tcp6://[::1]:0").ok());
  Side after;
  ASSERT_TRUE(give(before, after).ok());

  EXPECT_EQ(after.listen(before.listener->local().to_text()).reason(), "listen.in_use");
}

}  // namespace
}  // namespace fairlead::io
