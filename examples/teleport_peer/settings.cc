#include "settings.h"

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include <fairlead/base/base64.h>

namespace teleport_peer {

namespace {

bool uses_tls(const Flags& flags) {
  return flags.network == "tls" || !flags.tls_cert.empty() || !flags.tls_ca.empty();
}

}  // namespace

std::string url_of(const Flags& flags) {
  const bool below_tls = uses_tls(flags) && flags.network != "tls";
  const std::string scheme = (below_tls ? "tls+" : "") + flags.network;
  return scheme + (flags.network == "unix" ? ":" : "://") + flags.address;
}

CommandLine server_words(const Flags& flags) {
  std::vector<std::string> words{"teleport_peer", "--listen",    url_of(flags), "--protocol",
                                 flags.proto,     "--log-level", "warn"};
  const auto add = [&](const std::string& flag, const std::string& value) {
    words.push_back(flag);
    words.push_back(value);
  };
  if (!flags.tls_cert.empty()) {
    add("--tls-certificate", flags.tls_cert);
    add("--tls-key", flags.tls_key);
  }
  if (!flags.tls_ca.empty()) {  // clients must show a certificate of this authority
    add("--set", "tls.ca_file=" + flags.tls_ca);
    add("--set", "tls.client_certificate=required");
  }
  return CommandLine(std::move(words));
}

// One core, so that one call follows the other on one session.
CommandLine client_words() {
  return CommandLine({"teleport_peer", "--cores", "1", "--log-level", "off"});
}

fl::ClientOptions client_options(const Flags& flags, const std::string& token) {
  fl::ClientOptions options;
  options.protocol = flags.proto;
  if (uses_tls(flags)) {
    options.tls.ca_file = flags.tls_ca;
    options.tls.certificate_file = flags.tls_cert;
    options.tls.key_file = flags.tls_key;
  }
  if (!token.empty()) options.login = fl::Login{.body = token};
  return options;
}

fl::wire::SecureForm form_of(const Flags& flags) {
  return flags.secure_form == "aes-gcm" ? fl::wire::SecureForm::kAesGcm
                                        : fl::wire::SecureForm::kErpc;
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

int refuse_key(const fl::Status& why) {
  std::fprintf(stderr, "teleport_peer: --secure: %s\n", why.to_string().c_str());
  return 2;
}

}  // namespace teleport_peer
