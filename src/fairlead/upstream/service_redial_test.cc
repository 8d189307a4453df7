// What becomes of links that are lost, on virtual time: when they are dialled again, and what calls
// see meanwhile.
#include <functional>
#include <optional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/io/simulation.h"
#include "fairlead/rpc/plugin.h"
#include "fairlead/rpc/plugin_chain.h"
#include "fairlead/upstream/service.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::upstream {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Hears of links that are given up.
class Losses final : public rpc::Plugin {
 public:
  explicit Losses(std::vector<std::string>& seen) : Plugin("losses"), seen_(seen) {}
  Status post_lost(const rpc::LostLink& lost) override {
    seen_.push_back(std::string(lost.service) + " " + std::string(lost.why.reason()));
    return {};
  }

 private:
  std::vector<std::string>& seen_;
};

class ServiceRedial : public ::testing::Test {
 protected:
  // A program that serves at one address: started, killed, started again.
  class Copy {
   public:
    Copy(io::Simulation& world, std::string name)
        : name_(std::move(name)), core_(world.add_core(name_)) {
      const auto whoami = [this](rpc::Context& context) {
        if (Buffer* out = context.begin_reply('s')) out->append(name_);
        return Status();
      };
      FL_CHECK(routes_.add(wire::Kind::kCall, "/whoami", rpc::make_handler(whoami)).ok());
      FL_CHECK(routes_.add(wire::Kind::kCall, "/slow", rpc::make_handler(slow)).ok());
    }
    ~Copy() { kill(); }
    static Task<Status> slow(rpc::Context& context) {
      co_return co_await Sleep(context.core().timers(), context.core().deadline_after(45s));
    }
    // Without a hello it says nothing when it is killed.
    void start(bool hello = false) {
      peer_.emplace(core_, routes_, rpc::PeerOptions{.hello = hello});
      const io::Address at = at_.has_value() ? *at_ : io::Address::loopback(0);
      listener_ = core_
                      .listen(at, {},
                              [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                                accepted.push_back(core_.now());
                                peer_->accept(std::move(stream));
                              })
                      .value();
      at_ = listener_->local();
    }
    void kill() {
      listener_.reset();
      if (peer_.has_value()) (void)core_.run(peer_->close(Deadline(core_.now())));
      peer_.reset();
    }
    void go_away(Duration retry_after = {}) {
      peer_->for_each_session([&](rpc::Session& s) { s.go_away("test", retry_after); });
    }
    Endpoint endpoint() const { return {.id = name_, .address = *at_}; }
    rpc::Peer& peer() { return *peer_; }

    std::vector<Time> accepted;

   private:
    const std::string name_;
    io::Core& core_;
    rpc::Router routes_;
    std::optional<rpc::Peer> peer_;
    std::unique_ptr<io::Listener> listener_;
    std::optional<io::Address> at_;
  };

  void TearDown() override {
    (void)core.run(service->close(core.deadline_after(1s)));
    service.reset();
    (void)core.run(peer.close(core.deadline_after(1s)));
  }
  void use(ServiceOptions options = {}) {
    options.line = &line;
    options.metrics = Metrics::make(registry).value();
    service.emplace(peer, "test", std::move(options));
  }
  void update(std::initializer_list<const Copy*> copies) {
    EndpointSet set;
    for (const Copy* copy : copies) set.push_back(copy->endpoint());
    service->update(std::make_shared<const EndpointSet>(std::move(set)));
  }
  void pass(Duration time) { testkit::pass_time(core, time); }
  // The copy's name, or the reason of the error.
  std::string ask(bool wait_for_ready = false, Duration within = 30s) {
    RawRequest request{.method = "/whoami", .body_codec = 's', .wait_for_ready = wait_for_ready};
    auto call = service->call(std::move(request), core.deadline_after(within));
    const Result<rpc::Reply> reply = core.run(std::move(call));
    last = reply.status();
    return reply.ok() ? std::string(reply->body.view()) : std::string(last.reason());
  }
  // A call of 45 s, which has a minute.
  static Task<void> ask_slowly(Service* service, Deadline until, std::optional<Status>* ended) {
    RawRequest request{.method = "/slow"};
    auto call = service->call(std::move(request), until);
    const Result<rpc::Reply> reply = co_await call;
    *ended = reply.status();
  }
  void begin_slow_call() { core.spawn(ask_slowly(&*service, core.deadline_after(60s), &slow)); }
  void begin_slow_call_to_a() {
    use();
    a.start(true);
    update({&a});
    begin_slow_call();
    pass(5s);
  }
  static Task<void> close(rpc::Session* session) {
    Status closed = co_await session->close(session->core().deadline_after(1s));
    EXPECT_TRUE(closed.ok());
  }
  struct Later final : Timer {
    void on_timer() override { does(); }
    std::function<void()> does;
  };
  Redial::State state(std::size_t i = 0) const { return service->endpoints().at(i).state; }
  std::int64_t counted(Redial::State state) {
    return Metrics::make(registry).value().endpoints[static_cast<std::size_t>(state)].value();
  }

  io::Simulation simulation{1};
  io::Core& core = simulation.add_core("caller");
  observe::Registry registry;
  DialLimits limits;
  DialLine line{core, limits};
  std::vector<std::string> losses;
  rpc::PluginChain plugins = [this] {
    rpc::PluginChain made;
    FL_CHECK(made.add(Losses(losses)).ok());
    return made;
  }();
  rpc::Router no_routes;
  rpc::Peer peer{core, no_routes, {.hello = true, .plugins = &plugins}};
  std::optional<Service> service;
  Copy a{simulation, "a"};
  Copy b{simulation, "b"};
  Status last;
  std::optional<Status> slow;  // how that call ended
};

TEST_F(ServiceRedial, ComesBackByItselfAfterALoss) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  pass(20s);

  const Time lost = core.now();
  a.kill();
  a.start();
  pass(2s);  // nobody calls

  ASSERT_EQ(a.accepted.size(), 2U);
  EXPECT_GE(a.accepted[1] - lost, 100ms);
  EXPECT_LE(a.accepted[1] - lost, 1010ms);
  EXPECT_EQ(state(), Redial::State::kReady);
  EXPECT_EQ(service->session_count(), 1U);
}

TEST_F(ServiceRedial, FailsCallsAtOnceWhileTheOnlyLinkRests) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  a.kill();
  pass(10ms);

  const Time before = core.now();
  EXPECT_EQ(ask(), "upstream.no_endpoint");
  EXPECT_EQ(last.code(), Code::kNoEndpoint);
  EXPECT_EQ(last.outcome(), Outcome::kNotSent);
  EXPECT_EQ(core.now(), before);
}

TEST_F(ServiceRedial, WaitsForTheLinkWhereTheCallSaysSo) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  a.kill();
  pass(5s);
  a.start();
  EXPECT_EQ(ask(true), "a");
}

TEST_F(ServiceRedial, WaitsNoLongerThanTheDeadline) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  a.kill();
  pass(10ms);

  const Time before = core.now();
  EXPECT_EQ(ask(true, 7s), "call.deadline");
  EXPECT_EQ(last.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(last.outcome(), Outcome::kNotSent);
  EXPECT_LT(core.now() - before, 7010ms);
}

TEST_F(ServiceRedial, WaitsForACopyToBeRegisteredWhereTheCallSaysSo) {
  use();
  a.start();
  update({});
  Later later;
  later.does = [this] { update({&a}); };
  core.timers().arm(later, core.now() + 3s);
  EXPECT_EQ(ask(true), "a");
}

TEST_F(ServiceRedial, SendsCallsElsewhereWhileOneLinkRests) {
  use();
  a.start();
  b.start();
  update({&a, &b});
  ASSERT_EQ(ask(), "a");
  ASSERT_EQ(ask(), "b");
  a.kill();
  pass(10ms);
  const Time before = core.now();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask(), "b");
  EXPECT_LT(core.now() - before, 100ms) << "nobody waits for a dial";
}

TEST_F(ServiceRedial, QuarantinesACopyAndGoesOnDialling) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  pass(20s);
  a.kill();
  while (state() != Redial::State::kQuarantined) pass(10ms);
  EXPECT_EQ(service->endpoints()[0].failures, 3U);
  EXPECT_EQ(counted(Redial::State::kQuarantined), 1);
  EXPECT_EQ(counted(Redial::State::kReady), 0);

  a.start();
  pass(60s);

  EXPECT_EQ(state(), Redial::State::kReady);
  EXPECT_TRUE(service->endpoints()[0].recovered);
  EXPECT_EQ(ask(), "a");
}

TEST_F(ServiceRedial, GivesALinkUpWhenItsTimesAreUsedUp) {
  use({.dial = {.redial = {.redial_times = 2}}});
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  a.kill();
  pass(10ms);

  EXPECT_EQ(ask(true), "upstream.lost");
  EXPECT_EQ(last.code(), Code::kDialFailed);
  EXPECT_EQ(last.outcome(), Outcome::kNotSent);
  EXPECT_THAT(std::string(last.message()),
              HasSubstr("was dialled again 2 times (dial.redial_times)"));
  EXPECT_EQ(ask(), "upstream.lost");
  EXPECT_EQ(state(), Redial::State::kClosed);
  EXPECT_THAT(losses, ElementsAre("test dial.refused"));
  a.start();
  pass(5min);
  EXPECT_EQ(a.accepted.size(), 1U);
}

TEST_F(ServiceRedial, StopsDiallingACopyThatIsTakenOut) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  a.kill();
  pass(5ms);

  update({});
  a.start();
  pass(1min);

  EXPECT_EQ(a.accepted.size(), 1U);
  EXPECT_EQ(counted(Redial::State::kBackoff), 0);
}

TEST_F(ServiceRedial, OpensALinkElsewhereSoonAfterAGoaway) {
  use();
  a.start(true);
  b.start(true);
  update({&a, &b});
  ASSERT_EQ(ask(), "a");
  pass(100ms);  // the hello is answered
  const Time told = core.now();

  a.go_away();
  pass(3s);

  ASSERT_EQ(b.accepted.size(), 1U);
  EXPECT_LE(b.accepted[0] - told, 2010ms);
  EXPECT_EQ(state(0), Redial::State::kReady) << "it is not held against it";
  EXPECT_EQ(service->endpoints()[0].failures, 0U);
}

TEST_F(ServiceRedial, SendsCallsElsewhereWhileOneCopyGoesAwayUntilItIsBack) {
  use();
  a.start(true);
  b.start(true);
  update({&a, &b});
  ASSERT_EQ(ask(), "a");
  ASSERT_EQ(ask(), "b");
  pass(100ms);
  const Time told = core.now();

  a.go_away();
  pass(5ms);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(), "b") << "it has ended";
  EXPECT_EQ(a.accepted.size(), 1U) << "no call dials it";

  pass(2s);
  ASSERT_EQ(a.accepted.size(), 2U) << "it does so by itself";
  EXPECT_LE(a.accepted[1] - told, 2010ms);
  EXPECT_EQ(ask(), "a");
  EXPECT_EQ(ask(), "b");
}

TEST_F(ServiceRedial, SendsCallsElsewhereWhileACopyThatGoesAwayStillAnswers) {
  use();
  a.start(true);
  b.start(true);
  update({&a, &b});
  begin_slow_call();
  ASSERT_EQ(ask(), "b");
  pass(100ms);

  a.go_away();
  pass(5ms);
  EXPECT_EQ(state(0), Redial::State::kPassiveClosing);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ask(), "b");
  EXPECT_EQ(a.accepted.size(), 1U);
}

TEST_F(ServiceRedial, ACallEndsOverASessionWhosePeerGoesAwayHoweverLongItTakes) {
  begin_slow_call_to_a();

  a.go_away();
  pass(35s);
  EXPECT_EQ(a.peer().session_count(), 2U);
  pass(6s);

  ASSERT_TRUE(slow.has_value());
  EXPECT_TRUE(slow->ok()) << *slow;
  EXPECT_EQ(a.peer().session_count(), 1U) << "and then it closes";
}

TEST_F(ServiceRedial, ACallToACopyThatIsTakenOutEndsHoweverLongItTakes) {
  begin_slow_call_to_a();

  update({});
  pass(41s);

  ASSERT_TRUE(slow.has_value());
  EXPECT_TRUE(slow->ok()) << *slow;
  EXPECT_EQ(a.peer().session_count(), 0U);
}

TEST_F(ServiceRedial, ClosingWaitsForCallsOverSessionsThatCallsMayTakeNoMore) {
  begin_slow_call_to_a();
  update({});
  pass(1s);

  EXPECT_TRUE(core.run(service->close(core.deadline_after(60s))).ok());

  ASSERT_TRUE(slow.has_value());
  EXPECT_TRUE(slow->ok()) << *slow;
}

TEST_F(ServiceRedial, OpensAnotherLinkToTheOnlyCopyAfterAGoaway) {
  use();
  a.start(true);
  update({&a});
  ASSERT_EQ(ask(), "a");
  pass(100ms);

  a.go_away();
  pass(3s);

  EXPECT_EQ(a.accepted.size(), 2U);
  EXPECT_EQ(state(), Redial::State::kReady);
}

TEST_F(ServiceRedial, DialsAtOnceForACallAfterAGoaway) {
  use();
  a.start(true);
  update({&a});
  ASSERT_EQ(ask(), "a");
  pass(100ms);
  a.go_away();
  pass(10ms);
  const Time before = core.now();
  EXPECT_EQ(ask(), "a");
  EXPECT_LT(core.now() - before, 20ms);
}

TEST_F(ServiceRedial, RestsAsLongAsAnOverloadedCopyAskedFor) {
  use();
  a.start(true);
  update({&a});
  ASSERT_EQ(ask(), "a");
  pass(100ms);
  const Time told = core.now();

  a.go_away(5s);
  pass(10ms);
  EXPECT_EQ(state(), Redial::State::kBackoff);
  EXPECT_EQ(ask(), "upstream.no_endpoint");
  pass(7s);

  ASSERT_EQ(a.accepted.size(), 2U);
  EXPECT_GE(a.accepted[1] - told, 5s);
  EXPECT_LE(a.accepted[1] - told, 6010ms);
}

TEST_F(ServiceRedial, IsNotDialledAgainWhenThisSideClosedIt) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  peer.for_each_session([&](rpc::Session& session) { core.spawn(close(&session)); });
  pass(1min);

  EXPECT_EQ(a.accepted.size(), 1U);
  EXPECT_EQ(state(), Redial::State::kPreparing);
  EXPECT_EQ(ask(), "a");
}

TEST_F(ServiceRedial, RestsLongerAndLongerWhereACopyComesAndGoes) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  const Time begun = core.now();
  while (core.now() - begun < 5min) {
    pass(3s);
    a.kill();
    a.start();
    while (state() != Redial::State::kReady) pass(10ms);
  }
  const std::vector<Time>& at = a.accepted;
  ASSERT_GE(at.size(), 8U);
  EXPECT_LE(at.size(), 20U);
  EXPECT_GE(at.back() - at[at.size() - 2], 24s);
}

TEST_F(ServiceRedial, CountsStatesDialsAndRests) {
  use();
  a.start();
  update({&a, &a});
  EXPECT_EQ(counted(Redial::State::kPreparing), 2);
  ASSERT_EQ(ask(), "a");
  a.kill();
  pass(10min);
  const Metrics metrics = Metrics::make(registry).value();
  EXPECT_EQ(metrics.dials_ok.value(), 1U);
  EXPECT_GT(metrics.dials_failed.value(), 10U);
  EXPECT_GT(metrics.redial_backoff.snapshot().count, 10U);

  (void)core.run(service->close(core.deadline_after(1s)));
  service.reset();
  std::int64_t sum = 0;
  for (const observe::Gauge& gauge : metrics.endpoints) sum += gauge.value();
  EXPECT_EQ(sum, 0);
  use();
}

TEST_F(ServiceRedial, UsesNewSettingsFromTheNextRestOn) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  service->update(DialSettings{.redial = {.first_wait_min = 20s, .first_wait_max = 20s}});
  const Time lost = core.now();
  a.kill();
  a.start();
  pass(30s);
  ASSERT_EQ(a.accepted.size(), 2U);
  EXPECT_GE(a.accepted[1] - lost, 20s);
}

TEST_F(ServiceRedial, DialsWhenTheProcessHasRoomForIt) {
  limits.update({.dials_max = 1, .dials_per_second = 100});
  use();
  a.start();
  update({&a});
  const auto take = [](DialLine* from, io::Core* on) -> Task<void> {
    auto entering = from->enter(CancelToken());
    Result<DialPass> pass = co_await entering;
    Status slept = co_await Sleep(on->timers(), on->deadline_after(3s));
    EXPECT_TRUE(slept.ok());
  };
  core.spawn(take(&line, &core));
  const Time before = core.now();
  EXPECT_EQ(ask(), "a");
  EXPECT_GE(core.now() - before, 3s);
}

TEST_F(ServiceRedial, ShowsItsEndpoints) {
  use();
  a.start();
  update({&a});
  ASSERT_EQ(ask(), "a");
  a.kill();
  pass(5s);

  const EndpointView view = service->endpoints().at(0);

  EXPECT_EQ(view.name, "a");
  EXPECT_EQ(view.address, to_text(a.endpoint()));
  EXPECT_GE(view.failures, 2U);
  EXPECT_GT(view.wait_left, 0s);
  EXPECT_EQ(view.sessions, 0U);
  EXPECT_EQ(view.dials, view.failures + 1U);
  EXPECT_NE(view.last_error.find("[dial.refused]"), std::string::npos) << view.last_error;
}

}  // namespace
}  // namespace fairlead::upstream
