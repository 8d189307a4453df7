#include "fairlead/wire/secure/aes_gcm_body.h"

#include <algorithm>
#include <string>

#include <openssl/rand.h>

#include "fairlead/base/text.h"
#include "fairlead/wire/secure/aes.h"

namespace fairlead::wire {
namespace {

constexpr char kVersion = 1;
constexpr std::string_view kDomain = "fairlead secure body 1";
constexpr std::size_t kSubkeyNonceBytes = 12;  // the first half of the nonce

Status bad_body() {
  return {Code::kBadMessage, "secure.bad_body", "the body is not a whole secure body"};
}

// The fields in front of the cipher text, and everything else that the tag covers. Every part has a
// fixed size or its length in front, so that no two bindings give the same bytes.
std::string bound_bytes(const BodyBinding& binding, std::string_view key_id) {
  std::string bound(kDomain);
  bound += static_cast<char>(binding.kind);
  bound += static_cast<char>(binding.body_codec);
  bound += static_cast<char>(key_id.size());
  bound += key_id;
  bound += binding.call != nullptr ? '\1' : '\0';
  if (binding.call != nullptr) bound.append(binding.call->data(), binding.call->size());
  bound += binding.method;  // last, so it needs no length
  return bound;
}

std::string_view view_of(const SecureNonce& nonce) { return {nonce.data(), nonce.size()}; }

// The key of one message: CMAC in counter mode over "X" and the first half of the nonce.
bool derive_key(const KeyRing::Key& key, const SecureNonce& nonce, Secret& derived) {
  derived = Secret(std::string(Secret::kBytesMax, '\0'));
  for (unsigned char half = 0; half < 2; ++half) {
    internal::AesBlock in{0, static_cast<unsigned char>(half + 1), 'X', 0};
    std::copy_n(nonce.begin(), kSubkeyNonceBytes, in.begin() + 4);
    for (std::size_t i = 0; i < in.size(); ++i) in[i] ^= key.mask.data()[i];
    internal::AesBlock out{};
    if (!internal::encrypt_block(key.secret, in, out)) return false;
    std::ranges::copy(out, derived.data() + half * out.size());
  }
  return true;
}

}  // namespace

namespace internal {

bool xaes_seal(const KeyRing::Key& key, const SecureNonce& nonce, std::string_view bound,
               std::string_view plain, Buffer& out) {
  Secret derived;
  if (!derive_key(key, nonce, derived)) return false;
  return gcm_seal({.key = derived,
                   .nonce = view_of(nonce).substr(kSubkeyNonceBytes),
                   .bound = bound,
                   .message = plain},
                  out);
}

bool xaes_open(const KeyRing::Key& key, const SecureNonce& nonce, std::string_view bound,
               std::string_view sealed, Buffer& out) {
  Secret derived;
  if (!derive_key(key, nonce, derived)) return false;
  return gcm_open({.key = derived,
                   .nonce = view_of(nonce).substr(kSubkeyNonceBytes),
                   .bound = bound,
                   .message = sealed},
                  out);
}

}  // namespace internal

Result<SecureNonce> seal_body(const KeyRing& keys, const BodyBinding& binding,
                              std::string_view body, Buffer& out) {
  const KeyRing::Key& key = keys.sealing();
  SecureNonce nonce{};
  if (RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), nonce.size()) != 1) {
    return Status(Code::kInternal, "secure.no_random", "the system gives no random bytes");
  }
  const std::size_t before = out.size();
  out.append(kVersion);
  out.append(static_cast<char>(key.id.size()));
  out.append(key.id);
  out.append(view_of(nonce));
  if (!internal::xaes_seal(key, nonce, bound_bytes(binding, key.id), body, out)) {
    out.truncate(before);
    return internal::crypto_failed();
  }
  return nonce;
}

Result<SecureNonce> open_body(const KeyRing& keys, const BodyBinding& binding,
                              std::string_view sealed, Buffer& out) {
  if (sealed.size() < 2 || sealed[0] != kVersion) return bad_body();
  const std::size_t id_bytes = static_cast<unsigned char>(sealed[1]);
  if (sealed.size() < secure_overhead(id_bytes)) return bad_body();
  const std::string_view id = sealed.substr(2, id_bytes);
  const KeyRing::Key* key = keys.find(id);
  if (key == nullptr) {
    return Status(Code::kBadMessage, "secure.unknown_key",
                  "the body is sealed with key '" + escape_text(id, KeyRing::kIdBytesMax) +
                      "', which is not known here");
  }
  SecureNonce nonce{};
  sealed.copy(nonce.data(), nonce.size(), 2 + id_bytes);
  sealed.remove_prefix(2 + id_bytes + kSecureNonceBytes);
  const std::size_t before = out.size();
  if (!internal::xaes_open(*key, nonce, bound_bytes(binding, id), sealed, out)) {
    out.truncate(before);
    return Status(Code::kBadMessage, "secure.not_authentic",
                  "the body was changed on the way, or sealed for another message");
  }
  return nonce;
}

}  // namespace fairlead::wire
