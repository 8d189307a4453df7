#include "fairlead/cli/wire_check.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "fairlead/cli/json_text.h"

namespace fairlead::cli {
namespace {

TEST(WireCheck, PassesTheVectorsOfTheOriginal) {
  const auto report = wire_report_of(FL_SOURCE_DIR "/tests/data/teleport_vectors.json");

  ASSERT_TRUE(report.ok()) << report.status();
  const std::string text = wire_report_text(*report);
  EXPECT_EQ(text, "172 passed, 0 failed\n");
  EXPECT_EQ(wire_report_document(*report),
            R"({"ok":true,"passed":172,"failed":0,"later":0,"failures":[]})");
}

TEST(WireCheck, CountsWhatIsNotSpokenByName) {
  wire::VectorReport report;
  report.passed = 3;
  report.later = {{"message quic", 2}, {"tag", 1}};

  EXPECT_EQ(wire_report_text(report),
            "later  2 of message quic\nlater  1 of tag\n3 later\n3 passed, 0 failed\n");
}

TEST(WireCheck, TellsEachFailure) {
  wire::VectorReport report;
  report.passed = 3;
  report.failures = {{"a", "seq: got 1, wanted 2"}, {"b\n", "cut"}};

  EXPECT_EQ(wire_report_text(report),
            "FAILED a: seq: got 1, wanted 2\nFAILED b\\n: cut\n3 passed, 2 failed\n");
  EXPECT_EQ(wire_report_document(report),
            R"({"ok":false,"passed":3,"failed":2,"later":0,"failures":[)"
            R"({"id":"a","what":"seq: got 1, wanted 2"},{"id":"b\n","what":"cut"}]})");
}

TEST(WireCheck, SaysWhatIsWrongWithTheFile) {
  const std::string path = ::testing::TempDir() + "fl_vectors.json";
  const auto message_of = [&path](const std::string& text) {
    std::ofstream(path) << text;
    const auto report = wire_report_of(path);
    EXPECT_EQ(report.status().reason(), "usage.bad_vectors");
    EXPECT_EQ(exit_code_of(report.status()), ExitCode::kUsage);
    return std::string(report.status().message());
  };

  EXPECT_NE(message_of("{").find("no JSON"), std::string::npos);
  EXPECT_NE(message_of("{}").find("no list `vectors`"), std::string::npos);
  std::remove(path.c_str());
  const Status missing = wire_report_of(path).status();
  EXPECT_EQ(missing.reason(), "usage.bad_vectors");
  EXPECT_NE(missing.message().find("; name a file"), std::string_view::npos) << missing;
  EXPECT_EQ(wire_report_of("/").status().reason(), "usage.bad_vectors");
}

}  // namespace
}  // namespace fairlead::cli
