// TLS over any stream: a Stream for its handler, a handler of the stream below.
//
//   handler <- plain text <- TlsStream <- records <- socket (or a simulated connection)
//
// What a read brings is decrypted as a whole and given to the handler at once; what the handler
// writes meanwhile is encrypted when that read ends and leaves in the same one write. Output beyond
// the turn's end is encrypted then. While the stream below is full, output stays here as plain
// text, so unsent_bytes() tells the truth, but for at most kFlushBytes that wait below.
//
// Ends. The peer's close_notify is on_end(); writing is still possible. The end of the connection
// without it is on_close(`tls.truncated`): what came may be cut. close() sends close_notify behind
// the output; abort() does not. A resumed or refused handshake shows nothing of itself to the
// handler but its on_close().
//
//   Reasons in on_close() and of tls_connect(), beside those of the stream below:
//     tls.timeout            the handshake took too long
//     tls.not_tls            what came is no TLS (says what it looks like)
//     tls.handshake_cut      the peer closed the connection in the handshake
//     tls.bad_certificate    not signed by whom we trust, not valid yet, revoked, ...
//     tls.expired            the other side's certificate has expired
//     tls.name_mismatch      it is for another name
//     tls.no_certificate     the client has none and must
//     tls.rejected           the other side refuses our certificate, or that we have none
//     tls.no_common_version  tls.no_common_protocol (ALPN)
//     tls.handshake_failed   anything else in the handshake
//     tls.bad_record         damaged after the handshake
//     tls.alert              the peer gave up after the handshake
//     tls.truncated          see above
//
// The code is kConnectionClosed; kDialFailed for what tls_connect() returns.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/async/cancel.h"
#include "fairlead/async/deadline.h"
#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/io/core.h"
#include "fairlead/io/stream.h"
#include "fairlead/io/tls_context.h"

namespace fairlead::io {

// What both sides agreed on.
struct TlsInfo {
  TlsVersion version = TlsVersion::kTls13;
  std::string cipher{};       // "TLS_AES_256_GCM_SHA384"
  std::string alpn{};         // empty: none was agreed
  std::string server_name{};  // what the client asked for; empty: nothing
  bool resumed = false;       // by a ticket, without certificates on the wire
  // The other side's certificate, checked; empty when it showed none.
  std::string peer_subject{};             // "CN=shop,O=Mall" (RFC 2253)
  std::vector<std::string> peer_names{};  // DNS names and URIs (spiffe://...) it is for
};

// Thread, lifetime: as Stream. Cost of an idle connection: about 10 KiB, most of it the library's.
class TlsStream : public Stream {
 public:
  // The handshake is done. For a server's handler that is so when on_read() is first called.
  virtual bool established() const = 0;
  // Made by the first call after established(), then kept as long as the stream; empty texts
  // before.
  virtual const TlsInfo& info() const = 0;
  // For a server: whether requests for `host` belong on this connection. They do if the client
  // named no server, or this one, or if the certificate that it was shown is for `host` as well: a
  // DNS name or an address in numbers, without a port. Allocates nothing.
  virtual bool speaks_for(std::string_view host) const = 0;
  // For a server: `told` is called once, when the handshake is done, before on_read(). It must not
  // destroy the stream. To be set in the turn in which tls_wrap() made it.
  virtual void on_established(std::function<void()> told) = 0;

 protected:
  using Stream::Stream;
};

// A server's side of a connection that was just accepted on `core`: use it in the place of `inner`.
// The handshake begins with start(); until it is done output waits and on_read() is not called.
// `context` is a server's.
std::unique_ptr<TlsStream> tls_wrap(Core& core, std::unique_ptr<Stream> inner,
                                    std::shared_ptr<const TlsContext> context);

// A client's side: does the handshake on a connection that was just opened. `server_name` is what
// the server's certificate must be for, a host name (sent as SNI) or an address in numbers; needed
// unless the context verifies nobody. `context` is a client's. Await it in the turn in which
// `inner` was made, and call start() in the turn in which it returns. TLS 1.3: a server that
// refuses our certificate says so after this has returned, in on_close(). Errors: the list above as
// kDialFailed (the deadline also: `tls.timeout`); reasons of the stream
//         below, as kDialFailed; kInvalidOperation `tls.bad_option` (no server name);
//         kCancelled `wait.cancelled`.
Task<Result<std::unique_ptr<TlsStream>>> tls_connect(Core& core, std::unique_ptr<Stream> inner,
                                                     std::shared_ptr<const TlsContext> context,
                                                     std::string server_name, Deadline deadline,
                                                     CancelToken cancel);

}  // namespace fairlead::io
