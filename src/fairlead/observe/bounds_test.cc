#include "fairlead/observe/bounds.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/observe/log.h"

namespace fairlead::observe {
namespace {

using namespace std::chrono_literals;

// Keeps each line as "bound hits", and which setting the last one names.
class Lines final : public LogSink {
 public:
  Lines(std::vector<std::string>& out, std::string& setting) : out_(out), setting_(setting) {}
  void write(const LogRecord& record) override {
    std::string line;
    for (const LogField& field : record.fields) {
      if (field.name() == "setting") {
        setting_.clear();
        field.append_text(setting_);
      }
      if (field.name() != "bound" && field.name() != "hits") continue;
      field.append_text(line);
      line += ' ';
    }
    out_.push_back(line);
  }
  void flush() override {}

 private:
  std::vector<std::string>& out_;
  std::string& setting_;
};

class BoundsTest : public ::testing::Test {
 protected:
  std::vector<std::string> lines;
  std::string setting;
  Logger logger{{}, std::make_unique<Lines>(lines, setting)};
  ScopedDefaultLogger scope{logger};
  Registry registry;
  std::unique_ptr<Bounds> bounds = Bounds::make(registry).value();
  Time now{1h};
};

TEST_F(BoundsTest, CountsEachHitOfItsBound) {
  bounds->hit(Bound::kConnections, 10, now);
  bounds->hit(Bound::kConnections, 10, now);

  EXPECT_EQ(bounds->hits(Bound::kConnections), 2U);
  EXPECT_EQ(bounds->hits(Bound::kAccepts), 0U);
}

TEST_F(BoundsTest, TellsTheFirstHitAtOnceAndTheOthersOnceAMinute) {
  for (int i = 0; i < 5; ++i) bounds->hit(Bound::kConnections, 10, now + i * 1s);
  ASSERT_EQ(lines, std::vector<std::string>{"connections 1 "});

  bounds->hit(Bound::kConnections, 10, now + 60s);
  EXPECT_EQ(lines.back(), "connections 5 ") << "all since the line before";
}

TEST_F(BoundsTest, NamesTheSettingByWhichItIsMoved) {
  bounds->hit(Bound::kConnections, 10, now);
  EXPECT_EQ(setting, "limits.connections_max");

  Registry other;
  const std::unique_ptr<Bounds> below = Bounds::make(other, "gateway.").value();
  below->hit(Bound::kConnections, 10, now);
  EXPECT_EQ(setting, "gateway.limits.connections_max");
  below->hit(Bound::kHandshake, 10, now);
  EXPECT_EQ(setting, "tls.handshake_timeout");
}

TEST_F(BoundsTest, ABoundDoesNotKeepAnotherOneSilent) {
  bounds->hit(Bound::kConnections, 10, now);
  bounds->hit(Bound::kAccepts, 2000, now);

  EXPECT_EQ(lines, (std::vector<std::string>{"connections 1 ", "accepts 1 "}));
}

}  // namespace
}  // namespace fairlead::observe
