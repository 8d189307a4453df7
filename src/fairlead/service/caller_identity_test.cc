#include "fairlead/service/caller_identity.h"

#include <gtest/gtest.h>

namespace fairlead::service::internal {
namespace {

TEST(CallerIdentity, KeepsSubjectAndNames) {
  rpc::SessionValues values;
  remember_caller(
      values, {.peer_subject = "CN=shop", .peer_names = {"shop.example", "spiffe://mall/shop"}});
  EXPECT_EQ(values.get(kCallerSubject), "CN=shop");
  EXPECT_EQ(values.get(kCallerNames), "shop.example spiffe://mall/shop");
}

TEST(CallerIdentity, LeavesOutNamesThatCouldPassForTwo) {
  rpc::SessionValues values;
  remember_caller(values, {.peer_subject = "CN=x", .peer_names = {"x shop.example", "a\nb", "x"}});
  EXPECT_EQ(values.get(kCallerNames), "x");
}

TEST(CallerIdentity, KeepsNothingOfWhoShowedNone) {
  rpc::SessionValues values;
  remember_caller(values, {});
  EXPECT_FALSE(values.get(kCallerSubject).has_value());
  EXPECT_FALSE(values.get(kCallerNames).has_value());
}

}  // namespace
}  // namespace fairlead::service::internal
