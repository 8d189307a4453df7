#include "fairlead/contract/text_value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/contract/contract.h"

namespace fairlead::contract {
namespace {

enum class Level { kLow, kHigh = 3 };
FL_ENUM(Level, (kLow, "low"), (kHigh, "high"))

struct Query {
  std::optional<std::int32_t> page{};
  std::vector<std::uint32_t> ids{};
};
FL_STRUCT(Query, (1, page, from_meta("page")), (2, ids, from_meta("id")))

template <class T>
std::optional<T> read(std::string_view text) {
  T value{};
  const Status status = value_from_text(type_info<T>(), &value, text);
  if (status.ok()) return value;
  EXPECT_EQ(status.code(), Code::kBadMessage);
  EXPECT_EQ(status.reason(), "contract.text");
  EXPECT_EQ(value, T{}) << "a refused text leaves the value alone";
  return std::nullopt;
}

template <class T>
std::string write(const T& value) {
  std::string out;
  EXPECT_TRUE(append_text(type_info<T>(), &value, out));
  return out;
}

TEST(ValueFromText, ReadsIntegersThatFit) {
  EXPECT_EQ(read<std::int32_t>("-2147483648"), INT32_MIN);
  EXPECT_EQ(read<std::uint64_t>("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "2147483648", "1.0", "1e2", "0x1", " 1", "1 ", "+1", "--1"}) {
    EXPECT_EQ(read<std::int32_t>(text), std::nullopt) << text;
  }
  EXPECT_EQ(read<std::uint32_t>("-1"), std::nullopt);
}

TEST(ValueFromText, ReadsFloatingPointAndItsThreeNames) {
  EXPECT_EQ(read<double>("-1.5e3"), -1500.0);
  EXPECT_EQ(read<double>("Infinity"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(read<float>("-Infinity"), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(*read<double>("NaN")));
  EXPECT_EQ(read<double>("+Inf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(read<double>("-Inf"), -std::numeric_limits<double>::infinity());
  for (const char* text : {"", "nan", "inf", "Inf", "infinity", "1e999", "1.5x", "0x1p3"}) {
    EXPECT_EQ(read<double>(text), std::nullopt) << text;
  }
}

TEST(ValueFromText, ReadsBoolsStringsBytesAndEnums) {
  EXPECT_EQ(read<bool>("1"), true);
  EXPECT_EQ(read<bool>("false"), false);
  EXPECT_EQ(read<bool>("on"), true);
  EXPECT_EQ(read<bool>("off"), false);
  EXPECT_EQ(read<bool>("yes"), std::nullopt);
  EXPECT_EQ(read<std::string>("\xC3\xA9"), "\xC3\xA9");
  EXPECT_EQ(read<std::string>("\xFF"), std::nullopt);
  EXPECT_EQ(read<Bytes>("\xFF")->view(), "\xFF");
  EXPECT_EQ(read<Level>("high"), Level::kHigh);
  EXPECT_EQ(read<Level>("3"), Level::kHigh);
  EXPECT_EQ(read<Level>("middle"), std::nullopt);
}

TEST(SetFromText, FillsOptionalsAndAppendsToLists) {
  Query query;
  const StructInfo& info = struct_info<Query>();

  EXPECT_TRUE(set_from_text(info.fields[0], &query, "7").ok());
  EXPECT_TRUE(set_from_text(info.fields[1], &query, "1").ok());
  EXPECT_TRUE(set_from_text(info.fields[1], &query, "2").ok());
  const Status bad = set_from_text(info.fields[1], &query, "three");

  EXPECT_EQ(query.page, 7);
  EXPECT_EQ(query.ids, (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(bad.reason(), "contract.text");
  EXPECT_EQ(bad.message(), "ids: wanted uint32, got \"three\"");
}

TEST(AppendText, WritesDecimalsWithoutExponentThatReadBack) {
  EXPECT_EQ(write(1e21), "1000000000000000000000");
  EXPECT_EQ(write(1e-7), "0.0000001");
  EXPECT_EQ(write(-0.0), "-0");
  EXPECT_EQ(write(0.1F), "0.1");
  for (const double value : {std::numeric_limits<double>::max(),
                             std::numeric_limits<double>::denorm_min(), 1.0 / 3, -1e300}) {
    EXPECT_EQ(read<double>(write(value)), value);
  }
}

TEST(AppendText, WritesEnumsByNameAndUnknownOnesByNumber) {
  EXPECT_EQ(write(Level::kHigh), "high");
  EXPECT_EQ(write(static_cast<Level>(9)), "9");
  EXPECT_EQ(write(true), "true");
  EXPECT_EQ(write(std::int64_t{INT64_MIN}), "-9223372036854775808");
}

TEST(AppendText, HasNoTextForContainers) {
  const std::vector<int> list{1};
  std::string out;

  EXPECT_FALSE(append_text(type_info<std::vector<int>>(), &list, out));
  EXPECT_EQ(out, "");
  Query query;
  EXPECT_EQ(value_from_text(type_info<Query>(), &query, "x").reason(), "contract.text");
}

}  // namespace
}  // namespace fairlead::contract
