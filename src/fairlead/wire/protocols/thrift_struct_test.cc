#include "fairlead/wire/protocols/thrift_struct.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::wire::internal {
namespace {

using namespace std::string_literals;

// {1: bool, 2: byte, 3: double, 4: i16, 5: i32, 6: i64, 7: string, 8: struct, 9: map, 10: set,
// 11: list}
const std::string kEverything = "\x02\x00\x01\x01"s + "\x03\x00\x02\x01"s + "\x04\x00\x03"s +
                                "12345678" + "\x06\x00\x04"s + "12" + "\x08\x00\x05"s + "1234" +
                                "\x0a\x00\x06"s + "12345678" + "\x0b\x00\x07\x00\x00\x00\x02"s +
                                "hi" + "\x0c\x00\x08\x02\x00\x01\x01\x00"s +
                                "\x0d\x00\x09\x0b\x08\x00\x00\x00\x01"s + "\x00\x00\x00\x01k1234"s +
                                "\x0e\x00\x0a\x08\x00\x00\x00\x02"s + "12341234" +
                                "\x0f\x00\x0b\x0c\x00\x00\x00\x02\x00\x00\x00"s;

TEST(ThriftStruct, EndsAtItsStop) {
  EXPECT_EQ(thrift_struct_size("\0"s), 1U);
  EXPECT_EQ(thrift_struct_size("\0more"s), 1U);
  EXPECT_EQ(thrift_struct_size(kEverything), kEverything.size());
}

TEST(ThriftStruct, IsNoneWhenCutAnywhere) {
  for (std::size_t cut = 0; cut < kEverything.size(); ++cut) {
    EXPECT_EQ(thrift_struct_size(std::string(kEverything, 0, cut)), std::nullopt) << cut;
  }
}

TEST(ThriftStruct, HasNoUnknownTypes) {
  for (const int type : {1, 5, 7, 9, 16, 17, 255}) {
    EXPECT_EQ(thrift_struct_size(std::string(1, static_cast<char>(type)) + std::string(20, '\0')),
              std::nullopt)
        << type;
  }
}

TEST(ThriftStruct, IsNotBelievedAboutItsLengths) {
  for (const std::string& length :
       {"\x7f\xff\xff\xff"s, "\x80\x00\x00\x00"s, "\xff\xff\xff\xff"s}) {
    EXPECT_EQ(thrift_struct_size("\x0b\x00\x01"s + length + "abc\0"s), std::nullopt);
    EXPECT_EQ(thrift_struct_size("\x0f\x00\x01\x0a"s + length + "abc\0"s), std::nullopt);
    EXPECT_EQ(thrift_struct_size("\x0f\x00\x01\x0c"s + length + "abc\0"s), std::nullopt);
    EXPECT_EQ(thrift_struct_size("\x0d\x00\x01\x02\x02"s + length + "abc\0"s), std::nullopt);
  }
}

TEST(ThriftStruct, NestsAtMost64Deep) {
  const auto structs = [](std::size_t depth) {
    std::string text;
    for (std::size_t i = 1; i < depth; ++i) text += "\x0c\x00\x01"s;
    return text + std::string(depth, '\0');
  };
  EXPECT_EQ(thrift_struct_size(structs(64)), structs(64).size());
  EXPECT_EQ(thrift_struct_size(structs(65)), std::nullopt);
  EXPECT_EQ(thrift_struct_size(structs(1000000)), std::nullopt);

  std::string lists = "\x0f\x00\x01"s;
  for (int i = 0; i < 100000; ++i) lists += "\x0f\x00\x00\x00\x01"s;
  EXPECT_EQ(thrift_struct_size(lists), std::nullopt);
}

}  // namespace
}  // namespace fairlead::wire::internal
