// What the sources of this room share.
#pragma once

#include <memory>
#include <string_view>

#include "fairlead/base/result.h"
#include "fairlead/config/document.h"

namespace fairlead::config::internal {

// The tree of `text`, which is checked UTF-8 without control bytes. The only user of yaml-cpp.
Result<std::unique_ptr<Value>> parse_yaml(std::string_view text, const Place& start,
                                          const Options& options);

// Replaces ${NAME}, ${NAME:-default} in all scalars below `root`; $${ stays as ${.
// Errors: as parse(), all at once.
Status substitute(Value& root, const Environment& variables, std::size_t text_bytes_max);

}  // namespace fairlead::config::internal
