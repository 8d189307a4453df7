// Sessions that a client may resume. Private to the room.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/mutex.h"
#include "fairlead/io/tls_openssl.h"

namespace fairlead::io::internal {

// The last sessions, by server. A session is given out once, as RFC 8446 C.4 wants it; a server
// that wants to see us again sends a new one. The oldest go when there are too many. Thread: any.
class TlsSessionCache {
 public:
  static constexpr std::size_t kSessionsMax = 256;

  void put(std::string_view server, Openssl<SSL_SESSION> session);
  Openssl<SSL_SESSION> take(std::string_view server);  // the newest; null when there is none

 private:
  Mutex mutex_;
  std::deque<std::pair<std::string, Openssl<SSL_SESSION>>> sessions_ FL_GUARDED_BY(mutex_);
};

}  // namespace fairlead::io::internal
