// Names: from a handler's name in Go to the method on the wire, as the peers' mapper has it.
#pragma once

#include <string>
#include <string_view>

#include <fairlead/contract/name_mapper.h>

namespace teleport_peer {

//   Names names(Names::Style::kHttp);
//   names("Echo", "AcceptPb")   "/echo/accept_pb"      or with kRpc "Echo.AcceptPb"
class Names {
 public:
  enum class Style : bool { kHttp, kRpc };

  explicit Names(Style style) : style_(style) {}
  explicit Names(std::string_view mapper) : Names(mapper == "rpc" ? Style::kRpc : Style::kHttp) {}

  // A struct's method, or a function under a sub-route.
  std::string operator()(std::string_view group, std::string_view method) const {
    const std::string prefix = map({.name = group});
    return map({.prefix = prefix, .name = method});
  }

 private:
  std::string map(const fairlead::contract::HandlerName& name) const {
    return style_ == Style::kRpc ? fairlead::contract::rpc_style_name(name)
                                 : fairlead::contract::http_style_name(name);
  }

  Style style_;
};

}  // namespace teleport_peer
