#include "fairlead/wire/secure/secret.h"

#include <algorithm>

#include <openssl/crypto.h>

#include "fairlead/base/check.h"

namespace fairlead::wire {

Secret::Secret(std::string_view bytes) : size_(bytes.size()) {
  FL_CHECK(bytes.size() <= kBytesMax);
  std::ranges::copy(bytes, bytes_.begin());
}

Secret::~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

}  // namespace fairlead::wire
