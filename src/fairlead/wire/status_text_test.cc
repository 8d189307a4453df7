#include "fairlead/wire/status_text.h"

#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/text.h"

namespace fairlead::wire {
namespace {

std::string text_of(const Status& status, std::size_t bytes_max = 65535) {
  std::string text;
  append_status_text(text, status, bytes_max);
  return text;
}

std::string json_of(const Status& status) {
  std::string text;
  append_status_json(text, status);
  return text;
}

TEST(StatusText, PutsTheReasonLast) {
  const Status status =
      Status(Code::kNotFound, "route.unknown", "no handler").with_cause("under it");

  EXPECT_EQ(text_of(status), "code=404&msg=no%20handler&cause=under%20it&reason=route.unknown");
  EXPECT_EQ(json_of(status),
            R"({"code":404,"msg":"no handler","cause":"under it","reason":"route.unknown"})");
  EXPECT_EQ(parse_status_text(text_of(status)), status);
}

TEST(StatusText, WritesOkAsCodeZero) {
  EXPECT_EQ(text_of(Status()), "code=0");
  EXPECT_TRUE(parse_status_text("code=0").ok());
  EXPECT_TRUE(parse_status_text("").ok());
  EXPECT_TRUE(parse_status_text("code=0&msg=fine").ok());
}

TEST(StatusText, KeepsAnEmptyCauseApartFromNone) {
  const Status none(Code::kInternal, "", "m");
  const Status empty = Status(none).with_cause("");

  EXPECT_EQ(parse_status_text(text_of(none)).cause(), nullptr);
  ASSERT_NE(parse_status_text(text_of(empty)).cause(), nullptr);
  EXPECT_EQ(*parse_status_text(text_of(empty)).cause(), "");
}

TEST(StatusText, TakesTheFirstOfRepeatedKeysAndIgnoresUnknownOnes) {
  const StatusFields fields =
      parse_status_fields("x=1&code=5&code=6&msg=a&msg=b&&cause=c&cause=d&reason=r&reason=s");

  EXPECT_EQ(fields.code, 5);
  EXPECT_EQ(fields.message, "a");
  EXPECT_EQ(fields.cause, "c");
  EXPECT_EQ(fields.reason, "r");
}

TEST(StatusText, ClampsTheCodeToItsRange) {
  EXPECT_EQ(parse_status_fields("code=2147483647").code, 2147483647);
  EXPECT_EQ(parse_status_fields("code=2147483648").code, 2147483647);
  EXPECT_EQ(parse_status_fields("code=-2147483649").code, -2147483647 - 1);
  EXPECT_EQ(parse_status_fields("code=99999999999999999999999").code, 2147483647);
  EXPECT_EQ(parse_status_fields("code=-99999999999999999999999").code, -2147483647 - 1);
  EXPECT_EQ(parse_status_fields("code=%2B7").code, 7);
}

TEST(StatusText, NeverReadsAGarbledCodeAsSuccess) {
  for (const std::string_view text :
       {"code=abc", "code=", "code", "code=4x4", "code=-", "code=+4"}) {
    EXPECT_EQ(parse_status_text(text).code(), Code::kUnknownError) << text;
  }
}

TEST(StatusText, ShortensLongTextsUntilTheyFit) {
  const Status status =
      Status(Code::kInternal, "x.y", std::string(70000, 'm')).with_cause(std::string(70000, 'c'));

  const std::string text = text_of(status);
  const StatusFields fields = parse_status_fields(text);

  EXPECT_LE(text.size(), 65535U);
  EXPECT_GT(text.size(), 65000U);
  EXPECT_EQ(fields.code, 500);
  EXPECT_EQ(fields.reason, "x.y");
  EXPECT_GT(fields.message.size(), 32000U);
  EXPECT_GT(fields.cause.value_or("").size(), 32000U);
}

TEST(StatusText, GivesTheCauseTheRoomThatTheMessageLeaves) {
  const Status status = Status(Code::kInternal, "", "m").with_cause(std::string(70000, 'c'));
  EXPECT_GT(parse_status_fields(text_of(status)).cause.value_or("").size(), 65000U);

  const Status other = Status(Code::kInternal, "", std::string(70000, 'm')).with_cause("c");
  EXPECT_GT(parse_status_fields(text_of(other)).message.size(), 65000U);
  EXPECT_EQ(parse_status_fields(text_of(other)).cause, "c");
}

TEST(StatusText, ReadsItsJsonAgain) {
  const Status whole = Status(Code::kNotFound, "a.b", "no \"luck\"").with_cause("under it");
  EXPECT_EQ(parse_status_json(json_of(whole)), whole);
  const std::optional<Status> of_go = parse_status_json(R"({"x":[],"cause":"","code":1001})");
  ASSERT_TRUE(of_go.has_value());
  EXPECT_EQ(static_cast<int>(of_go->code()), 1001);
  EXPECT_EQ(of_go->cause(), nullptr);
  EXPECT_EQ(of_go->message(), "");
  EXPECT_TRUE(parse_status_json("{}").value().ok());
  for (const std::string_view text :
       {"", "[]", "5", "{", R"({"code":"x"})", R"({"code":2147483648})", R"({"msg":5})"}) {
    EXPECT_FALSE(parse_status_json(text).has_value()) << text;
  }
}

TEST(StatusText, CutsBetweenCharacters) {
  std::string message;
  for (int i = 0; i < 400; ++i) message += "\xE4\xB8\x96";
  for (std::size_t bytes_max = 512; bytes_max < 530; ++bytes_max) {
    const std::string text = text_of(Status(Code::kInternal, "", message), bytes_max);
    ASSERT_LE(text.size(), bytes_max);
    EXPECT_TRUE(is_utf8(parse_status_fields(text).message)) << bytes_max;
  }
}

TEST(StatusText, SurvivesHostileBytes) {
  const std::string hostile(300, '\x80');
  const std::string text =
      text_of(Status(Code::kInternal, hostile, hostile).with_cause(hostile), 512);
  EXPECT_LE(text.size(), 512U);
  EXPECT_EQ(parse_status_fields(text).code, 500);
}

}  // namespace
}  // namespace fairlead::wire
