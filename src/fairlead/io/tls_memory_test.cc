// What idle TLS connections own.
#include <malloc.h>

#include <list>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/io/tls_test.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FL_OWN_ALLOCATOR 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FL_OWN_ALLOCATOR 1
#endif

#ifdef FL_OWN_ALLOCATOR
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace fairlead::io {
namespace {

std::size_t allocated_bytes() {
#ifdef FL_OWN_ALLOCATOR
  return __sanitizer_get_current_allocated_bytes();
#else
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

class TlsMemory : public TlsTest, public ::testing::WithParamInterface<TlsVersion> {};

// What is given back when one side goes is what it owned. The tests' own records count too.
TEST_P(TlsMemory, OfAnIdleConnectionIsMostlyTheLibrarys) {
  constexpr std::size_t kConnections = 50;
  constexpr std::size_t kServerBytesMax = 14 * 1024;
  constexpr std::size_t kClientBytesMax = 18 * 1024;
  server_options.version_min = server_options.version_max = GetParam();
  echo = true;
  listen();
  client_context = context_of(TlsRole::kClient, client_options);
  std::list<std::optional<TlsRecorder>> clients;
  for (std::size_t i = 0; i < kConnections; ++i) {
    ASSERT_TRUE(dial(listener->local(), "localhost", clients.emplace_back()).ok());
    clients.back()->write(std::string(5000, 'x'));
    turn_until([&] { return clients.back()->received.size() == 5000; });
  }
  for (auto& one : clients) std::string().swap(one->received);
  for (TlsRecorder& one : servers) std::string().swap(one.received);

  const std::size_t with_both = allocated_bytes();
  servers.clear();
  const std::size_t with_clients = allocated_bytes();
  clients.clear();
  const std::size_t with_none = allocated_bytes();

  const std::size_t server_bytes = (with_both - with_clients) / kConnections;
  const std::size_t client_bytes = (with_clients - with_none) / kConnections;
  RecordProperty("server_bytes", static_cast<int>(server_bytes));
  RecordProperty("client_bytes", static_cast<int>(client_bytes));
  EXPECT_LE(server_bytes, kServerBytesMax);
  EXPECT_LE(client_bytes, kClientBytesMax);
}

INSTANTIATE_TEST_SUITE_P(Both, TlsMemory, ::testing::Values(TlsVersion::kTls12, TlsVersion::kTls13),
                         [](const auto& param) {
                           return param.param == TlsVersion::kTls12 ? "Tls12" : "Tls13";
                         });

}  // namespace
}  // namespace fairlead::io
