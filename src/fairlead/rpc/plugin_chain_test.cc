#include "fairlead/rpc/plugin_chain.h"

#include <stdexcept>

#include <gtest/gtest.h>

#include "fairlead/rpc/router.h"
#include "tests/testkit/log_records.h"

namespace fairlead::rpc {
namespace {

class Nothing final : public Plugin {
 public:
  explicit Nothing(std::string name = "nothing") : Plugin(std::move(name)) {}
};

class Registers : public Plugin {
 public:
  Registers(std::string name, std::vector<std::string>& told)
      : Plugin(std::move(name)), told_(told) {}
  Status post_reg(const RegisteredRoute& route) override {
    told_.push_back(name() + " " + std::string(route.method) + " " + std::to_string(route.number));
    if (route.method == "/bad") return Status(Code::kConflict, "test.bad_route", "no");
    return {};
  }

 private:
  std::vector<std::string>& told_;
};

class Inherits final : public Registers {
 public:
  using Registers::Registers;
};

class Throws final : public Plugin {
 public:
  explicit Throws(bool text) : Plugin("throws"), text_(text) {}
  Status post_reg(const RegisteredRoute&) override {
    if (text_) throw std::runtime_error("boom");
    throw 7;
  }

 private:
  bool text_;
};

std::unique_ptr<Handler> handler() {
  return make_handler([](Context&) { return Status(); });
}

std::shared_ptr<const PluginChain> chain_of(PluginHandle plugin) {
  auto chain = std::make_shared<PluginChain>();
  EXPECT_TRUE(chain->add(std::move(plugin)).ok());
  return chain;
}

TEST(PluginChain, KnowsWhichHooksAPluginOverrides) {
  EXPECT_EQ(hooks_of<Nothing>(), 0U);
  EXPECT_EQ(hooks_of<Throws>(), hook_bit(Hook::kPostReg));
}

TEST(PluginChain, AnInheritedHookCountsToo) {
  EXPECT_EQ(hooks_of<Inherits>(), hook_bit(Hook::kPostReg));
}

TEST(PluginChain, NamesItsHooksAsTheirMethods) {
  EXPECT_EQ(hook_name(Hook::kPreNewPeer), "pre_new_peer");
  EXPECT_EQ(hook_name(Hook::kPostServe), "post_serve");
}

TEST(PluginChain, ANameCanBeTakenOnce) {
  PluginChain chain;
  ASSERT_TRUE(chain.add(Nothing("a")).ok());

  const Status again = chain.add(Nothing("a"));

  EXPECT_EQ(again.code(), Code::kConflict);
  EXPECT_EQ(again.reason(), "plugin.taken");
  EXPECT_EQ(chain.plugins().size(), 1U);
}

TEST(PluginChain, HoldsNoMoreThanItsLimit) {
  PluginChain chain;
  for (std::size_t i = 0; i < PluginChain::kPluginsMax; ++i) {
    ASSERT_TRUE(chain.add(Nothing(std::to_string(i))).ok());
  }

  EXPECT_EQ(chain.add(Nothing("one more")).reason(), "plugin.too_many");
}

TEST(PluginChain, AsksInOrderAndBackInReverse) {
  std::vector<std::string> told;
  PluginChain chain;
  ASSERT_TRUE(chain.add(Inherits("a", told)).ok());
  ASSERT_TRUE(chain.add(Nothing()).ok());
  ASSERT_TRUE(chain.add(Inherits("b", told)).ok());
  const RegisteredRoute route{"/x", wire::Kind::kCall, 0};

  EXPECT_TRUE(chain.ask<&Plugin::post_reg>(route).ok());
  EXPECT_TRUE(chain.ask_back<&Plugin::post_reg>(route).ok());

  EXPECT_EQ(told, (std::vector<std::string>{"a /x 0", "b /x 0", "b /x 0", "a /x 0"}));
}

TEST(PluginChain, TheFirstErrorEndsAQuestionButNoNews) {
  std::vector<std::string> told;
  PluginChain chain;
  ASSERT_TRUE(chain.add(Inherits("a", told)).ok());
  ASSERT_TRUE(chain.add(Inherits("b", told)).ok());
  const RegisteredRoute bad{"/bad", wire::Kind::kCall, 0};

  EXPECT_EQ(chain.ask<&Plugin::post_reg>(bad).reason(), "test.bad_route");
  EXPECT_EQ(told.size(), 1U);
  chain.tell<&Plugin::post_reg>(bad);

  EXPECT_EQ(told.size(), 3U);
}

TEST(PluginChain, ThoseThatWereNotReachedAreNotTold) {
  std::vector<std::string> told;
  PluginChain chain;
  ASSERT_TRUE(chain.add(Inherits("a", told)).ok());
  ASSERT_TRUE(chain.add(Inherits("b", told)).ok());
  std::uint8_t reached = 0;
  const RegisteredRoute bad{"/bad", wire::Kind::kCall, 0};
  ASSERT_FALSE(chain.ask_noting<&Plugin::post_reg>(reached, bad).ok());
  told.clear();

  chain.tell_reached<&Plugin::post_reg>(reached, bad);

  EXPECT_EQ(told, (std::vector<std::string>{"a /bad 0"}));
}

TEST(PluginChain, WhatAPluginThrowsIsAnError) {
  for (const bool text : {true, false}) {
    PluginChain chain;
    ASSERT_TRUE(chain.add(Throws(text)).ok());

    const Status asked = chain.ask<&Plugin::post_reg>(RegisteredRoute{"/x", wire::Kind::kCall, 0});

    EXPECT_EQ(asked.code(), Code::kInternal);
    EXPECT_EQ(asked.reason(), "plugin.threw");
    ASSERT_NE(asked.cause(), nullptr);
    EXPECT_EQ(*asked.cause(), text ? "boom" : "an exception that is no std::exception");
  }
}

TEST(RouterPlugins, EachIsToldOfItsRoutes) {
  std::vector<std::string> told;
  Router router;
  ASSERT_TRUE(router.add(wire::Kind::kCall, "/a", handler()).ok());
  ASSERT_TRUE(router.add(wire::Kind::kPush, "/b", handler(), chain_of(Inherits("own", told))).ok());

  ASSERT_TRUE(router.announce(*chain_of(Inherits("all", told))).ok());

  EXPECT_TRUE(router.has_plugins());
  EXPECT_EQ(told, (std::vector<std::string>{"all /a 0", "all /b 1", "own /b 1"}));
}

TEST(RouterPlugins, ARouteThatAPluginRefusesIsAnError) {
  std::vector<std::string> told;
  Router router;
  ASSERT_TRUE(router.add(wire::Kind::kCall, "/bad", handler()).ok());

  EXPECT_EQ(router.announce(*chain_of(Inherits("all", told))).reason(), "test.bad_route");
}

TEST(RouterPlugins, ANameThatARouteMeetsTwiceIsAnError) {
  Router router;
  ASSERT_TRUE(router.add(wire::Kind::kCall, "/a", handler(), chain_of(Nothing())).ok());

  const Status twice = router.announce(*chain_of(Nothing()));

  EXPECT_EQ(twice.reason(), "plugin.taken");
  EXPECT_NE(twice.message().find("/a"), std::string_view::npos) << twice;
}

// Has hooks that no route calls.
class Misplaced final : public Plugin {
 public:
  Misplaced() : Plugin("misplaced") {}
  Status post_accept(Session&) override { return {}; }
  Status post_read_call_header(IncomingHead&) override { return {}; }
  Status pre_read_call_body(Context&) override { return {}; }
};

TEST(RouterPlugins, HooksThatNoRouteCallsAreTold) {
  std::vector<std::string> records;
  observe::Logger::Options options;
  options.level = observe::LogLevel::kDebug;
  observe::Logger logger(std::move(options), std::make_unique<testkit::LogRecords>(records));
  const observe::ScopedDefaultLogger here(logger);
  Router router;
  ASSERT_TRUE(router.add(wire::Kind::kCall, "/a", handler(), chain_of(Misplaced())).ok());

  ASSERT_TRUE(router.announce(PluginChain()).ok());
  EXPECT_EQ(records,
            (std::vector<std::string>{
                "debug plugin.hook_not_of_routes plugin=misplaced route=/a hook=post_accept",
                "debug plugin.hook_not_of_routes plugin=misplaced route=/a "
                "hook=post_read_call_header"}));
  records.clear();

  Router other;
  ASSERT_TRUE(other.add(wire::Kind::kCall, "/a", handler()).ok());
  ASSERT_TRUE(other.announce(*chain_of(Misplaced())).ok());
  EXPECT_TRUE(records.empty()) << "of the whole program all of them are called";
}

TEST(RouterPlugins, AnEmptyChainIsNone) {
  Router router;
  ASSERT_TRUE(router.add(wire::Kind::kCall, "/a", handler(), std::make_shared<PluginChain>()).ok());

  EXPECT_FALSE(router.has_plugins());
}

}  // namespace
}  // namespace fairlead::rpc
