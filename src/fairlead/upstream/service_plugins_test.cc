// What plugins are told of the sessions that a service dials.
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/rpc/plugin.h"
#include "fairlead/rpc/plugin_chain.h"
#include "fairlead/upstream/service.h"

namespace fairlead::upstream {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::Not;

// Notes each dial, and whether there was a session to that copy before.
class Dials final : public rpc::Plugin {
 public:
  explicit Dials(std::vector<std::string>& seen) : Plugin("dials"), seen_(seen) {}
  Status pre_dial(rpc::Dialling& dialling) override {
    seen_.push_back(dialling.options.again ? "pre_dial again" : "pre_dial");
    return {};
  }
  Status post_dial(rpc::Session&, bool again) override {
    seen_.push_back(again ? "post_dial again" : "post_dial");
    return {};
  }

 private:
  std::vector<std::string>& seen_;
};

class ServicePlugins : public ::testing::Test {
 protected:
  struct Copy {
    Copy(io::Core& core, const io::Address& at) : peer(core, routes, {}) {
      listener = core.listen(at, {},
                             [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                               peer.accept(std::move(stream));
                             })
                     .value();
    }
    rpc::Router routes;
    rpc::Peer peer;
    std::unique_ptr<io::Listener> listener;
  };

  void TearDown() override {
    (void)core->run(service.close(core->deadline_after(1s)));
    for (const auto& copy : copies) (void)core->run(copy->peer.close(core->deadline_after(1s)));
    (void)core->run(peer.close(core->deadline_after(1s)));
  }
  Endpoint start(const std::string& id, const io::Address& at = io::Address::loopback(0)) {
    copies.push_back(std::make_unique<Copy>(*core, at));
    return {.id = id, .address = copies.back()->listener->local()};
  }
  void stop_last() {
    (void)core->run(copies.back()->peer.close(Deadline(core->now())));
    copies.pop_back();
  }
  void update(EndpointSet endpoints) {
    service.update(std::make_shared<const EndpointSet>(std::move(endpoints)));
  }
  // Whether a copy has answered; nobody serves anything there.
  bool ask() {
    auto call = service.call({.method = "/nobody"}, core->deadline_after(5s));
    const Result<rpc::Reply> reply = core->run(std::move(call));
    return reply.status().code() == Code::kNotFound;
  }
  void turn_until_lost() {
    const Time end = steady_now() + 10s;
    while (peer.session_count() > 0 && steady_now() < end) core->turn(core->deadline_after(20ms));
    ASSERT_EQ(peer.session_count(), 0U);
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::vector<std::string> seen;
  rpc::PluginChain plugins = [this] {
    rpc::PluginChain made;  // complete before a peer reads it
    EXPECT_TRUE(made.add(Dials(seen)).ok());
    return made;
  }();
  static RedialOptions quick() {
    return {.first_wait_min = 0ms,
            .first_wait_max = 0ms,
            .unseen_wait_first = 1ms,
            .unseen_wait_max = 1ms};
  }
  rpc::Router no_routes;
  rpc::Peer peer{*core, no_routes, {.plugins = &plugins}};
  Service service{peer, "test", {.dial = {.redial = quick()}}};
  std::vector<std::unique_ptr<Copy>> copies;
};

TEST_F(ServicePlugins, ADialAfterALostSessionIsToldAsOneAgain) {
  const Endpoint a = start("a");
  update({a});
  ASSERT_TRUE(ask());
  EXPECT_THAT(seen, ElementsAre("pre_dial", "post_dial"));
  stop_last();
  turn_until_lost();
  (void)start("a", a.address);
  seen.clear();

  const Time end = steady_now() + 10s;  // it rests for a moment
  while (!ask() && steady_now() < end) core->turn(core->deadline_after(5ms));

  EXPECT_THAT(seen, ElementsAre("pre_dial again", "post_dial again"));
}

TEST_F(ServicePlugins, ADialAfterOneThatFailedIsStillTheFirst) {
  const Endpoint a = start("a");
  stop_last();
  update({a});
  ASSERT_FALSE(ask());
  (void)start("a", a.address);
  const Time end = steady_now() + 10s;
  while (!ask() && steady_now() < end) core->turn(core->deadline_after(5ms));

  EXPECT_THAT(seen, AllOf(Contains("pre_dial"), Contains("post_dial").Times(1),
                          Not(Contains(EndsWith("again")))));
}

TEST_F(ServicePlugins, AnotherCopyIsDialledForTheFirstTime) {
  const Endpoint a = start("a");
  update({a});
  ASSERT_TRUE(ask());
  seen.clear();

  update({a, start("b")});
  ASSERT_TRUE(ask());
  ASSERT_TRUE(ask());

  EXPECT_THAT(seen, ElementsAre("pre_dial", "post_dial"));
}

}  // namespace
}  // namespace fairlead::upstream
