// What plugins see does not depend on how a message came: other protocols, sealed bodies.
#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/base/base64.h"
#include "fairlead/rpc/plugin_script.h"

namespace fairlead::rpc {
namespace {

using ::testing::ElementsAre;
using wire::SecureForm;

// ---- protocols

class PluginsOverProtocol : public SessionPlugins,
                            public ::testing::WithParamInterface<std::string_view> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(at_server.add(Serves(server_script)).ok());
    ASSERT_TRUE(at_client.add(Calls(client_script)).ok());
    client_options = PeerOptions{.plugins = &at_client};
    const wire::Protocol* const protocol = wire::find_protocol(GetParam());
    listen({.plugins = &at_server}, protocol);
    ASSERT_TRUE(dial({.protocol = protocol}).ok());
    ASSERT_EQ(session->protocol_name(), GetParam());
  }
};
INSTANTIATE_TEST_SUITE_P(All, PluginsOverProtocol, ::testing::Values("raw", "json", "pb"));

TEST_P(PluginsOverProtocol, ACallPassesTheHooksOfBothSides) {
  ASSERT_TRUE(ask("/echo").ok());

  EXPECT_THAT(server_script.seen,
              ElementsAre("pre_read_header CALL", "post_read_call_header /echo",
                          "pre_read_call_body", "post_read_call_body", "pre_write_reply hi",
                          "post_write_reply", "post_serve ok answered"));
  EXPECT_THAT(client_script.seen,
              ElementsAre("pre_write_call /echo", "post_write_call", "pre_read_header REPLY",
                          "post_read_reply_header ok", "pre_read_reply_body",
                          "post_read_reply_body hi", "post_call /echo ok"));
}

TEST_P(PluginsOverProtocol, APushPassesThemToo) {
  push("news");
  turn_until([&] { return !told.empty(); });

  EXPECT_THAT(server_script.seen,
              ElementsAre("pre_read_header PUSH", "post_read_push_header /told",
                          "pre_read_push_body", "post_read_push_body", "post_serve ok"));
  EXPECT_THAT(client_script.seen, ElementsAre("pre_write_push /told", "post_write_push"));
}

TEST_P(PluginsOverProtocol, HeadsCanBeChangedOnBothSides) {
  client_script.on_out = [](OutgoingHead& head) { head.add_meta("b", "2"); };
  server_script.on_head = [](IncomingHead& head) {
    EXPECT_EQ(head.meta("b"), "2");
    head.set_method("/metadata");
    EXPECT_TRUE(head.set_meta("b", "3").ok());
  };

  const Result<Reply> reply = ask("/elsewhere", "", "a=1");

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(wire::find_in_encoded(reply->body.view(), "a"), "1");
  EXPECT_EQ(wire::find_in_encoded(reply->body.view(), "b"), "3");
}

TEST_P(PluginsOverProtocol, ARefusalReachesTheCallerWithItsMetadata) {
  server_script.on_head = [](IncomingHead& head) {
    head.add_reply_meta(wire::kRetryAfterKey, "250");
  };
  server_script.answers = {{"post_read_call_header", refusal()}};
  RawCall call;
  session->start_call(call, {.method = "/echo", .body_codec = 's'}, {}, {}, Bytes());
  turn_until([&] { return !call.waiting(); });

  EXPECT_EQ(call.await_resume().status().reason(), "test.refused");
  EXPECT_EQ(wire::find_in_encoded(call.take_error_metadata(), wire::kRetryAfterKey), "250");
}

// ---- sealed bodies

constexpr std::string_view kBody = R"({"a":1})";

SecureBodies bodies() {
  const std::string key(32, 'k');
  std::string text(base64_size(key.size()), '\0');
  base64_encode(key, text.data());
  const std::array<std::string_view, 1> erpc = {std::string_view("kkkkkkkkkkkkkkkk")};
  return SecureBodies({.ring = wire::KeyRing::parse("one " + text).value(),
                       .erpc = wire::ErpcKeys::make(erpc).value()});
}

// Writes down the bodies that it sees.
class Bodies final : public Plugin {
 public:
  explicit Bodies(Script& script) : Plugin("bodies"), s_(script) {}
  Status post_read_call_header(IncomingHead& head) override {
    return s_.note("", "header", head.body_bytes() > kBody.size() ? "sealed" : "open");
  }
  Status pre_read_call_body(Context& context) override {
    return s_.note("", "pre_body", std::string(context.body()));
  }
  Status post_read_call_body(Context& context, const ReadBody&) override {
    return s_.note("", "post_body", std::string(context.body()));
  }
  Status pre_read_push_body(Context& context) override {
    return s_.note("", "push_body", std::string(context.body()));
  }
  Status pre_write_reply(const OutgoingReply& reply) override {
    return s_.note("", "reply", std::string(reply.body));
  }
  Status pre_write_call(OutgoingHead& head) override {
    head.keep_body(100);
    return {};
  }
  Status pre_write_push(OutgoingHead& head) override { return pre_write_call(head); }
  Status post_write_call(const OutgoingHead& head) override {
    return s_.note("", "sent", std::string(head.kept_body()));
  }
  Status post_write_push(const OutgoingHead& head) override { return post_write_call(head); }
  Status post_read_reply_body(const IncomingReply& reply) override {
    return s_.note("", "read", std::string(reply.message.body));
  }
  Status post_call(const EndedCall& call) override {
    return s_.note("", "ended",
                   std::string(call.sent.kept_body()) + " " + std::string(call.reply->body));
  }

 private:
  Script& s_;
};

class PluginsOfSealedBodies : public SessionPlugins,
                              public ::testing::WithParamInterface<SecureForm> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(at_server.add(Bodies(server_script)).ok());
    ASSERT_TRUE(at_client.add(Bodies(client_script)).ok());
    start({.secure = &keys});
    ASSERT_TRUE(dial().ok());
  }
  CallHead head(std::string_view method) const {
    return {.method = method, .body_codec = 'j', .secure = GetParam()};
  }
  SecureBodies keys = bodies();
};
INSTANTIATE_TEST_SUITE_P(BothForms, PluginsOfSealedBodies,
                         ::testing::Values(SecureForm::kAesGcm, SecureForm::kErpc),
                         [](const auto& form) {
                           return form.param == SecureForm::kErpc ? "erpc" : "aes_gcm";
                         });

TEST_P(PluginsOfSealedBodies, OfCallsAreOpenForBodyHooksAndSealedBefore) {
  const Result<Reply> reply = call(head("/echo"), kBody);

  ASSERT_TRUE(reply.ok()) << reply.status();
  const std::string body(kBody);
  EXPECT_THAT(server_script.seen, ElementsAre("header sealed", "pre_body " + body,
                                              "post_body " + body, "reply " + body));
  EXPECT_THAT(client_script.seen,
              ElementsAre("sent " + body, "read " + body, "ended " + body + " " + body));
}

TEST_P(PluginsOfSealedBodies, OfPushesToo) {
  ASSERT_TRUE(session->push(head("/told"), Bytes(kBody)).ok());
  turn_until([&] { return !told.empty(); });

  EXPECT_THAT(server_script.seen, ElementsAre("push_body " + std::string(kBody)));
  EXPECT_THAT(client_script.seen, ElementsAre("sent " + std::string(kBody)));
  EXPECT_THAT(told, ElementsAre(std::string(kBody)));
}

TEST_P(PluginsOfSealedBodies, ThatCannotBeOpenedReachNoBodyHook) {
  std::unique_ptr<Probe> plain = probe();

  plain->send(
      frame({.seq = 7,
             .kind = wire::Kind::kCall,
             .body_codec = 'j',
             .method = "/echo",
             .metadata = GetParam() == SecureForm::kErpc ? "X-Secure=true" : "X-Secure=aes-gcm"},
            "no seal at all, and long enough"));
  turn_until([&] { return !plain->received.empty(); });

  EXPECT_THAT(server_script.seen, ElementsAre("header sealed", "reply"));
}

}  // namespace
}  // namespace fairlead::rpc
