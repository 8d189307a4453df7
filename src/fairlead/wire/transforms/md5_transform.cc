#include "fairlead/wire/transforms/md5_transform.h"

#include <array>
#include <string>

#include <openssl/evp.h>

#include "fairlead/base/result.h"

namespace fairlead::wire {
namespace {

constexpr std::size_t kDigestBytes = 16;
using Digest = std::array<char, kDigestBytes>;

Result<Digest> md5(std::string_view input) {
  Digest digest;
  unsigned size = 0;
  const int done =
      EVP_Digest(input.data(), input.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                 EVP_md5(), nullptr);
  if (done != 1 || size != kDigestBytes) {
    return Status(Code::kInternal, "transform.md5_unavailable",
                  "the crypto library of this system does not allow MD5");
  }
  return digest;
}

}  // namespace

Status Md5Transform::pack(std::string_view input, Buffer& output) const {
  FL_TRY_ASSIGN(const Digest digest, md5(input));
  output.append(input);
  output.append({digest.data(), digest.size()});
  return {};
}

Status Md5Transform::unpack(std::string_view input, std::size_t bytes_max, Buffer& output) const {
  Status mismatch(Code::kBadMessage, "transform.md5_mismatch", "check failed");
  if (input.size() < kDigestBytes) return mismatch;
  const std::string_view data = input.substr(0, input.size() - kDigestBytes);
  if (data.size() > bytes_max) {
    return {Code::kTooLarge, "frame.too_big",
            "the payload is longer than " + std::to_string(bytes_max) + " bytes"};
  }
  FL_TRY_ASSIGN(const Digest digest, md5(data));
  if (input.substr(data.size()) != std::string_view(digest.data(), digest.size())) return mismatch;
  output.append(data);
  return {};
}

}  // namespace fairlead::wire
