#include "services.h"

#include <string>

namespace teleport_peer {

void serve_all(fl::App& app, const Flags& flags) {
  const Names names(flags.mapper);
  serve_bodies(app, names);
  serve_messages(app, names);
  serve_sessions(app, flags, names);
  if (!flags.auth.empty()) serve_login(app, flags.auth);
}

// Answers the first message of every connection. Only an OK reply opens the session.
void serve_login(fl::App& app, const std::string& token) {
  app.on_login([token](fl::Context&, const std::string& given) -> fl::Result<std::string> {
    if (given != token) {
      return fl::error(403, "auth fail").with_cause("auth fail detail");
    }
    return std::string("pass");
  });
}

}  // namespace teleport_peer
