// How a program ends, as its callers see it.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/http/client.h"
#include "fairlead/io/core.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/service/test_math.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::Math;
using math_test::MathLogic;

// A program, and a caller with one session on the test's thread.
class ProcessEndTest : public ::testing::Test {
 protected:
  ProcessEndTest() {
    spec.cores = 2;
    spec.log_level = "off";
    spec.listen = {"tcp://127.0.0.1:0"};
  }
  ~ProcessEndTest() override {
    if (stopping.joinable()) stopping.join();
    EXPECT_TRUE(core->run(caller.close(core->deadline_after(5s))).ok());
  }
  Status serve() {
    FL_TRY(internal::add_routes<Math>(process.router(), std::make_shared<MathLogic>()));
    FL_TRY(process.start(spec));
    FL_TRY(process.serve(false));
    address = process.addresses().at(0);
    return {};
  }
  rpc::Session* dial() {
    auto dialled = core->run(caller.dial(address, core->deadline_after(10s)));
    EXPECT_TRUE(dialled.ok()) << dialled.status();
    return dialled.value_or(nullptr);
  }
  Status call(rpc::Session& session) {
    auto calling = session.call("/math/name", 'j', Bytes(), {}, core->deadline_after(10s));
    return core->run(std::move(calling)).status();
  }
  // In another thread, as a program's main does it; gives the session that was told.
  rpc::Session* stop_and_hear() {
    rpc::Session* const session = dial();
    EXPECT_TRUE(call(*session).ok()) << "the hello is over";
    bool told = false;
    session->on_leaving([&told](rpc::Session&) { told = true; });
    stopping = std::thread([this] { process.stop(); });
    const Time end = steady_now() + 20s;
    while (!told && steady_now() < end) core->turn(core->deadline_after(1s));
    EXPECT_TRUE(told);
    return session;
  }

  Spec spec;
  Process process{"math"};
  io::Address address;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  rpc::Router router;
  rpc::Peer caller{*core, router, {.hello = true}};
  std::thread stopping;
};

TEST_F(ProcessEndTest, AnswersCallsThatCrossItsFarewell) {
  ASSERT_TRUE(serve().ok());
  rpc::Session* const session = stop_and_hear();

  const Status crossed = call(*session);

  EXPECT_TRUE(crossed.ok()) << crossed;
}

TEST_F(ProcessEndTest, AcceptsDuringItsNotice) {
  spec.notice = 1s;
  ASSERT_TRUE(serve().ok());
  stop_and_hear();

  rpc::Session* const late = dial();

  ASSERT_NE(late, nullptr);
  EXPECT_TRUE(call(*late).ok());
}

TEST_F(ProcessEndTest, LeavesNobodyWhoListens) {
  ASSERT_TRUE(serve().ok());
  process.stop();

  const auto late = core->run(caller.dial(address, core->deadline_after(10s)));

  EXPECT_EQ(late.status().reason(), "dial.refused");
}

// What heeds no token.
Task<Status> sleep_on(io::Core& core) {
  Status slept = co_await Sleep(core.timers(), core.deadline_after(1h));
  co_return slept;
}

Task<Status> run_job(Pool pool, std::function<void()> job) {
  Status ended = co_await blocking(pool, std::move(job));
  co_return ended;
}

Task<void> forget_job(Pool pool, std::function<void()> job) {
  [[maybe_unused]] const Status ended = co_await blocking(pool, std::move(job));
}

// A handler that would go on for an hour.
Task<Status> hold(rpc::Context& context) {
  Status slept =
      co_await Sleep(context.core().timers(), context.core().deadline_after(1h), context.cancel());
  co_return slept;
}

TEST_F(ProcessEndTest, CountsTheCallsThatItCuts) {
  ASSERT_TRUE(process.router().add(wire::Kind::kCall, "/hold", rpc::make_handler(hold)).ok());
  spec.drain = 50ms;
  ASSERT_TRUE(serve().ok());
  rpc::Session* const session = dial();
  rpc::RawCall held;
  session->start_call(held, {.method = "/hold"}, core->deadline_after(1min), CancelToken(),
                      Bytes());
  ASSERT_TRUE(call(*session).ok()) << "the other one has begun";

  process.stop();

  EXPECT_EQ(process.calls_cut(), 1U);
  EXPECT_EQ(process.metrics().counter({"fairlead_service_drain_cut_total", ""})->value(), 1U);
}

TEST_F(ProcessEndTest, CutsNothingWhereCallsEndInTime) {
  ASSERT_TRUE(serve().ok());
  ASSERT_TRUE(call(*dial()).ok());

  process.stop();

  EXPECT_EQ(process.calls_cut(), 0U);
}

TEST_F(ProcessEndTest, CountsCallsOverHttpToo) {
  ASSERT_TRUE(process.router().add(wire::Kind::kCall, "/hold", rpc::make_handler(hold)).ok());
  spec.drain = 50ms;
  ASSERT_TRUE(serve().ok());
  const auto client = http::Client::make(*core, {}).value();
  const auto send = [](http::Client& over, http::ClientRequest request) -> Task<void> {
    const auto answer = co_await over.send(std::move(request), Deadline());
    EXPECT_FALSE(answer.ok());
  };
  core->spawn(send(*client, {.address = address, .method = "POST", .target = "/hold"}));
  const auto received = process.metrics().counter({"fairlead_http_requests_received_total", ""});
  while (received->value() == 0) core->turn(core->deadline_after(10ms));

  process.stop();

  EXPECT_EQ(process.calls_cut(), 1U);
  EXPECT_TRUE(core->run(client->close(core->deadline_after(5s))).ok());
}

// The program calls the test's thread, which calls back over that connection.
class CalledBackTest : public ProcessEndTest {
 protected:
  CalledBackTest() {
    spec.drain = 50ms;
    const auto accept = [this](io::Core&, std::unique_ptr<io::Stream> stream) {
      accepted = &called.accept(std::move(stream));
    };
    listener = core->listen(io::Address::loopback(0), {}, accept).value();
    const auto hold_and_tell = [this](rpc::Context& context) -> Task<Status> {
      ++held;
      return hold(context);
    };
    EXPECT_TRUE(
        process.router().add(wire::Kind::kCall, "/hold", rpc::make_handler(hold_and_tell)).ok());
  }
  ~CalledBackTest() override {
    listener.reset();
    EXPECT_TRUE(core->run(called.close(core->deadline_after(5s))).ok());
  }
  // Returns when the handler of the program runs.
  void call_back(std::string_view method = "/hold") {
    const auto turn_until = [this](const auto& condition) {
      const Time end = steady_now() + 20s;
      while (!condition() && steady_now() < end) core->turn(core->deadline_after(10ms));
      EXPECT_TRUE(condition());
    };
    turn_until([this] { return accepted != nullptr; });
    ASSERT_NE(accepted, nullptr);
    accepted->start_call(calling, {.method = method}, Deadline(), CancelToken(), Bytes());
    turn_until([this] { return held > 0; });
  }

  rpc::Peer called{*core, router, {.hello = true}};
  std::unique_ptr<io::Listener> listener;
  rpc::Session* accepted = nullptr;
  rpc::RawCall calling;
  std::atomic<int> held = 0;
};

TEST_F(CalledBackTest, CountsWhatItCutsOverALinkThatItDialled) {
  process.sessions();
  ASSERT_TRUE(serve().ok());
  ASSERT_TRUE(process.dial(listener->local().to_text(), {}).ok());
  call_back();

  process.stop();

  EXPECT_EQ(process.calls_cut(), 1U);
  EXPECT_EQ(process.metrics().counter({"fairlead_service_drain_cut_total", ""})->value(), 1U);
}

TEST_F(CalledBackTest, CountsWhatItCutsOverASessionToAService) {
  ASSERT_TRUE(serve().ok());
  Client<Math> math(**process.target(listener->local().to_text()));
  auto asked = math.name(within(5s));
  call_back();

  process.stop();

  EXPECT_EQ(process.calls_cut(), 1U);
}

// What does not end by itself is in a process of its own.
class UnendingTest : public ProcessEndTest {
 protected:
  UnendingTest() {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    spec.drain = 0ms;
    spec.log_level = "error";
  }
  // Until the handler of `method` runs, then the end.
  void call_and_stop(std::string method) {
    rpc::RawCall call;
    dial()->start_call(call, {.method = std::move(method)}, Deadline(), CancelToken(), Bytes());
    core->turn(Deadline(core->now()));
    running.wait(false);
    process.stop();
  }
  // The process of a call of `method` that does not end ends with 1 and tells that.
  void expect_cut(const std::string& method, const char* told) {
    EXPECT_EXIT(
        {
          EXPECT_TRUE(serve().ok());
          call_and_stop(method);
        },
        ::testing::ExitedWithCode(1), told);
  }

  std::atomic<bool> running{false};
};

TEST_F(UnendingTest, AHandlerThatLoopsDoesNotKeepTheProcess) {
  const auto loop = [this](rpc::Context&) -> Status {
    running = true;
    running.notify_all();
    while (true) ::pause();
  };
  EXPECT_TRUE(process.router().add(wire::Kind::kCall, "/loop", rpc::make_handler(loop)).ok());

  expect_cut("/loop", "service.not_ended.*held by /loop.*calls_cut=1");
}

TEST_F(UnendingTest, AHandlerThatHeedsNoTokenDoesNotKeepTheProcess) {
  const auto wait = [this](rpc::Context& context) -> Task<Status> {
    running = true;
    running.notify_all();
    return sleep_on(context.core());
  };
  EXPECT_TRUE(process.router().add(wire::Kind::kCall, "/wait", rpc::make_handler(wait)).ok());

  expect_cut("/wait", "service.not_ended.*1 handlers.*calls_cut=1");
}

TEST_F(UnendingTest, AJobThatHangsDoesNotKeepTheProcess) {
  const Pool pool = process.add_pool("db", {.threads = 1});
  const auto work = [this, pool](rpc::Context&) -> Task<Status> {
    const auto job = [this] {
      running = true;
      running.notify_all();
      while (true) ::pause();
    };
    return run_job(pool, job);
  };
  EXPECT_TRUE(process.router().add(wire::Kind::kCall, "/work", rpc::make_handler(work)).ok());

  expect_cut("/work", "service.not_ended.*pool db \\(1 jobs\\)");
}

// The cores have ended: they are not asked, and nobody says that something holds them.
TEST_F(UnendingTest, AJobThatNobodyAwaitsIsNamedAloneWithWhatTheDrainCut) {
  const Pool pool = process.add_pool("db", {.threads = 1});
  const auto work = [this, pool](rpc::Context& context) -> Status {
    const auto job = [this] {
      running = true;
      running.notify_all();
      while (true) ::pause();
    };
    context.core().spawn(forget_job(pool, job));
    return {};
  };
  EXPECT_TRUE(process.router().add(wire::Kind::kCall, "/work", rpc::make_handler(work)).ok());
  EXPECT_TRUE(process.router().add(wire::Kind::kCall, "/hold", rpc::make_handler(hold)).ok());

  EXPECT_EXIT(
      {
        EXPECT_TRUE(serve().ok());
        rpc::RawCall held;
        dial()->start_call(held, {.method = "/hold"}, Deadline(), CancelToken(), Bytes());
        call_and_stop("/work");
      },
      ::testing::ExitedWithCode(1),
      "service.not_ended.*runs=\"pool db \\(1 jobs\\)\".*calls_cut=1");
}

// TERM finds the core that hears signals held: the only one.
class HeldCoreTest : public UnendingTest {
 protected:
  HeldCoreTest() {
    spec.cores = 1;
    const auto loop = [this](rpc::Context&) -> Status {
      running = true;
      running.notify_all();
      while (true) ::pause();
    };
    EXPECT_TRUE(process.router().add(wire::Kind::kCall, "/loop", rpc::make_handler(loop)).ok());
  }
  void serve_and_hold() {
    EXPECT_TRUE(serve().ok());
    rpc::RawCall call;
    dial()->start_call(call, {.method = "/loop"}, Deadline(), CancelToken(), Bytes());
    core->turn(Deadline(core->now()));
    running.wait(false);
    kill(getpid(), SIGTERM);
  }
};

TEST_F(HeldCoreTest, ATermEndsItAtItsBound) {
  EXPECT_EXIT(
      {
        serve_and_hold();
        process.wait_for_signal();
        process.stop();
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*held by /loop.*calls_cut=1");
}

TEST_F(HeldCoreTest, ASecondTermEndsItAtOnce) {
  EXPECT_EXIT(
      {
        serve_and_hold();
        while (true) kill(getpid(), SIGTERM);  // until it is late enough
      },
      ::testing::ExitedWithCode(143), "");
}

// A task of run() that computes holds the core as well, and serves nobody.
TEST_F(HeldCoreTest, ATermEndsATaskThatHeedsNothing) {
  const auto compute = []() -> Task<void> {
    kill(getpid(), SIGTERM);
    while (true) ::pause();
    co_return;
  };
  EXPECT_EXIT(
      {
        spec.listen.clear();
        EXPECT_TRUE(process.start(spec).ok());
        process.run(compute());
        process.stop();
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*core 0 \\(held\\)");
}

TEST_F(CalledBackTest, NamesAHandlerThatDoesNotEndThere) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  spec.log_level = "error";
  const auto wait = [this](rpc::Context& context) -> Task<Status> {
    ++held;
    return sleep_on(context.core());
  };
  ASSERT_TRUE(process.router().add(wire::Kind::kCall, "/wait", rpc::make_handler(wait)).ok());
  process.sessions();

  EXPECT_EXIT(
      {
        EXPECT_TRUE(serve().ok());
        EXPECT_TRUE(process.dial(listener->local().to_text(), {}).ok());
        call_back("/wait");
        process.stop();
      },
      ::testing::ExitedWithCode(1), "service.not_ended.*1 handlers.*calls_cut=1");
}

TEST_F(ProcessEndTest, IsSeenInThePhases) {
  const auto phase = [this] {
    return process.metrics().gauge({"fairlead_service_drain_state", ""})->value();
  };
  ASSERT_TRUE(serve().ok());
  EXPECT_EQ(phase(), 1);

  process.stop();

  EXPECT_EQ(phase(), 4);
}

class PidFileTest : public ProcessEndTest {
 protected:
  PidFileTest() {
    spec.pid_file =
        (std::filesystem::temp_directory_path() / ("fl_pid_file_" + std::to_string(getpid())))
            .string();
  }
  ~PidFileTest() override { std::filesystem::remove(spec.pid_file); }
  std::string content() const {
    std::ifstream file(spec.pid_file);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_F(PidFileTest, StandsWhileTheProgramServes) {
  ASSERT_TRUE(serve().ok());
  EXPECT_EQ(content(), std::to_string(getpid()) + "\n");

  process.stop();
  EXPECT_FALSE(std::filesystem::exists(spec.pid_file));
}

TEST_F(PidFileTest, OfAnotherProcessStays) {
  ASSERT_TRUE(serve().ok());
  std::ofstream(spec.pid_file) << "1\n";

  process.stop();

  EXPECT_EQ(content(), "1\n");
}

TEST_F(PidFileTest, ThatCannotBeWrittenIsTold) {
  spec.pid_file = "/no/such/folder/math.pid";

  EXPECT_EQ(serve().reason(), "service.pid_file");
}

}  // namespace
}  // namespace fairlead::service
