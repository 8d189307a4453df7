#include "fairlead/service/method_handler.h"

#include <gtest/gtest.h>

#include "fairlead/codec/codec.h"
#include "fairlead/service/test_math.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::DivideArg;
using math_test::DivideResult;

struct FindArg {
  std::string text{};
  std::uint32_t page = 1;
  std::vector<std::string> tags{};
  std::string user{};
  std::string pin{};
};
struct FindResult {
  std::string text{};
  std::uint32_t page = 0;
  std::vector<std::string> tags{};
  std::string user{};
};
FL_STRUCT(FindArg, (1, text, len(0, 3), error(1003, "too long")),
          (2, page, from_query(), range(1, 9)), (3, tags, from_query("tag")),
          (4, user, from_session()), (5, pin, from_meta("x-pin"), secret, regexp("[0-9]{4}|")))
FL_STRUCT(FindResult, (1, text), (2, page), (3, tags), (4, user))

struct Finder {
  static FindResult find(FindArg);
  static fl::Push seen(FindArg);
};
FL_SERVICE(Finder, (find), (seen))

struct FinderLogic {
  std::vector<std::string>* seen_texts;

  FindResult find(FindArg in) const {
    return {.text = in.text, .page = in.page, .tags = in.tags, .user = in.user};
  }
  void seen(FindArg in) const { seen_texts->push_back(in.user + ":" + in.text); }
};

// A server and a client peer on one core; bodies are written by hand, to see what travels.
class MethodHandlerTest : public ::testing::Test {
 protected:
  MethodHandlerTest() {
    const Status added =
        internal::add_routes<math_test::Math>(router, std::make_shared<math_test::MathLogic>());
    EXPECT_TRUE(added.ok()) << added;
    const Status finder =
        internal::add_routes<Finder>(router, std::make_shared<FinderLogic>(&seen_texts));
    EXPECT_TRUE(finder.ok()) << finder;
    listener = core->listen(io::Address::loopback(0), {},
                            [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                              accepted = &server.accept(std::move(stream));
                            })
                   .value();
    session = core->run(client.dial(listener->local(), core->deadline_after(5s))).value();
  }
  ~MethodHandlerTest() override {
    (void)core->run(client.close(core->deadline_after(1s)));
    (void)core->run(server.close(core->deadline_after(1s)));
  }
  Result<rpc::Reply> call(std::string method, char codec, std::string_view body,
                          std::string metadata = {}) {
    return core->run(session->call(std::move(method), static_cast<std::uint8_t>(codec), Bytes(body),
                                   std::move(metadata)));
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  rpc::Router router;
  rpc::Router no_routes;
  rpc::Peer server{*core, router, {}};
  rpc::Peer client{*core, no_routes, {}};
  std::unique_ptr<io::Listener> listener;
  rpc::Session* session = nullptr;
  rpc::Session* accepted = nullptr;
  std::vector<std::string> seen_texts{};
};

TEST_F(MethodHandlerTest, AnswersInTheCodecOfTheRequestOrTheOneAskedFor) {
  const auto json = call("/math/divide", 'j', R"({"a":10,"b":4})");
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->body_codec, 'j');
  EXPECT_EQ(json->body.view(), R"({"quotient":2.5,"caller":""})");

  const auto form = call("/math/divide", 'f', "a=10&b=4", "X-Accept-Body-Codec=106");
  ASSERT_TRUE(form.ok()) << form.status();
  EXPECT_EQ(form->body_codec, 'j');
  EXPECT_TRUE(form->body.view().starts_with(R"({"quotient":2.5)"));

  EXPECT_EQ(call("/math/name", '\0', "")->body.view(), "math");
  EXPECT_EQ(call("/math/nothing", '\0', "")->body.size(), 0U);
  EXPECT_EQ(call("/math/echo", 's', "raw \x01 bytes")->body.view(), "raw \x01 bytes");
}

TEST_F(MethodHandlerTest, FillsFieldsFromMetadataAndChecksTheRules) {
  const auto named = call("/math/divide", 'j', R"({"a":1,"b":1})", "x-caller=me");
  EXPECT_TRUE(named->body.view().ends_with(R"("caller":"me"})")) << named->body.view();
  EXPECT_EQ(call("/math/divide", 'j', R"({"a":1,"b":1})", "x-caller=" + std::string(33, 'x'))
                .status()
                .reason(),
            "contract.len");
  const Status zero = call("/math/divide", 'j', R"({"a":1,"b":0})").status();
  EXPECT_EQ(zero.code(), static_cast<Code>(1001));
  EXPECT_EQ(zero.message(), "divisor out of range");
}

TEST_F(MethodHandlerTest, FillsFieldsFromTheQueryOfTheMethodOrOfAGateway) {
  EXPECT_EQ(call("/finder/find?page=3&tag=a&tag=b+c&x=1", 'j', R"({"page":7})")->body.view(),
            R"({"text":"","page":3,"tags":["a","b c"],"user":""})");
  EXPECT_EQ(call("/finder/find", 'j', R"({"page":7,"tags":["z"]})", "page=4&tag=a")->body.view(),
            R"({"text":"","page":4,"tags":["a"],"user":""})");
  EXPECT_EQ(call("/finder/find?page=5", '\0', "")->body.view(),
            R"({"text":"","page":5,"tags":[],"user":""})");
  const Status wrong = call("/finder/find?page=x", 'j', "{}").status();
  EXPECT_EQ(wrong.reason(), "contract.text");
  EXPECT_EQ(wrong.message(), "page (query \"page\"): wanted uint32, got \"x\"");
  EXPECT_EQ(call("/finder/find?page=10", 'j', "{}").status().reason(), "contract.range");
  EXPECT_EQ(call("/finder/fond?page=1", 'j', "{}").status().reason(), "route.unknown");
}

TEST_F(MethodHandlerTest, FillsFieldsFromTheSessionAndNeverFromTheBody) {
  EXPECT_EQ(call("/finder/find", 'j', R"({"user":"root"})", "user=root")->body.view(),
            R"({"text":"","page":1,"tags":[],"user":""})");
  ASSERT_TRUE(accepted->values().set("user", "ann").ok());
  EXPECT_EQ(call("/finder/find", 'j', R"({"user":"root"})")->body.view(),
            R"({"text":"","page":1,"tags":[],"user":"ann"})");
}

TEST_F(MethodHandlerTest, BindsAndChecksPushesToo) {
  ASSERT_TRUE(accepted->values().set("user", "ann").ok());
  for (const char* text : {"abc", "abcd", "x"}) {
    const std::string body = R"({"user":"root","text":")" + std::string(text) + R"("})";
    const Status pushed =
        session->push({.method = "/finder/seen", .body_codec = 'j'}, [&body](Buffer& out) {
          out.append(body);
          return Status();
        });
    ASSERT_TRUE(pushed.ok()) << pushed;
  }
  EXPECT_TRUE(call("/math/nothing", '\0', "").ok());

  EXPECT_EQ(seen_texts, (std::vector<std::string>{"ann:abc", "ann:x"}));
}

TEST_F(MethodHandlerTest, TellsTheCauseOfABrokenRuleButNoSecret) {
  const Status own = call("/finder/find", 'j', R"({"text":"abcd"})").status();
  EXPECT_EQ(own.code(), static_cast<Code>(1003));
  EXPECT_EQ(own.message(), "too long");
  ASSERT_NE(own.cause(), nullptr);
  EXPECT_EQ(*own.cause(), "text: wanted a length of 0 to 3, got 4");
  const Status secret = call("/finder/find", 'j', "{}", "x-pin=hunter2").status();
  EXPECT_EQ(secret.reason(), "contract.regexp");
  EXPECT_EQ(secret.to_string().find("hunter2"), std::string::npos);
}

TEST_F(MethodHandlerTest, NamesTheFieldOfABadBodyAndKeepsTheConnection) {
  const Status wrong = call("/math/divide", 'j', R"({"a":"ten","b":1})").status();
  EXPECT_EQ(wrong.code(), Code::kBadMessage);
  EXPECT_EQ(wrong.reason(), "codec.json");
  EXPECT_NE(wrong.message().find("a"), std::string_view::npos);
  // One bad body per codec, each with the path of the field; the connection is the same all along.
  const std::pair<char, std::string> bodies[] = {
      {'j', R"({"caller":5})"},
      {'p', std::string("\x1A\x01\xFF")},
      {'f', "caller=%FF"},
      {'t', std::string("\x0B\0\x03\0\0\0\x01\xFF\0", 9)},
      {'x', "<DivideArg><caller><b/></caller></DivideArg>"}};
  for (const auto& [codec, body] : bodies) {
    const Status bad = call("/math/divide", codec, body).status();
    EXPECT_EQ(bad.code(), Code::kBadMessage) << bad;
    EXPECT_EQ(bad.reason(),
              "codec." + std::string(codec::codec_name(static_cast<codec::CodecId>(codec))));
    EXPECT_TRUE(bad.message().starts_with("caller: ")) << bad;
  }
  for (const char codec : {'j', 'p', 'f', 's', 't', 'x', '\x7F', '\0'}) {
    EXPECT_FALSE(call("/math/divide", codec, "\xFF\xFF\xFF garbage").ok()) << codec;
  }
  EXPECT_TRUE(call("/math/divide", 'j', R"({"a":1,"b":1})").ok());
}

TEST_F(MethodHandlerTest, PassesErrorsAndExceptionsOfHandlersOn) {
  EXPECT_EQ(call("/math/divide", 'j', R"({"a":1,"b":1})", "x-dry-run=1").status().code(),
            static_cast<Code>(1002));
  EXPECT_EQ(call("/math/broken", '\0', "").status().reason(), "handler.threw");
}

TEST_F(MethodHandlerTest, RunsCoroutineHandlersBesideEachOther) {
  Scope scope;
  int done = 0;
  const auto one = [](rpc::Session* on, int* count) -> Task<void> {
    auto running = on->call("/math/divide_slowly", 'j', Bytes(R"({"a":9,"b":3})"));
    Result<rpc::Reply> reply = co_await running;
    if (reply.ok() && reply->body.view().starts_with(R"({"quotient":3)")) ++*count;
  };
  for (int i = 0; i < 50; ++i) scope.spawn(one(session, &done));
  const Time end = steady_now() + 5s;
  while (scope.running() > 0 && steady_now() < end) core->turn(core->deadline_after(50ms));
  EXPECT_EQ(done, 50);
}

TEST_F(MethodHandlerTest, RefusesToServeOneMethodTwice) {
  EXPECT_EQ(internal::add_routes<math_test::Math>(router, std::make_shared<math_test::MathLogic>())
                .reason(),
            "route.taken");
}

}  // namespace
}  // namespace fairlead::service
