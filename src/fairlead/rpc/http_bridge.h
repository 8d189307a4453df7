// HttpBridge: the stream of a session that serves requests of HTTP, one after the other.
//
//   request ─► HttpCall ─► on_read(): one message, whose views lie in the HttpCall ─► Session
//   Session ─► Form::begin(), body to output(), Form::finish() ─► HttpCall ─► Owner::answer()
//
//   SPARE -- start() --> LOGIN (where one is asked for) --> CALL -- answered --> SPARE
//   LOGIN, CALL -- the client or the session is gone --> answered, then on_close()
//
// No frame is written and read again: a form of messages of its own (wire::Protocol) hands them
// over in memory, so that a body is neither copied nor parsed for it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fairlead/async/cancel.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/status.h"
#include "fairlead/http/message.h"
#include "fairlead/io/stream.h"
#include "fairlead/rpc/http_reply_to.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::rpc {

class Session;

namespace internal {

// One request on its way through a session. Its texts keep their memory from one to the next.
struct HttpCall {
  const http::Request* request = nullptr;  // null: none; lives until it is answered
  HttpReplyTo to;
  // What the session reads.
  wire::Kind kind = wire::Kind::kCall;
  std::uint8_t body_codec = wire::kNoCodec;
  std::string method;
  std::string metadata;
  std::string token;  // of the login
  Bytes body;
  // What the session wrote.
  std::uint8_t reply_codec = wire::kNoCodec;
  std::string reply_status;  // query form
  std::string reply_metadata;
};

// Thread: its core. Lifetime: owned by its session; the owner outlives it.
class HttpBridge final : public io::Stream, private CancelListener {
 public:
  class Owner {
   public:
    // The end of a request, exactly once each, with bridge.call() and bridge.reply_body(). May
    // start another request on another bridge.
    virtual void answer(HttpBridge& bridge, Status status) = 0;
    // The bridge may start another request.
    virtual void on_spare(HttpBridge& bridge) = 0;
    // The bridge dies at the end of this turn.
    virtual void on_gone(HttpBridge& bridge) = 0;

   protected:
    ~Owner() = default;
  };

  HttpBridge(io::Core& core, Owner& owner) : Stream(core), owner_(owner) {}

  // The form of its messages, for the session; lives as long as the bridge.
  const wire::Protocol& form() const { return form_; }
  // Tells the bridge which session it is the stream of; before the first request.
  void serves(Session& session) { session_ = &session; }
  Session& session() { return *session_; }

  HttpCall& call() { return call_; }
  std::string_view reply_body() const { return output_.buffer().view(); }
  // Whether start_call() may be called.
  bool usable() const { return phase_ == Phase::kSpare && !ending_ && !last_ && !gone_; }
  // Gives call() to the session, `login` first as an AUTH_CALL with its token.
  void start_call(bool login);

  void start(io::StreamHandler& handler) override { handler_ = &handler; }
  void hand_over(io::StreamHandler& handler) override { handler_ = &handler; }
  void pause() override {}  // nothing comes before the request is answered
  void resume() override {}
  void close() override { end(Status()); }
  void abort(Status why) override { end(std::move(why)); }
  io::Address peer() const override;
  io::Address local() const override { return {}; }

 private:
  enum class Phase : std::uint8_t { kSpare, kLogin, kCall };

  class Form final : public wire::Protocol {
   public:
    explicit Form(HttpBridge& bridge) : bridge_(bridge) {}
    std::string_view name() const override { return "http"; }
    wire::Carries carries() const override { return {.login = true, .transforms = false}; }
    wire::Received parse(std::string_view input, const wire::Limits& limits,
                         const wire::TransformSet* transforms) const override;
    std::optional<wire::PeekedHead> peek_head(std::string_view input) const override;
    wire::FrameStart begin(Buffer& out, const wire::MessageHead& head) const override;
    Status finish(Buffer& out, wire::FrameStart start, const wire::Limits& limits,
                  const wire::TransformSet* transforms) const override;

   private:
    HttpBridge& bridge_;
  };

  void flush() override { settle(); }
  void on_cancel() override;
  void end(Status why);
  void feed();
  void settle();
  void answer();
  void become_spare();

  Owner& owner_;
  const Form form_{*this};
  io::StreamHandler* handler_ = nullptr;
  Session* session_ = nullptr;
  HttpCall call_;
  Status why_;  // it ends
  Phase phase_ = Phase::kSpare;
  bool replied_ = false;
  bool ending_ = false;  // on_close() is owed
  bool gone_ = false;    // on_close() was told
  bool last_ = false;    // on_end() was told: no other request
  bool lost_ = false;    // the client is gone
};

}  // namespace internal
}  // namespace fairlead::rpc
