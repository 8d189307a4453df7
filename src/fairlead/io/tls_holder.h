// TlsHolder: the context that new handshakes use, replaced while connections live.
#pragma once

#include <cstdint>
#include <memory>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/io/tls_context.h"

namespace fairlead::io {

// Thread: any, every method. Lifetime: outlives whoever asks it for contexts.
class TlsHolder {
 public:
  // Errors: those of TlsContext::make().
  static Result<std::unique_ptr<TlsHolder>> make(TlsRole role, TlsOptions options,
                                                 std::int64_t wall_ms);

  // What the next handshake shall use; never null. Connections keep the one they began with.
  std::shared_ptr<const TlsContext> current() const;

  // Reads the files again (this blocks). On an error the old context stays in use: a file that is
  // half written, or a key that does not fit yet, does no harm; try again later.
  // Errors: those of TlsContext::make(); kInvalidOperation `tls.expired`, `tls.not_yet_valid`: one
  // of our certificates is not in its dates, and the one that it would replace is.
  Status reload(std::int64_t wall_ms);
  // TlsOptions::handshake_timeout, in its range, from the next reload() on. Thread: that of
  // reload().
  void update_handshake_timeout(Duration timeout) { options_.handshake_timeout = timeout; }

 private:
  TlsHolder(TlsRole role, TlsOptions options, std::shared_ptr<const TlsContext> context);

  const TlsRole role_;
  TlsOptions options_;
  mutable Mutex mutex_;
  std::shared_ptr<const TlsContext> context_ FL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::io
