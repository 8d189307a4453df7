// Reading and checking certificates and keys. Private to the room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/io/tls_context.h"
#include "fairlead/io/tls_openssl.h"

namespace fairlead::io::internal {

// A certificate of ours with its key and the certificates of its issuers.
struct TlsCredential {
  Openssl<X509> certificate;
  Openssl<EVP_PKEY> key;
  Openssl<STACK_OF(X509)> chain;
  std::int64_t expires_ms = 0;  // the first of all these
  std::int64_t begins_ms = 0;   // of the certificate itself
  std::int64_t ends_ms = 0;

  bool is_valid(std::int64_t wall_ms) const { return begins_ms <= wall_ms && wall_ms < ends_ms; }
};

// What a server shows to a client that asks for `name`: the first that is for it, else the first of
// all. `credentials` is not empty.
const TlsCredential& chosen_credential(const std::vector<TlsCredential>& credentials,
                                       std::string_view name);

// Errors: those of TlsContext::make() about files. What is only strange goes to `warnings`.
Result<TlsCredential> load_credential(const TlsCertificate& files, std::int64_t wall_ms,
                                      std::vector<TlsWarning>& warnings);

// Every certificate of a PEM file, in its order; at least one.
// Errors: `tls.file_missing`, `tls.bad_file`.
Result<std::vector<Openssl<X509>>> load_certificates(const std::string& path);

}  // namespace fairlead::io::internal
