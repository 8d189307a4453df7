// IgnoreCase: looks methods up in lower case, so that /Math/Divide reaches a route /math/divide.
#pragma once

#include "fairlead/rpc/plugin.h"

namespace fairlead::rpc {

// Helps only with routes that are lower case themselves; others cannot be reached any more. What
// stands behind a "?" stays as it is. A PUSH over HTTP must be written as its route.
class IgnoreCase final : public Plugin {
 public:
  IgnoreCase() : Plugin("ignore_case") {}
  Status post_read_call_header(IncomingHead& head) override;
  Status post_read_push_header(IncomingHead& head) override;
};

}  // namespace fairlead::rpc
