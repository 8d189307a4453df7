// A message as a JSON object, whatever stands around it: what the protocols json and ws-json do
// alike. Private to the room.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/wire/protocol.h"
#include "fairlead/wire/protocols/json_scanner.h"

namespace fairlead::wire::internal {

// Fills `received`, of which size, owner and the transforms of an envelope are known, from the
// object `text`. `protocol` is named in errors. With a list of transforms in the object, the body
// is still behind them and everything lies in an owner.
void read_json_message(std::string_view protocol, std::string_view text, JsonForm form,
                       const Limits& limits, Received& received);

// Seq and kind, when both have arrived.
std::optional<PeekedHead> peek_json_head(std::string_view text, JsonForm form);

// {"seq":1, ... "body":"   with the key `status` for json, without it for ws-json.
void append_json_head(Buffer& out, const MessageHead& head, JsonForm form);

// Appends `text` for the inside of a string.
void append_json_quoted(Buffer& out, std::string_view text);

// Escapes the body, which is what stands in `out` from `body_at` on. One with neither quote nor
// backslash stands as it is. False, and nothing is done, beyond `bytes_max` bytes.
bool escape_json_body(Buffer& out, std::size_t body_at, std::size_t bytes_max);

}  // namespace fairlead::wire::internal
