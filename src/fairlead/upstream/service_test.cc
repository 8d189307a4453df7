#include "fairlead/upstream/service.h"

#include <map>

#include <gtest/gtest.h>

namespace fairlead::upstream {
namespace {

using namespace std::chrono_literals;

// Copies of a service that answer with their name, and a caller's view of them; all on one core.
class ServiceTest : public ::testing::Test {
 protected:
  struct Copy {
    Copy(io::Core& core, std::string name) : peer(core, router, {.hello = true}) {
      const auto whoami = [name](rpc::Context& context) {
        if (Buffer* out = context.begin_reply('s')) out->append(name);
        return Status();
      };
      (void)router.add(wire::Kind::kCall, "/whoami", rpc::make_handler(whoami));
      (void)router.add(wire::Kind::kCall, "/hold",
                       rpc::make_handler([this](rpc::Context& context) { return hold(context); }));
      const auto half = [this](rpc::Context&) {
        ++half_done;
        return Status(Code::kDialFailed, "test.half", "half is done, the rest's service is away");
      };
      (void)router.add(wire::Kind::kCall, "/half", rpc::make_handler(half));
    }
    // Answered when the test says so.
    Task<Status> hold(rpc::Context& context) {
      ++holding;
      Status let = co_await release.wait(context.core().timers(), Deadline(), context.cancel());
      --holding;
      co_return let;
    }
    rpc::Router router;
    rpc::Peer peer;
    std::unique_ptr<io::Listener> listener;
    Event release;
    int holding = 0;
    int half_done = 0;
  };

  void TearDown() override {
    (void)core->run(service.close(core->deadline_after(1s)));
    for (auto& [name, copy] : copies) stop(name, false);
    (void)core->run(peer.close(core->deadline_after(1s)));
  }
  Endpoint start(const std::string& name, const io::Address& at = io::Address::loopback(0)) {
    auto copy = std::make_unique<Copy>(*core, name);
    rpc::Peer* peer_of_copy = &copy->peer;
    copy->listener = core->listen(at, {},
                                  [peer_of_copy](io::Core&, std::unique_ptr<io::Stream> s) {
                                    peer_of_copy->accept(std::move(s));
                                  })
                         .value();
    Endpoint endpoint{.id = name, .address = copy->listener->local()};
    copies[name] = std::move(copy);
    return endpoint;
  }
  void stop(const std::string& name, bool erase = true) {
    Copy& copy = *copies[name];
    copy.listener.reset();
    (void)core->run(copy.peer.close(Deadline(core->now())));
    if (erase) copies.erase(name);
  }
  void update(EndpointSet endpoints) {
    service.update(std::make_shared<const EndpointSet>(std::move(endpoints)));
  }
  Result<std::string> whoami(Deadline deadline = {}, CancelToken cancel = {}) {
    RawRequest request{.method = "/whoami", .body_codec = 's'};
    const Deadline until = deadline.is_set() ? deadline : core->deadline_after(5s);
    auto reply = core->run(service.call(std::move(request), until, std::move(cancel)));
    if (!reply.ok()) return reply.status();
    return std::string(reply->body.view());
  }
  std::map<std::string, int> count(int calls) {
    std::map<std::string, int> answers;
    for (int i = 0; i < calls; ++i) {
      const Result<std::string> answer = whoami();
      ++answers[answer.ok() ? *answer : answer.status().to_string()];
    }
    return answers;
  }

  // Calls a handler of a copy that holds the call, and returns when it has it.
  void begin_holding(const std::string& name, Duration time, Status* end) {
    const auto call = [](Service* by, Deadline until, Status* out) -> Task<void> {
      RawRequest request{.method = "/hold"};
      auto calling = by->call(std::move(request), until);
      const Result<rpc::Reply> reply = co_await calling;
      *out = reply.status();
    };
    scope.spawn(call(&service, core->deadline_after(time), end));
    const Time patience = steady_now() + 10s;
    while (copies[name]->holding == 0 && steady_now() < patience) {
      core->turn(core->deadline_after(5ms));
    }
    ASSERT_EQ(copies[name]->holding, 1);
  }

  static Task<Status> held(rpc::Context* context, Event* release, int* holding) {
    ++*holding;
    Status let = co_await release->wait(context->core().timers(), Deadline(), CancelToken());
    --*holding;
    co_return let;
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  rpc::Router no_routes;  // of the caller
  rpc::Peer peer{*core, no_routes, {}};
  Service service{peer, "test"};
  std::map<std::string, std::unique_ptr<Copy>> copies;
  Scope scope;
};

TEST_F(ServiceTest, GivesEachLivingCopyItsShare) {
  update({start("a"), start("b")});
  EXPECT_EQ(count(20), (std::map<std::string, int>{{"a", 10}, {"b", 10}}));
}

TEST_F(ServiceTest, GivesANewCopyItsShareAndAGoneOneNone) {
  const Endpoint a = start("a");
  const Endpoint b = start("b");
  update({a, b});
  (void)count(4);
  const Endpoint c = start("c");

  update({a, b, c});
  EXPECT_EQ(count(30), (std::map<std::string, int>{{"a", 10}, {"b", 10}, {"c", 10}}));

  update({a, c});
  EXPECT_EQ(count(20), (std::map<std::string, int>{{"a", 10}, {"c", 10}}));
}

TEST_F(ServiceTest, LosesNoCallWhenACopyDiesBetweenCalls) {
  update({start("a"), start("b")});
  (void)count(4);
  stop("a");
  EXPECT_EQ(count(10), (std::map<std::string, int>{{"b", 10}}));
}

TEST_F(ServiceTest, ComesBackToACopyThatComesBack) {
  const Endpoint a = start("a");
  update({a, start("b")});
  (void)count(4);
  stop("a");
  EXPECT_EQ(count(4).count("a"), 0U);

  (void)start("a", a.address);
  const Time end = steady_now() + 10s;
  while (count(2).count("a") == 0 && steady_now() < end) core->turn(core->deadline_after(20ms));
  EXPECT_EQ(count(10), (std::map<std::string, int>{{"a", 5}, {"b", 5}}));
}

TEST_F(ServiceTest, SaysThatNothingIsRegistered) {
  update({});
  const Status none = whoami().status();
  EXPECT_EQ(none.code(), Code::kNoEndpoint);
  EXPECT_EQ(none.reason(), "upstream.no_endpoint");
  EXPECT_EQ(none.outcome(), Outcome::kNotSent);
}

TEST_F(ServiceTest, SaysThatNoCopyCanBeReachedAndThenFailsFast) {
  const Endpoint a = start("a");
  update({a});
  stop("a");
  EXPECT_EQ(whoami().status().reason(), "upstream.no_endpoint");
  const Status fast = whoami().status();
  EXPECT_EQ(fast.reason(), "upstream.no_endpoint");
  ASSERT_NE(fast.cause(), nullptr);
  EXPECT_NE(fast.cause()->find("cannot connect"), std::string::npos);
}

TEST_F(ServiceTest, WaitsForTheFirstSetUntilTheDeadline) {
  EXPECT_EQ(whoami(core->deadline_after(20ms)).status().code(), Code::kDeadlineExceeded);

  const Endpoint a = start("a");
  core->post([this, a] { update({a}); });
  EXPECT_EQ(whoami().value(), "a");
}

TEST_F(ServiceTest, EndsAWaitThatIsCancelled) {
  CancelSource cancel;
  core->post([&] { cancel.cancel(); });
  EXPECT_EQ(whoami({}, cancel.token()).status().reason(), "call.cancelled");
}

TEST_F(ServiceTest, DialsOnceForManyCallsAndKeepsTheirOrder) {
  update({start("a")});
  std::vector<int> order;
  const auto one = [](Service* on, int number, std::vector<int>* out) -> Task<void> {
    RawRequest request{.method = "/whoami", .body_codec = 's'};
    auto call = on->call(std::move(request), Deadline());
    Result<rpc::Reply> reply = co_await call;
    if (reply.ok()) out->push_back(number);
  };
  for (int i = 0; i < 5; ++i) scope.spawn(one(&service, i, &order));
  const Time end = steady_now() + 10s;
  while (scope.running() > 0 && steady_now() < end) core->turn(core->deadline_after(20ms));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(copies["a"]->peer.session_count(), 1U);
}

// The copy has closed its side, and a call of its own is still being served here.
TEST_F(ServiceTest, DialsAnewWhileTheLastSessionIsStillEnding) {
  Event release;
  int holding = 0;
  const auto hold = [&](rpc::Context& context) { return held(&context, &release, &holding); };
  ASSERT_TRUE(no_routes.add(wire::Kind::kCall, "/held", rpc::make_handler(hold)).ok());
  update({start("a")});
  (void)count(1);
  rpc::Session* theirs = nullptr;
  copies["a"]->peer.for_each_session([&](rpc::Session& session) { theirs = &session; });
  const auto ask = [](rpc::Session* session) -> Task<void> {
    auto call = session->call("/held", 's', Bytes());
    Result<rpc::Reply> reply = co_await call;
    EXPECT_FALSE(reply.ok());
  };
  scope.spawn(ask(theirs));
  const Time end = steady_now() + 10s;
  while (holding == 0 && steady_now() < end) core->turn(core->deadline_after(5ms));
  (void)core->run(theirs->close(Deadline(core->now())));

  EXPECT_EQ(count(3), (std::map<std::string, int>{{"a", 3}}));
  EXPECT_EQ(holding, 1);
  EXPECT_EQ(peer.session_count(), 2U) << "the old one, until its handler ends, and one more";
  release.set();
  while (scope.running() > 0 && steady_now() < end) core->turn(core->deadline_after(5ms));
}

TEST_F(ServiceTest, CallsOverAnotherSessionWhenTheCopySaysThatThisOneEnds) {
  rpc::Peer polite(*core, no_routes, {.hello = true});
  Service from(polite, "test");
  from.update(std::make_shared<const EndpointSet>(EndpointSet{start("a")}));
  const auto call = [](Service* to, const char* method, Status* end) -> Task<void> {
    RawRequest request{.method = method};
    auto calling = to->call(std::move(request), Deadline());
    Result<rpc::Reply> reply = co_await calling;
    *end = reply.status();
  };
  Copy& copy = *copies["a"];
  Status held(Code::kUnknownError, "", "it has not ended");
  scope.spawn(call(&from, "/hold", &held));
  const auto until = [&](auto condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(5ms));
    return condition();
  };
  ASSERT_TRUE(until([&] { return copy.holding == 1; }));
  copy.peer.for_each_session([](rpc::Session& session) { session.go_away("test"); });
  ASSERT_TRUE(until([&] { return from.session_count() == 0; }));

  Status second(Code::kUnknownError, "", "it has not ended");
  core->run(call(&from, "/whoami", &second));
  EXPECT_TRUE(second.ok()) << second;
  EXPECT_EQ(copy.peer.session_count(), 2U);
  copy.release.set();
  EXPECT_TRUE(until([&] { return scope.running() == 0 && copy.peer.session_count() == 1; }));
  EXPECT_TRUE(held.ok()) << held;
  EXPECT_TRUE(core->run(from.close(core->deadline_after(1s))).ok());
  EXPECT_TRUE(core->run(polite.close(core->deadline_after(1s))).ok());
}

TEST_F(ServiceTest, ACallThatWasAnsweredIsNotMadeElsewhere) {
  update({start("a"), start("b")});
  RawRequest request{.method = "/half"};
  const Result<rpc::Reply> reply =
      core->run(service.call(std::move(request), core->deadline_after(5s)));
  EXPECT_EQ(reply.status().reason(), "test.half");
  EXPECT_EQ(copies["a"]->half_done + copies["b"]->half_done, 1) << "its handler ran";
}

TEST_F(ServiceTest, PushesToACopy) {
  update({start("a")});
  RawRequest request{.method = "/nobody"};
  EXPECT_TRUE(core->run(service.push(std::move(request), core->deadline_after(5s))).ok());
}

TEST_F(ServiceTest, CallsUnderWayEndBeforeItsSessionsDo) {
  update({start("a")});
  Status held(Code::kUnknownError, "", "it has not ended");
  begin_holding("a", 10s, &held);
  const auto release_later = [](io::Core* on, Event* release) -> Task<void> {
    const Status slept = co_await Sleep(on->timers(), on->deadline_after(50ms));
    EXPECT_TRUE(slept.ok());
    release->set();
  };
  scope.spawn(release_later(core.get(), &copies["a"]->release));

  EXPECT_TRUE(core->run(service.close(core->deadline_after(10s))).ok());
  EXPECT_TRUE(held.ok()) << held;
}

TEST_F(ServiceTest, CallsThatDoNotEndAreCutAtTheDeadlineOfItsClosing) {
  update({start("a")});
  Status held;
  begin_holding("a", 1min, &held);

  (void)core->run(service.close(core->deadline_after(50ms)));
  EXPECT_EQ(held.code(), Code::kConnectionClosed) << held;
  EXPECT_EQ(held.outcome(), Outcome::kUnknown);
  copies["a"]->release.set();
}

TEST_F(ServiceTest, RefusesCallsOnceItIsClosed) {
  update({start("a")});
  (void)count(1);
  EXPECT_TRUE(core->run(service.close(core->deadline_after(5s))).ok());
  EXPECT_EQ(whoami().status().reason(), "upstream.closed");
}

// ---- other options while it lives

TEST_F(ServiceTest, DialsByItsNewOptionsAndKeepsTheSessionsThatAreOpen) {
  const Endpoint a = start("a");
  const Endpoint b = start("b");
  update({a});
  ASSERT_EQ(whoami().value(), "a");

  service.update(ServiceOptions{.tls_required = true});
  EXPECT_EQ(whoami().value(), "a");
  update({b});
  EXPECT_FALSE(whoami().ok());
  EXPECT_NE(service.endpoints().at(0).last_error.find("upstream.no_tls"), std::string::npos);

  service.update(ServiceOptions{});
  update({a});
  EXPECT_EQ(whoami().value(), "a");
}

TEST_F(ServiceTest, TakesTheDeliveryOfItsNewOptions) {
  service.update(ServiceOptions{.delivery = rpc::DeliveryMode::kAtLeastOnce});
  EXPECT_EQ(service.delivery(), rpc::DeliveryMode::kAtLeastOnce);
}

// ---- more than one connection to a copy

class ManyConnectionsTest : public ServiceTest {
 protected:
  static constexpr Duration kIdle = 200ms;

  void TearDown() override {
    (void)core->run(many.close(core->deadline_after(1s)));
    ServiceTest::TearDown();
  }
  void use(EndpointSet endpoints) {
    many.update(std::make_shared<const EndpointSet>(std::move(endpoints)));
  }
  // A call that its copy answers when the test says so.
  void hold() {
    const auto held = [](Service* on, int* ok, Status* end) -> Task<void> {
      RawRequest request{.method = "/hold"};
      auto call = on->call(std::move(request), Deadline());
      Result<rpc::Reply> reply = co_await call;
      *end = reply.status();
      *ok += reply.ok() ? 1 : 0;
    };
    scope.spawn(held(&many, &answered, &last));
  }
  template <class Condition>
  bool becomes(Condition condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(5ms));
    return condition();
  }
  // Calls under way. The second and the fourth find all connections busy.
  void fill(std::size_t calls) {
    for (std::size_t i = 1; i <= calls; ++i) {
      hold();
      const int held = static_cast<int>(i);
      ASSERT_TRUE(becomes([&] { return copies["a"]->holding == held; }));
      const std::size_t expected = std::min<std::size_t>(i / 2 + 1, 3);
      ASSERT_TRUE(becomes([&] { return copies["a"]->peer.session_count() == expected; }))
          << copies["a"]->peer.session_count() << " of " << expected;
    }
  }
  void answer(const std::string& name) {
    copies[name]->release.set();
    ASSERT_TRUE(becomes([&] { return scope.running() == 0; }));
  }

  Service many{peer, "test", {.connections_max = 3, .connections_idle = kIdle}};
  int answered = 0;
  Status last;
};

TEST_F(ManyConnectionsTest, UsesOneAsLongAsItIsNotBusy) {
  use({start("a")});
  for (int i = 0; i < 5; ++i) {
    RawRequest request{.method = "/whoami"};
    EXPECT_TRUE(core->run(many.call(std::move(request), core->deadline_after(5s))).ok());
  }
  EXPECT_EQ(many.session_count(), 1U);
}

TEST_F(ManyConnectionsTest, DialsAnotherWhenAllAreBusyAndNoMoreThanItMay) {
  use({start("a")});
  fill(7);
  EXPECT_EQ(many.session_count(), 3U);
  std::vector<std::size_t> loads;
  copies["a"]->peer.for_each_session(
      [&](rpc::Session& session) { loads.push_back(session.handlers_running()); });
  std::ranges::sort(loads);
  EXPECT_EQ(loads, (std::vector<std::size_t>{2, 2, 3}));
  answer("a");
  EXPECT_EQ(answered, 7);
}

TEST_F(ManyConnectionsTest, TakesAHigherLimitAtOnceAndClosesNoneThatIsUsedForALowerOne) {
  const auto may_have = [this](std::uint32_t connections) {
    many.update(ServiceOptions{.connections_max = connections, .connections_idle = kIdle});
  };
  use({start("a")});
  may_have(1);
  for (int i = 1; i <= 2; ++i) {
    hold();
    ASSERT_TRUE(becomes([&] { return copies["a"]->holding == i; }));
  }
  EXPECT_EQ(many.session_count(), 1U);

  may_have(2);
  hold();
  ASSERT_TRUE(becomes([&] { return many.session_count() == 2; }));
  hold();
  ASSERT_TRUE(becomes([&] { return copies["a"]->holding == 4; }));
  may_have(1);
  EXPECT_EQ(many.session_count(), 2U);
  answer("a");

  EXPECT_EQ(answered, 4);
  EXPECT_TRUE(becomes([&] { return many.session_count() == 1; })) << "nobody needs it any more";
}

TEST_F(ManyConnectionsTest, CountsAShorterIdleTimeForThoseThatAreIdleAlready) {
  many.update(ServiceOptions{.connections_max = 3, .connections_idle = 1h});
  use({start("a")});
  fill(2);
  answer("a");
  EXPECT_EQ(many.session_count(), 2U);

  many.update(ServiceOptions{.connections_max = 3, .connections_idle = kIdle});

  EXPECT_TRUE(becomes([&] { return many.session_count() == 1; }));
}

TEST_F(ManyConnectionsTest, ClosesThoseThatNobodyNeedsAndKeepsTheFirst) {
  use({start("a")});
  fill(5);
  answer("a");
  EXPECT_TRUE(becomes([&] { return copies["a"]->peer.session_count() == 1; }));
  EXPECT_EQ(many.session_count(), 1U);
}

TEST_F(ManyConnectionsTest, KeepsABusyOneHoweverLongItTakes) {
  use({start("a")});
  fill(5);
  const Time later = steady_now() + 3 * kIdle;
  (void)becomes([&] { return steady_now() >= later; });
  EXPECT_EQ(copies["a"]->holding, 5);
  answer("a");
  EXPECT_EQ(answered, 5);
}

TEST_F(ManyConnectionsTest, GoesOnOverTheOthersWhenTheFirstIsLost) {
  use({start("a")});
  fill(5);
  rpc::Session* first = nullptr;
  copies["a"]->peer.for_each_session([&](rpc::Session& session) {
    if (first == nullptr || session.id() < first->id()) first = &session;
  });
  (void)core->run(first->close(Deadline(core->now())));
  ASSERT_TRUE(becomes([&] { return many.session_count() == 2; }));
  hold();
  EXPECT_TRUE(becomes([&] { return copies["a"]->holding == 4; }));
  answer("a");
  EXPECT_EQ(answered, 4);  // the three that were under way elsewhere, and the new one
}

TEST_F(ManyConnectionsTest, LosesNoCallWhenItMayNotDialASecondTime) {
  use({start("a")});
  hold();
  ASSERT_TRUE(becomes([&] { return copies["a"]->holding == 1; }));
  copies["a"]->listener.reset();  // no more connections there
  for (int i = 0; i < 4; ++i) hold();
  EXPECT_TRUE(becomes([&] { return copies["a"]->holding == 5; }));
  EXPECT_EQ(many.session_count(), 1U);
  answer("a");
  EXPECT_EQ(answered, 5);
}

TEST_F(ManyConnectionsTest, LetsCallsOfACopyThatIsGoneEndOnAllOfThem) {
  const Endpoint a = start("a");
  use({a});
  fill(5);
  use({start("b")});
  EXPECT_EQ(many.session_count(), 0U);
  answer("a");
  EXPECT_EQ(answered, 5);
  EXPECT_TRUE(becomes([&] { return copies["a"]->peer.session_count() == 0; }));
}

}  // namespace
}  // namespace fairlead::upstream
