#include "fairlead/io/tls_holder.h"

#include <string>
#include <string_view>
#include <utility>

#include "fairlead/io/tls_state.h"

namespace fairlead::io {
namespace {

// Which of `fresh` nobody would accept, though everybody accepts the one in its place in `before`.
// Certificates of issuers do not count: some go about with one that nobody needs any more.
Status check_dates(const std::vector<TlsCertificate>& files, const TlsContext& before,
                   const TlsContext& fresh, std::int64_t wall_ms) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    const internal::TlsCredential& next = fresh.state().credentials[i];
    if (next.is_valid(wall_ms) || !before.state().credentials[i].is_valid(wall_ms)) continue;
    const bool expired = next.ends_ms <= wall_ms;
    const std::string_view what = expired ? "has expired" : "is not valid yet";
    return Status(Code::kInvalidOperation, expired ? "tls.expired" : "tls.not_yet_valid",
                  files[i].certificate_file + ": the certificate " + std::string(what) +
                      ", and the one in use is still valid");
  }
  return {};
}

}  // namespace

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
  FL_TRY(check_dates(options_.certificates, *current(), *fresh, wall_ms));
  const MutexLock lock(mutex_);
  context_.swap(fresh);  // `fresh`, now the old one, dies after the lock if nobody else has it
  return {};
}

}  // namespace fairlead::io
