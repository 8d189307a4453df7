#include "fairlead/wire/protocols/thrift_exception.h"

#include <string>

#include <gtest/gtest.h>

namespace fairlead::wire::internal {
namespace {

using namespace std::string_literals;

std::string exception(const std::string& message, char type) {
  return "\x0b\0\1\0\0\0"s + static_cast<char>(message.size()) + message + "\x08\0\2\0\0\0"s +
         type + "\0"s;
}

std::string written(const Status& status) {
  Buffer out("kept");
  append_thrift_exception(out, status);
  EXPECT_EQ(out.view().substr(0, 4), "kept");
  return std::string(out.view().substr(4));
}

TEST(ThriftException, HasTheTypeThatTheCodeStandsFor) {
  EXPECT_EQ(written(Status(Code::kNotFound, "route.unknown", "no /m")), exception("no /m", 1));
  EXPECT_EQ(written(Status(Code::kBadMessage, "", "bad")), exception("bad", 7));
  EXPECT_EQ(written(Status(Code::kInternal, "", "oh")), exception("oh", 6));
  EXPECT_EQ(written(Status(static_cast<Code>(1001), "", "biz")), exception("biz", 6));
}

TEST(ThriftException, SaysTheTextOfTheCodeWhenThereIsNoMessage) {
  EXPECT_EQ(written(Status(Code::kNotFound, "", "")), exception("Not Found", 1));
}

TEST(ThriftException, IsReadAsAnErrorOfThePeer) {
  const auto status = read_thrift_exception(exception("it broke", 6));
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->code(), Code::kInternal);
  EXPECT_EQ(status->reason(), "thrift.exception");
  ASSERT_NE(status->cause(), nullptr);
  EXPECT_EQ(*status->cause(), "it broke");

  EXPECT_EQ(read_thrift_exception(exception("", 1))->code(), Code::kNotFound);
  for (const char type : {'\0', '\2', '\7', '\x0a', '\x7f'}) {
    EXPECT_EQ(read_thrift_exception(exception("", type))->code(), Code::kInternal);
  }
}

TEST(ThriftException, MayLeaveOutItsFieldsAndHaveOthers) {
  const auto empty = read_thrift_exception("\0"s);
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(empty->code(), Code::kInternal);
  EXPECT_EQ(*empty->cause(), "");
  const auto more = read_thrift_exception("\x02\0\7\1"s + exception("\xff no UTF-8", 1));
  ASSERT_TRUE(more.has_value());
  EXPECT_EQ(*more->cause(), "\xff no UTF-8");
}

TEST(ThriftException, IsNoneWhenItIsNotOneStruct) {
  const std::string whole = exception("message", 6);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_EQ(read_thrift_exception(whole.substr(0, cut)), std::nullopt) << cut;
  }
  EXPECT_EQ(read_thrift_exception(whole + "x"), std::nullopt);
}

}  // namespace
}  // namespace fairlead::wire::internal
