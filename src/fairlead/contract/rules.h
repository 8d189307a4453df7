// The words that may follow a field in FL_STRUCT. The macro makes them visible by itself.
#pragma once

#include <concepts>
#include <cstdint>
#include <string_view>

#include "fairlead/contract/type_info.h"

namespace fairlead::contract::rules {

struct Range {
  Bound low, high;
};
struct Length {
  std::int64_t low, high;
};
struct Regexp {
  std::string_view pattern;
};
struct Required {};
struct Sint {};
struct Secret {};
struct From {
  Source source;
  std::string_view key;  // empty: the field's own name
};
struct Error {
  std::int32_t code;
  std::string_view text;
};

template <class Number>
consteval Bound bound(Number value) {
  if constexpr (std::integral<Number>) {
    if (value > 0 && static_cast<std::uint64_t>(value) > INT64_MAX) {
      return {static_cast<double>(value), 0, false};
    }
    return {static_cast<double>(value), static_cast<std::int64_t>(value), true};
  } else {
    return {static_cast<double>(value), 0, false};
  }
}

// The number (or each number of a list) lies within [low, high]; NaN never does.
template <class Low, class High>
consteval Range range(Low low, High high) {
  return {bound(low), bound(high)};
}
// Bytes of a string or of Bytes, elements of a list or map: within [low, high].
consteval Length len(std::int64_t low, std::int64_t high) { return {low, high}; }
consteval Length len(std::int64_t exactly) { return {exactly, exactly}; }
// The whole text (or each text of a list) matches; RE2 syntax, linear time.
consteval Regexp regexp(std::string_view pattern) { return {pattern}; }
// Not empty, not zero, not absent. `nonzero` is the same under the name that Go contracts use.
[[maybe_unused]] inline constexpr Required required{};
[[maybe_unused]] inline constexpr Required nonzero{};
// int32 or int64: zigzag varint in protobuf (sint32, sint64).
[[maybe_unused]] inline constexpr Sint sint{};
// The value is shown in no message of ours: a rule or a codec that refuses it names the field only.
[[maybe_unused]] inline constexpr Secret secret{};
// Filled from the metadata of the message, over the body's value; the field's own name when no key
// is given. Lists take every value of the key, the rest the first one.
consteval From from_meta(std::string_view key = {}) { return {Source::kMeta, key}; }
// Filled from the query of the request, over the body's value. Source::kQuery says what that is.
consteval From from_query(std::string_view key = {}) { return {Source::kQuery, key}; }
// Filled from a value that the program put on the session (at login, say), and from nowhere else:
// zero when the session has none, whatever the body says, for the caller may not choose it.
consteval From from_session(std::string_view key = {}) { return {Source::kSession, key}; }
// Code and text of the answer when one of the rules before it in the same field fails.
consteval Error error(std::int32_t code, std::string_view text) { return {code, text}; }

}  // namespace fairlead::contract::rules
