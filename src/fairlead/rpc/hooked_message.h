// What plugins see and may change of a message on its way, and what is kept of it for them. Made
// only where a plugin has a hook on that way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fairlead/async/frame_pool.h"
#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"
#include "fairlead/base/time.h"
#include "fairlead/rpc/secure_bodies.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::rpc {

class PluginChain;
class Session;

namespace internal {

// Of a CALL or PUSH that is served.
struct HookedMessage {
  // What plugins put in the place of what came, or add to the reply. Most messages have none.
  struct Added : fairlead::internal::PooledFrame {
    std::string method{};
    std::string metadata{};
    std::string reply_metadata{};  // of a refusal by a header hook too
    Buffer reply_body{};           // kept back until the hooks of replies have seen it
  };

  wire::MessageView message;  // as the plugins left it
  std::unique_ptr<Added> added{};
  const PluginChain* of_route = nullptr;
  std::size_t route = static_cast<std::size_t>(-1);
  Time begun{};
  std::uint8_t reply_codec = wire::kNoCodec;
  bool keeps_reply = false;
  bool reply_begun = false;
  bool answered = false;

  Added& add() {
    if (added == nullptr) added = std::make_unique<Added>();
    return *added;
  }
  std::string take_reply_metadata() {
    return added == nullptr ? std::string() : std::move(added->reply_metadata);
  }
};

// Of a call or push of ours.
struct HookedCall {
  std::string method{};
  std::string metadata{};
  std::string transforms{};
  Session* session = nullptr;
  Time begun{};
  std::size_t frame_bytes = 0;
  std::size_t body_from = 0;  // where it begins, while it is under construction
  std::size_t body_bytes = 0;
  std::size_t keeps_bytes_max = 0;
  std::string kept_body{};
  wire::Kind kind = wire::Kind::kCall;
  std::uint8_t body_codec = wire::kNoCodec;
};

// What few calls of ours need.
struct CallExtras : fairlead::internal::PooledFrame {
  std::optional<SecureCall> secure{};  // none: a plain reply is expected
  std::optional<HookedCall> hooked{};  // none: no plugin waits for its end
  // Of its sealed attempts before this one: what they were answered may be the answer to it.
  std::vector<wire::SecureNonce> earlier{};

  // The attempt has ended; there may be another one.
  void end_attempt() {
    if (secure.has_value() && secure->nonce.has_value()) earlier.push_back(*secure->nonce);
    secure.reset();
    hooked.reset();
  }
};

}  // namespace internal

// The head of a CALL or PUSH that came in, before its route is looked up.
class IncomingHead {
 public:
  IncomingHead(Session& session, internal::HookedMessage& hooked)
      : session_(session), hooked_(hooked) {}

  Session& session() const { return session_; }
  wire::Kind kind() const { return hooked_.message.kind; }
  std::string_view method() const { return hooked_.message.method; }
  std::string_view metadata_text() const { return hooked_.message.metadata; }
  // The first value of a metadata key; keys are case-sensitive.
  std::optional<std::string> meta(std::string_view key) const {
    return wire::find_in_encoded(metadata_text(), key);
  }
  std::uint8_t body_codec() const { return hooked_.message.body_codec; }
  std::string_view transforms() const { return hooked_.message.transforms; }
  std::size_t body_bytes() const { return hooked_.message.body.size(); }  // sealed ones as sealed
  Time begun() const { return hooked_.begun; }

  // At most 255 bytes. A name of the framework's own (`/_fl/`) is answered 404.
  void set_method(std::string_view method);
  // In the place of every value that the key has.
  // Errors: kBadMessage `metadata.too_many`.
  Status set_meta(std::string_view key, std::string_view value);
  Status remove_meta(std::string_view key);
  // Of whatever answers it.
  void add_reply_meta(std::string_view key, std::string_view value) {
    wire::append_metadata_pair(hooked_.add().reply_metadata, key, value);
  }

 private:
  Status replace_metadata(const wire::Metadata& pairs);

  Session& session_;
  internal::HookedMessage& hooked_;
};

// The head of a call or push of ours.
class OutgoingHead {
 public:
  explicit OutgoingHead(internal::HookedCall& call) : call_(call) {}

  Session& session() const { return *call_.session; }
  wire::Kind kind() const { return call_.kind; }
  std::string_view method() const { return call_.method; }
  std::string_view metadata_text() const { return call_.metadata; }
  std::optional<std::string> meta(std::string_view key) const {
    return wire::find_in_encoded(metadata_text(), key);
  }
  std::uint8_t body_codec() const { return call_.body_codec; }
  std::string_view transforms() const { return call_.transforms; }
  std::size_t frame_bytes() const { return call_.frame_bytes; }  // 0 before it was written
  // The body as it was encoded, before transforms and seal; 0 before it was written.
  std::size_t body_bytes() const { return call_.body_bytes; }
  // Its beginning, as far as some plugin said that it is to be kept.
  std::string_view kept_body() const { return call_.kept_body; }

  // Before it is written.
  void keep_body(std::size_t bytes_max) {
    call_.keeps_bytes_max = std::max(call_.keeps_bytes_max, bytes_max);
  }
  void set_method(std::string_view method) { call_.method = method; }
  void add_meta(std::string_view key, std::string_view value) {
    wire::append_metadata_pair(call_.metadata, key, value);
  }

 private:
  internal::HookedCall& call_;
};

}  // namespace fairlead::rpc
