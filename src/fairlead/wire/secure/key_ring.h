// KeyRing: the keys of secure bodies, with room for changing them while everything runs.
//
// Text form, one key a line, `#` begins a comment:
//
//   2026-11  q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=    # 32 bytes in base64
//   2026-05  ...
//
// The first key seals, every key opens. To change keys: put the new one at the end of every
// program's ring, then first, then take the old one out. Make one with `openssl rand -base64 32`.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/wire/secure/secret.h"

namespace fairlead::wire {

// Value type, immutable. Thread: any; programs share a const one and replace it as a whole.
class KeyRing {
 public:
  static constexpr std::size_t kKeysMax = 64;
  static constexpr std::size_t kIdBytesMax = 64;
  static constexpr std::size_t kKeyBytes = 32;

  struct Key {
    std::string id;  // 1 .. kIdBytesMax of A-Z a-z 0-9 . _ -; travels in the clear
    Secret secret;   // kKeyBytes
    Secret mask;     // 16 bytes derived from it once (K1 of CMAC), see aes_gcm_body.cc
  };

  // Messages name the line and never show a key.
  // Errors: kBadMessage `secure.bad_key` (not an id and 32 bytes of base64), `secure.key_twice`,
  //         `secure.no_key`, `secure.too_many_keys`; kInternal `secure.crypto_failed`.
  static Result<KeyRing> parse(std::string_view text);

  const Key& sealing() const { return keys_.front(); }
  const Key* find(std::string_view id) const;  // null when unknown
  std::size_t size() const { return keys_.size(); }

 private:
  KeyRing() = default;
  Status add_line(std::string_view line);

  std::vector<Key> keys_;  // never empty once made
};

}  // namespace fairlead::wire
