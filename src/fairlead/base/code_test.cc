#include "fairlead/base/code.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace fairlead {
namespace {

TEST(CodeTable, IsSortedSoThatLookUpFindsEveryRow) {
  for (const CodeRow& row : code_table()) {
    EXPECT_EQ(find_code(row.code), &row);
    EXPECT_EQ(code_name(row.code), row.name);
  }
}

TEST(CodeTable, MapsBusinessCodesByStyle) {
  const auto business = static_cast<Code>(1001);

  EXPECT_EQ(http_status_of(business, HttpStyle::kStrict), 422);
  EXPECT_EQ(http_status_of(business, HttpStyle::kBiz299), 299);
  EXPECT_EQ(grpc_status_of(business), 2);
  EXPECT_EQ(outcome_of(business), Outcome::kProcessed);
}

TEST(CodeTable, CarriesGrpcStatusWithoutLoss) {
  for (int n = 1; n <= 16; ++n) {
    EXPECT_EQ(grpc_status_of(static_cast<Code>(kGrpcCodeBase + n)), n);
  }
  EXPECT_EQ(http_status_of(static_cast<Code>(605), HttpStyle::kStrict), 404);
  EXPECT_EQ(code_name(static_cast<Code>(617)), "unlisted");
}

TEST(CodeTable, KeepsForeignCodes) {
  EXPECT_EQ(http_status_of(static_cast<Code>(418), HttpStyle::kStrict), 418);
  EXPECT_EQ(http_status_of(static_cast<Code>(150), HttpStyle::kStrict), 500);
  EXPECT_EQ(http_status_of(static_cast<Code>(700), HttpStyle::kBiz299), 299);
}

// The page is written by this test when FL_UPDATE_DOCS is set, and compared otherwise.
TEST(CodeTable, MatchesItsDocumentationPage) {
  const std::string path = FL_SOURCE_DIR "/docs/reference/codes.md";
  if (std::getenv("FL_UPDATE_DOCS") != nullptr) std::ofstream(path) << code_table_markdown();

  std::ostringstream page;
  page << std::ifstream(path).rdbuf();

  EXPECT_EQ(page.str(), code_table_markdown()) << "run ./dev docs to write " << path;
}

}  // namespace
}  // namespace fairlead
