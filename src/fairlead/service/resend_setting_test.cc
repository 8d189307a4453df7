#include "fairlead/service/resend_setting.h"

#include <gtest/gtest.h>

#include "fairlead/config/document.h"
#include "fairlead/service/spec.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

Status bind(std::string_view text, Spec& out) {
  FL_TRY_ASSIGN(const config::Document document, config::parse(text, "test.yaml"));
  return config::bind(document, out);
}

TEST(ResendSetting, SaysWhatBecomesOfMessages) {
  Spec spec;
  const Status read = bind(R"(
resend:
  mode: at_least_once
  messages_max: 10
  bytes_max: 1MiB
  process_bytes_max: 2MiB
  ttl: 5s
  overflow: drop_oldest
dedup: {ids: 100, age: 30s, bytes: 64KiB, windows_max: 9, process_bytes_max: 8MiB}
clients: {math: {resend: {mode: best_effort}}}
)",
                           spec);

  ASSERT_TRUE(read.ok()) << read;
  EXPECT_EQ(spec.resend.mode, rpc::DeliveryMode::kAtLeastOnce);
  EXPECT_EQ(spec.resend.options.messages_max, 10U);
  EXPECT_EQ(spec.resend.options.bytes_max, 1U << 20);
  EXPECT_EQ(spec.resend.process_bytes_max, 2U << 20);
  EXPECT_EQ(spec.resend.options.ttl, 5s);
  EXPECT_EQ(spec.resend.options.overflow, rpc::ResendOverflow::kDropOldest);
  EXPECT_EQ(spec.dedup.options.ids_max, 100U);
  EXPECT_EQ(spec.dedup.options.age, 30s);
  EXPECT_EQ(spec.dedup.options.reply_bytes_max, 64U << 10);
  EXPECT_EQ(spec.dedup.options.windows_max, 9U);
  EXPECT_EQ(spec.dedup.options.process_bytes_max, 8U << 20);
  EXPECT_EQ(spec.clients["math"].delivery, rpc::DeliveryMode::kBestEffort);
}

TEST(ResendSetting, LeavesTheDefaults) {
  Spec spec;
  ASSERT_TRUE(bind("resend: {}", spec).ok());

  EXPECT_EQ(spec.resend.mode, std::nullopt);
  EXPECT_EQ(spec.resend.options.messages_max, 1024U);
  EXPECT_EQ(spec.resend.options.ttl, 30s);
  EXPECT_EQ(spec.dedup.options.ids_max, 65536U);
  EXPECT_TRUE(spec.resend.options.validate().ok());
  EXPECT_TRUE(spec.dedup.options.validate().ok());
}

TEST(ResendSetting, MistakesAreNamed) {
  for (const char* wrong :
       {"resend: {mode: twice}", "resend: {messages_max: 0}", "resend: {messages_max: 65537}",
        "resend: {ttl: 0s}", "resend: {overflow: drop}", "resend: {other: 1}", "dedup: {ids: 0}",
        "dedup: {age: 0s}", "dedup: {windows_max: 0}",
        "clients: {math: {resend: {mode: never}}}"}) {
    Spec spec;
    EXPECT_FALSE(bind(wrong, spec).ok()) << wrong;
  }
}

}  // namespace
}  // namespace fairlead::service
