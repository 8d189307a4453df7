#include "fairlead/io/address_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "fairlead/base/text.h"

namespace fairlead::io {
namespace {

constexpr AddressRange::Bits kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr unsigned kMappedBits = 96;

bool is_ipv4(const AddressRange::Bits& bits) {
  return std::memcmp(bits.data(), kMapped.data(), kMappedBits / 8) == 0;
}

}  // namespace

Result<AddressRange::Bits> AddressRange::bits_of(std::string_view host) {
  Bits bits = kMapped;
  const std::string text(host);
  if (inet_pton(AF_INET, text.c_str(), bits.data() + kMappedBits / 8) == 1) return bits;
  if (inet_pton(AF_INET6, text.c_str(), bits.data()) == 1) return bits;
  return Status(Code::kBadMessage, "address.bad", "'" + escape_text(host) + "' is no address");
}

AddressRange::Bits AddressRange::bits_of(const Address& address) {
  Bits bits{};
  if (address.family() == AF_INET) {
    bits = kMapped;
    const auto* ipv4 = reinterpret_cast<const sockaddr_in*>(address.get());
    std::memcpy(bits.data() + kMappedBits / 8, &ipv4->sin_addr, sizeof(ipv4->sin_addr));
  } else if (address.family() == AF_INET6) {
    const auto* ipv6 = reinterpret_cast<const sockaddr_in6*>(address.get());
    std::memcpy(bits.data(), &ipv6->sin6_addr, bits.size());
  }
  return bits;
}

Result<AddressRange> AddressRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const Result<Bits> bits = bits_of(text.substr(0, slash));
  AddressRange range;
  if (bits.ok()) {
    range.bits_ = *bits;
    const bool ipv4 = text.find(':') == std::string_view::npos && is_ipv4(*bits);
    const unsigned most = ipv4 ? 32 : 128;
    std::optional<std::uint64_t> prefix = most;
    if (slash != std::string_view::npos) prefix = parse_uint64(text.substr(slash + 1));
    if (prefix.has_value() && *prefix <= most) {
      range.prefix_ = static_cast<unsigned>(*prefix) + (ipv4 ? kMappedBits : 0);
      return range;
    }
  }
  return Status(Code::kBadMessage, "address.bad_range",
                "'" + escape_text(text) + "' is no net; write 10.0.0.0/8, fd00::/8 or 192.0.2.7");
}

bool AddressRange::contains(const Bits& address) const {
  const std::size_t whole = prefix_ / 8;
  if (std::memcmp(bits_.data(), address.data(), whole) != 0) return false;
  const unsigned rest = prefix_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFF << (8 - rest));
  return ((bits_[whole] ^ address[whole]) & mask) == 0;
}

}  // namespace fairlead::io
