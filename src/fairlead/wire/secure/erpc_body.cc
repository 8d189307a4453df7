#include "fairlead/wire/secure/erpc_body.h"

#include <algorithm>
#include <array>

#include <openssl/evp.h>

#include "fairlead/codec/codec.h"
#include "fairlead/contract/struct.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/secure/aes.h"

namespace fairlead::wire {
namespace internal {

// The message that erpc's plugin puts in the place of a body.
struct Encrypt {
  std::string cipherversion{};
  std::string ciphertext{};
};
FL_STRUCT(Encrypt, (1, cipherversion), (2, ciphertext))

}  // namespace internal

namespace {

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// False when `text` is not whole bytes in hex.
bool from_hex(std::string_view text, std::string& bytes) {
  if (text.size() % 2 != 0) return false;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit_of(text[i]);
    const int low = digit_of(text[i + 1]);
    if (high < 0 || low < 0) return false;
    bytes += static_cast<char>(high * 16 + low);
  }
  return true;
}

// Empty when the crypto library does not allow MD5.
std::string md5_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) {
    return {};
  }
  return to_hex({reinterpret_cast<const char*>(digest.data()), size});
}

Status check_codec(Code code, std::uint8_t body_codec) {
  if (body_codec == kJsonCodec || body_codec == kProtobufCodec) return {};
  return {code, "secure.codec",
          "erpc's secure bodies are JSON or protobuf, not codec " + std::to_string(body_codec)};
}

}  // namespace

Result<ErpcKeys> ErpcKeys::make(std::span<const std::string_view> keys) {
  if (keys.empty()) return Status(Code::kBadMessage, "secure.no_key", "there is no key");
  if (keys.size() > kKeysMax) {
    return Status(Code::kBadMessage, "secure.too_many_keys",
                  "more than " + std::to_string(kKeysMax) + " keys");
  }
  ErpcKeys made;
  for (const std::string_view key : keys) {
    if (key.size() != 16 && key.size() != 24 && key.size() != 32) {
      return Status(Code::kBadMessage, "secure.bad_key",
                    "key " + std::to_string(made.keys_.size() + 1) + " has " +
                        std::to_string(key.size()) + " bytes; wanted 16, 24 or 32");
    }
    std::string version = md5_hex(key);
    if (version.empty()) return internal::crypto_failed();
    made.keys_.push_back({.version = std::move(version), .secret = Secret(key)});
  }
  return made;
}

const ErpcKeys::Key* ErpcKeys::find(std::string_view version) const {
  const auto found = std::ranges::find(keys_, version, &Key::version);
  return found == keys_.end() ? nullptr : &*found;
}

Status encrypt_erpc_body(const ErpcKeys& keys, std::uint8_t body_codec, std::string_view body,
                         Buffer& out) {
  FL_TRY(check_codec(Code::kEncodeFailed, body_codec));
  Buffer cipher;
  if (!internal::ecb_encrypt(keys.encrypting().secret, body, cipher)) {
    return internal::crypto_failed();
  }
  const internal::Encrypt message{.cipherversion = keys.encrypting().version,
                                  .ciphertext = to_hex(cipher.view())};
  return codec::encode(static_cast<codec::CodecId>(body_codec), message, out);
}

Status decrypt_erpc_body(const ErpcKeys& keys, std::uint8_t body_codec, const Bytes& secure,
                         Buffer& out) {
  FL_TRY(check_codec(Code::kBadMessage, body_codec));
  const auto message =
      codec::decode<internal::Encrypt>(static_cast<codec::CodecId>(body_codec), secure);
  std::string cipher;
  if (!message.ok() || !from_hex(message->ciphertext, cipher)) {
    return {Code::kBadMessage, "secure.bad_body",
            "the body is not a message of cipherversion and ciphertext"};
  }
  if (message->cipherversion.empty() && cipher.empty()) return {};
  const ErpcKeys::Key* key = keys.find(message->cipherversion);
  if (key == nullptr) {
    return {Code::kBadMessage, "secure.unknown_key",
            "the body is encrypted with a key that is not known here"};
  }
  const std::size_t before = out.size();
  if (cipher.empty() || !internal::ecb_decrypt(key->secret, cipher, out)) {
    out.truncate(before);
    return {Code::kBadMessage, "secure.not_authentic", "decrypt ciphertext error"};
  }
  return {};
}

}  // namespace fairlead::wire
