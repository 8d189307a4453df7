// Vectors of bodies: what a codec makes of a value. Private to the room.
#pragma once

#include <optional>

#include "fairlead/wire/vectors/compare.h"
#include "fairlead/wire/vectors/vector_file.h"

namespace fairlead::wire::internal {

// The vector's value, as a contract has it, is written as the bytes given, and these are read as
// that value. Where the bytes may differ (`exact` is false) ours must be read as the value too.
// nullopt: a kind of value that no contract here describes.
std::optional<Outcome> check_body(const Vector& vector);

}  // namespace fairlead::wire::internal
