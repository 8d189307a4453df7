// Plugins of App, of groups and of routes, as a program registers them.
#include "fairlead/service/route_plugins.h"

#include <unistd.h>

#include <csignal>
#include <optional>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/base/mutex.h"
#include "fairlead/service/app.h"
#include "fairlead/service/test_math.h"
#include "tests/testkit/run_on_core.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::DivideArg;
using math_test::Math;
using math_test::MathLogic;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What hooks of several cores saw.
struct Notes {
  Mutex mutex;
  std::vector<std::string> seen FL_GUARDED_BY(mutex);
  void add(std::string text) {
    const MutexLock lock(mutex);
    seen.push_back(std::move(text));
  }
  std::vector<std::string> take() {
    const MutexLock lock(mutex);
    return std::exchange(seen, {});
  }
};

class Notices final : public rpc::Plugin {
 public:
  Notices(std::string name, Notes& notes) : Plugin(std::move(name)), notes_(notes) {}
  Status pre_read_call_body(rpc::Context& context) override {
    notes_.add(name() + " " + std::string(context.method()));
    return {};
  }

 private:
  Notes& notes_;
};

// Doubles the divisor of a typed argument, refuses the one of 13.
class Changes final : public rpc::Plugin {
 public:
  Changes() : Plugin("changes") {}
  Status post_read_call_body(rpc::Context&, const rpc::ReadBody& body) override {
    if (body.type != &contract::type_info<DivideArg>()) return {};
    auto& argument = *static_cast<DivideArg*>(body.value);
    if (argument.b == 13) return Status(Code::kForbidden, "test.unlucky", "not 13");
    argument.b *= 2;
    return {};
  }
};

class Starts final : public rpc::Plugin {
 public:
  explicit Starts(Notes& notes) : Plugin("starts"), notes_(notes) {}
  Status pre_new_peer(rpc::NewPeer& peer) override {
    notes_.add("pre_new_peer");
    peer.options.inflight_calls_max = 7;
    return peer.router.add(wire::Kind::kCall, "/own",
                           rpc::make_handler([](rpc::Context&) { return Status(); }));
  }
  Status post_new_peer(rpc::Peer& peer) override {
    notes_.add("post_new_peer " + std::to_string(peer.options().inflight_calls_max));
    return {};
  }
  Status post_reg(const rpc::RegisteredRoute& route) override {
    notes_.add("post_reg " + std::string(route.method));
    return {};
  }
  Status post_listen(const io::Address& address) override {
    notes_.add(address.port() != 0 ? "post_listen" : "post_listen without a port");
    return {};
  }

 private:
  Notes& notes_;
};

// Fails where it is told to.
class Fails final : public rpc::Plugin {
 public:
  explicit Fails(std::string where) : Plugin("fails"), where_(std::move(where)) {}
  Status pre_new_peer(rpc::NewPeer&) override { return at("pre_new_peer"); }
  Status post_new_peer(rpc::Peer&) override { return at("post_new_peer"); }
  Status post_reg(const rpc::RegisteredRoute&) override { return at("post_reg"); }
  Status post_listen(const io::Address&) override { return at("post_listen"); }

 private:
  Status at(const std::string& hook) {
    return hook == where_ ? Status(Code::kConflict, "test.fails", "no") : Status();
  }
  std::string where_;
};

// As the system would; raise() would tell this thread only.
void end() { kill(getpid(), SIGTERM); }

constexpr auto greet = [](rpc::Context& context) {
  context.reply_with('s', Bytes(std::string_view("hi")));
  return Status();
};

// The routes of an App without its command line: what RouteGroup and App do goes through here.
class AppPlugins : public ::testing::Test {
 protected:
  static constexpr const char* kArguments[] = {"test", "--log-level", "off", "--cores", "1"};
  App app{5, kArguments, "plugins_test"};
  Notes notes;
};

// Runs `app` in this thread, asks from another one, and ends it.
class Asking {
 public:
  explicit Asking(const std::string& address) {
    spec.cores = 1;
    spec.log_level = "off";
    EXPECT_TRUE(caller.start(spec).ok());
    target = *caller.target(address);
    client.emplace(*target);
    math.emplace(*target);
  }
  Result<std::string> ask(const std::string& method) {
    const Result<rpc::Reply> reply =
        testkit::run_on_core(target->next_core(), client->call(method, Bytes(), within(5s)));
    if (!reply.ok()) return reply.status();
    return std::string(reply->body.view());
  }

  Spec spec;
  Process caller{"caller"};
  const Target* target = nullptr;
  std::optional<RawClient> client;
  std::optional<Client<Math>> math;
};

TEST_F(AppPlugins, GroupsNestAndGiveTheirRoutesAPrefixAndPlugins) {
  app.use(Notices("all", notes));
  RouteGroup outer = app.group("/v1", Notices("outer", notes));
  RouteGroup inner = outer.group("/admin", Notices("inner", notes));
  inner.on_call("/greet", greet, with_plugins(Notices("own", notes)));
  outer.on_call("/greet", greet);
  outer.serve<Math>(MathLogic{});
  app.on_call("/greet", greet);
  ASSERT_TRUE(app.status().ok()) << app.status();
  std::vector<std::string> names;
  std::optional<Asking> asking;
  app.on_ready([&](const std::vector<io::Address>& addresses) {
    asking.emplace(addresses.front().to_text());
    for (const char* method : {"/v1/admin/greet", "/v1/greet", "/greet"}) {
      EXPECT_TRUE(asking->ask(method).ok()) << method;
      names.push_back(::testing::PrintToString(notes.take()));
    }
    EXPECT_TRUE(asking->math->divide({.a = 1, .b = 2}, within(5s)).get().ok());
    names.push_back(::testing::PrintToString(notes.take()));
    EXPECT_EQ(asking->ask("/admin/greet").status().code(), Code::kNotFound);
    asking.reset();
    end();
  });

  EXPECT_EQ(app.run("tcp://127.0.0.1:0"), 0);

  using ::testing::PrintToString;
  using List = std::vector<std::string>;
  EXPECT_THAT(names,
              ElementsAre(PrintToString(List{"all /v1/admin/greet", "outer /v1/admin/greet",
                                             "inner /v1/admin/greet", "own /v1/admin/greet"}),
                          PrintToString(List{"all /v1/greet", "outer /v1/greet"}),
                          PrintToString(List{"all /greet"}),
                          PrintToString(List{"all /math/divide", "outer /math/divide"})));
}

TEST_F(AppPlugins, ATypedArgumentCanBeSeenChangedAndRefused) {
  app.serve<Math>(MathLogic{}, with_plugins(Changes()));
  app.on_ready([&](const std::vector<io::Address>& addresses) {
    {
      Asking asking(addresses.front().to_text());
      const auto changed = asking.math->divide({.a = 12, .b = 3}, within(5s)).get();
      const auto refused = asking.math->divide({.a = 12, .b = 13}, within(5s)).get();
      EXPECT_TRUE(changed.ok()) << changed.status();
      EXPECT_EQ(changed.value_or({}).quotient, 2);
      EXPECT_EQ(refused.status().reason(), "test.unlucky");
    }  // a second process of ours would take the signal
    end();
  });

  EXPECT_EQ(app.run("tcp://127.0.0.1:0"), 0);
}

TEST_F(AppPlugins, TheHooksOfTheStartComeInOrder) {
  app.on_call("/greet", greet).use(Starts(notes));
  app.on_ready([](const auto&) { end(); });

  EXPECT_EQ(app.run("tcp://127.0.0.1:0"), 0);

  EXPECT_THAT(notes.take(), ElementsAre("pre_new_peer", "post_reg /greet", "post_reg /own",
                                        "post_new_peer 7", "post_new_peer 7", "post_listen"));
}

TEST_F(AppPlugins, AnErrorInAHookOfTheStartEndsTheProgram) {
  for (const char* hook : {"pre_new_peer", "post_new_peer", "post_reg", "post_listen"}) {
    App failing(5, kArguments, "plugins_test");
    failing.on_call("/greet", greet).use(Fails(hook));

    EXPECT_EQ(failing.run("tcp://127.0.0.1:0"), 1) << hook;
  }
}

TEST_F(AppPlugins, ANameThatIsTakenIsToldWithItsPlace) {
  app.use(Notices("a", notes));
  app.use(Notices("a", notes));
  EXPECT_EQ(app.status().reason(), "plugin.taken");

  App other(5, kArguments, "plugins_test");
  other.group("/v1", Notices("b", notes)).on_call("/x", greet, with_plugins(Notices("b", notes)));
  EXPECT_EQ(other.status().reason(), "plugin.taken");
  EXPECT_THAT(std::string(other.status().message()), HasSubstr("/v1/x"));

  App nested(5, kArguments, "plugins_test");
  nested.group("/v1", Notices("c", notes)).group("/v2", Notices("c", notes));
  EXPECT_THAT(std::string(nested.status().message()), HasSubstr("the group '/v1/v2'"));

  App twice(5, kArguments, "plugins_test");
  twice.use(Notices("d", notes));
  twice.group("/v1", Notices("d", notes)).on_call("/x", greet);
  EXPECT_EQ(twice.run("tcp://127.0.0.1:0"), 1);
}

}  // namespace
}  // namespace fairlead::service
