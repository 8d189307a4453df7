#include "fairlead/wire/secure/key_ring.h"

#include <algorithm>
#include <array>
#include <utility>

#include <openssl/crypto.h>

#include "fairlead/base/base64.h"
#include "fairlead/base/text.h"
#include "fairlead/wire/secure/aes.h"

namespace fairlead::wire {
namespace {

bool is_id(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= KeyRing::kIdBytesMax && std::ranges::all_of(text, allowed);
}

// Empty when `text` is not 32 bytes in base64.
Secret decode_key(std::string_view text) {
  if (text.size() > base64_size(KeyRing::kKeyBytes)) return {};
  std::array<char, base64_decoded_size_max(base64_size(KeyRing::kKeyBytes))> bytes{};
  std::size_t size = 0;
  const bool good = base64_decode(text, bytes.data(), size) && size == KeyRing::kKeyBytes;
  Secret key = good ? Secret({bytes.data(), size}) : Secret();
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

}  // namespace

Result<KeyRing> KeyRing::parse(std::string_view text) {
  KeyRing ring;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    Status added = ring.add_line(line.substr(0, line.find('#')));
    if (!added.ok()) {
      return std::move(added).with_context("line " + std::to_string(number) + " of the keys");
    }
  }
  if (ring.keys_.empty()) {
    return Status(Code::kBadMessage, "secure.no_key",
                  "there is no key; make one with: openssl rand -base64 32");
  }
  return ring;
}

const KeyRing::Key* KeyRing::find(std::string_view id) const {
  const auto found = std::ranges::find(keys_, id, &Key::id);
  return found == keys_.end() ? nullptr : &*found;
}

Status KeyRing::add_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  line = trim(line);
  if (line.empty()) return {};
  const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view id = line.substr(0, end);
  Key key{.id = std::string(id), .secret = decode_key(trim(line.substr(end))), .mask = {}};
  if (!is_id(id) || key.secret.size() != kKeyBytes) {
    return {Code::kBadMessage, "secure.bad_key",
            "wanted an id of letters, digits, '.', '_' or '-' and 32 bytes in base64"};
  }
  if (find(id) != nullptr) {
    return {Code::kBadMessage, "secure.key_twice", "key '" + std::string(id) + "' is there twice"};
  }
  if (keys_.size() == kKeysMax) {
    return {Code::kBadMessage, "secure.too_many_keys",
            "more than " + std::to_string(kKeysMax) + " keys"};
  }
  if (!internal::cmac_mask(key.secret, key.mask)) return internal::crypto_failed();
  keys_.push_back(std::move(key));
  return {};
}

}  // namespace fairlead::wire
