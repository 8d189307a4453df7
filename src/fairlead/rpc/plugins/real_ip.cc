#include "fairlead/rpc/plugins/real_ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "fairlead/base/text.h"
#include "fairlead/rpc/hooked_message.h"
#include "fairlead/rpc/session.h"

namespace fairlead::rpc {
namespace {

bool same_bits(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b,
               unsigned bits) {
  const std::size_t whole = bits / 8;
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xFF << (8 - rest));
  return ((a[whole] ^ b[whole]) & mask) == 0;
}

}  // namespace

bool RealIp::parse(const std::string& host, Bytes16& out, bool& ipv4) {
  out = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  ipv4 = inet_pton(AF_INET, host.c_str(), out.data() + 12) == 1;
  return ipv4 || inet_pton(AF_INET6, host.c_str(), out.data()) == 1;
}

Result<std::shared_ptr<RealIp>> RealIp::make(const std::vector<std::string>& trusted) {
  if (trusted.size() > kNetsMax) {
    return Status(Code::kLocalLimit, "real_ip.too_many", "at most 256 nets can be trusted");
  }
  auto made = std::make_shared<RealIp>(Key());
  for (const std::string& text : trusted) {
    if (text == "unix") {
      made->unix_ = true;
      continue;
    }
    const std::size_t slash = text.find('/');
    Net net{};
    bool ipv4 = false;
    bool good = parse(text.substr(0, slash), net.address, ipv4);
    const unsigned most = ipv4 ? 32 : 128;
    std::uint64_t bits = most;
    if (good && slash != std::string::npos) {
      const auto told = parse_uint64(std::string_view(text).substr(slash + 1));
      good = told.has_value() && *told <= most;
      bits = told.value_or(0);
    }
    if (!good) {
      return Status(Code::kInvalidOperation, "real_ip.bad_net",
                    "'" + escape_text(text) + "' is no net; write 10.0.0.0/8, 192.0.2.7 or unix");
    }
    net.bits = static_cast<unsigned>(bits) + (ipv4 ? 96 : 0);
    made->nets_.push_back(net);
  }
  return made;
}

bool RealIp::trusts(std::string_view host) const {
  if (host == "unix") return unix_;
  Bytes16 address{};
  bool ipv4 = false;
  if (!parse(std::string(host), address, ipv4)) return false;
  return std::ranges::any_of(
      nets_, [&](const Net& net) { return same_bits(net.address, address, net.bits); });
}

Status RealIp::post_read_call_header(IncomingHead& head) {
  if (head.metadata_text().empty() || !head.meta(wire::kRealIpKey).has_value()) return {};
  if (trusts(head.session().peer_address().host())) return {};
  return head.remove_meta(wire::kRealIpKey);
}

Status RealIp::post_read_push_header(IncomingHead& head) { return post_read_call_header(head); }

}  // namespace fairlead::rpc
