#include "fairlead/io/tls_session_cache.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::io::internal {
namespace {

TEST(TlsSessionCache, GivesTheNewestOfAServerOnce) {
  TlsSessionCache cache;
  SSL_SESSION* const older = SSL_SESSION_new();
  SSL_SESSION* const newer = SSL_SESSION_new();
  cache.put("a", Openssl<SSL_SESSION>(older));
  cache.put("b", Openssl<SSL_SESSION>(SSL_SESSION_new()));
  cache.put("a", Openssl<SSL_SESSION>(newer));

  EXPECT_EQ(cache.take("a").get(), newer);
  EXPECT_EQ(cache.take("a").get(), older);
  EXPECT_EQ(cache.take("a"), nullptr);
  EXPECT_NE(cache.take("b"), nullptr);
}

TEST(TlsSessionCache, ForgetsTheOldestWhenThereAreTooMany) {
  TlsSessionCache cache;
  for (std::size_t i = 0; i <= TlsSessionCache::kSessionsMax; ++i) {
    cache.put(std::to_string(i), Openssl<SSL_SESSION>(SSL_SESSION_new()));
  }
  EXPECT_EQ(cache.take("0"), nullptr);
  EXPECT_NE(cache.take("1"), nullptr);
  EXPECT_NE(cache.take(std::to_string(TlsSessionCache::kSessionsMax)), nullptr);
}

}  // namespace
}  // namespace fairlead::io::internal
