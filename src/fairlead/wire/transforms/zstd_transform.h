#pragma once

#include "fairlead/compress/zstd.h"
#include "fairlead/wire/transforms/transform.h"

namespace fairlead::wire {

// Id `z`: zstd frames (RFC 8878). Ours, not known to erpc. Empty input stays empty when unpacking,
// as with gzip.
class ZstdTransform final : public Transform {
 public:
  explicit ZstdTransform(int level = compress::kZstdLevelDefault) : level_(level) {}

  std::uint8_t id() const override { return 'z'; }
  std::string_view name() const override { return "zstd"; }
  // Errors: those of compress::zstd() and compress::unzstd().
  Status pack(std::string_view input, Buffer& output) const override;
  Status unpack(std::string_view input, std::size_t bytes_max, Buffer& output) const override;

 private:
  const int level_;  // 1 .. 19
};

}  // namespace fairlead::wire
