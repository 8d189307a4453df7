// The same session over every protocol, and transforms that either side adds.
#include <vector>

#include "fairlead/wire/metadata.h"
#include "tests/testkit/two_peers.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

// {1: author string} as a Thrift struct, which thrift-struct can carry too.
const std::string kThriftBody("\x0b\x00\x01\x00\x00\x00\x05henry\x00", 13);

const wire::TransformSet& all_transforms() {
  static const wire::TransformSet* set = [] {
    auto* made = new wire::TransformSet();
    EXPECT_TRUE(wire::add_builtin_transforms(*made).ok());
    return made;
  }();
  return *set;
}

class SessionOverProtocol : public testkit::TwoPeers,
                            public ::testing::WithParamInterface<std::string_view> {
 protected:
  static const wire::Protocol* protocol() { return wire::find_protocol(GetParam()); }
  void SetUp() override {
    serve(wire::Kind::kCall, "/echo", [](Context& context) {
      context.add_reply_meta("seq", std::to_string(context.seq()));
      context.add_reply_meta("seq", "again");
      return echo(context);
    });
    serve(wire::Kind::kCall, "/fail", [](Context&) {
      return Status(static_cast<Code>(1001), "test.failed", "a=b&c").with_cause("why \"so\"\n");
    });
    serve(wire::Kind::kPush, "/push", [this](Context& context) {
      pushed.emplace_back(context.body());
      return Status();
    });
    serve(wire::Kind::kCall, "/add", [](Context& context) {
      for (const char id : context.meta("add").value_or("")) {
        FL_TRY(context.add_reply_transform(static_cast<std::uint8_t>(id)));
      }
      return echo(context);
    });
    ASSERT_TRUE(client_router
                    .add(wire::Kind::kCall, "/cb/ask",
                         make_handler([](Context& context) { return echo(context); }))
                    .ok());
    // A minute: what takes long on a busy machine is no mistake.
    listen({.call_timeout = 60s, .transforms = &all_transforms()}, protocol());
    ASSERT_TRUE(dial({.protocol = protocol()}).ok());
  }
  std::vector<std::string> pushed;
};

std::string name_of(const ::testing::TestParamInfo<std::string_view>& info) {
  std::string name(info.param);
  std::erase(name, '-');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, SessionOverProtocol,
                         ::testing::Values("raw", "json", "pb", "thrift-binary", "thrift-struct"),
                         name_of);

TEST_P(SessionOverProtocol, CarriesCallsWithMetadataBothWays) {
  EXPECT_EQ(session->protocol_name(), GetParam());
  const CallHead head{.method = "/echo", .body_codec = 't', .metadata = "a=1&a=2&X%20y=%26"};

  const Result<Reply> first = call(head, kThriftBody);
  const Result<Reply> second = call(head, kThriftBody);

  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->body.view(), kThriftBody);
  EXPECT_EQ(first->body_codec, 't');
  EXPECT_EQ(first->metadata, "seq=1&seq=again");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->metadata, "seq=2&seq=again");
}

TEST_P(SessionOverProtocol, CarriesManyCallsAtOnce) {
  std::vector<std::unique_ptr<RawCall>> calls;
  for (int i = 0; i < 300; ++i) {
    calls.push_back(std::make_unique<RawCall>());
    session->start_call(*calls.back(), {.method = "/echo", .body_codec = 't'}, Deadline(),
                        CancelToken(), Bytes(kThriftBody));
  }

  turn_until([&] { return session->calls_waiting() == 0; });

  for (const auto& one : calls) {
    const Result<Reply> reply = one->await_resume();
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->body.view(), kThriftBody);
  }
}

TEST_P(SessionOverProtocol, CarriesPushes) {
  ASSERT_TRUE(session->push({.method = "/push", .body_codec = 't'}, Bytes(kThriftBody)).ok());

  turn_until([&] { return !pushed.empty(); });

  EXPECT_EQ(pushed, std::vector<std::string>{kThriftBody});
}

TEST_P(SessionOverProtocol, TheServerMayCallItsClient) {
  session->on_closed({});
  const Result<Reply> asked = core->run(
      call_later(*accepted, {.method = "/cb/ask", .body_codec = 't'}, Bytes(kThriftBody)));

  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->body.view(), kThriftBody);
}

TEST_P(SessionOverProtocol, ErrorsArriveWithCodeMessageAndCause) {
  const Result<Reply> failed = call({.method = "/fail", .body_codec = 't'}, kThriftBody);
  const Result<Reply> unknown = call({.method = "/nobody", .body_codec = 't'}, kThriftBody);
  const Result<Reply> good = call({.method = "/echo", .body_codec = 't'}, kThriftBody);

  EXPECT_EQ(static_cast<int>(failed.status().code()), 1001);
  EXPECT_EQ(failed.status().reason(), "test.failed");
  EXPECT_EQ(failed.status().message(), "a=b&c");
  ASSERT_NE(failed.status().cause(), nullptr);
  EXPECT_EQ(*failed.status().cause(), "why \"so\"\n");
  EXPECT_EQ(unknown.status().reason(), "route.unknown");
  EXPECT_TRUE(good.ok()) << "the connection lives: " << good.status();
}

TEST_P(SessionOverProtocol, TransformsOfTheCallerComeBackInTheReply) {
  if (!protocol()->carries().transforms) {
    const Result<Reply> refused =
        call({.method = "/echo", .body_codec = 't', .transforms = "g"}, kThriftBody);
    EXPECT_EQ(refused.status().reason(), "frame.transforms_not_carried");
    EXPECT_EQ(refused.status().outcome(), Outcome::kNotSent);
    return;
  }
  for (const std::string_view ids : {"g", "m", "gm", "mg", "zc", "gmzc"}) {
    const Result<Reply> reply =
        call({.method = "/echo", .body_codec = 's', .transforms = ids}, std::string(5000, 'x'));
    ASSERT_TRUE(reply.ok()) << ids << ": " << reply.status();
    EXPECT_EQ(reply->transforms, ids);
    EXPECT_EQ(reply->body.view(), std::string(5000, 'x'));
  }
}

class TransformedFrames : public SessionOverProtocol {};
INSTANTIATE_TEST_SUITE_P(OfThoseThatCarryThem, TransformedFrames,
                         ::testing::Values("raw", "json", "pb", "thrift-binary"), name_of);

TEST_P(TransformedFrames, AnErrorComesThroughTheTransformsOfItsCall) {
  const auto caller = probe();
  Buffer out;
  const wire::MessageHead head{.seq = 5,
                               .kind = wire::Kind::kCall,
                               .body_codec = 's',
                               .method = "/fail",
                               .transforms = "gm"};
  ASSERT_TRUE(protocol()->append(out, head, "body", {}, &all_transforms()).ok());

  caller->send(out.view());
  turn_until([&] { return !caller->received.empty(); });

  const wire::Received reply = protocol()->parse(caller->received, {}, &all_transforms());
  EXPECT_EQ(reply.message.seq, 5);
  EXPECT_EQ(reply.message.transforms, "gm");
  EXPECT_NE(reply.message.status.find("code=1001"), std::string::npos) << reply.message.status;
}

TEST_P(SessionOverProtocol, AHandlerAddsTransformsToItsReply) {
  if (!protocol()->carries().transforms) {
    const Result<Reply> refused =
        call({.method = "/add", .body_codec = 't', .metadata = "add=g"}, kThriftBody);
    EXPECT_EQ(refused.status().reason(), "frame.transforms_not_carried");
    return;
  }
  const Result<Reply> plain =
      call({.method = "/add", .body_codec = 's', .metadata = "add=gm"}, "body");
  const Result<Reply> more =
      call({.method = "/add", .body_codec = 's', .metadata = "add=z", .transforms = "c"}, "body");
  const Result<Reply> unknown =
      call({.method = "/add", .body_codec = 's', .metadata = "add=%21"}, "body");

  ASSERT_TRUE(plain.ok()) << plain.status();
  EXPECT_EQ(plain->transforms, "gm");
  EXPECT_EQ(plain->body.view(), "body");
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_EQ(more->transforms, "cz") << "those of the request, then those added";
  EXPECT_EQ(unknown.status().reason(), "frame.unknown_transform");
}

class BodiesOfAnyCodec : public SessionOverProtocol {};
INSTANTIATE_TEST_SUITE_P(OfThoseThatCarryThem, BodiesOfAnyCodec,
                         ::testing::Values("raw", "json", "pb", "thrift-binary"), name_of);

TEST_P(BodiesOfAnyCodec, LargeBodiesTravelAndTheLimitHolds) {
  const std::string large(3'000'000, 'b');

  const Result<Reply> reply = call({.method = "/echo", .body_codec = 's'}, large);
  const Result<Reply> huge =
      call({.method = "/echo", .body_codec = 's'}, std::string(9 << 20, 'b'));

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->body.view(), large);
  EXPECT_EQ(huge.status().reason(), "frame.too_big");
  EXPECT_EQ(huge.status().outcome(), Outcome::kNotSent);
}

TEST_P(SessionOverProtocol, BytesOfAnotherProtocolCloseTheConnectionOnly) {
  const auto garbage = probe();
  garbage->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");

  turn_until([&] { return garbage->closed; });

  EXPECT_TRUE(call({.method = "/echo", .body_codec = 't'}, kThriftBody).ok());
}

class PackedBodies : public SessionOverProtocol {};
INSTANTIATE_TEST_SUITE_P(OfTheBody, PackedBodies, ::testing::Values("thrift-binary"), name_of);

// thrift-binary transforms the body alone, so its head is known when the body is damaged.
TEST_P(PackedBodies, ABodyThatCannotBeRestoredIsAnErrorToThatCallAlone) {
  const auto made = probe();
  Buffer good;
  ASSERT_TRUE(protocol()
                  ->append(good,
                           {.seq = 7, .body_codec = 's', .method = "/echo", .transforms = "m"},
                           "body", {}, &all_transforms())
                  .ok());
  std::string damaged(good.view());
  damaged.back() ^= 1;  // of the digest

  made->send(damaged);
  turn_until([&] { return !made->received.empty(); });
  const std::string answer = std::exchange(made->received, {});
  made->send(good.view());
  turn_until([&] { return !made->received.empty(); });

  const wire::Received refused = protocol()->parse(answer, {}, &all_transforms());
  const wire::Received served = protocol()->parse(made->received, {}, &all_transforms());
  EXPECT_EQ(refused.message.seq, 7);
  EXPECT_NE(refused.message.status.find("code=400"), std::string::npos) << refused.message.status;
  EXPECT_EQ(served.message.body, "body");
  EXPECT_FALSE(made->closed);
}

}  // namespace
}  // namespace fairlead::rpc
