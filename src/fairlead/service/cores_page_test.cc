#include "fairlead/service/cores_page.h"

#include <gtest/gtest.h>

namespace fairlead::service::internal {
namespace {

using namespace std::chrono_literals;

TEST(CoresPage, ShowsWhatEachCoreDoes) {
  const std::vector<runtime::CoreReport> reports = {
      {.number = 0, .connections = 3, .turns = 12, .longest_turn = 4ms},
      {.number = 1, .running = true, .method = "/a/\"b\"", .busy = 5ms, .longest_turn = 5ms},
      {.number = 2,
       .running = true,
       .stuck = true,
       .method = "/a/c",
       .busy = 1500ms,
       .longest_turn = 2s,
       .stuck_count = 2},
  };

  EXPECT_EQ(cores_json(reports),
            "{\"cores\":["
            "{\"number\":0,\"connections\":3,\"state\":\"waiting\",\"method\":\"\",\"busy_ms\":0,"
            "\"turns\":12,\"longest_turn_ms\":4,\"stuck_total\":0},"
            "{\"number\":1,\"connections\":0,\"state\":\"running\",\"method\":\"/a/\\\"b\\\"\","
            "\"busy_ms\":5,\"turns\":0,\"longest_turn_ms\":5,\"stuck_total\":0},"
            "{\"number\":2,\"connections\":0,\"state\":\"stuck\",\"method\":\"/a/c\","
            "\"busy_ms\":1500,\"turns\":0,\"longest_turn_ms\":2000,\"stuck_total\":2}]}\n");
}

}  // namespace
}  // namespace fairlead::service::internal
