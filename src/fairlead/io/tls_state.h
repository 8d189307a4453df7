// What is inside a TlsContext. Private to the room.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "fairlead/io/tls_context.h"
#include "fairlead/io/tls_files.h"
#include "fairlead/io/tls_openssl.h"
#include "fairlead/io/tls_session_cache.h"

namespace fairlead::io::internal {

struct TlsState {
  TlsRole role = TlsRole::kServer;
  Openssl<SSL_CTX> context;
  std::vector<TlsCredential> credentials;  // chosen by SNI; the first is also in `context`
  std::string alpn;                        // names with their lengths, as RFC 7301 has them
  bool verify_server = true;
  Duration handshake_timeout{};
  std::vector<TlsWarning> warnings;
  std::int64_t expires_ms = std::numeric_limits<std::int64_t>::max();
  TlsSessionCache sessions;  // client
};

// The connection's entry for its client session, set by the connection as SSL's application data.
// Receives sessions that the server hands out.
class TlsSessionSink {
 public:
  virtual void on_session(Openssl<SSL_SESSION> session) = 0;

 protected:
  ~TlsSessionSink() = default;
};

}  // namespace fairlead::io::internal
