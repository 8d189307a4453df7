// Comparisons of vectors that say what differs. Private to the room.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace fairlead::wire::internal {

// Empty: passed. Otherwise what differed.
using Outcome = std::string;
inline const Outcome kPassed;

std::string hex(std::string_view bytes);

// "body: offset 4 has 5c, wanted 20 (9 bytes, wanted 8)".
Outcome compare_bytes(std::string_view what, std::string_view got, std::string_view wanted);
Outcome compare_numbers(std::string_view what, std::int64_t got, std::int64_t wanted);
Outcome compare_texts(std::string_view what, std::string_view got, std::string_view wanted);

// The first that is not passed.
Outcome first_of(std::initializer_list<Outcome> outcomes);

}  // namespace fairlead::wire::internal
