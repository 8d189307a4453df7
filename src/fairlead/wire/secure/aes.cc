#include "fairlead/wire/secure/aes.h"

#include <limits>
#include <memory>

#include <openssl/evp.h>

namespace fairlead::wire::internal {
namespace {

// The library counts in int; secure bodies lie inside frames, which are below 2^31 bytes anyhow.
constexpr std::size_t kMessageBytesMax = std::numeric_limits<int>::max() - 64;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(char* text) { return reinterpret_cast<unsigned char*>(text); }

const EVP_CIPHER* ecb_for(std::size_t key_bytes) {
  switch (key_bytes) {
    case 16:
      return EVP_aes_128_ecb();
    case 24:
      return EVP_aes_192_ecb();
    default:
      return EVP_aes_256_ecb();
  }
}

// Runs the whole message through `context` to the end of `out`.
bool run(EVP_CIPHER_CTX* context, std::string_view message, Buffer& out) {
  unsigned char* const to = bytes_of(out.prepare(message.size() + kAesBlockBytes));
  int made = 0;
  int made_at_end = 0;
  if (EVP_CipherUpdate(context, to, &made, bytes_of(message), static_cast<int>(message.size())) !=
          1 ||
      EVP_CipherFinal_ex(context, to + made, &made_at_end) != 1) {
    return false;
  }
  out.commit(static_cast<std::size_t>(made + made_at_end));
  return true;
}

bool run_ecb(const Secret& key, std::string_view message, bool encrypt, Buffer& out) {
  const Context context(EVP_CIPHER_CTX_new());
  return context != nullptr && message.size() <= kMessageBytesMax &&
         EVP_CipherInit_ex(context.get(), ecb_for(key.size()), nullptr, key.data(), nullptr,
                           encrypt ? 1 : 0) == 1 &&
         run(context.get(), message, out);
}

Context gcm_context(const GcmInput& input, bool encrypt) {
  Context context(EVP_CIPHER_CTX_new());
  int ignored = 0;
  const bool good = context != nullptr && input.message.size() <= kMessageBytesMax &&
                    input.bound.size() <= kMessageBytesMax &&
                    EVP_CipherInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, input.key.data(),
                                      bytes_of(input.nonce), encrypt ? 1 : 0) == 1 &&
                    EVP_CipherUpdate(context.get(), nullptr, &ignored, bytes_of(input.bound),
                                     static_cast<int>(input.bound.size())) == 1;
  return good ? std::move(context) : Context();
}

}  // namespace

Status crypto_failed() {
  return {Code::kInternal, "secure.crypto_failed",
          "the crypto library of this system does not do AES"};
}

bool encrypt_block(const Secret& key, const AesBlock& in, AesBlock& out) {
  const Context context(EVP_CIPHER_CTX_new());
  int made = 0;
  return context != nullptr &&
         EVP_EncryptInit_ex(context.get(), ecb_for(key.size()), nullptr, key.data(), nullptr) ==
             1 &&
         EVP_CIPHER_CTX_set_padding(context.get(), 0) == 1 &&
         EVP_EncryptUpdate(context.get(), out.data(), &made, in.data(), kAesBlockBytes) == 1 &&
         made == static_cast<int>(kAesBlockBytes);
}

bool cmac_mask(const Secret& key, Secret& mask) {
  AesBlock block{};
  if (!encrypt_block(key, AesBlock{}, block)) return false;
  // Doubled in GF(2^128), without a branch on the secret's bits.
  const unsigned char carry = block[0] >> 7;
  for (std::size_t i = 0; i < kAesBlockBytes; ++i) {
    const unsigned next = i + 1 < kAesBlockBytes ? block[i + 1] >> 7U : 0U;
    block[i] = static_cast<unsigned char>(unsigned{block[i]} << 1U | next);
  }
  block.back() = static_cast<unsigned char>(block.back() ^ (0x87U * carry));
  mask = Secret({reinterpret_cast<const char*>(block.data()), block.size()});
  return true;
}

bool ecb_encrypt(const Secret& key, std::string_view plain, Buffer& out) {
  return run_ecb(key, plain, true, out);
}

bool ecb_decrypt(const Secret& key, std::string_view cipher, Buffer& out) {
  return run_ecb(key, cipher, false, out);
}

bool gcm_seal(const GcmInput& input, Buffer& out) {
  const Context context = gcm_context(input, true);
  if (context == nullptr || !run(context.get(), input.message, out)) return false;
  char* const tag = out.prepare(kGcmTagBytes);
  if (EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kGcmTagBytes, tag) != 1) {
    return false;
  }
  out.commit(kGcmTagBytes);
  return true;
}

bool gcm_open(const GcmInput& input, Buffer& out) {
  if (input.message.size() < kGcmTagBytes) return false;
  const std::string_view cipher = input.message.substr(0, input.message.size() - kGcmTagBytes);
  AesBlock tag{};
  input.message.copy(reinterpret_cast<char*>(tag.data()), tag.size(), cipher.size());
  const Context context = gcm_context(input, false);
  return context != nullptr &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kGcmTagBytes, tag.data()) == 1 &&
         run(context.get(), cipher, out);
}

}  // namespace fairlead::wire::internal
