#include "fairlead/store/wake_socket.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "fairlead/store/test_folder.h"

namespace fairlead::store::internal {
namespace {

bool woken(const WakeSocket& socket) {
  pollfd wait{socket.descriptor(), POLLIN, 0};
  return ::poll(&wait, 1, 0) == 1;
}

std::size_t names_in(const std::string& folder) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    (void)entry;
    ++count;
  }
  return count;
}

TEST(WakeSocket, WakesTheOthersAndNotItself) {
  const TestFolder folder;
  const WakeSocket one(folder.file("s.db"));
  const WakeSocket two(folder.file("s.db"));
  const WakeSocket three(folder.file("s.db"));

  one.notify();

  EXPECT_FALSE(woken(one));
  EXPECT_TRUE(woken(two));
  EXPECT_TRUE(woken(three));
  two.drain();
  EXPECT_FALSE(woken(two));
}

TEST(WakeSocket, WorksUnderAPathLongerThanASocketAddress) {
  const TestFolder folder;
  const std::string deep = folder.file(std::string(200, 'd'));
  ASSERT_TRUE(std::filesystem::create_directory(deep));
  const WakeSocket one(deep + "/s.db");
  const WakeSocket two(deep + "/s.db");
  one.notify();
  EXPECT_TRUE(woken(two));
}

TEST(WakeSocket, NeverWaitsForOneThatDoesNotListen) {
  const TestFolder folder;
  const WakeSocket one(folder.file("s.db"));
  const WakeSocket two(folder.file("s.db"));
  for (int i = 0; i < 10'000; ++i) one.notify();
  EXPECT_TRUE(woken(two));
}

TEST(WakeSocket, RemovesItsNameAndThoseOfTheDead) {
  const TestFolder folder;
  const std::string names = folder.file("s.db.wake");
  const WakeSocket one(folder.file("s.db"));
  {
    const WakeSocket two(folder.file("s.db"));
  }
  EXPECT_EQ(names_in(names), 1U);
  const pid_t child = ::fork();
  if (child == 0) {
    new WakeSocket(folder.file("s.db"));
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_EQ(names_in(names), 2U);

  one.notify();

  EXPECT_EQ(names_in(names), 1U);
}

TEST(WakeSocket, DoesWithoutWhenTheFolderCannotBeMade) {
  const TestFolder folder;
  std::ofstream(folder.file("s.db.wake")) << "a file is in the way";
  const WakeSocket socket(folder.file("s.db"));
  EXPECT_EQ(socket.descriptor(), -1);
  socket.notify();
  socket.drain();
}

}  // namespace
}  // namespace fairlead::store::internal
