#include "fairlead/rpc/plugins/auth.h"

#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/router.h"
#include "fairlead/rpc/session.h"

namespace fairlead::rpc {
namespace {

bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned differs = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differs |=
        static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
  }
  return differs == 0;
}

}  // namespace

Status AuthBearer::pre_dial(Dialling& dialling) {
  if (!dialling.options.login.has_value()) {
    dialling.options.login.emplace(Login{.body = token_(dialling.address)});
  }
  return {};
}

AuthChecker AuthChecker::of_tokens(std::map<std::string, std::string> tokens) {
  return AuthChecker(
      [tokens = std::move(tokens)](std::string_view told, Context&) -> Result<std::string> {
        const std::string* subject = nullptr;
        for (const auto& [name, token] : tokens) {  // all of them: where it stops would tell
          if (same_secret(token, told)) subject = &name;
        }
        if (subject != nullptr) return *subject;
        return Status(Code::kUnauthenticated, "auth.bad_token", "the token is not known here");
      });
}

Status AuthChecker::pre_new_peer(NewPeer& peer) {
  return peer.router.set_login(make_handler([check = check_](Context& context) -> Status {
    FL_TRY_ASSIGN(const std::string subject, check(context.body(), context));
    return context.session().values().set(kAuthSubject, subject);
  }));
}

}  // namespace fairlead::rpc
