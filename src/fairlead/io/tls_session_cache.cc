#include "fairlead/io/tls_session_cache.h"

#include <algorithm>

namespace fairlead::io::internal {

void TlsSessionCache::put(std::string_view server, Openssl<SSL_SESSION> session) {
  const MutexLock lock(mutex_);
  if (sessions_.size() == kSessionsMax) sessions_.pop_front();
  sessions_.emplace_back(server, std::move(session));
}

Openssl<SSL_SESSION> TlsSessionCache::take(std::string_view server) {
  const MutexLock lock(mutex_);
  const auto is_of = [server](const auto& entry) { return entry.first == server; };
  const auto newest = std::find_if(sessions_.rbegin(), sessions_.rend(), is_of);
  if (newest == sessions_.rend()) return nullptr;
  Openssl<SSL_SESSION> session = std::move(newest->second);
  sessions_.erase(std::next(newest).base());
  return session;
}

}  // namespace fairlead::io::internal
