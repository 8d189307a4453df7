// Targets: what restores payloads.
#include "fairlead/base/check.h"
#include "fairlead/compress/gzip.h"
#include "fairlead/wire/transforms/transform.h"
#include "targets.h"

namespace fairlead::fuzz {
namespace {

constexpr std::size_t kBytesMax = 1U << 20;
constexpr std::size_t kIdsMax = 8;

}  // namespace

void gzip(std::string_view input) {
  compress::InflateLimits limits;
  limits.bytes_max = kBytesMax;
  Buffer restored("before");
  const Status status = compress::gunzip(input, limits, restored);
  FL_CHECK(restored.size() <= kBytesMax + 6);
  FL_CHECK(status.ok() || restored.view() == "before");
  limits.may_be_cut = true;
  Buffer cut;
  FL_CHECK(compress::gunzip(input, limits, cut).ok() || !status.ok());
  FL_CHECK(cut.size() <= kBytesMax);
}

// The first byte says how many ids follow; the rest is the payload.
void transforms(std::string_view input) {
  if (input.empty()) return;
  wire::TransformSet set;
  FL_CHECK(add_builtin_transforms(set).ok());
  const std::size_t count = static_cast<unsigned char>(input.front()) % kIdsMax;
  const std::string_view ids = input.substr(1, count);
  const std::string_view payload = input.substr(1 + ids.size());
  Buffer restored;
  if (!set.unpack(ids, payload, kBytesMax, restored).ok()) return;
  FL_CHECK(restored.size() <= kBytesMax || ids.empty());
  Buffer packed;
  FL_CHECK(set.pack(ids, restored.view(), packed).ok());
  Buffer again;
  FL_CHECK(set.unpack(ids, packed.view(), 2 * kBytesMax, again).ok());
  FL_CHECK(again.view() == restored.view());
}

}  // namespace fairlead::fuzz
