#include "fairlead/runtime/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

namespace fairlead::runtime {
namespace {

class NotifyManagerTest : public ::testing::Test {
 protected:
  ~NotifyManagerTest() override {
    ::unsetenv("NOTIFY_SOCKET");
    ::close(manager_);
    ::unlink(path().c_str());
  }
  static std::string path() { return "/tmp/fl_notify_" + std::to_string(getpid()); }
  // A manager that listens at `name`; '@' stands for the abstract space.
  void listen(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name.front() == '@') address.sun_path[0] = '\0';
    manager_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ASSERT_EQ(::bind(manager_, reinterpret_cast<const sockaddr*>(&address),
                     static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
              0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  std::string heard() const {
    char text[256];
    const ssize_t count = ::recv(manager_, text, sizeof(text), 0);
    return count < 0 ? "nothing" : std::string(text, static_cast<std::size_t>(count));
  }

  int manager_ = -1;
};

TEST_F(NotifyManagerTest, TellsASocketWithAFile) {
  listen(path());
  notify_manager("READY=1\nMAINPID=7");
  EXPECT_EQ(heard(), "READY=1\nMAINPID=7");
}

TEST_F(NotifyManagerTest, TellsASocketInTheAbstractSpace) {
  listen("@" + path());
  notify_manager("STOPPING=1");
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(NotifyManagerTest, DoesNothingWithoutAManager) {
  listen(path());
  for (const char* where : {"", "/", "vsock:2:1", "/nobody/there"}) {
    ::setenv("NOTIFY_SOCKET", where, 1);
    notify_manager("READY=1");
  }
  ::setenv("NOTIFY_SOCKET", ("/" + std::string(200, 'a')).c_str(), 1);
  notify_manager("READY=1");
  ::unsetenv("NOTIFY_SOCKET");
  notify_manager("READY=1");
  EXPECT_EQ(heard(), "nothing");
}

class ManagerSocketsTest : public ::testing::Test {
 protected:
  static void tell(const std::string& pid, const std::string& count) {
    ::setenv("LISTEN_PID", pid.c_str(), 1);
    ::setenv("LISTEN_FDS", count.c_str(), 1);
    ::setenv("LISTEN_FDNAMES", "a:b", 1);
  }
};

TEST_F(ManagerSocketsTest, BeginAtDescriptorThreeAndAreLent) {
  tell(std::to_string(getpid()), "2");
  const auto sockets = take_manager_sockets();

  ASSERT_TRUE(sockets.ok()) << sockets.status();
  ASSERT_EQ(sockets->size(), 2U);
  EXPECT_EQ((*sockets)[0].descriptor, 3);
  EXPECT_EQ((*sockets)[1].descriptor, 4);
  EXPECT_TRUE((*sockets)[1].lent);
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  }
}

TEST_F(ManagerSocketsTest, OfAnotherProcessAreNotOurs) {
  tell(std::to_string(getpid() + 1), "2");
  EXPECT_TRUE(take_manager_sockets().value().empty());
  tell("", "2");
  EXPECT_TRUE(take_manager_sockets().value().empty());
  EXPECT_TRUE(take_manager_sockets().value().empty()) << "no variables at all";
}

TEST_F(ManagerSocketsTest, AreRefusedWhenTheirNumberMakesNoSense) {
  for (const char* count : {"-1", "254", "many"}) {
    tell(std::to_string(getpid()), count);
    EXPECT_EQ(take_manager_sockets().status().reason(), "listen.bad_socket") << count;
  }
}

}  // namespace
}  // namespace fairlead::runtime
