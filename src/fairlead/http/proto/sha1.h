// SHA-1 (RFC 3174), for the opening handshake of WebSocket alone.
//
// Two different inputs with one digest can be made, so nothing may be secured with it; there it
// only shows that a server understood the request. It is here so that this room links no library.
#pragma once

#include <array>
#include <string_view>

namespace fairlead::http::proto {

using Sha1Digest = std::array<char, 20>;

// The digest of `data`. Cost: one pass, no allocation.
Sha1Digest sha1(std::string_view data);

}  // namespace fairlead::http::proto
