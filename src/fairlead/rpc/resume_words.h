// What two of us say so that a message may be sent again: a secret that names a row of messages
// over all of its connections, the window that the receiver keeps of them, and a message's number.
// docs/wire/control.md has the words.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/base/secure_random.h"

namespace fairlead::rpc {

// Whoever shows it is the sender of the messages that were numbered under it. Never logged.
// Text: 32 hexadecimal digits in lower case.
class ResumeSecret {
 public:
  static constexpr std::size_t kBytes = 16;

  static ResumeSecret draw(SecureRandom& random) { return ResumeSecret(random.draw<kBytes>()); }
  // nullopt: anything but the text of a secret.
  static std::optional<ResumeSecret> parse(std::string_view text);
  std::string text() const;

  // In the same time wherever they differ.
  bool equals(const ResumeSecret& other) const;
  // Where to look for it. `key`: unknown to whoever sends secrets, so that neither the place nor
  // the time of a look-up tells anything about the secrets that are kept.
  std::uint64_t place(const std::array<std::uint64_t, 2>& key) const;

 private:
  explicit ResumeSecret(std::array<char, kBytes> bytes) : bytes_(bytes) {}

  std::array<char, kBytes> bytes_;
};

// A number that is not zero, as 16 hexadecimal digits; windows are named so.
std::string hex_text(std::uint64_t number);
std::optional<std::uint64_t> parse_hex(std::string_view text);

// The number of a message: 1 .. 2^63 - 1 in decimal digits, without a leading zero.
std::optional<std::uint64_t> parse_message_id(std::string_view text);

}  // namespace fairlead::rpc
