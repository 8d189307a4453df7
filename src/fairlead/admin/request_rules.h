// What a request to the admin listener must be like, whatever page it is for.
//
// A browser on the operator's machine reaches the listener, too, and does for any page what that
// page asks it to. So whatever changes something is held to rules that no page of another site can
// meet. One place for all pages; docs/adr/0035-what-may-change-a-program.md says why these.
#pragma once

#include <string_view>

#include "fairlead/base/status.h"
#include "fairlead/http/message.h"

namespace fairlead::admin {

// Whether a `Host` was written by somebody who knows the address: a name in it means that DNS was
// asked, and then anybody may have answered.
bool is_own_host(std::string_view authority);

// GET and HEAD; all other methods may change something.
bool only_reads(std::string_view method);

// What every request that may change something must meet, in this order.
// Errors: 421 `admin.wrong_host`: `Host` is neither an IP address nor localhost;
//         403 `admin.cross_site`: a page of another site sent it, by `Origin` or `Sec-Fetch-Site`;
//         415 `admin.content_type`: it is not application/json, so a form may have sent it.
Status check_write(const http::Request& request);

}  // namespace fairlead::admin
