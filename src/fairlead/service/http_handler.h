// How requests of HTTP are answered on a listener.
#pragma once

#include "fairlead/http/message.h"
#include "fairlead/service/network_spec.h"

namespace fairlead::service::internal {

// For the listeners of `plan`: the one place in which handlers of HTTP are put behind a port. Until
// calls are served over HTTP every request is answered 501 `http.not_served`.
http::Handler http_handler(const ListenPlan& plan);

}  // namespace fairlead::service::internal
