#include "fairlead/io/tls_records.h"

#include <algorithm>
#include <array>

#include "fairlead/base/text.h"

namespace fairlead::io::internal {
namespace {

constexpr std::size_t kHeadBytes = 5;
constexpr std::size_t kRecordBytesMax = 16384 + 2048;  // RFC 5246 6.2.3; RFC 8446 allows less
constexpr unsigned char kTypeMin = 20;
constexpr unsigned char kTypeMax = 23;
constexpr unsigned char kMajorVersion = 3;

unsigned char byte_at(std::string_view input, std::size_t at) {
  return static_cast<unsigned char>(input[at]);
}

}  // namespace

TlsRecords scan_tls_records(std::string_view input) {
  TlsRecords found;
  while (!input.empty()) {
    const unsigned char type = byte_at(input, 0);
    const bool known = type >= kTypeMin && type <= kTypeMax &&
                       (input.size() < 2 || byte_at(input, 1) == kMajorVersion);
    if (!known) {
      found.broken = true;
      return found;
    }
    found.wanted = kHeadBytes;
    if (input.size() < kHeadBytes) return found;
    const std::size_t length = std::size_t{byte_at(input, 3)} << 8U | byte_at(input, 4);
    found.broken = length > kRecordBytesMax;
    found.wanted = kHeadBytes + length;
    if (found.broken || input.size() < found.wanted) return found;
    found.whole_bytes += found.wanted;
    input.remove_prefix(found.wanted);
    found.wanted = 0;
  }
  return found;
}

std::string describe_no_tls(std::string_view input) {
  constexpr std::array<std::string_view, 8> kHttp = {"GET ", "POST", "PUT ", "HEAD",
                                                     "HTTP", "PRI ", "DELE", "OPTI"};
  const auto begins = [input](std::string_view text) { return input.starts_with(text); };
  if (std::ranges::any_of(kHttp, begins)) return "bytes of HTTP";
  if (begins("SSH-")) return "bytes of SSH";
  return "'" + escape_text(input, 16) + "'";
}

}  // namespace fairlead::io::internal
