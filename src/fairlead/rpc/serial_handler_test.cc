#include "fairlead/rpc/serial_handler.h"

#include <stdexcept>

#include <gmock/gmock.h>

#include "tests/testkit/two_peers.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class SerialHandlerTest : public testkit::TwoPeers {
 protected:
  void SetUp() override {
    using enum wire::Kind;
    const auto add = [this](const char* method, bool serial, auto function) {
      auto handler = make_handler(std::move(function));
      if (serial) handler = make_serial(std::move(handler));
      ASSERT_TRUE(server_router.add(kPush, method, std::move(handler)).ok());
    };
    const auto note = [this](Context& context) { return note_later(context); };
    add("/free", false, note);
    add("/serial", true, note);
    add("/plain", true, [this](Context& context) {
      events.push_back("plain " + std::string(context.body()));
      return Status();
    });
    serve(kCall, "/echo", &TwoPeers::echo);
  }
  // "NAME" waits until release(), "NAME throws" throws before.
  Task<Status> note_later(Context& context) {
    const std::string name(context.body());
    events.push_back(name + " starts");
    if (name.ends_with("throws")) throw std::runtime_error("as told");
    Event* const gate = &gates[name];
    Status released = co_await gate->wait(context.core().timers(), Deadline(), context.cancel());
    events.push_back(name + " ends");
    co_return released;
  }
  void push(const char* method, std::string_view body) {
    ASSERT_TRUE(session->push({.method = method, .body_codec = 's'}, Bytes(body)).ok());
  }
  // Everything that was pushed before has started when it is answered.
  void settle() { ASSERT_TRUE(call({.method = "/echo", .body_codec = 's'}, "").ok()); }

  std::vector<std::string> events;
  std::map<std::string, Event> gates;
};

TEST_F(SerialHandlerTest, PushesStartInTheOrderOfTheirArrival) {
  listen();
  ASSERT_TRUE(dial().ok());
  for (const char* name : {"a", "b", "c"}) push("/free", name);
  settle();
  gates["b"].set();
  gates["a"].set();
  gates["c"].set();

  EXPECT_THAT(events,
              ElementsAre("a starts", "b starts", "c starts", "b ends", "a ends", "c ends"));
}

TEST_F(SerialHandlerTest, SerialOnesEndInThatOrderToo) {
  listen();
  ASSERT_TRUE(dial().ok());
  for (const char* name : {"a", "b", "c"}) push("/serial", name);
  settle();
  gates["c"].set();
  gates["b"].set();
  EXPECT_THAT(events, ElementsAre("a starts"));

  gates["a"].set();

  EXPECT_THAT(events,
              ElementsAre("a starts", "a ends", "b starts", "b ends", "c starts", "c ends"));
}

TEST_F(SerialHandlerTest, OtherRoutesAndCallsAreNotHeldUp) {
  listen();
  ASSERT_TRUE(dial().ok());
  push("/serial", "a");
  push("/serial", "b");
  push("/free", "x");
  push("/plain", "p");
  settle();

  EXPECT_THAT(events, ElementsAre("a starts", "x starts", "plain p"));
  for (const char* name : {"a", "b", "x"}) gates[name].set();
}

TEST_F(SerialHandlerTest, EachSessionHasALineOfItsOwn) {
  listen();
  ASSERT_TRUE(dial().ok());
  push("/serial", "a");
  settle();
  ASSERT_TRUE(dial().ok());
  push("/serial", "b");
  settle();

  EXPECT_THAT(events, ElementsAre("a starts", "b starts"));
  for (const char* name : {"a", "b"}) gates[name].set();
}

TEST_F(SerialHandlerTest, OneThatThrowsLetsTheNextOneStart) {
  listen();
  ASSERT_TRUE(dial().ok());
  push("/serial", "a");
  push("/serial", "b throws");
  push("/serial", "c");
  settle();
  gates["c"].set();
  gates["a"].set();

  EXPECT_THAT(events, ElementsAre("a starts", "a ends", "b throws starts", "c starts", "c ends"));
  EXPECT_EQ(server->metrics().pushes_failed.value(), 1);
}

TEST_F(SerialHandlerTest, TheLineIsBounded) {
  listen();
  ASSERT_TRUE(dial().ok());
  for (std::size_t i = 0; i < kSerialPushesMax + 3; ++i) push("/serial", std::to_string(i));
  settle();
  EXPECT_EQ(server->metrics().pushes_failed.value(), 2) << "one runs, the others wait";

  for (std::size_t i = 0; i < kSerialPushesMax + 3; ++i) gates[std::to_string(i)].set();
  settle();
  EXPECT_EQ(events.size(), 2 * (kSerialPushesMax + 1));
}

TEST_F(SerialHandlerTest, TheLineEndsWithItsSession) {
  listen();
  ASSERT_TRUE(dial().ok());
  for (const char* name : {"a", "b", "c"}) push("/serial", name);
  settle();

  (void)core->run(accepted->close(core->deadline_after(0ms)));
  turn_until([this] { return server->session_count() == 0; });

  EXPECT_THAT(events, ::testing::Not(::testing::Contains("c ends")));
}

TEST_F(SerialHandlerTest, AHandlerThatDoesNotWaitIsSerialByItself) {
  auto plain = make_handler([](Context&) { return Status(); });
  const Handler* const before = plain.get();
  EXPECT_EQ(make_serial(std::move(plain)).get(), before);
}

}  // namespace
}  // namespace fairlead::rpc
