#include "fairlead/rpc/plugins/real_ip.h"

#include <algorithm>

#include "fairlead/base/text.h"
#include "fairlead/rpc/hooked_message.h"
#include "fairlead/rpc/session.h"

namespace fairlead::rpc {
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
    Result<io::AddressRange> net = io::AddressRange::parse(text);
    if (!net.ok()) {
      return Status(Code::kInvalidOperation, "real_ip.bad_net",
                    "'" + escape_text(text) + "' is no net; write 10.0.0.0/8, 192.0.2.7 or unix");
    }
    made->nets_.push_back(*net);
  }
  return made;
}

bool RealIp::trusts(std::string_view host) const {
  if (host == "unix") return unix_;
  const Result<io::AddressRange::Bits> address = io::AddressRange::bits_of(host);
  return address.ok() && std::ranges::any_of(nets_, [&](const io::AddressRange& net) {
           return net.contains(*address);
         });
}

Status RealIp::post_read_call_header(IncomingHead& head) {
  if (head.metadata_text().empty() || !head.meta(wire::kRealIpKey).has_value()) return {};
  if (trusts(head.session().peer_address().host())) return {};
  return head.remove_meta(wire::kRealIpKey);
}

Status RealIp::post_read_push_header(IncomingHead& head) { return post_read_call_header(head); }

}  // namespace fairlead::rpc
