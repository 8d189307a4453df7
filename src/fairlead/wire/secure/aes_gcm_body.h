// Secure bodies in our form: AES-256-GCM with key ids. Metadata X-Secure=aes-gcm names it.
//
//   u8   1, the form's version
//   u8   length of the key's id; id
//   24   nonce, random
//   ...  cipher text, as long as the body
//   16   tag
//
// The algorithm is XAES-256-GCM (C2SP, 2024): the first half of the nonce and the key make a key of
// this one message by CMAC (NIST SP 800-108), which encrypts with the second half by plain
// AES-256-GCM. Random nonces of 192 bits never meet, however many programs share a key; with 96
// bits a key would have to be changed after 2^32 messages.
//
// Beside the body the tag covers kind, body codec and method, and in a REPLY the nonce of the CALL
// that it answers. It does not cover seq and the rest of the metadata, which proxies on the way
// change. A repeated CALL is therefore opened again: whoever must not act twice needs a message id.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/result.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/secure/key_ring.h"

namespace fairlead::wire {

inline constexpr std::size_t kSecureNonceBytes = 24;
using SecureNonce = std::array<char, kSecureNonceBytes>;

// What a body is bound to: both sides must say the same.
struct BodyBinding {
  Kind kind = Kind::kCall;
  std::uint8_t body_codec = kNoCodec;  // of the plain body; the message keeps this codec
  std::string_view method{};           // of the exchange, also for a REPLY, which carries none
  const SecureNonce* call = nullptr;   // REPLY: the nonce of the CALL; null when it was plain
};

// Bytes that sealing adds with a key id of this length.
constexpr std::size_t secure_overhead(std::size_t id_bytes) {
  return 2 + id_bytes + kSecureNonceBytes + 16;
}

// Appends `body` to `out`, sealed with the ring's first key. The nonce is needed to open or seal
// the REPLY to this message. Errors: kInternal `secure.no_random`, `secure.crypto_failed`; `out` is
// then as before.
Result<SecureNonce> seal_body(const KeyRing& keys, const BodyBinding& binding,
                              std::string_view body, Buffer& out);

// Appends what was sealed to `out`. An error does not say what was wrong beyond the key's id.
// Errors: kBadMessage `secure.bad_body` (cut, or another form), `secure.unknown_key`,
//         `secure.not_authentic` (damaged, forged, or bound to something else);
//         kInternal `secure.crypto_failed`. `out` is then as before.
Result<SecureNonce> open_body(const KeyRing& keys, const BodyBinding& binding,
                              std::string_view sealed, Buffer& out);

namespace internal {

// XAES-256-GCM by itself, for its published vectors. Append to `out`; false: crypto failed or, when
// opening, not authentic.
bool xaes_seal(const KeyRing::Key& key, const SecureNonce& nonce, std::string_view bound,
               std::string_view plain, Buffer& out);
bool xaes_open(const KeyRing::Key& key, const SecureNonce& nonce, std::string_view bound,
               std::string_view sealed, Buffer& out);

}  // namespace internal
}  // namespace fairlead::wire
