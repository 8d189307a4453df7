#include "fairlead/service/app.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/http/client.h"
#include "fairlead/runtime/signals.h"
#include "fairlead/service/test_math.h"
#include "tests/testkit/threads.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::DivideResult;
using math_test::Math;
using math_test::MathLogic;

// Serving and calling by the registry, in two processes' worth of objects in one program.
class RegistryServiceTest : public ::testing::Test {
 protected:
  RegistryServiceTest() {
    folder = std::filesystem::temp_directory_path() / ("fl_app_" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    spec.store = "file:" + (folder / "store.db").string();
    spec.cores = 1;
    spec.log_level = "off";
  }
  ~RegistryServiceTest() override { std::filesystem::remove_all(folder); }
  std::unique_ptr<Process> copy(const std::string& name) {
    auto process = std::make_unique<Process>("math");
    EXPECT_TRUE(internal::add_routes<Math>(process->router(),
                                           std::make_shared<MathLogic>(MathLogic{.own_name = name}))
                    .ok());
    Spec own = spec;
    own.listen = {"tcp://127.0.0.1:0"};
    EXPECT_TRUE(process->start(own).ok());
    const Status serving = process->serve(true);
    EXPECT_TRUE(serving.ok()) << serving;
    return process;
  }
  std::map<std::string, int> count(Client<Math> math, int calls) {
    std::map<std::string, int> names;
    for (int i = 0; i < calls; ++i) {
      const Result<std::string> name = math.name(within(5s)).get();
      ++names[name.ok() ? *name : name.status().to_string()];
    }
    return names;
  }

  std::filesystem::path folder;
  Spec spec;
};

TEST_F(RegistryServiceTest, FindsItsCopiesAndLosesNothingWhenOneLeaves) {
  auto a = copy("a");
  auto b = copy("b");
  Process caller("caller");
  ASSERT_TRUE(caller.start(spec).ok());
  Client<Math> math(**caller.target("math"));

  EXPECT_EQ(count(math, 20), (std::map<std::string, int>{{"a", 10}, {"b", 10}}));
  a.reset();  // drains
  const auto after = count(math, 20);
  EXPECT_EQ(after, (std::map<std::string, int>{{"b", 20}}));

  auto c = copy("c");
  const Time end = steady_now() + 5s;
  while (count(math, 2).count("c") == 0 && steady_now() < end) {
  }
  EXPECT_EQ(count(math, 20), (std::map<std::string, int>{{"b", 10}, {"c", 10}}));
}

TEST_F(RegistryServiceTest, SaysWhatIsMissingToBeDiscovered) {
  Process process("math");
  Spec own = spec;
  own.store.clear();
  ASSERT_TRUE(process.start(own).ok());
  EXPECT_EQ(process.serve(true).reason(), "service.no_store");

  Process deaf("math");
  ASSERT_TRUE(deaf.start(spec).ok());
  EXPECT_EQ(deaf.serve(true).reason(), "service.no_address");
}

TEST_F(RegistryServiceTest, SaysWhenItsAddressIsTaken) {
  Spec own = spec;
  own.listen = {"unix:" + (folder / "s.sock").string()};
  Process first("math");
  ASSERT_TRUE(first.start(own).ok());
  ASSERT_TRUE(first.serve(false).ok());
  Process second("math");
  ASSERT_TRUE(second.start(own).ok());
  EXPECT_EQ(second.serve(false).reason(), "listen.in_use");
}

// The whole of App in a child process, as a user would run it.
int run_app(std::vector<const char*> words) {
  words.insert(words.begin(), "math");
  App app(static_cast<int>(words.size()), words.data(), "math");
  app.serve<Math>(MathLogic{});
  return app.run("tcp://127.0.0.1:0");
}

TEST(AppDeathTest, EndsWithZeroOnTermAfterDraining) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        runtime::block_signals();  // before the thread below, or TERM would end the process there
        std::thread([] {
          std::this_thread::sleep_for(300ms);
          kill(getpid(), SIGTERM);
        }).detach();
        std::_Exit(run_app({"--log-level", "info"}));
      },
      ::testing::ExitedWithCode(0), "service.stopped");
}

TEST(AppDeathTest, TellsWhereItServesWhenItsAddressesAreOpen) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto run = [] {
    const char* const words[] = {"math", "--log-level", "off"};
    App app(3, words, "math");
    app.serve<Math>(MathLogic{});
    app.on_ready([](const std::vector<io::Address>& addresses) {
      std::fprintf(stderr, "%zu %s %s", addresses.size(), addresses[0].host().c_str(),
                   addresses[0].port() != 0 ? "open" : "closed");
      kill(getpid(), SIGTERM);
    });
    return app.run("tcp://127.0.0.1:0");
  };

  EXPECT_EXIT(std::_Exit(run()), ::testing::ExitedWithCode(0), "^1 127.0.0.1 open$");
}

Task<Status> hold(rpc::Context& context) {
  kill(getpid(), SIGTERM);
  Status slept =
      co_await Sleep(context.core().timers(), context.core().deadline_after(1h), context.cancel());
  co_return slept;
}

TEST(AppDeathTest, EndsWithOneWhenItCutsCalls) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto run = [] {
    const char* const words[] = {"math", "--set", "drain=50ms"};
    App app(3, words, "math");
    app.on_unknown_call(hold);
    app.on_ready([](const std::vector<io::Address>& addresses) {
      std::thread([address = addresses[0]] {
        const auto core = io::Core::make().value();
        const rpc::Router router;
        rpc::Peer caller(*core, router, {});
        auto* const session = core->run(caller.dial(address, core->deadline_after(5s))).value();
        (void)core->run(session->call("/held", 's', Bytes(), {}, core->deadline_after(1min)));
        (void)core->run(caller.close(core->deadline_after(1s)));
      }).detach();
    });
    return app.run("tcp://127.0.0.1:0");
  };

  EXPECT_EXIT(std::_Exit(run()), ::testing::ExitedWithCode(1), "service.not_drained.*calls_cut=1");
}

Task<Status> hold_and_tell(rpc::Context& context, std::atomic<bool>* held) {
  *held = true;
  Status slept =
      co_await Sleep(context.core().timers(), context.core().deadline_after(1h), context.cancel());
  co_return slept;
}

Task<void> wait_until(std::atomic<bool>* held) {
  io::Core& core = *io::Core::current();
  while (!*held) {
    [[maybe_unused]] const Status slept = co_await Sleep(core.timers(), core.deadline_after(1ms));
  }
}

// Who was dialled calls back, and is served still when the task is done.
TEST(AppDeathTest, EndsWithOneWhenItsTaskIsDoneAndItCutsCalls) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto run = [] {
    const auto core = io::Core::make().value();
    const rpc::Router router;
    rpc::Peer dialled(*core, router, {});
    rpc::RawCall call;
    const auto accept = [&](io::Core&, std::unique_ptr<io::Stream> stream) {
      dialled.accept(std::move(stream))
          .start_call(call, {.method = "/held"}, Deadline(), CancelToken(), Bytes());
    };
    const auto listener = core->listen(io::Address::loopback(0), {}, accept).value();
    std::atomic<bool> held{false};
    const char* const words[] = {"math", "--set", "drain=50ms"};
    App app(3, words, "math");
    app.on_unknown_call([&held](rpc::Context& context) { return hold_and_tell(context, &held); });
    EXPECT_TRUE(app.dial(listener->local().to_text()).ok());
    std::thread([other = core.get()] { other->run(); }).detach();
    std::_Exit(app.run(wait_until(&held)));  // the other core turns on
  };

  EXPECT_EXIT(run(), ::testing::ExitedWithCode(1), "service.not_drained.*calls_cut=1");
}

Task<void> nothing() { co_return; }

TEST(AppDeathTest, AStartThatFailedIsNoStartForWhoComesNext) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto run = [] {
    const char* const words[] = {"math", "--set", "log.level=off"};
    App app(3, words, "math");
    testkit::use_up_threads();
    for (int i = 0; i < 2; ++i) {
      const Result<SessionRef> dialled = app.dial("127.0.0.1:1");
      std::cerr << dialled.status().reason() << " ";
    }
    std::_Exit(app.run(nothing()));
  };

  EXPECT_EXIT(run(), ::testing::ExitedWithCode(1),
              "process.no_thread process.no_thread math: .*ulimit -u");
}

TEST(AppDeathTest, TellsMistakesAndEndsWithTheirExitCode) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(std::_Exit(run_app({"--bogus"})), ::testing::ExitedWithCode(2), "unknown option");
  EXPECT_EXIT(std::_Exit(run_app({"--listen", "nowhere"})), ::testing::ExitedWithCode(1),
              "nowhere");
  EXPECT_EXIT(std::_Exit(run_app({"--store", "ftp://x"})), ::testing::ExitedWithCode(1), "ftp");
}

TEST(AppDeathTest, EndsARuntimeWithTheTasksCode) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto run = [] {
    const char* const words[] = {"tool", "--log-level", "off"};
    Runtime runtime(3, words, "tool");
    const auto body = []() -> Task<int> { co_return 7; };
    return runtime.run(body());
  };
  EXPECT_EXIT(std::_Exit(run()), ::testing::ExitedWithCode(7), "");
}

// ---- programs that serve nothing

class CallerTest : public ::testing::Test {
 protected:
  // Words of the command line, behind the log's level and one core.
  std::vector<const char*> words(std::vector<const char*> more) const {
    std::vector<const char*> all = {"tool", "--cores", "1", "--log-level", "off"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  std::string get(std::string target) const {
    const auto core = io::Core::make().value();
    const auto client = http::Client::make(*core, {}).value();
    http::ClientRequest request{.address = io::Address::parse(admin).value(),
                                .target = std::move(target)};
    auto answer = core->run(client->send(std::move(request), core->deadline_after(10s)));
    const Status closed = core->run(client->close(Deadline()));
    EXPECT_TRUE(closed.ok()) << closed;
    if (!answer.ok()) return answer.status().to_string();
    return std::to_string(answer->status) + " " + std::string(answer->body.view());
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  const std::string admin =
      "unix:" + ::testing::TempDir() + "fl_caller_" + std::to_string(getpid()) + ".sock";
};

TEST_F(CallerTest, OpensItsAdminListenerWithItsFirstClient) {
  const auto line = words({"--admin", admin.c_str()});
  Runtime runtime(static_cast<int>(line.size()), line.data(), "tool");
  runtime.raw_client("127.0.0.1:1");
  runtime.raw_client("127.0.0.1:2");  // the second one opens nothing

  EXPECT_EQ(get("/readyz"), "200 {\"ready\":true,\"checks\":[]}\n");
  EXPECT_TRUE(has(get("/metrics"), "fairlead_service_drain_state 1\n")) << get("/metrics");
  EXPECT_TRUE(has(get("/links.json"), "\"service\":\"127.0.0.1:2\"")) << get("/links.json");
}

Task<int> status_of(std::string address, std::string target) {
  io::Core& core = *io::Core::current();
  const auto client = http::Client::make(core, {}).value();
  http::ClientRequest request{.address = io::Address::parse(address).value(),
                              .target = std::move(target)};
  auto answer = co_await client->send(std::move(request), core.deadline_after(10s));
  const Status closed = co_await client->close(Deadline());
  co_return answer.ok() && closed.ok() ? answer->status : -1;
}

TEST_F(CallerTest, OpensItsAdminListenerForATask) {
  const auto line = words({"--admin", admin.c_str()});
  App app(static_cast<int>(line.size()), line.data(), "tool");

  EXPECT_EQ(app.run(status_of(admin, "/healthz")), 200);
}

TEST_F(CallerTest, TellsWhatIsWrongWithItsAdminListenerEachTime) {
  const auto line = words({"--admin", "1.2.3.4:1"});
  Runtime runtime(static_cast<int>(line.size()), line.data(), "tool");

  EXPECT_EQ(runtime.dial("127.0.0.1:1").status().reason(), "admin.not_loopback");
  EXPECT_EQ(runtime.dial("127.0.0.1:1").status().reason(), "admin.not_loopback");
}

TEST_F(CallerTest, IsNotTheProgramThatServes) {
  const auto line = words({"--listen", "127.0.0.1:0"});
  Runtime runtime(static_cast<int>(line.size()), line.data(), "tool");
  EXPECT_EQ(runtime.dial("127.0.0.1:1").status().reason(), "service.serves_nothing");

  App app(static_cast<int>(line.size()), line.data(), "tool");
  EXPECT_EQ(app.dial("127.0.0.1:1").status().reason(), "dial.refused") << "it may serve yet";
}

TEST(AppDeathTest, EndsWithOneWhereItServesNothingAndIsToListen) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const char* const words[] = {"tool", "--listen", "127.0.0.1:0"};
  const auto done = []() -> Task<void> { co_return; };
  const char* const told =
      "tool: flag --listen: key 'listen': 'tool' serves nothing, .*'127.0.0.1:0'; leave out "
      "--listen";
  EXPECT_EXIT(std::_Exit(Runtime(3, words, "tool").run(done())), ::testing::ExitedWithCode(1),
              told);
  EXPECT_EXIT(std::_Exit(App(3, words, "tool").run(done())), ::testing::ExitedWithCode(1), told);
  EXPECT_EXIT(Runtime(3, words, "tool").raw_client("127.0.0.1:1"), ::testing::ExitedWithCode(1),
              told);
}

TEST(AppDeathTest, TellsTheTaskOfARuntimeThatASignalCame) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto run = [] {
    const char* const words[] = {"tool", "--log-level", "off"};
    Runtime runtime(3, words, "tool");
    const auto body = [](Runtime* of) -> Task<void> {
      io::Core& core = *io::Core::current();
      kill(getpid(), SIGTERM);
      Sleep sleep(core.timers(), core.deadline_after(std::chrono::hours(1)), of->stopping());
      const Status slept = co_await sleep;
      std::cerr << slept.reason();
    };
    return runtime.run(body(&runtime));
  };
  EXPECT_EXIT(std::_Exit(run()), ::testing::ExitedWithCode(130), "^wait.cancelled$");
}

}  // namespace
}  // namespace fairlead::service
