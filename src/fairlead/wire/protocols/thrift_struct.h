// How far a struct of Thrift's binary protocol goes. Private to the room.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace fairlead::wire::internal {

// The size of the struct at the front of `text`; nullopt when it is cut, has a type that there is
// not, a negative length, or nests deeper than 64. Cost: linear in the bytes, whatever the lengths
// inside claim; no allocation.
std::optional<std::size_t> thrift_struct_size(std::string_view text);

}  // namespace fairlead::wire::internal
