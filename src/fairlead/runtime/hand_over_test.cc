#include "fairlead/runtime/hand_over.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/io/core.h"
#include "fairlead/runtime/predecessor.h"

namespace fairlead::runtime {
namespace {

using namespace std::chrono_literals;

// Both ends of what an old and a new process have.
class HandOverTest : public ::testing::Test {
 protected:
  HandOverTest() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_), 0); }
  ~HandOverTest() override {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  static int listening_socket() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::listen(fd, 1), 0);
    return fd;
  }
  // The new process's side of it, as its main begins.
  Result<std::unique_ptr<Predecessor>> find() {
    const int copy = ::fcntl(ends_[1], F_DUPFD_CLOEXEC, 0);
    ::setenv(kUpgradeVariable, std::to_string(copy).c_str(), 1);
    return Predecessor::find();
  }
  void send_text(std::string_view text) { ASSERT_TRUE(send_word(ends_[0], text)); }

  // What the new process would do next, when it has been told.
  Status take_over(Predecessor& before, Duration patience = 10s) {
    return core_->run(before.take_over(*core_, patience));
  }
  // The same, up to its word; `taken` is how it ends.
  void say_ready(Predecessor& before, std::optional<Status>& taken) {
    const auto run = [](Task<Status> task, std::optional<Status>* out) -> Task<void> {
      *out = co_await task;
    };
    core_->spawn(run(before.take_over(*core_, 10s), &taken));
    bool gone = false;
    std::string word;
    while (word.empty() && !gone) {
      core_->turn(core_->deadline_after(10ms));
      word = receive_word(ends_[0], {}, gone);
    }
    ASSERT_EQ(word, kReady);
  }

  std::unique_ptr<io::Core> core_ = io::Core::make().value();
  int ends_[2] = {-1, -1};
};

TEST_F(HandOverTest, CarriesSocketsWithTheirAddresses) {
  const int first = listening_socket();
  const int second = listening_socket();
  ASSERT_TRUE(
      send_hand_over(
          ends_[0],
          {.generation = 3,
           .instance = "4711-0a1b2c3d",
           .sockets = {{.address = "127.0.0.1:0", .descriptor = first},
                       {.address = "unix:/run/a b.sock", .descriptor = second, .lent = true}}})
          .ok());

  const auto before = find();

  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ((*before)->generation(), 3U);
  EXPECT_EQ((*before)->instance(), "4711-0a1b2c3d");
  const auto sockets = (*before)->take_sockets();
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].address, "127.0.0.1:0");
  EXPECT_FALSE(sockets[0].lent);
  EXPECT_EQ(sockets[1].address, "unix:/run/a b.sock");
  EXPECT_TRUE(sockets[1].lent);
  for (const auto& socket : sockets) {
    EXPECT_EQ(::fcntl(socket.descriptor, F_GETFD), FD_CLOEXEC);
    ::close(socket.descriptor);
  }
  EXPECT_EQ(std::getenv(kUpgradeVariable), nullptr) << "programs that it starts must not see it";
  ::close(first);
  ::close(second);
}

TEST_F(HandOverTest, ReadsTheLinesOfALaterVersionThatItKnows) {
  send_text("fairlead-upgrade 1\nweather fine\ngeneration 4\n");

  const auto before = find();

  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ((*before)->generation(), 4U);
}

TEST_F(HandOverTest, RefusesWhatIsNoHandOver) {
  for (const char* text :
       {"", "fairlead-upgrade 2\ngeneration 2", "hello", "fairlead-upgrade 1\ngeneration -1",
        "fairlead-upgrade 1\ngeneration", "fairlead-upgrade 1\nsocket 127.0.0.1:1"}) {
    send_text(text);
    EXPECT_EQ(find().status().reason(), "upgrade.bad_hand_over") << text;
  }
  ::setenv(kUpgradeVariable, "12345", 1);
  EXPECT_EQ(Predecessor::find().status().reason(), "upgrade.bad_hand_over") << "nothing is open";
  ::setenv(kUpgradeVariable, "three", 1);
  EXPECT_EQ(Predecessor::find().status().reason(), "upgrade.bad_hand_over");
}

TEST_F(HandOverTest, LeavesNoDescriptorOpenWhenItRefuses) {
  const int one = listening_socket();
  const int next = ::fcntl(one, F_DUPFD, 0);
  ::close(next);
  ASSERT_TRUE(
      send_hand_over(ends_[0], {.sockets = {{.address = "a\ngeneration x", .descriptor = one}}})
          .ok());

  EXPECT_FALSE(find().ok());

  EXPECT_EQ(::fcntl(one, F_DUPFD, 0), next);
  ::close(next);
  ::close(one);
}

TEST_F(HandOverTest, RefusesMoreSocketsThanTheSystemTakes) {
  HandOver many;
  many.sockets.resize(kSocketsMax + 1);

  EXPECT_EQ(send_hand_over(ends_[0], many).reason(), "upgrade.too_many_sockets");
}

TEST_F(HandOverTest, IsNotLookedForWhereNobodySaysSo) {
  ::unsetenv(kUpgradeVariable);
  const auto before = Predecessor::find();

  ASSERT_TRUE(before.ok());
  EXPECT_EQ(*before, nullptr);
}

TEST_F(HandOverTest, EndsWithTheWordOfTheOldProcess) {
  for (const auto& [word, reason] :
       {std::pair(kGo, std::string()), std::pair(kNo, std::string("upgrade.called_off"))}) {
    ASSERT_TRUE(send_hand_over(ends_[0], {}).ok());
    const auto before = find();
    ASSERT_TRUE(before.ok());
    send_text(word);

    EXPECT_EQ(take_over(**before).reason(), reason);

    bool gone = false;
    EXPECT_EQ(receive_word(ends_[0], 1s, gone), kReady);
  }
}

TEST_F(HandOverTest, IsOverWhenTheOldProcessSaysNothing) {
  ASSERT_TRUE(send_hand_over(ends_[0], {}).ok());
  const auto before = find();
  ASSERT_TRUE(before.ok());

  EXPECT_EQ(take_over(**before, 10ms).reason(), "upgrade.called_off");
  EXPECT_FALSE(send_word(ends_[0], kGo)) << "it must not give way to one that ends";
}

// Who is told to end before it is ready must not be given way.
TEST_F(HandOverTest, SaysNothingWhenItHasGivenUpBefore) {
  ASSERT_TRUE(send_hand_over(ends_[0], {}).ok());
  const auto before = find();
  ASSERT_TRUE(before.ok());
  // As a signal that has come is heard: a descriptor is readable.
  const int signals = ::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  auto watch = core_->watch_readable(signals, [&] { (*before)->give_up(); });
  ASSERT_TRUE(watch.ok());

  EXPECT_EQ(take_over(**before).reason(), "upgrade.called_off");
  watch->reset();
  ::close(signals);
  bool gone = false;
  EXPECT_EQ(receive_word(ends_[0], {}, gone), "");
}

TEST_F(HandOverTest, CanBeGivenUpUntilTheOldProcessHasSpoken) {
  for (const bool spoken : {true, false}) {  // the pair is spent by giving up
    ASSERT_TRUE(send_hand_over(ends_[0], {}).ok());
    const auto before = find();
    ASSERT_TRUE(before.ok());
    std::optional<Status> taken;
    say_ready(**before, taken);
    ASSERT_FALSE(taken.has_value());

    if (spoken) send_text(kGo);  // and it is not heard yet
    (*before)->give_up();
    for (int i = 0; i < 100 && !taken.has_value(); ++i) core_->turn(core_->deadline_after(10ms));

    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->ok(), spoken) << *taken;
    EXPECT_EQ(send_word(ends_[0], kGo), spoken);
    bool gone = false;
    (void)receive_word(ends_[1], {}, gone);  // what was said to see whether it can be
    core_->turn(Deadline(core_->now()));
  }
}

// Or nobody would serve.
TEST_F(HandOverTest, IsDoneWhenTheOldProcessIsGone) {
  ASSERT_TRUE(send_hand_over(ends_[0], {}).ok());
  const auto before = find();
  ASSERT_TRUE(before.ok());

  std::thread end([this] {
    bool gone = false;
    EXPECT_EQ(receive_word(ends_[0], 10s, gone), kReady);
    ::shutdown(ends_[0], SHUT_RDWR);
  });

  EXPECT_TRUE(take_over(**before).ok());
  end.join();
}

}  // namespace
}  // namespace fairlead::runtime
