// Plugin: takes part in the life of peers, sessions and messages, beside the handlers.
//
//   class Audit final : public fl::Plugin {
//    public:
//     Audit() : Plugin("audit") {}
//     fl::Status post_read_call_header(fl::IncomingHead& head) override { ... }
//   };
//   app.use(Audit());
//
// A plugin overrides the hooks that it needs. Which those are is read from its type when it is
// added (PluginHandle), so a hook that nobody has is never called and costs nothing; classes of
// plugins are therefore final. docs/reference/plugins.md has the hooks as a table.
//
// Order: global plugins as they were added, then those of the groups from the outside in, then
// those of the route. On the way back (replies written, replies read, ends) it is the reverse.
//
// What a hook throws becomes kInternal `plugin.threw` with the text as cause, as if returned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/status.h"
#include "fairlead/base/time.h"
#include "fairlead/wire/message.h"

namespace fairlead::contract {
struct TypeInfo;
}
namespace fairlead::io {
class Address;
}

namespace fairlead::rpc {

struct DialOptions;
struct PeerOptions;
class Context;
class IncomingHead;
class OutgoingHead;
class Peer;
class Router;
class Session;
struct IdleEvent;

// What peers are about to be made of.
struct NewPeer {
  PeerOptions& options;  // validated again afterwards
  Router& router;        // may be given routes, a login, handlers of unknown methods
};

struct RegisteredRoute {
  std::string_view method;
  wire::Kind kind;
  std::size_t number;  // 0, 1, ... in the order in which routes were added
};

// A connection of ours before it is made.
struct Dialling {
  const io::Address& address;
  DialOptions& options;
};

// The argument of a handler. `type` is null where the handler reads the bytes itself.
struct ReadBody {
  const contract::TypeInfo* type = nullptr;
  void* value = nullptr;  // an object of this type; may be changed
};

// The answer to a CALL that was served or refused.
struct OutgoingReply {
  Context& context;
  const Status& status;
  std::uint8_t body_codec;
  std::string_view body;  // before transforms and seal; empty unless `status` is OK
};

// The reply to a call of ours, before its caller has decoded it.
struct IncomingReply {
  Session& session;
  std::string_view method;  // of the call
  const Status& status;
  const wire::MessageView& message;  // the body is restored and opened
  Time begun;                        // when the call was made
};

// The end of a CALL or PUSH that came in, whatever it was.
struct Served {
  Context& context;
  const Status& status;  // OK, what was answered, or kCancelledByCaller: nobody waited any more
  std::size_t route;     // RegisteredRoute::number; kNoRoute: none
  Time begun;            // the turn in which it was read
  bool answered;         // a reply was written; never for a PUSH

  static constexpr std::size_t kNoRoute = static_cast<std::size_t>(-1);
};

// The end of a call of ours, whatever it was.
struct EndedCall {
  Session& session;
  std::string_view method;
  const Status& status;
  const OutgoingHead& sent;        // as it was written, or was to be
  const wire::MessageView* reply;  // null: none came
  Time begun;
};

// A link that is given up.
struct LostLink {
  std::string_view service;  // as its caller calls it; of a single session, its address
  const io::Address& address;
  std::uint32_t failures;  // dials in a row
  const Status& why;       // of the last one
};

// Thread:   one object serves every core at the same time: what it changes is atomic, guarded, or
//           kept per core. The hooks of new peers, routes and listeners run before that, one by
//           one; the others on the core of their session.
// Lifetime: shared by the peers that use it. Views that a hook gets are valid until it returns.
// Waiting:  hooks do not wait and do not send or close on the session that they are called for.
//           What takes time belongs into a handler or a task that a hook spawns on the core.
class Plugin {
 public:
  // `name`: unique among the plugins that meet in a message; for logs and errors.
  explicit Plugin(std::string name) : name_(std::move(name)) {}
  virtual ~Plugin() = default;
  Plugin(const Plugin&) = default;
  Plugin(Plugin&&) = default;
  Plugin& operator=(const Plugin&) = delete;
  Plugin& operator=(Plugin&&) = delete;

  const std::string& name() const { return name_; }

  // ---- start: an error ends the program with its message
  // Once, before the peers of the cores are made.
  virtual Status pre_new_peer(NewPeer&) { return {}; }
  // For each peer, before its core runs.
  virtual Status post_new_peer(Peer&) { return {}; }
  // For each route, also those that were added before the plugin.
  virtual Status post_reg(const RegisteredRoute&) { return {}; }
  virtual Status post_listen(const io::Address&) { return {}; }

  // ---- sessions: an error refuses the connection
  virtual Status pre_dial(Dialling&) { return {}; }
  // Connected and logged in. `again`: this caller had a session to this endpoint before.
  virtual Status post_dial(Session&, bool again) {
    (void)again;
    return {};
  }
  // Connected; nothing was read, a login is still to come.
  virtual Status post_accept(Session&) { return {}; }
  // Once for each session whose post_dial() or post_accept() reached this plugin, also when it or a
  // later plugin refused it. Errors are logged.
  virtual Status post_disconnect(Session&, const Status& why) {
    (void)why;
    return {};
  }
  // Nothing was read, written, or both, for as long as PeerOptions::idle says. An error ends the
  // connection, which `both` does anyway.
  virtual Status post_idle(Session&, const IdleEvent&) { return {}; }
  // A link that this program dialled was lost and is given up: `dial.redial_times` are used up.
  // Errors are logged.
  virtual Status post_lost(const LostLink&) { return {}; }

  // ---- calls and pushes of ours
  // May change method and metadata. An error ends the call or push, NOT_SENT.
  virtual Status pre_write_call(OutgoingHead&) { return {}; }
  virtual Status pre_write_push(OutgoingHead&) { return {}; }
  // It is in the connection's output. Errors are logged.
  virtual Status post_write_call(const OutgoingHead&) { return {}; }
  virtual Status post_write_push(const OutgoingHead&) { return {}; }
  // A reply came. An error becomes the caller's status. The body hooks see OK replies only.
  virtual Status post_read_reply_header(const IncomingReply&) { return {}; }
  virtual Status pre_read_reply_body(const IncomingReply&) { return {}; }
  virtual Status post_read_reply_body(const IncomingReply&) { return {}; }
  // Once for each call that pre_write_call() was asked about, however it ended. Errors are logged.
  virtual Status post_call(const EndedCall&) { return {}; }

  // ---- messages that come in
  // Of every CALL, PUSH and REPLY, as it came. An error ends the connection.
  virtual Status pre_read_header(Session&, const wire::MessageView&) { return {}; }
  // Before the route is looked up: may change method and metadata. An error of a CALL is its reply
  // (and safe to repeat where the link said hello); a PUSH is dropped and counted. So below.
  virtual Status post_read_call_header(IncomingHead&) { return {}; }
  virtual Status post_read_push_header(IncomingHead&) { return {}; }
  // The route is known, the body is not decoded.
  virtual Status pre_read_call_body(Context&) { return {}; }
  virtual Status pre_read_push_body(Context&) { return {}; }
  // The argument is decoded and its rules hold; the handler follows.
  virtual Status post_read_call_body(Context&, const ReadBody&) { return {}; }
  virtual Status post_read_push_body(Context&, const ReadBody&) { return {}; }

  // ---- replies of ours, refusals included
  // May add metadata to the reply (Context::add_reply_meta). Errors are logged.
  virtual Status pre_write_reply(const OutgoingReply&) { return {}; }
  virtual Status post_write_reply(const OutgoingReply&) { return {}; }
  // Once for each message whose header hook was asked, when its handler has ended. Errors are
  // logged.
  virtual Status post_serve(const Served&) { return {}; }

 private:
  std::string name_;
};

}  // namespace fairlead::rpc
