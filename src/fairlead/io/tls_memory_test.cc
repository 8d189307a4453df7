// What idle TLS connections own.
#include <malloc.h>

#include <list>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/sanitizers.h"
#include "fairlead/io/tls_test.h"

// Only programs under a sanitizer have it.
extern "C" [[gnu::weak]] std::size_t __sanitizer_get_current_allocated_bytes();

namespace fairlead::io {
namespace {

std::size_t allocated_bytes() {
  if constexpr (fairlead::internal::kMemoryIsWatched) {
    return __sanitizer_get_current_allocated_bytes();
  }
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class TlsMemory : public TlsTest, public ::testing::WithParamInterface<TlsVersion> {};

// What is given back when one side goes is what it owned. The tests' own records count too.
TEST_P(TlsMemory, OfAnIdleConnectionIsMostlyTheLibrarys) {
  constexpr std::size_t kConnections = 50;
  // A sanitizer's allocator counts what it adds to each block.
  constexpr std::size_t kWatched = fairlead::internal::kMemoryIsWatched ? 4 * 1024 : 0;
  constexpr std::size_t kServerBytesMax = 14 * 1024 + kWatched;
  constexpr std::size_t kClientBytesMax = 18 * 1024 + kWatched;
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
