#pragma once

#include "fairlead/compress/gzip.h"
#include "fairlead/wire/transforms/transform.h"

namespace fairlead::wire {

// Id `g`: one gzip stream. Empty input stays empty when unpacking, as erpc does it.
class GzipTransform final : public Transform {
 public:
  explicit GzipTransform(int level = compress::kGzipLevelDefault) : level_(level) {}

  std::uint8_t id() const override { return 'g'; }
  std::string_view name() const override { return "gzip"; }
  // Errors: those of compress::gzip() and compress::gunzip().
  Status pack(std::string_view input, Buffer& output) const override;
  Status unpack(std::string_view input, std::size_t bytes_max, Buffer& output) const override;

 private:
  const int level_;  // 1 .. 9
};

}  // namespace fairlead::wire
