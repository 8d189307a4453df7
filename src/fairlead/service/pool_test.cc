#include "fairlead/service/pool.h"

#include <pthread.h>
#include <unistd.h>

#include <latch>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "fairlead/fairlead.h"

namespace desk_test {

struct Note {
  std::string text{};
  std::string caller{};
};
FL_STRUCT(Note, (1, text, len(0, 9)), (2, caller, from_meta("x-caller")))

struct Desk {
  static std::string part();  // a coroutine whose part runs on the pool
  static Note whole(Note);    // as it is served: on the pool or on the core
  static void throws();
  static std::string refuses();
  static std::string waits();  // on the pool, until the test lets it go on
  static std::string quick();  // a coroutine: always on the core
  static fl::Push note(Note);
};
FL_SERVICE(Desk, (part), (whole), (throws), (refuses), (waits), (quick), (note))

std::string thread_name() {
  char name[16];
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}

struct DeskLogic {
  fl::Pool pool;
  std::latch* busy = nullptr;
  std::latch* go_on = nullptr;
  std::atomic<int>* notes = nullptr;

  fl::Task<fl::Result<std::string>> part(fl::Context& context) const {
    const std::string core = thread_name();
    auto name = fl::blocking(pool, context, [&core] { return core + " " + thread_name(); });
    FL_CO_TRY_ASSIGN(std::string both, co_await name);
    co_return both + " " + thread_name();
  }
  Note whole(Note in) const { return {.text = in.text + in.caller, .caller = thread_name()}; }
  void throws() const { throw std::runtime_error("no such table"); }
  fl::Result<std::string> refuses() const { return fl::error(1007, "not today"); }
  std::string waits() const {
    busy->count_down();
    go_on->wait();
    return "waited";
  }
  fl::Task<std::string> quick() const { co_return thread_name(); }
  void note(Note) const { ++*notes; }
};

}  // namespace desk_test

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using desk_test::Desk;
using desk_test::DeskLogic;

// A server with one core and a pool of one thread, and a caller, in one program.
class PoolTest : public ::testing::Test {
 protected:
  PoolTest() {
    spec.listen = {"unix:" + path};
    spec.cores = 1;
    spec.log_level = "off";
  }
  ~PoolTest() override {
    if (!let_go_) go_on.count_down();
  }
  void serve() {
    const Pool pool = server.add_pool("db", {.threads = 1, .waiting_jobs_max = 0});
    auto logic = std::make_shared<DeskLogic>(
        DeskLogic{.pool = pool, .busy = &busy, .go_on = &go_on, .notes = &notes});
    ASSERT_TRUE(internal::add_routes<Desk>(server.router(), logic, pool).ok());
    ASSERT_TRUE(server.start(spec).ok());
    ASSERT_TRUE(server.serve(false).ok());
    spec.listen.clear();
    spec.pools.clear();
    ASSERT_TRUE(caller.start(spec).ok());
  }
  Client<Desk> client() { return Client<Desk>(**caller.target("unix:" + path)); }
  void let_go() {
    let_go_ = true;
    go_on.count_down();
  }

  const std::string path = ::testing::TempDir() + "fl_pool_" + std::to_string(getpid()) + ".sock";
  std::latch busy{1};
  std::latch go_on{1};
  std::atomic<int> notes{0};
  Spec spec;
  Process server{"desk"};
  Process caller{"caller"};
  bool let_go_ = false;
};

TEST_F(PoolTest, RunsAPartOfAHandlerElsewhereAndComesBackToItsCore) {
  serve();
  EXPECT_EQ(client().part(within(10s)).get().value_or(""), "fl-core-0 fl-db-0 fl-core-0");
}

TEST_F(PoolTest, RunsPlainHandlersThatOptInOnThePoolAndCoroutinesOnTheCore) {
  serve();
  const auto whole =
      client().whole({.text = "hi "}, within(10s), with_meta("x-caller", "me")).get();
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->text, "hi me");
  EXPECT_EQ(whole->caller, "fl-db-0");
  EXPECT_EQ(client().quick(within(10s)).get().value_or(""), "fl-core-0");
}

TEST_F(PoolTest, PassesErrorsRulesAndExceptionsOn) {
  serve();
  EXPECT_EQ(client().refuses(within(10s)).get().status().code(), static_cast<Code>(1007));
  EXPECT_EQ(client().whole({.text = "ten letters"}, within(10s)).get().status().reason(),
            "contract.len");
  const Status threw = client().throws(within(10s)).get().status();
  EXPECT_EQ(threw.code(), Code::kInternal);
  EXPECT_EQ(threw.reason(), "handler.threw");
}

TEST_F(PoolTest, TakesPushes) {
  serve();
  EXPECT_TRUE(client().note({}).get().ok());
  const Time end = steady_now() + 10s;
  while (notes == 0 && steady_now() < end) std::this_thread::yield();
  EXPECT_EQ(notes, 1);
}

TEST_F(PoolTest, LeavesTheCoreFreeWhileAJobBlocksAndAnswers503BeyondTheLimit) {
  serve();
  auto blocked = client().waits(within(30s));
  busy.wait();

  EXPECT_EQ(client().quick(within(10s)).get().value_or(""), "fl-core-0");
  const Status full = client().whole({}, within(10s)).get().status();
  const Status part = client().part(within(10s)).get().status();
  let_go();

  EXPECT_EQ(full.code(), Code::kOverloaded);
  EXPECT_EQ(full.reason(), "pool.full");
  EXPECT_EQ(full.outcome(), Outcome::kNotProcessed) << "safe to repeat";
  EXPECT_EQ(part.reason(), "pool.full");
  EXPECT_EQ(blocked.get().value_or(""), "waited");
}

TEST_F(PoolTest, Answers503ToTheOldestCallsWhenMoreComeThanAreDone) {
  spec.pools["db"] = {.waiting_jobs_max = 100, .queue_target = 1us, .queue_interval = 1us};
  serve();
  auto blocked = client().waits(within(30s));
  busy.wait();

  auto oldest = client().whole({}, within(30s));
  (void)client().quick(within(10s)).get();  // it waits now
  std::vector<Call<desk_test::Note>> newer;
  for (int i = 0; i < 3; ++i) {
    newer.push_back(client().whole({}, within(30s)));
    (void)client().quick(within(10s)).get();
  }
  const Status late = oldest.get().status();
  let_go();

  EXPECT_EQ(late.code(), Code::kOverloaded);
  EXPECT_EQ(late.reason(), "pool.overloaded");
  EXPECT_EQ(late.outcome(), Outcome::kNotProcessed);
  EXPECT_TRUE(newer.back().get().ok());
  EXPECT_TRUE(blocked.get().ok());
}

TEST_F(PoolTest, LetsARunningJobEndBeforeTheProcessDoes) {
  serve();
  auto blocked = client().waits(within(30s));
  busy.wait();
  std::thread ending([&] { server.stop(); });
  let_go();

  ending.join();

  EXPECT_EQ(blocked.get().value_or(""), "waited");
}

TEST_F(PoolTest, TakesItsNumbersFromTheConfiguration) {
  spec.pools["db"] = {.threads = 2, .waiting_jobs_max = {}};
  serve();
  auto blocked = client().waits(within(30s));
  busy.wait();

  const auto second = client().whole({}, within(10s)).get();
  EXPECT_TRUE(second.ok()) << second.status();

  let_go();
  EXPECT_TRUE(blocked.get().ok());
}

TEST_F(PoolTest, NamesPoolsThatNobodyDeclaredAndNumbersOutOfRange) {
  server.add_pool("db", {});
  spec.pools["dbb"] = {};
  const Status unknown = server.start(spec);
  EXPECT_EQ(unknown.reason(), "service.unknown_pool");
  EXPECT_NE(unknown.message().find("did you mean 'db'"), std::string_view::npos) << unknown;

  Process other("other");
  other.add_pool("db", {.threads = 0});
  spec.pools.clear();
  EXPECT_EQ(other.start(spec).reason(), "pool.bad_option");
}

TEST(Blocking, NeedsACoreAndAPoolThatIsOpen) {
  const internal::PoolPlaces places("db", {});
  const Pool pool(places);
  Scope scope;
  std::vector<std::string> reasons;
  const auto body = [](Task<Status> task, std::vector<std::string>* out) -> Task<void> {
    Status status = co_await task;
    out->emplace_back(status.reason());
  };

  scope.spawn(body(blocking(pool, [] {}), &reasons));
  auto core = io::Core::make().value();
  core->post([&] { scope.spawn(body(blocking(pool, [] {}), &reasons)); });
  core->turn(Deadline());

  EXPECT_EQ(reasons, (std::vector<std::string>{"pool.no_core", "pool.closed"}));
}

}  // namespace
}  // namespace fairlead::service
