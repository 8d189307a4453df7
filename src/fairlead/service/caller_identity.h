// Who is at the other end of a session, as its certificate says.
#pragma once

#include <string_view>

#include "fairlead/io/tls_stream.h"
#include "fairlead/rpc/session.h"

namespace fairlead::service {

// Values of a session whose caller showed a certificate that was checked. A contract reads them by
// from_session("tls.subject"), a handler by context.session().values(). Absent: it showed none.
inline constexpr std::string_view kCallerSubject = "tls.subject";  // "CN=shop,O=Mall" (RFC 2253)
inline constexpr std::string_view kCallerNames = "tls.names";  // DNS names and URIs, blanks between

namespace internal {

// Names that hold blanks or control bytes are left out, so that nobody gets two names by one.
// Thread: the session's core.
void remember_caller(rpc::SessionValues& values, const io::TlsInfo& info);

}  // namespace internal
}  // namespace fairlead::service
