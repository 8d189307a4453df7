#include "fairlead/observe/bounds.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/observe/log.h"

namespace fairlead::observe {
namespace {

using namespace std::chrono_literals;

// Keeps each line as "bound hits".
class Lines final : public LogSink {
 public:
  explicit Lines(std::vector<std::string>& out) : out_(out) {}
  void write(const LogRecord& record) override {
    std::string line;
    for (const LogField& field : record.fields) {
      if (field.name() != "bound" && field.name() != "hits") continue;
      field.append_text(line);
      line += ' ';
    }
    out_.push_back(line);
  }
  void flush() override {}

 private:
  std::vector<std::string>& out_;
};

class BoundsTest : public ::testing::Test {
 protected:
  std::vector<std::string> lines;
  Logger logger{{}, std::make_unique<Lines>(lines)};
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

TEST_F(BoundsTest, ABoundDoesNotKeepAnotherOneSilent) {
  bounds->hit(Bound::kConnections, 10, now);
  bounds->hit(Bound::kAccepts, 2000, now);

  EXPECT_EQ(lines, (std::vector<std::string>{"connections 1 ", "accepts 1 "}));
}

}  // namespace
}  // namespace fairlead::observe
