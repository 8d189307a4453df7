#include "fairlead/service/client.h"

#include <gtest/gtest.h>

#include "fairlead/service/raw_client.h"
#include "fairlead/service/test_math.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::DivideArg;
using math_test::DivideResult;
using math_test::Math;
using math_test::MathLogic;

// A serving process and a calling one, each with threads of its own, in one program.
class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    EXPECT_TRUE(internal::add_routes<Math>(
                    server.router(), std::make_shared<MathLogic>(MathLogic{.last_stat = &stat}))
                    .ok());
    Spec spec;
    spec.listen = {"unix:" + path};
    spec.cores = 1;
    spec.log_level = "off";
    EXPECT_TRUE(server.start(spec).ok());
    const Status serving = server.serve(false);
    EXPECT_TRUE(serving.ok()) << serving;
    spec.listen.clear();
    spec.cores = 2;
    EXPECT_TRUE(caller.start(spec).ok());
  }
  Client<Math> client() { return Client<Math>(**caller.target("unix:" + path)); }
  template <class Body>
  void on_core(Body body) {
    bool passed = false;
    EXPECT_TRUE(caller.run(body(client(), &passed)));
    EXPECT_TRUE(passed);
  }

  std::string path = ::testing::TempDir() + "fl_client_" + std::to_string(getpid()) + ".sock";
  std::atomic<std::int64_t> stat{0};
  Process server{"server"};
  Process caller{"caller"};
};

TEST_F(ClientTest, CallsByBytesAreMadeAsTheirWordsSay) {
  const auto body = [](RawClient raw, bool* passed) -> Task<void> {
    auto call = raw.call("/math/divide", Bytes(std::string_view(R"({"a":10,"b":4})")), within(5s),
                         with_codec(codec::CodecId::kJson), with_meta("x-caller", "me"));
    const Result<rpc::Reply> reply = co_await call;
    *passed = reply.ok() && reply->body.view() == R"({"quotient":2.5,"caller":"me"})";
  };
  bool passed = false;

  EXPECT_TRUE(caller.run(body(RawClient(**caller.target("unix:" + path)), &passed)));

  EXPECT_TRUE(passed);
}

// Over the link's numbers, whatever the type of the argument.
TEST_F(ClientTest, CallsThatOutliveTheirLinkAreAnsweredAsOthers) {
  on_core([](Client<Math> math, bool* passed) -> Task<void> {
    auto call = math.divide({.a = 10, .b = 4}, within(5s), at_least_once());
    Result<DivideResult> reply = co_await call;
    auto name_call = math.name(at_least_once());
    Result<std::string> name = co_await name_call;
    auto bad_call = math.divide({.a = 1, .b = 0}, within(5s), at_least_once());
    Result<DivideResult> bad = co_await bad_call;
    *passed = reply.ok() && reply->quotient == 2.5 && name.ok() && !bad.ok();
  });
}

TEST_F(ClientTest, CallsByBytesOutliveTheirLinkToo) {
  const auto raw = [](RawClient client, Status* ended) -> Task<void> {
    auto call = client.call("/math/divide", Bytes(std::string_view(R"({"a":10,"b":4})")),
                            within(5s), with_codec(codec::CodecId::kJson), at_least_once());
    const Result<rpc::Reply> reply = co_await call;
    *ended = reply.status();
  };
  Status ended(Code::kUnknownError, "test.not_ended", "");
  EXPECT_TRUE(caller.run(raw(RawClient(**caller.target("unix:" + path)), &ended)));
  EXPECT_EQ(ended, Status());
}

TEST_F(ClientTest, CallsFromACoreAndAwaitsTheReply) {
  on_core([](Client<Math> math, bool* passed) -> Task<void> {
    auto call = math.divide({.a = 10, .b = 4}, within(5s), with_meta("x-caller", "me"));
    Result<DivideResult> reply = co_await call;
    auto name_call = math.name();
    Result<std::string> name = co_await name_call;
    auto nothing_call = math.nothing();
    Result<void> nothing = co_await nothing_call;
    *passed = reply.ok() && reply->quotient == 2.5 && reply->caller == "me" && name.ok() &&
              *name == "math" && nothing.ok();
  });
}

TEST_F(ClientTest, AwaitsManyCallsThatRunBesideEachOther) {
  on_core([](Client<Math> math, bool* passed) -> Task<void> {
    auto both = all(math.divide({.a = 9, .b = 3}), math.divide_slowly({.a = 8, .b = 2}, within(5s)),
                    math.greet("you"));
    auto [x, y, z] = co_await both;
    *passed =
        x.ok() && x->quotient == 3 && y.ok() && y->quotient == 4 && z.ok() && *z == "hello you";
  });
}

TEST_F(ClientTest, GivesErrorsAsValues) {
  on_core([](Client<Math> math, bool* passed) -> Task<void> {
    auto ruled = math.divide({.a = 1, .b = 0});
    Result<DivideResult> refused = co_await ruled;
    auto threw_call = math.broken();
    Result<void> threw = co_await threw_call;
    auto late_call = math.divide_slowly({.a = 60'000, .b = 1}, within(20ms));
    Result<DivideResult> late = co_await late_call;
    *passed = refused.status().code() == static_cast<Code>(1001) &&
              threw.status().reason() == "handler.threw" &&
              (late.status().code() == Code::kDeadlineExceeded ||
               late.status().code() == Code::kHandlerTimeout);
  });
}

TEST_F(ClientTest, SpeaksEveryCodec) {
  on_core([](Client<Math> math, bool* passed) -> Task<void> {
    *passed = true;
    for (const codec::CodecId id :
         {codec::CodecId::kJson, codec::CodecId::kProtobuf, codec::CodecId::kForm,
          codec::CodecId::kThrift, codec::CodecId::kXml}) {
      auto call = math.divide({.a = 6, .b = 3}, with_codec(id));
      Result<DivideResult> reply = co_await call;
      if (!reply.ok() || reply->quotient != 2) *passed = false;
    }
    auto bytes_call = math.echo(Bytes(std::string(100'000, 'b')));
    Result<Bytes> bytes = co_await bytes_call;
    if (!bytes.ok() || bytes->size() != 100'000) *passed = false;
  });
}

TEST_F(ClientTest, TellsAFunctionInsteadOfAnAwaiter) {
  on_core([](Client<Math> math, bool* passed) -> Task<void> {
    Event told;
    math.divide({.a = 4, .b = 2}).then([&told, passed](Result<DivideResult> reply) {
      *passed = reply.ok() && reply->quotient == 2;
      told.set();
    });
    Status waited = co_await told.wait(io::Core::current()->timers(), Deadline());
    if (!waited.ok()) *passed = false;
  });
}

TEST_F(ClientTest, RefusesToBlockACore) {
  on_core([](Client<Math> math, bool* passed) -> Task<void> {
    auto call = math.divide({.a = 1, .b = 1});
    *passed = call.get().status().reason() == "call.would_block";
    co_return;
  });
}

TEST_F(ClientTest, BlocksAnOrdinaryThreadUntilTheReply) {
  Client<Math> math = client();
  EXPECT_EQ(math.divide({.a = 6, .b = 3}).get()->quotient, 2);
  EXPECT_EQ(math.divide({.a = 6, .b = 0}).get().status().code(), static_cast<Code>(1001));
  EXPECT_TRUE(math.nothing().get().ok());
}

TEST_F(ClientTest, PushesFromCoresAndThreads) {
  Client<Math> math = client();
  EXPECT_TRUE(math.stat({.ts = 41}).get().ok());
  const Time end = steady_now() + 5s;
  while (stat != 41 && steady_now() < end) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(stat, 41);
  on_core([](Client<Math> inside, bool* passed) -> Task<void> {
    auto push = inside.stat({.ts = 42});
    Status pushed = co_await push;
    *passed = pushed.ok();
  });
  while (stat != 42 && steady_now() < end) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(stat, 42);
}

TEST_F(ClientTest, SaysThatNobodyListens) {
  const Result<Target*> nobody = caller.target("unix:/no/such/socket");
  const Status status = Client<Math>(**nobody).divide({.a = 1, .b = 1}).get().status();
  EXPECT_EQ(status.outcome(), Outcome::kNotSent);
  EXPECT_EQ(status.reason(), "upstream.no_endpoint");
  EXPECT_EQ(caller.target("math").status().reason(), "client.no_store");
  EXPECT_EQ(caller.target("A b").status().reason(), "service.bad_name");
  EXPECT_EQ(caller.target("127.0.0.1:x").status().reason(), "address.bad");
}

}  // namespace
}  // namespace fairlead::service
