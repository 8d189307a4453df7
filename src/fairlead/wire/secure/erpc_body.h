// Secure bodies in the form of erpc's secure plugin, for old peers. Metadata X-Secure=true names
// it.
//
// The body becomes a message {1: cipherversion, 2: ciphertext} in the body's own codec, JSON or
// protobuf. cipherversion is the MD5 of the key in hex, ciphertext is AES-ECB with PKCS padding of
// the encoded body, in hex.
//
// This form hides a body from an eye and does no more: equal blocks look equal, nothing notices a
// change, and the MD5 of the key helps to guess it. Between our own peers use aes_gcm_body.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/result.h"
#include "fairlead/wire/secure/secret.h"

namespace fairlead::wire {

// Value type, immutable. Thread: any.
class ErpcKeys {
 public:
  static constexpr std::size_t kKeysMax = 64;

  // Keys as erpc takes them: 16, 24 or 32 bytes of text. The first encrypts, all decrypt.
  // Errors: kBadMessage `secure.bad_key` (names its place in the list, never shows it),
  //         `secure.no_key`, `secure.too_many_keys`; kInternal `secure.crypto_failed` (no MD5).
  static Result<ErpcKeys> make(std::span<const std::string_view> keys);

  struct Key {
    std::string version;  // 32 hex digits
    Secret secret;
  };
  const Key& encrypting() const { return keys_.front(); }
  const Key* find(std::string_view version) const;  // null when unknown

 private:
  ErpcKeys() = default;

  std::vector<Key> keys_;
};

// Appends the secure form of `body`, which is encoded in `body_codec`, to `out`.
// Errors: kEncodeFailed `secure.codec` (neither JSON nor protobuf); kInternal
//         `secure.crypto_failed`. `out` is then as before.
Status encrypt_erpc_body(const ErpcKeys& keys, std::uint8_t body_codec, std::string_view body,
                         Buffer& out);

// Appends the body that `secure` holds to `out`. An empty message stands for an empty body, as erpc
// reads it. An error never says whether the padding was right.
// Errors: kBadMessage `secure.codec`, `secure.bad_body` (not such a message), `secure.unknown_key`,
//         `secure.not_authentic` (does not decrypt). `out` is then as before.
Status decrypt_erpc_body(const ErpcKeys& keys, std::uint8_t body_codec, const Bytes& secure,
                         Buffer& out);

}  // namespace fairlead::wire
