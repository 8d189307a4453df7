// Context: one CALL or PUSH while its handler works on it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/async/cancel.h"
#include "fairlead/async/deadline.h"
#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/status.h"
#include "fairlead/io/core.h"
#include "fairlead/rpc/hooked_message.h"
#include "fairlead/rpc/plugin.h"
#include "fairlead/rpc/secure_bodies.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/metadata.h"
#include "fairlead/wire/protocols/raw.h"

namespace fairlead::rpc {

class Session;

namespace internal {
struct Admitted;
}

// Thread: the session's core. Lifetime: from the handler's start to its end; views that it gives
// live as long.
class Context {
 public:
  // `message` and `input` outlive the context.
  Context(Session& session, const wire::MessageView& message, const Bytes& input, Deadline deadline)
      : session_(session), message_(message), input_(&input), deadline_(deadline) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // The request. `method` is as sent; the route is what stands before the first "?" in it.
  std::string_view method() const { return message_.method; }
  // What stands behind the first "?" of the method, as key=value pairs; empty if there is none.
  std::string_view query_text() const {
    const std::size_t mark = message_.method.find('?');
    return mark == std::string_view::npos ? std::string_view{} : message_.method.substr(mark + 1);
  }
  wire::Kind kind() const { return message_.kind; }
  std::int32_t seq() const { return message_.seq; }
  std::uint8_t body_codec() const { return message_.body_codec; }
  std::string_view body() const { return message_.body; }
  // The body, sharing the read it lies in: keeps it beyond the handler.
  Bytes body_bytes() const { return Bytes(input_->chunk(), message_.body); }
  // The first value of a metadata key; keys are case-sensitive.
  std::optional<std::string> meta(std::string_view key) const {
    if (message_.metadata.empty()) return std::nullopt;
    return wire::find_in_encoded(message_.metadata, key);
  }
  std::string_view metadata_text() const { return message_.metadata; }
  // Ids of the transforms that the message came through, outermost first.
  std::string_view transforms() const { return message_.transforms; }
  // Errors: kBadMessage `metadata.too_many`.
  Result<wire::Metadata> metadata() const { return wire::parse_metadata_text(message_.metadata); }
  // `X-Real-IP` of the metadata when there is one, else the connection's peer.
  std::string real_ip() const;
  // When the caller stops waiting.
  Deadline deadline() const { return deadline_; }
  // Cancelled when the session ends; for a handler that waits also when its caller gives up (where
  // the link said hello) and when its deadline passes.
  CancelToken cancel() const;

  Session& session() const { return session_; }
  io::Core& core() const;
  // The turn in which the message was read; where plugins see it, else the present turn.
  Time begun() const { return hooked() ? extras_->hooked->begun : core().now(); }

  // For handlers that decode (Handler::decodes()): the plugins see the argument, and may refuse the
  // message, which the handler then returns. Costs a test where there are none.
  Status read_body(const ReadBody& body) {
    if (extras_ == nullptr) return {};
    return hooked_read_body(body);
  }

  // The reply.
  void add_reply_meta(std::string_view key, std::string_view value) {
    wire::append_metadata_pair(reply_metadata_, key, value);
  }
  std::string_view reply_metadata_text() const { return reply_metadata_; }
  // The reply passes through the request's transforms and, innermost, those added here. Before
  // begin_reply(). Errors: kInvalidOperation `frame.unknown_transform`: the peer has none of this
  // id; `frame.transforms_not_carried`.
  Status add_reply_transform(std::uint8_t id);
  // The codec for the reply's body: what `X-Accept-Body-Codec` asks for, else the request's.
  std::uint8_t wanted_reply_codec() const {
    return message_.metadata.empty() ? message_.body_codec : asked_reply_codec();
  }
  // Begins the reply with a body in `codec` and gives the buffer to append it to. The handler
  // appends the body and ends, without waiting in between. Nothing for a PUSH: null.
  Buffer* begin_reply(std::uint8_t codec);
  // The whole reply: `body` as it is. A large one is not copied but keeps its chunk until it is
  // sent (io::Stream::kSharedBytesMin). Nothing for a PUSH.
  void reply_with(std::uint8_t codec, Bytes body);

 private:
  friend Session;

  internal::Admitted* admitted() const {
    return extras_ == nullptr ? nullptr : extras_->admitted.get();
  }
  bool hooked() const { return extras_ != nullptr && extras_->hooked.has_value(); }
  std::uint8_t asked_reply_codec() const;
  Buffer* begin_frame(std::uint8_t codec);
  Buffer* frame(std::uint8_t codec, std::string_view transforms);
  Buffer* start_reply(std::uint8_t codec);
  Buffer* start_reply_with_extras(std::uint8_t codec);
  Status hooked_read_body(const ReadBody& body);

  // Of a handler that waits: known to its session, which may end it early.
  struct Waiting {
    CancelSource source;
    Context* previous = nullptr;
    Context* next = nullptr;
    bool ended = false;  // the caller has its answer, or wants none
  };

  Session& session_;
  const wire::MessageView& message_;
  const Bytes* input_;
  Deadline deadline_;
  // What most calls have no use for.
  struct Extras : fairlead::internal::PooledFrame {
    std::optional<internal::HookedMessage> hooked{};     // none: no plugin sees it
    std::string transforms{};                            // added to the reply
    std::unique_ptr<internal::SecureExchange> secure{};  // null: a plain call, answered so
    bool secure_begun = false;                           // begin_reply() gave its buffer
    std::unique_ptr<internal::Admitted> admitted{};      // null: it came without a number
    Extras();
    ~Extras();
  };
  Extras& extras() {
    if (extras_ == nullptr) extras_ = std::make_unique<Extras>();
    return *extras_;
  }

  std::string reply_metadata_;
  std::optional<wire::FrameStart> reply_;
  std::unique_ptr<Extras> extras_;
  std::optional<Waiting> waiting_;
  Bytes shared_body_;  // goes out behind what the reply holds
};

}  // namespace fairlead::rpc
