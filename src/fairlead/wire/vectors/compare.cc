#include "fairlead/wire/vectors/compare.h"

#include <algorithm>

#include "fairlead/base/text.h"

namespace fairlead::wire::internal {
namespace {

std::string quoted(std::string_view text) { return "'" + escape_text(text, 60) + "'"; }

}  // namespace

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return out;
}

Outcome compare_bytes(std::string_view what, std::string_view got, std::string_view wanted) {
  if (got == wanted) return kPassed;
  const std::size_t both = std::min(got.size(), wanted.size());
  std::size_t at = 0;
  while (at < both && got[at] == wanted[at]) ++at;
  const auto byte = [at](std::string_view bytes) {
    return at < bytes.size() ? hex(bytes.substr(at, 1)) : "the end";
  };
  return std::string(what) + ": offset " + std::to_string(at) + " has " + byte(got) + ", wanted " +
         byte(wanted) + " (" + std::to_string(got.size()) + " bytes, wanted " +
         std::to_string(wanted.size()) + ")";
}

Outcome compare_numbers(std::string_view what, std::int64_t got, std::int64_t wanted) {
  if (got == wanted) return kPassed;
  return std::string(what) + ": got " + std::to_string(got) + ", wanted " + std::to_string(wanted);
}

Outcome compare_texts(std::string_view what, std::string_view got, std::string_view wanted) {
  if (got == wanted) return kPassed;
  return std::string(what) + ": got " + quoted(got) + ", wanted " + quoted(wanted);
}

Outcome first_of(std::initializer_list<Outcome> outcomes) {
  for (const Outcome& outcome : outcomes) {
    if (outcome != kPassed) return outcome;
  }
  return kPassed;
}

}  // namespace fairlead::wire::internal
