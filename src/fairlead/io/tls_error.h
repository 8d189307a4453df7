// From the TLS library's errors to ours. Private to the room.
#pragma once

#include <cstdint>

#include "fairlead/base/status.h"
#include "fairlead/io/tls_openssl.h"

namespace fairlead::io::internal {

enum class TlsPhase : std::uint8_t { kHandshake, kOpen };

// Why the last operation on `ssl` failed; takes the error off the library's queue. The reasons are
// in tls_stream.h; those without a name of their own are `tls.handshake_failed` in the handshake,
// `tls.alert` and `tls.bad_record` after it.
Status tls_error(Code code, TlsPhase phase, const SSL* ssl);

}  // namespace fairlead::io::internal
