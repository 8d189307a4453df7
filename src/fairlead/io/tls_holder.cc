#include "fairlead/io/tls_holder.h"

#include <utility>

namespace fairlead::io {

Result<std::unique_ptr<TlsHolder>> TlsHolder::make(TlsRole role, TlsOptions options,
                                                   std::int64_t wall_ms) {
  FL_TRY_ASSIGN(auto context, TlsContext::make(role, options, wall_ms));
  return std::unique_ptr<TlsHolder>(new TlsHolder(role, std::move(options), std::move(context)));
}

TlsHolder::TlsHolder(TlsRole role, TlsOptions options, std::shared_ptr<const TlsContext> context)
    : role_(role), options_(std::move(options)), context_(std::move(context)) {}

std::shared_ptr<const TlsContext> TlsHolder::current() const {
  const MutexLock lock(mutex_);
  return context_;
}

Status TlsHolder::reload(std::int64_t wall_ms) {
  FL_TRY_ASSIGN(std::shared_ptr<const TlsContext> fresh,
                TlsContext::make(role_, options_, wall_ms));
  const MutexLock lock(mutex_);
  context_.swap(fresh);  // `fresh`, now the old one, dies after the lock if nobody else has it
  return {};
}

}  // namespace fairlead::io
