// Sealed bodies between two peers, in erpc's form and in ours.
#include <array>

#include "fairlead/base/base64.h"
#include "tests/testkit/two_peers.h"

namespace fairlead::rpc {
namespace {

using wire::SecureForm;

wire::KeyRing ring(std::string_view id, char byte) {
  const std::string key(32, byte);
  std::string text(base64_size(key.size()), '\0');
  base64_encode(key, text.data());
  return wire::KeyRing::parse(std::string(id) + " " + text).value();
}

SecureKeys keys(char byte = 'k', std::string_view id = "one") {
  const std::string text(16, byte);
  const std::array<std::string_view, 1> erpc = {text};
  return {.ring = ring(id, byte), .erpc = wire::ErpcKeys::make(erpc).value()};
}

constexpr std::string_view kBody = R"({"a":1})";

class SessionSecure : public testkit::TwoPeers {
 protected:
  void SetUp() override {
    serve(wire::Kind::kCall, "/echo", [this](Context& context) {
      seen = std::string(context.body());
      context.add_reply_meta("seen", "yes");
      return echo(context);
    });
    serve(wire::Kind::kCall, "/later", [](Context& context) -> Task<Status> {
      Sleep sleep(context.core().timers(),
                  context.core().deadline_after(std::chrono::milliseconds(5)), CancelToken());
      Status slept = co_await sleep;
      if (!slept.ok()) co_return slept;
      co_return echo(context);
    });
    serve(wire::Kind::kCall, "/fail", [](Context& context) {
      if (Buffer* out = context.begin_reply('j')) out->append("half");
      return Status(static_cast<Code>(1001), "test.failed", "no");
    });
    serve(wire::Kind::kCall, "/plain", [](Context& context) {
      context.reply_with('s', Bytes(std::string_view("plain text")));
      return Status();
    });
    serve(wire::Kind::kPush, "/push", [this](Context& context) {
      seen = std::string(context.body());
      return Status();
    });
  }
  void start(const SecureBodies& both) {
    listen({.secure = &both});
    ASSERT_TRUE(dial().ok());
  }
  Result<Reply> echo_with(SecureForm form, std::string_view metadata = {},
                          std::string_view method = "/echo") {
    return call({.method = method, .body_codec = 'j', .metadata = metadata, .secure = form}, kBody);
  }
  static std::string value_of(const Reply& reply) {
    return wire::find_in_encoded(reply.metadata, wire::kSecureKey).value_or("");
  }
  std::string seen;
};

TEST_F(SessionSecure, BothFormsSealTheCallAndItsReply) {
  const SecureBodies both(keys());
  start(both);

  const Result<Reply> ours = echo_with(SecureForm::kAesGcm);
  const Result<Reply> old = echo_with(SecureForm::kErpc);
  const Result<Reply> by_metadata = echo_with(SecureForm::kPlain, "X-Secure=true");
  const Result<Reply> later = echo_with(SecureForm::kAesGcm, {}, "/later");

  ASSERT_TRUE(ours.ok()) << ours.status();
  EXPECT_EQ(ours->body.view(), kBody);
  EXPECT_EQ(value_of(*ours), "aes-gcm");
  EXPECT_EQ(wire::find_in_encoded(ours->metadata, "seen"), "yes");
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_EQ(old->body.view(), kBody);
  EXPECT_EQ(value_of(*old), "true");
  ASSERT_TRUE(by_metadata.ok()) << by_metadata.status();
  EXPECT_EQ(value_of(*by_metadata), "true");
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->body.view(), kBody);
  EXPECT_EQ(seen, kBody);
}

TEST_F(SessionSecure, WhatTravelsIsNotTheBody) {
  const SecureBodies both(keys());
  listen();  // the server knows nothing of secure bodies: it echoes what came
  client.emplace(*core, client_router, PeerOptions{.secure = &both});
  ASSERT_TRUE(dial().ok());

  const Result<Reply> reply = echo_with(SecureForm::kAesGcm);

  EXPECT_EQ(reply.status().reason(), "secure.reply_not_secure");
  EXPECT_EQ(seen.find(kBody), std::string::npos);
  EXPECT_EQ(seen.size(), kBody.size() + wire::secure_overhead(3));
}

TEST_F(SessionSecure, TheCallerMayAskForASecureReplyOrDeclineIt) {
  const SecureBodies both(keys());
  start(both);

  const Result<Reply> asked = echo_with(SecureForm::kPlain, "X-Accept-Secure=true");
  const Result<Reply> asked_ours = echo_with(SecureForm::kPlain, "X-Accept-Secure=aes-gcm");
  const Result<Reply> declined = echo_with(SecureForm::kErpc, "X-Accept-Secure=false");

  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(value_of(*asked), "true");
  EXPECT_EQ(asked->body.view(), kBody);
  ASSERT_TRUE(asked_ours.ok()) << asked_ours.status();
  EXPECT_EQ(value_of(*asked_ours), "aes-gcm");
  ASSERT_TRUE(declined.ok()) << declined.status();
  EXPECT_EQ(value_of(*declined), "");
}

TEST_F(SessionSecure, PushesAreSealedToo) {
  const SecureBodies both(keys());
  start(both);

  ASSERT_TRUE(session
                  ->push({.method = "/push", .body_codec = 'j', .secure = SecureForm::kAesGcm},
                         Bytes(kBody))
                  .ok());

  turn_until([&] { return !seen.empty(); });
  EXPECT_EQ(seen, kBody);
}

TEST_F(SessionSecure, AKeyThatTheServerDoesNotHaveIsAnErrorToThatCallAlone) {
  const SecureBodies servers(keys());
  SecureBodies clients(keys('x', "two"));
  client_options = PeerOptions{.secure = &clients};
  start(servers);

  const Result<Reply> ours = echo_with(SecureForm::kAesGcm);
  const Result<Reply> old = echo_with(SecureForm::kErpc);
  clients.replace(keys());
  const Result<Reply> right = echo_with(SecureForm::kAesGcm);

  EXPECT_EQ(ours.status().code(), Code::kBadMessage);
  EXPECT_EQ(ours.status().reason(), "secure.unknown_key");
  EXPECT_EQ(old.status().reason(), "secure.unknown_key");
  EXPECT_TRUE(right.ok()) << "keys were replaced while the session lives: " << right.status();
}

TEST_F(SessionSecure, AForgedBodyDoesNotReachTheHandler) {
  const SecureBodies both(keys());
  start(both);
  const auto forger = probe();

  forger->send(
      frame({.seq = 1, .body_codec = 'j', .method = "/echo", .metadata = "X-Secure=aes-gcm"},
            std::string("\x01\x03one", 5) + std::string(60, 'f')));
  turn_until([&] { return !forger->received.empty(); });

  EXPECT_NE(forger->received.find("secure.not_authentic"), std::string::npos) << forger->received;
  EXPECT_EQ(seen, "");
  EXPECT_FALSE(forger->closed);
}

TEST_F(SessionSecure, AnErrorOfTheHandlerNeedsNoSeal) {
  const SecureBodies both(keys());
  start(both);

  const Result<Reply> failed = echo_with(SecureForm::kAesGcm, {}, "/fail");
  const Result<Reply> good = echo_with(SecureForm::kAesGcm);

  EXPECT_EQ(failed.status().reason(), "test.failed");
  EXPECT_TRUE(good.ok()) << good.status();
}

TEST_F(SessionSecure, AReplyThatErpcsFormCannotCarryIsAnError) {
  const SecureBodies both(keys());
  start(both);

  const Result<Reply> reply = echo_with(SecureForm::kErpc, {}, "/plain");
  const Result<Reply> ours = echo_with(SecureForm::kAesGcm, {}, "/plain");

  EXPECT_EQ(reply.status().code(), Code::kInternal);
  EXPECT_EQ(reply.status().reason(), "secure.codec");
  ASSERT_TRUE(ours.ok()) << ours.status();
  EXPECT_EQ(ours->body.view(), "plain text");
}

TEST_F(SessionSecure, WithoutKeysNothingIsSentInTheClear) {
  listen();
  ASSERT_TRUE(dial().ok());

  const Result<Reply> reply = echo_with(SecureForm::kAesGcm);
  const Status pushed = session->push(
      {.method = "/push", .body_codec = 'j', .secure = SecureForm::kErpc}, Bytes(kBody));

  EXPECT_EQ(reply.status().reason(), "secure.no_keys");
  EXPECT_EQ(reply.status().outcome(), Outcome::kNotSent);
  EXPECT_EQ(pushed.reason(), "secure.no_keys");
  EXPECT_TRUE(call({.method = "/echo", .body_codec = 'j'}, kBody).ok());
}

TEST_F(SessionSecure, APeerThatRequiresItRefusesPlainBodies) {
  const SecureBodies strict(keys(), true);
  start(strict);

  const Result<Reply> plain = call({.method = "/echo", .body_codec = 'j'}, kBody);
  const Result<Reply> sealed = echo_with(SecureForm::kAesGcm);

  EXPECT_EQ(plain.status().code(), Code::kForbidden);
  EXPECT_EQ(plain.status().reason(), "secure.required");
  EXPECT_TRUE(sealed.ok()) << sealed.status();
}

}  // namespace
}  // namespace fairlead::rpc
