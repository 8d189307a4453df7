// A handler that blocks holds its core. What the others feel of it: nothing.
#include <pthread.h>
#include <unistd.h>

#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/fairlead.h"
#include "fairlead/http/client.h"
#include "fairlead/service/process.h"

namespace stuck_test {

struct Desk {
  static std::string where();  // the thread that answers: fl-core-0, fl-core-1
  static std::string block();  // holds it
};
FL_SERVICE(Desk, (where), (block))

struct DeskLogic {
  std::latch* inside;
  std::latch* go_on;

  std::string where() const {
    char name[16];
    pthread_getname_np(pthread_self(), name, sizeof(name));
    return name;
  }
  std::string block() const {
    inside->count_down();
    go_on->wait();
    return "moved";
  }
};

}  // namespace stuck_test

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

// Lines of every thread: "event name=value ...".
class Lines final : public observe::LogSink {
 public:
  struct Kept {
    Mutex mutex;
    std::vector<std::string> lines FL_GUARDED_BY(mutex);
  };
  explicit Lines(Kept& kept) : kept_(kept) {}
  void write(const observe::LogRecord& record) override {
    std::string line(record.event);
    for (const observe::LogField& field : record.fields) {
      line.append(" ").append(field.name()).append("=");
      field.append_text(line);
    }
    MutexLock lock(kept_.mutex);
    kept_.lines.push_back(std::move(line));
  }
  void flush() override {}

 private:
  Kept& kept_;
};

// A server with two cores and threads of its own; the test's thread turns the callers' core.
class StuckHandlerTest : public ::testing::Test {
 protected:
  StuckHandlerTest() {
    const auto logic = std::make_shared<stuck_test::DeskLogic>(&inside, &go_on);
    EXPECT_TRUE(internal::add_routes<stuck_test::Desk>(server->router(), logic).ok());
    Spec spec;
    spec.listen = {"unix:" + path};
    spec.admin = "127.0.0.1:0";
    spec.cores = 2;
    spec.log_level = "off";  // the test's own logger hears
    spec.stuck_after = 100ms;
    EXPECT_TRUE(server->start(spec).ok());
    EXPECT_TRUE(server->serve(false).ok());
    admin = value_of(wait_for("service.admin "), "address");
  }
  ~StuckHandlerTest() override {
    release();
    Status closed = core->run(peer.close(Deadline()));
    EXPECT_TRUE(closed.ok()) << closed;
  }

  rpc::Session& dial() {
    const auto address = io::Address::parse("unix:" + path).value();
    return *core->run(peer.dial(address, core->deadline_after(10s))).value();
  }
  std::string ask(rpc::Session& session, std::string method) {
    const auto reply =
        core->run(session.call(std::move(method), 's', Bytes(), {}, core->deadline_after(10s)));
    return reply.ok() ? std::string(reply->body.view()) : reply.status().to_string();
  }
  // Makes two connections, which live on different cores, and blocks the core of that number.
  void hold(int number) {
    held = &dial();
    other = &dial();
    if (ask(*held, "/desk/where") != name_of(number)) std::swap(held, other);
    ASSERT_EQ(ask(*held, "/desk/where"), name_of(number));
    ASSERT_EQ(ask(*other, "/desk/where"), name_of(1 - number));
    const auto body = [](rpc::Session* session, std::string* out) -> Task<void> {
      auto call =
          session->call("/desk/block", 's', Bytes(), {}, session->core().deadline_after(60s));
      Result<rpc::Reply> reply = co_await call;
      *out = reply.ok() ? std::string(reply->body.view()) : reply.status().to_string();
    };
    core->spawn(body(held, &blocked_reply));
    core->turn(Deadline(core->now()));
    inside.wait();
    stuck_line = wait_for("core.stuck ");
  }
  static std::string name_of(int core) { return "fl-core-" + std::to_string(core); }
  void release() {
    if (!std::exchange(released, true)) go_on.count_down();
  }
  // The first line that begins so; waits for it.
  std::string wait_for(std::string_view beginning) {
    const Time end = steady_now() + 20s;
    while (steady_now() < end) {
      {
        MutexLock lock(kept.mutex);
        for (const std::string& line : kept.lines) {
          if (line.starts_with(beginning)) return line;
        }
      }
      std::this_thread::yield();
    }
    return "no line begins with " + std::string(beginning);
  }
  static std::string value_of(const std::string& line, const std::string& field) {
    const std::size_t from = line.find(" " + field + "=");
    if (from == std::string::npos) return line;
    const std::size_t value = from + field.size() + 2;
    return line.substr(value, line.find(' ', value) - value);
  }
  std::string get(std::string target) {
    auto client = http::Client::make(*core, {}).value();
    http::ClientRequest request{.address = io::Address::parse(admin).value(),
                                .target = std::move(target)};
    auto answer = core->run(client->send(std::move(request), core->deadline_after(10s)));
    Status closed = core->run(client->close(Deadline()));
    EXPECT_TRUE(closed.ok());
    return answer.ok() ? std::string(answer->body.view()) : answer.status().to_string();
  }

  const std::string path = ::testing::TempDir() + "fl_stuck_" + std::to_string(getpid()) + ".sock";
  Lines::Kept kept;
  observe::Logger logger{{}, std::make_unique<Lines>(kept)};
  observe::ScopedDefaultLogger default_logger{logger};
  std::latch inside{1};
  std::latch go_on{1};
  bool released = false;
  std::unique_ptr<Process> server = std::make_unique<Process>("desk");
  std::unique_ptr<io::Core> core = io::Core::make().value();
  rpc::Router no_routes;
  rpc::Peer peer{*core, no_routes, {}};
  rpc::Session* held = nullptr;   // on the core that is held
  rpc::Session* other = nullptr;  // on the other one
  std::string blocked_reply;
  std::string stuck_line;
  std::string admin;
};

// The first core runs the admin listener and used to be the only one that accepts.
class EitherCoreTest : public StuckHandlerTest, public ::testing::WithParamInterface<int> {};

TEST_P(EitherCoreTest, IsNamedInTheLogAndWhenItIsOver) {
  hold(GetParam());
  EXPECT_EQ(value_of(stuck_line, "core"), std::to_string(GetParam()));
  EXPECT_EQ(value_of(stuck_line, "method"), "/desk/block");

  release();

  EXPECT_EQ(value_of(wait_for("core.moves "), "method"), "/desk/block");
  EXPECT_EQ(ask(*held, "/desk/where"), name_of(GetParam()));
  EXPECT_EQ(blocked_reply, "moved");
}

TEST_P(EitherCoreTest, LetsTheOtherCoreAnswerAndAccept) {
  hold(GetParam());

  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(ask(*other, "/desk/where"), name_of(1 - GetParam()));
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask(dial(), "/desk/where"), name_of(1 - GetParam()));

  EXPECT_EQ(blocked_reply, "") << "the held core has not moved meanwhile";
}

INSTANTIATE_TEST_SUITE_P(Cores, EitherCoreTest, ::testing::Values(0, 1));

TEST_F(StuckHandlerTest, StandsOnTheAdminPageWhileItLasts) {
  hold(1);

  const std::string page = get("/cores");

  EXPECT_NE(page.find(R"("state":"stuck","method":"/desk/block")"), std::string::npos) << page;
  EXPECT_NE(get("/metrics").find("fairlead_runtime_core_stuck_total{core=\"1\"} 1"),
            std::string::npos);
}

TEST_F(StuckHandlerTest, IsCountedOnTheAdminPageAfterItHeldTheFirstCore) {
  hold(0);
  release();
  wait_for("core.moves ");

  const std::string page = get("/cores");

  EXPECT_NE(page.find(R"("stuck_total":1},{"number":1)"), std::string::npos) << page;
  EXPECT_EQ(page.find("stuck\","), std::string::npos) << page;
}

}  // namespace
}  // namespace fairlead::service
