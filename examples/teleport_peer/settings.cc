#include "settings.h"

#include <array>
#include <string_view>
#include <utility>

#include <fairlead/base/base64.h>

namespace teleport_peer {

std::string url_of(const Flags& flags) {
  return flags.network + (flags.network == "unix" ? ":" : "://") + flags.address;
}

CommandLine server_words(const Flags& flags) {
  return CommandLine({"teleport_peer", "--listen", url_of(flags), "--log-level", "warn"});
}

// One core, so that one call follows the other on one session.
CommandLine client_words(const Flags&) {
  return CommandLine({"teleport_peer", "--cores", "1", "--log-level", "off"});
}

fl::Result<fl::SecureKeys> keys_from(const std::string& key) {
  const std::array<std::string_view, 1> texts{key};
  FL_TRY_ASSIGN(fl::wire::ErpcKeys erpc, fl::wire::ErpcKeys::make(texts));
  fl::SecureKeys keys;
  keys.erpc = std::move(erpc);
  if (key.size() == fl::wire::KeyRing::kKeyBytes) {
    std::string base64(fl::base64_size(key.size()), '=');
    fl::base64_encode(key, base64.data());
    FL_TRY_ASSIGN(fl::wire::KeyRing ring, fl::wire::KeyRing::parse("check " + base64));
    keys.ring = std::move(ring);
  }
  return keys;
}

}  // namespace teleport_peer
