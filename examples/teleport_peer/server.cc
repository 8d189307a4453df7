#include "server.h"

#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fairlead/fairlead.h>

#include "services.h"
#include "settings.h"
#include "until_eof.h"

namespace teleport_peer {
namespace {

void tell_address(const fl::io::Address& address) {
  const std::string text = address.is_unix() ? address.unix_path() : address.to_text();
  std::printf("listening %s\n", text.c_str());
  std::fflush(stdout);
}

}  // namespace

int run_server(const Flags& flags) {
  const CommandLine words = server_words(flags);
  fl::App app(words.count(), words.words(), "teleport_peer");
  serve_all(app, flags);
  if (!flags.secure.empty()) {
    fl::Result<fl::SecureKeys> keys = keys_from(flags.secure);
    if (!keys.ok()) return refuse_key(keys.status());
    app.secure(*std::move(keys));
  }

  std::optional<UntilEof> until_eof;
  app.on_ready([&](const std::vector<fl::io::Address>& addresses) {
    tell_address(addresses.front());
    if (flags.until_eof) until_eof.emplace();
  });
  return app.run();
}

}  // namespace teleport_peer
