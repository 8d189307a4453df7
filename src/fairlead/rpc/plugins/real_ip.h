// RealIp: believes an X-Real-IP only from whom it may come: proxies in nets that are named.
//
//   app.use(*RealIp::make({"10.0.0.0/8", "::1", "unix"}));
//
// From others the pair is taken out before anybody sees it, so that Context::real_ip() is the
// connection's own address.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/io/address_range.h"
#include "fairlead/rpc/plugin.h"

namespace fairlead::rpc {

// Thread: as Plugin. Cost: a search in the metadata of messages that have any; only where the pair
// is found, the address of the connection is compared with each net.
class RealIp final : public Plugin {
 public:
  static constexpr std::size_t kNetsMax = 256;

  // `trusted`: "10.0.0.0/8", "192.0.2.7", "fd00::/8", or "unix" for Unix sockets; none: nobody.
  // Errors: kInvalidOperation `real_ip.bad_net`; kLocalLimit `real_ip.too_many`.
  static Result<std::shared_ptr<RealIp>> make(const std::vector<std::string>& trusted);

  // Whether an address ("10.1.2.3", "::1", "unix") is in one of the nets.
  bool trusts(std::string_view host) const;

  Status post_read_call_header(IncomingHead& head) override;
  Status post_read_push_header(IncomingHead& head) override;

 private:
  struct Key {};

 public:
  explicit RealIp(Key /*of make()*/) : Plugin("real_ip") {}

 private:
  std::vector<io::AddressRange> nets_;
  bool unix_ = false;
};

}  // namespace fairlead::rpc
