#include "fairlead/http/proto/hop_fields.h"

#include <gtest/gtest.h>

#include <array>

namespace fairlead::http::proto {
namespace {

TEST(HopFields, KnowsTheFieldsOfAConnectionByName) {
  for (const char* name :
       {"Connection", "keep-alive", "Proxy-Connection", "TE", "trailer", "TRANSFER-ENCODING",
        "Upgrade", "Proxy-Authenticate", "proxy-authentication-info", "Proxy-Authorization"}) {
    EXPECT_TRUE(is_hop_field(name)) << name;
  }
  for (const char* name : {"Host", "Content-Length", "Authorization", "Via", "Expect", "TEs", ""}) {
    EXPECT_FALSE(is_hop_field(name)) << name;
  }
}

TEST(HopFields, HoldsWhatConnectionNamesInAnyOfItsLines) {
  const std::array<Field, 4> fields = {Field{"X-A", "1"}, Field{"connection", "close,, x-one"},
                                       Field{"Connection", "X-Two ,\tkeep-alive"},
                                       Field{"X-Two", "2"}};
  const HopFields hop(fields);

  for (const char* name : {"X-One", "x-two", "Close", "Connection", "TE"}) {
    EXPECT_TRUE(hop.holds(name)) << name;
  }
  for (const char* name : {"X-A", "X-On", "X-One2", ""}) EXPECT_FALSE(hop.holds(name)) << name;
}

TEST(HopFields, HoldsOnlyItsOwnNamesWithoutConnection) {
  const std::array<Field, 1> fields = {Field{"X-A", "X-B"}};

  EXPECT_FALSE(HopFields(fields).holds("X-B"));
  EXPECT_TRUE(HopFields(fields).holds("Upgrade"));
}

}  // namespace
}  // namespace fairlead::http::proto
