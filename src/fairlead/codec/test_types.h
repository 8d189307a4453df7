// The types that the tests of the codecs share; everything.proto describes the same messages.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "fairlead/codec/codec.h"
#include "fairlead/contract/contract.h"

namespace fairlead::codec::test {

enum class Color : std::int32_t { kRed, kGreen, kBlue = 7 };
FL_ENUM(Color, (kRed, "red"), (kGreen, "green"), (kBlue, "blue"))
enum class Small : std::uint8_t { kNo, kYes };
FL_ENUM(Small, (kNo, "no"), (kYes, "yes"))

struct Inner {
  std::string name{};
  std::int32_t count = 0;
  std::vector<std::int32_t> numbers{};
  bool operator==(const Inner&) const = default;
};
FL_STRUCT(Inner, (1, name), (2, count), (3, numbers))

struct Everything {
  bool flag = false;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  std::int32_t s32 = 0;
  std::int64_t s64 = 0;
  float single = 0;
  double real = 0;
  std::string text{};
  Bytes bytes{};
  Color color = Color::kRed;
  Inner inner{};
  std::vector<std::int32_t> i32s{};
  std::vector<double> reals{};
  std::vector<std::string> texts{};
  std::vector<Inner> inners{};
  std::vector<Color> colors{};
  std::vector<std::int64_t> s64s{};
  std::map<std::string, std::int32_t> by_text{};
  std::map<std::int32_t, Inner> by_number{};
  std::map<bool, std::string> by_flag{};
  std::unordered_map<std::uint64_t, double> by_large{};
  std::optional<std::int32_t> maybe_i32{};
  std::optional<std::string> maybe_text{};
  std::optional<Inner> maybe_inner{};
  std::vector<Bytes> blobs{};
  bool operator==(const Everything&) const = default;
};
FL_STRUCT(Everything, (1, flag), (2, i32), (3, i64), (4, u32), (5, u64), (6, s32, sint),
          (7, s64, sint), (8, single), (9, real), (10, text), (11, bytes), (12, color), (13, inner),
          (14, i32s), (15, reals), (16, texts), (17, inners), (18, colors), (19, s64s, sint),
          (20, by_text), (21, by_number), (22, by_flag), (23, by_large), (24, maybe_i32),
          (25, maybe_text), (26, maybe_inner), (27, blobs))

struct Tree {
  std::vector<Tree> children{};
  bool operator==(const Tree&) const = default;
};
FL_STRUCT(Tree, (1, children))

struct Nothing {
  bool operator==(const Nothing&) const = default;
};
FL_STRUCT(Nothing)

// One value of every kind, none of them zero.
inline Everything full() {
  Everything value;
  value.flag = true;
  value.i32 = -5;
  value.i64 = INT64_MIN;
  value.u32 = UINT32_MAX;
  value.u64 = UINT64_MAX;
  value.s32 = INT32_MIN;
  value.s64 = -2;
  value.single = 0.1F;
  value.real = -1.5e300;
  value.text = "h\xC3\xA9llo <\"\n>";
  value.bytes = Bytes(std::string_view("\x00\xFF\x7F", 3));
  value.color = Color::kBlue;
  value.inner = {.name = "in", .count = 300, .numbers = {1, -1}};
  value.i32s = {0, 1, -1, 1 << 30};
  value.reals = {0, -0.5};
  value.texts = {"", "a", "b"};
  value.inners = {{.name = "x"}, {}, {.count = 1}};
  value.colors = {Color::kRed, Color::kGreen, static_cast<Color>(99)};
  value.s64s = {-1, 1, INT64_MIN};
  value.by_text = {{"", 0}, {"k.1", -7}};
  value.by_number = {{-1, {.name = "minus"}}, {0, {}}};
  value.by_flag = {{false, "no"}, {true, "yes"}};
  value.by_large = {{UINT64_MAX, 0.25}};
  value.maybe_i32 = 0;
  value.maybe_text = "";
  value.maybe_inner = Inner{};
  value.blobs = {Bytes("a"), Bytes(), Bytes(std::string(200, 'b'))};
  return value;
}

template <class T>
std::string encoded(CodecId id, const T& value) {
  Buffer out;
  const Status status = encode(id, value, out);
  return status.ok() ? std::string(out.view()) : "error: " + status.to_string();
}

// `levels` trees inside each other.
inline Tree nested(int levels) {
  Tree tree;
  for (int i = 1; i < levels; ++i) {
    Tree up;
    up.children.push_back(std::move(tree));
    tree = std::move(up);
  }
  return tree;
}

}  // namespace fairlead::codec::test
