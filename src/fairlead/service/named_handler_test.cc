#include "fairlead/service/named_handler.h"

#include <gtest/gtest.h>

#include "fairlead/contract/contract.h"
#include "tests/testkit/two_peers.h"

namespace fairlead::service {
namespace {

struct Pair {
  std::int32_t a = 0;
  std::int32_t b = 0;
};
FL_STRUCT(Pair, (1, a, range(1, 100)), (2, b))

struct Page {
  std::int64_t number = 1;
};
FL_STRUCT(Page, (1, number))

class NamedHandlers : public testkit::TwoPeers {
 protected:
  template <class Function>
  void add(wire::Kind kind, std::string_view method, Function function) {
    Status bad;
    auto handler = internal::make_named_handler(std::move(function), bad);
    ASSERT_TRUE(bad.ok()) << bad;
    const Status added = server_router.add(kind, method, std::move(handler));
    ASSERT_TRUE(added.ok()) << added;
  }
  void start() {
    listen();
    ASSERT_TRUE(dial().ok());
  }
};

TEST_F(NamedHandlers, TypedOnesDecodeCheckAndEncode) {
  add(wire::Kind::kCall, "/swap", [](rpc::Context&, Pair in) { return Pair{in.b, in.a}; });
  add(wire::Kind::kCall, "/later", [](rpc::Context&, Pair in) -> Task<Result<Pair>> {
    if (in.b == 0) co_return Status(static_cast<Code>(1001), "test.zero", "b is zero");
    co_return Pair{in.b, in.a};
  });
  start();

  const auto swapped = call({.method = "/swap", .body_codec = 'j'}, R"({"a":1,"b":2})");
  const auto later = call({.method = "/later", .body_codec = 'j'}, R"({"a":1,"b":2})");
  const auto zero = call({.method = "/later", .body_codec = 'j'}, R"({"a":1,"b":0})");
  const auto range = call({.method = "/swap", .body_codec = 'j'}, R"({"a":101,"b":2})");

  ASSERT_TRUE(swapped.ok()) << swapped.status();
  EXPECT_EQ(swapped->body.view(), R"({"a":2,"b":1})");
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->body.view(), R"({"a":2,"b":1})");
  EXPECT_EQ(zero.status().reason(), "test.zero");
  EXPECT_EQ(range.status().code(), Code::kBadMessage);
}

// erpc sends no byte for a missing argument, in whatever codec the message names.
TEST_F(NamedHandlers, AnEmptyBodyIsTheArgumentAsItIsInitialised) {
  add(wire::Kind::kCall, "/text", [](rpc::Context&, std::string in) { return "[" + in + "]"; });
  add(wire::Kind::kCall, "/next", [](rpc::Context&, Page in) { return Page{in.number + 1}; });
  add(wire::Kind::kCall, "/swap", [](rpc::Context&, Pair in) { return Pair{in.b, in.a}; });
  start();

  for (const char codec : {'j', 'f', 'x', 't'}) {
    const auto next = call({.method = "/next",
                            .body_codec = static_cast<std::uint8_t>(codec),
                            .metadata = "X-Accept-Body-Codec=106"},
                           "");
    ASSERT_TRUE(next.ok()) << codec << ": " << next.status();
    EXPECT_EQ(next->body.view(), R"({"number":2})") << codec;
  }
  const auto text = call({.method = "/text", .body_codec = 'j'}, "");
  const auto broken_rule = call({.method = "/swap", .body_codec = 'j'}, "");

  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->body.view(), R"("[]")");
  EXPECT_EQ(broken_rule.status().reason(), "contract.range");
}

TEST_F(NamedHandlers, RawOnesSeeBytesOfAnyCodec) {
  add(wire::Kind::kCall, "/raw", [](rpc::Context& context) {
    context.reply_with(context.body_codec(), context.body_bytes());
    return Status();
  });
  start();

  const auto reply = call({.method = "/raw", .body_codec = 'Z'}, "any bytes");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), "any bytes");
  EXPECT_EQ(reply->body_codec, 'Z');
}

TEST_F(NamedHandlers, APushMayBeTypedToo) {
  int seen = 0;
  add(wire::Kind::kPush, "/told", [&seen](rpc::Context&, Pair in) {
    seen = in.a;
    return Status();
  });
  start();

  ASSERT_TRUE(
      session->push({.method = "/told", .body_codec = 'j'}, Bytes(std::string_view(R"({"a":7})")))
          .ok());

  turn_until([&] { return seen == 7; });
}

struct BadRule {
  std::string text;
};
FL_STRUCT(BadRule, (1, text, regexp("(")))

TEST(NamedHandler, ARuleThatIsNoGoodIsTold) {
  Status bad;

  const auto handler =
      internal::make_named_handler([](rpc::Context&, BadRule) { return Status(); }, bad);

  EXPECT_EQ(handler, nullptr);
  EXPECT_EQ(bad.reason(), "contract.bad_pattern");
}

// What make_named_handler() asserts.
TEST(NamedHandler, AnotherShapeDoesNotCompile) {
  const auto raw = [](rpc::Context&) { return Status(); };
  const auto typed = [](rpc::Context&, Pair in) { return in; };
  const auto no_context = [](Pair in) { return in; };
  const auto two_arguments = [](rpc::Context&, Pair in, Pair) { return in; };
  const auto generic = [](auto&) { return Status(); };
  const auto forgets_its_status = [](rpc::Context&) { return 1; };

  static_assert(internal::TakesContext<decltype(raw)> && internal::AnswersStatus<decltype(raw)>);
  static_assert(internal::TakesContext<decltype(typed)>);
  static_assert(!internal::TakesContext<decltype(no_context)>);
  static_assert(!internal::TakesContext<decltype(two_arguments)>);
  static_assert(!internal::TakesContext<decltype(generic)>);
  static_assert(!internal::AnswersStatus<decltype(forgets_its_status)>);
}

}  // namespace
}  // namespace fairlead::service
