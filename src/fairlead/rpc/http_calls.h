// HttpCalls: RPC over HTTP. Requests of HTTP reach the handlers of a Router as calls do.
//
//   POST /math/divide  {"a":10,"b":2}   ─► CALL /math/divide   ─► 200 {"result":5}
//   GET  /math/divide?a=10              ─► CALL without a body; fields of from_query() are filled
//   POST to a method that takes a PUSH  ─► 202 once it was started
//
// docs/reference/rpc_over_http.md has the whole mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/code.h"
#include "fairlead/base/status.h"
#include "fairlead/http/fields.h"
#include "fairlead/http/message.h"
#include "fairlead/rpc/http_bridge.h"
#include "fairlead/rpc/http_cors.h"
#include "fairlead/rpc/http_reply_to.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::rpc {

struct HttpCallsOptions {
  CorsOptions cors{};
  HttpStyle style = HttpStyle::kStrict;    // how business codes are shown
  bool show_cause = false;                 // causes in problems; for developers
  std::uint32_t spare_sessions_max = 256;  // kept for later requests; 0 .. 65536
  // Called before a request is served, to put values on its session, such as who a certificate
  // says the client is. Empty: none.
  std::function<void(Session& session, const http::Request& request)> on_request{};

  // Errors: kInvalidOperation `http_calls.bad_option`.
  Status validate() const;
};

// Each request is served by a session of its own, out of a few that are used again: limits,
// deadlines, plugins, errors and numbers are those of every call, requests of one connection share
// nothing, and nobody can call back (`session.one_way`). A client that goes away ends its session,
// which handlers hear by Context::cancel().
//
// Thread:   the peer's core.
// Lifetime: the peer outlives it, but Peer::close() must have completed before its destruction.
// Cost:     beside the call, the head as metadata and one copy of the reply's body into the
//           answer; no allocation for a request without a query and a reply without metadata.
class HttpCalls final : private internal::HttpBridge::Owner {
 public:
  // `options` have been validated.
  HttpCalls(Peer& peer, HttpCallsOptions options);
  HttpCalls(const HttpCalls&) = delete;
  HttpCalls& operator=(const HttpCalls&) = delete;
  ~HttpCalls();

  // Answers `request`, in this call or later, exactly once, also when the client is gone.
  // `request` lives until then; bodies are bounded by Peer's limits.frame_bytes_max.
  // Answers of its own, as problem details:
  //   404 `route.unknown`, 405 `http.method` with Allow, 400 `http.body_in_get`, `http.bad_query`,
  //   415 `http.media_type` with Accept, 415 `http.content_coding` with Accept-Encoding,
  //   406 `http.not_acceptable`, 413 `http.body_too_large`,
  //   431 `http.metadata_too_big`, 401 `session.login_expected`, 503 `peer.closing`,
  //   `session.closed`
  void respond(const http::Request& request, HttpReplyTo to);

  std::size_t sessions() const { return sessions_; }  // spare ones and those at work

 private:
  // What a path has, and what may be done with it.
  struct Target {
    bool call = false;
    bool push = false;
    std::string_view allowed{};  // for Allow
  };
  Target target_of(std::string_view path) const;
  Status check(const http::Request& request, const Target& target) const;
  // Writes `request` as a call. Errors: those of respond().
  Status fill(internal::HttpCall& call, const http::Request& request, const Target& target) const;
  internal::HttpBridge& take();
  void answer_options(const http::Request& request, HttpReplyTo to, const Target& target);
  // `metadata`: encoded text of what a handler added.
  void answer_problem(const http::Request& request, HttpReplyTo to, const Status& status,
                      const Target& target, std::string_view metadata = {});
  // Adds what every answer has to `fields_`, and sends it.
  void send(const http::Request& request, HttpReplyTo to, int status, std::string_view body,
            const Target& target);

  // HttpBridge::Owner
  void answer(internal::HttpBridge& bridge, Status status) override;
  void on_spare(internal::HttpBridge& bridge) override;
  void on_gone(internal::HttpBridge& bridge) override;

  Peer& peer_;
  const HttpCallsOptions options_;
  std::vector<internal::HttpBridge*> spare_;  // owned by their sessions
  std::size_t sessions_ = 0;
  // Of the answer that is being made, kept for their memory.
  std::vector<http::Field> fields_;
  std::string age_;
};

}  // namespace fairlead::rpc
