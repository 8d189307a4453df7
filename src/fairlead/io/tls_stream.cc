#include "fairlead/io/tls_stream.h"

#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/io/tls_connection.h"

namespace fairlead::io {
namespace {

// Gives a connection back that nobody got, also when the waiting task itself is destroyed. It may
// be on the stack then, so it dies at the turn's end.
class Attempt {
 public:
  Attempt(Core& core, std::unique_ptr<internal::TlsConnection> connection)
      : core_(core), connection_(std::move(connection)) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() {
    if (connection_ == nullptr) return;
    connection_->abandon();
    core_.dispose(std::move(connection_));
  }

  internal::TlsConnection* operator->() const { return connection_.get(); }
  std::unique_ptr<TlsStream> take() { return std::move(connection_); }

 private:
  Core& core_;
  std::unique_ptr<internal::TlsConnection> connection_;
};

}  // namespace

std::unique_ptr<TlsStream> tls_wrap(Core& core, std::unique_ptr<Stream> inner,
                                    std::shared_ptr<const TlsContext> context) {
  FL_CHECK(context->role() == TlsRole::kServer);
  return std::make_unique<internal::TlsConnection>(core, std::move(inner), std::move(context));
}

Task<Result<std::unique_ptr<TlsStream>>> tls_connect(Core& core, std::unique_ptr<Stream> inner,
                                                     std::shared_ptr<const TlsContext> context,
                                                     std::string server_name, Deadline deadline,
                                                     CancelToken cancel) {
  auto connection =
      std::make_unique<internal::TlsConnection>(core, std::move(inner), std::move(context));
  Attempt attempt(core, std::move(connection));
  Event settled;
  FL_CO_TRY(attempt->begin_client(server_name, settled));
  Status waited = co_await settled.wait(core.timers(), deadline, std::move(cancel));
  if (waited.code() == Code::kDeadlineExceeded) {
    co_return Status(Code::kDialFailed, "tls.timeout", "the TLS handshake took too long");
  }
  if (!waited.ok()) co_return waited;
  if (!attempt->established()) co_return attempt->why();
  co_return attempt.take();
}

}  // namespace fairlead::io
