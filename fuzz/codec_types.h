// What the fuzz targets of the codecs share: a struct with every kind of field, and the property
// that must hold for any body.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/check.h"
#include "fairlead/codec/codec.h"
#include "fairlead/contract/contract.h"

namespace fairlead::fuzz {

enum class Color : std::int32_t { kRed, kGreen, kBlue = 7 };
FL_ENUM(Color, (kRed, "red"), (kGreen, "green"), (kBlue, "blue"))

struct Inner {
  std::string name{};
  std::int32_t count = 0;
  std::vector<std::int32_t> numbers{};
};
FL_STRUCT(Inner, (1, name), (2, count, sint), (3, numbers))

struct Everything {
  bool flag = false;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  float single = 0;
  double real = 0;
  std::string text{};
  Bytes bytes{};
  Color color = Color::kRed;
  Inner inner{};
  std::vector<double> reals{};
  std::vector<std::string> texts{};
  std::map<std::string, std::int32_t> by_text{};
  std::map<std::int32_t, Inner> by_number{};
  std::map<bool, std::string> by_flag{};
  std::optional<std::int32_t> maybe_number{};
  std::optional<Inner> maybe_inner{};
  std::vector<Everything> children{};
};
FL_STRUCT(Everything, (1, flag), (2, i32), (3, i64), (4, u32), (5, u64), (6, single), (7, real),
          (8, text), (9, bytes), (10, color), (11, inner), (12, reals), (13, texts), (14, by_text),
          (15, by_number), (16, by_flag), (17, maybe_number), (18, maybe_inner), (19, children))

inline void check_reason(const Status& status) {
  FL_CHECK(status.ok() || status.reason().starts_with("codec."));
}

// A body that was read is written, read again and written again: the same bytes both times.
inline void round_trip(codec::CodecId id, const std::uint8_t* data, std::size_t size) {
  const Bytes body(std::string_view(reinterpret_cast<const char*>(data), size));
  const codec::DecodeOptions options{.memory_bytes_max = std::size_t{16} << 20};
  const Result<Everything> value = codec::decode<Everything>(id, body, options);
  check_reason(value.status());
  check_reason(codec::decode<void>(id, body, options).status());
  check_reason(codec::decode<std::string>(id, body, options).status());
  if (!value.ok()) return;
  Buffer once;
  const Status written = codec::encode(id, *value, once);
  check_reason(written);
  if (!written.ok()) return;
  const Result<Everything> again = codec::decode<Everything>(id, Bytes(once.view()));
  FL_CHECK(again.ok());
  Buffer twice;
  FL_CHECK(codec::encode(id, *again, twice).ok());
  FL_CHECK(once.view() == twice.view());
}

}  // namespace fairlead::fuzz
