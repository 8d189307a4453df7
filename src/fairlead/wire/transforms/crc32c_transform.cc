#include "fairlead/wire/transforms/crc32c_transform.h"

#include <array>
#include <string>

#include "fairlead/wire/crc32c.h"

namespace fairlead::wire {
namespace {

using Checksum = std::array<char, 4>;

Checksum checksum(std::string_view data) {
  const std::uint32_t crc = crc32c(data);
  return {static_cast<char>(crc >> 24), static_cast<char>(crc >> 16), static_cast<char>(crc >> 8),
          static_cast<char>(crc)};
}

}  // namespace

Status Crc32cTransform::pack(std::string_view input, Buffer& output) const {
  const Checksum sum = checksum(input);
  output.append(input);
  output.append({sum.data(), sum.size()});
  return {};
}

Status Crc32cTransform::unpack(std::string_view input, std::size_t bytes_max,
                               Buffer& output) const {
  Status mismatch(Code::kBadMessage, "transform.crc32c_mismatch", "check failed");
  if (input.size() < sizeof(Checksum)) return mismatch;
  const std::string_view data = input.substr(0, input.size() - sizeof(Checksum));
  if (data.size() > bytes_max) {
    return {Code::kTooLarge, "frame.too_big",
            "the payload is longer than " + std::to_string(bytes_max) + " bytes"};
  }
  const Checksum sum = checksum(data);
  if (input.substr(data.size()) != std::string_view(sum.data(), sum.size())) return mismatch;
  output.append(data);
  return {};
}

}  // namespace fairlead::wire
