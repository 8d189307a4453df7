// Auth: who calls says a token when it connects, who is called checks it.
//
//   app.use(AuthBearer("secret"));                                    // sessions that we dial
//   app.use(AuthChecker([](std::string_view token, Context&) -> Result<std::string> {
//     ...                                                             // "alice", or an error
//   }));
//
// On the wire these are teleport's AUTH_CALL and AUTH_REPLY with a plain body; over HTTP the token
// is that of Authorization: Bearer.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/result.h"
#include "fairlead/rpc/plugin.h"

namespace fairlead::rpc {

// Key of the value of a session that says who logged in; a field from_session("auth.subject").
inline constexpr std::string_view kAuthSubject = "auth.subject";

// Gives sessions that are dialled a login, unless who dials gave one.
class AuthBearer final : public Plugin {
 public:
  explicit AuthBearer(std::string token)
      : AuthBearer([token = std::move(token)](const io::Address&) { return token; }) {}
  // Asked at each dial, for tokens that change. Thread: any core's.
  explicit AuthBearer(std::function<std::string(const io::Address& address)> token)
      : Plugin("auth_bearer"), token_(std::move(token)) {}

  Status pre_dial(Dialling& dialling) override;

 private:
  std::function<std::string(const io::Address&)> token_;
};

// Asks whoever connects for a login. Takes the place of App::on_login().
class AuthChecker final : public Plugin {
 public:
  // Gives the subject that becomes the session's value, or the error that is answered before the
  // connection closes. Thread: any core's. It does not wait: what must ask others is on_login().
  using Check = std::function<Result<std::string>(std::string_view token, Context& context)>;

  explicit AuthChecker(Check check) : Plugin("auth_checker"), check_(std::move(check)) {}
  // Fixed tokens: subject -> token, none empty. Wrong ones are answered 401 `auth.bad_token`. The
  // time that a comparison takes says nothing about the token but its length.
  static AuthChecker of_tokens(std::map<std::string, std::string> tokens);

  // Errors: those of Router::set_login().
  Status pre_new_peer(NewPeer& peer) override;

 private:
  Check check_;
};

}  // namespace fairlead::rpc
