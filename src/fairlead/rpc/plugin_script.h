// For tests of plugins: plugins that write down what they see and answer as told, and two peers
// over TCP that use them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/rpc/plugin.h"
#include "tests/testkit/two_peers.h"

namespace fairlead::rpc {

// What happened, in order, and what hooks are to answer.
struct Script {
  std::vector<std::string> seen;
  std::map<std::string, Status> answers;  // by hook
  std::string throws_in;
  std::function<void(IncomingHead&)> on_head;
  std::function<void(OutgoingHead&)> on_out;
  std::function<void(Context&)> on_reply;

  Status note(const std::string& who, const std::string& hook, const std::string& what = {}) {
    seen.push_back(who + (who.empty() ? "" : " ") + hook + (what.empty() ? "" : " " + what));
    if (throws_in == hook) (void)std::vector<int>().at(7);  // as somebody else's code would throw
    const auto answer = answers.find(hook);
    return answer != answers.end() ? answer->second : Status();
  }
};

inline std::string text_of(const Status& status) {
  return status.ok() ? "ok" : std::string(status.reason());
}

class Sessions final : public Plugin {
 public:
  explicit Sessions(Script& script, std::string name = "") : Plugin(std::move(name)), s_(script) {}
  Status pre_dial(Dialling&) override { return s_.note(name(), "pre_dial"); }
  Status post_dial(Session&, bool again) override {
    return s_.note(name(), "post_dial", again ? "again" : "");
  }
  Status post_accept(Session&) override { return s_.note(name(), "post_accept"); }
  Status post_disconnect(Session&, const Status&) override {
    return s_.note(name(), "post_disconnect");
  }

 private:
  Script& s_;
};

class Calls final : public Plugin {
 public:
  explicit Calls(Script& script, std::string name = "") : Plugin(std::move(name)), s_(script) {}
  Status pre_write_call(OutgoingHead& head) override {
    if (s_.on_out) s_.on_out(head);
    return s_.note(name(), "pre_write_call", std::string(head.method()));
  }
  Status post_write_call(const OutgoingHead& head) override {
    EXPECT_GT(head.frame_bytes(), 0U);
    return s_.note(name(), "post_write_call");
  }
  Status pre_write_push(OutgoingHead& head) override {
    if (s_.on_out) s_.on_out(head);
    return s_.note(name(), "pre_write_push", std::string(head.method()));
  }
  Status post_write_push(const OutgoingHead& head) override {
    EXPECT_GT(head.frame_bytes(), 0U);
    return s_.note(name(), "post_write_push");
  }
  Status pre_read_header(Session&, const wire::MessageView& message) override {
    return s_.note(name(), "pre_read_header", std::string(wire::kind_name(message.kind)));
  }
  Status post_read_reply_header(const IncomingReply& reply) override {
    return s_.note(name(), "post_read_reply_header", text_of(reply.status));
  }
  Status pre_read_reply_body(const IncomingReply&) override {
    return s_.note(name(), "pre_read_reply_body");
  }
  Status post_read_reply_body(const IncomingReply& reply) override {
    return s_.note(name(), "post_read_reply_body", std::string(reply.message.body));
  }
  Status post_call(const EndedCall& call) override {
    return s_.note(name(), "post_call", std::string(call.method) + " " + text_of(call.status));
  }

 private:
  Script& s_;
};

class Serves final : public Plugin {
 public:
  explicit Serves(Script& script, std::string name = "") : Plugin(std::move(name)), s_(script) {}
  Status pre_read_header(Session&, const wire::MessageView& message) override {
    return s_.note(name(), "pre_read_header", std::string(wire::kind_name(message.kind)));
  }
  Status post_read_call_header(IncomingHead& head) override {
    if (s_.on_head) s_.on_head(head);
    return s_.note(name(), "post_read_call_header", std::string(head.method()));
  }
  Status post_read_push_header(IncomingHead& head) override {
    if (s_.on_head) s_.on_head(head);
    return s_.note(name(), "post_read_push_header", std::string(head.method()));
  }
  Status pre_read_call_body(Context&) override { return s_.note(name(), "pre_read_call_body"); }
  Status pre_read_push_body(Context&) override { return s_.note(name(), "pre_read_push_body"); }
  Status post_read_call_body(Context&, const ReadBody& body) override {
    EXPECT_EQ(body.type, nullptr);
    return s_.note(name(), "post_read_call_body");
  }
  Status post_read_push_body(Context&, const ReadBody&) override {
    return s_.note(name(), "post_read_push_body");
  }
  Status pre_write_reply(const OutgoingReply& reply) override {
    if (s_.on_reply) s_.on_reply(reply.context);
    return s_.note(name(), "pre_write_reply",
                   reply.status.ok() ? std::string(reply.body) : text_of(reply.status));
  }
  Status post_write_reply(const OutgoingReply&) override {
    return s_.note(name(), "post_write_reply");
  }
  Status post_serve(const Served& served) override {
    return s_.note(name(), "post_serve",
                   text_of(served.status) + (served.answered ? " answered" : ""));
  }

 private:
  Script& s_;
};

// Nothing but news of the end: replies need not be kept back for it.
class Ends final : public Plugin {
 public:
  explicit Ends(Script& script) : Plugin("ends"), s_(script) {}
  Status post_serve(const Served& served) override {
    return s_.note("", "post_serve", std::to_string(served.route) + " " + text_of(served.status));
  }

 private:
  Script& s_;
};

inline Status refusal() { return Status(Code::kForbidden, "test.refused", "no"); }

class SessionPlugins : public testkit::TwoPeers {
 protected:
  SessionPlugins() {
    release.emplace();
    serve(wire::Kind::kCall, "/echo", echo);
    serve(wire::Kind::kCall, "/fail", [](Context&) { return Status(Code{1001}, "test.fail", ""); });
    serve(wire::Kind::kCall, "/wait", [this](Context& context) { return wait(context); });
    serve(wire::Kind::kCall, "/metadata", [](Context& context) {
      context.reply_with('s', Bytes(context.metadata_text()));
      return Status();
    });
    serve(wire::Kind::kPush, "/told", [this](Context& context) {
      told.emplace_back(context.body());
      return Status();
    });
  }
  Task<Status> wait(Context& context) {
    Status waited = co_await release->wait(core->timers(), Deadline(), context.cancel());
    if (!waited.ok()) co_return waited;
    co_return echo(context);
  }
  Task<Status> method_later(Context& context) {
    Status waited = co_await release->wait(core->timers(), Deadline(), context.cancel());
    if (!waited.ok()) co_return waited;
    context.reply_with('s', Bytes(context.method()));
    co_return Status();
  }
  void start(PeerOptions options = {}) {
    options.plugins = &at_server;
    client_options = options;
    client_options->plugins = &at_client;
    listen(options);
  }
  Result<Reply> ask(std::string_view method, std::string_view body = "hi",
                    std::string_view metadata = {}) {
    return call({.method = method, .body_codec = 's', .metadata = metadata}, body);
  }
  void push(std::string_view body) {
    ASSERT_TRUE(session->push({.method = "/told", .body_codec = 's'}, Bytes(body)).ok());
  }
  // Counters of the server.
  std::uint64_t failed_pushes() { return server->metrics().pushes_failed.value(); }

  Script server_script;
  Script client_script;
  PluginChain at_server;
  PluginChain at_client;
  std::vector<std::string> told;
  std::optional<Event> release;
};

}  // namespace fairlead::rpc
