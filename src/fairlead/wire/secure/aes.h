// The pieces of AES that secure bodies are made of. Private to the room.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"
#include "fairlead/wire/secure/secret.h"

namespace fairlead::wire::internal {

inline constexpr std::size_t kAesBlockBytes = 16;
using AesBlock = std::array<unsigned char, kAesBlockBytes>;

// What is returned when the crypto library refuses: no memory, or a policy of this system.
Status crypto_failed();

// One block by AES-256. False: the crypto library failed.
bool encrypt_block(const Secret& key, const AesBlock& in, AesBlock& out);

// The first subkey of CMAC (NIST SP 800-38B 6.1) of an AES-256 key. False: as above.
bool cmac_mask(const Secret& key, Secret& mask);

// AES-ECB with PKCS #7 padding; the key's size (16, 24, 32) chooses the cipher. Both append to
// `out`. False: the library failed, or, when decrypting, the padding or the length is wrong.
bool ecb_encrypt(const Secret& key, std::string_view plain, Buffer& out);
bool ecb_decrypt(const Secret& key, std::string_view cipher, Buffer& out);

struct GcmInput {
  const Secret& key;         // 32 bytes
  std::string_view nonce;    // 12 bytes
  std::string_view bound;    // authenticated, not encrypted
  std::string_view message;  // plain text; or cipher text with the tag at its end
};
inline constexpr std::size_t kGcmTagBytes = 16;

// AES-256-GCM (NIST SP 800-38D); both append to `out`. False: the library failed, or, when opening,
// the tag is not right, which the library compares in constant time.
bool gcm_seal(const GcmInput& input, Buffer& out);
bool gcm_open(const GcmInput& input, Buffer& out);

}  // namespace fairlead::wire::internal
