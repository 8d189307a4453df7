#include "fairlead/http/proto/websocket_fault.h"

#include <gtest/gtest.h>

#include <set>

namespace fairlead::http::proto {
namespace {

TEST(WebSocketFault, HasOneReasonForEachKindAndACloseCodeForAll) {
  std::set<std::string_view> reasons;
  for (std::size_t i = 1; i < kWebSocketFaultCount; ++i) {
    const WebSocketFaultRow& row = websocket_fault_row(static_cast<WebSocketFault>(i));

    EXPECT_TRUE(row.reason.starts_with("websocket.")) << i;
    EXPECT_TRUE(reasons.insert(row.reason).second) << row.reason;
    EXPECT_GE(row.close_code, 1002) << row.reason;
    EXPECT_LE(row.close_code, 1011) << row.reason;
    EXPECT_FALSE(row.text.empty()) << row.reason;
  }
  EXPECT_EQ(websocket_fault_row(WebSocketFault::kNoMemory).reason, "websocket.no_memory")
      << "the last row";
}

TEST(WebSocketFault, BecomesAStatusWithItsReason) {
  EXPECT_TRUE(to_status(WebSocketFault::kNone).ok());
  EXPECT_EQ(to_status(WebSocketFault::kNotMasked).code(), Code::kBadMessage);
  EXPECT_EQ(to_status(WebSocketFault::kNotMasked).reason(), "websocket.not_masked");
  EXPECT_EQ(to_status(WebSocketFault::kNoMemory).code(), Code::kInternal);
  for (const WebSocketFault limit :
       {WebSocketFault::kTooManyFragments, WebSocketFault::kTooBig, WebSocketFault::kBomb}) {
    EXPECT_EQ(to_status(limit).code(), Code::kTooLarge) << to_status(limit).reason();
  }
}

}  // namespace
}  // namespace fairlead::http::proto
