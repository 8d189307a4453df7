#include "fairlead/observe/transitions.h"

#include <thread>

#include <gtest/gtest.h>

#include "fairlead/observe/log.h"

namespace fairlead::observe {
namespace {

class Lines final : public LogSink {
 public:
  explicit Lines(std::vector<std::string>& lines) : lines_(lines) {}
  void write(const LogRecord& record) override {
    std::string line;
    append_log_text(line, record);
    lines_.push_back(line.substr(line.find(' ') + 1));
  }
  void flush() override {}

 private:
  std::vector<std::string>& lines_;
};

constexpr Transition kSuspect{.event = "link.state",
                              .name = "127.0.0.1:80",
                              .from = "alive",
                              .to = "suspect",
                              .reason = "missed",
                              .evidence = "1 PING"};

TEST(Transitions, AreALineOfTheLogAndAnEntry) {
  std::vector<std::string> lines;
  Logger logger({}, std::make_unique<Lines>(lines));
  const ScopedDefaultLogger as_default(logger);
  Transitions transitions;

  transitions.tell(LogLevel::kInfo, kSuspect);

  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0],
            "info link.state name=127.0.0.1:80 from=alive to=suspect reason=missed "
            "evidence=\"1 PING\"");
  const std::vector<Transitions::Kept> recent = transitions.recent();
  ASSERT_EQ(recent.size(), 1U);
  EXPECT_EQ(recent[0].number, 1U);
  EXPECT_GT(recent[0].wall_ms, 0);
  EXPECT_EQ(recent[0].component, "link");
  EXPECT_EQ(recent[0].name, "127.0.0.1:80");
  EXPECT_EQ(recent[0].to, "suspect");
  EXPECT_EQ(recent[0].evidence, "1 PING");
}

TEST(Transitions, AreKeptAlsoWhereTheLogIsOff) {
  Transitions transitions;
  transitions.tell(LogLevel::kDebug, kSuspect);
  EXPECT_EQ(transitions.recent().size(), 1U);
}

TEST(Transitions, LoseTheOldestBeyondTheirNumber) {
  Transitions transitions;
  for (std::size_t i = 0; i < Transitions::kKeptMax + 1; ++i) {
    transitions.tell(LogLevel::kInfo, kSuspect);
  }

  const std::vector<Transitions::Kept> recent = transitions.recent();

  ASSERT_EQ(recent.size(), Transitions::kKeptMax);
  EXPECT_EQ(recent.front().number, Transitions::kKeptMax + 1);
  EXPECT_EQ(recent.back().number, 2U);
}

TEST(Transitions, CutTextsThatAreLong) {
  Transitions transitions;
  const std::string name(Transitions::kTextBytesMax + 1, 'x');
  transitions.tell(LogLevel::kInfo, {.event = "a.b", .name = name, .from = "", .to = ""});
  EXPECT_EQ(transitions.recent()[0].name.size(), Transitions::kTextBytesMax);
}

TEST(Transitions, ComeFromAnyThread) {
  Transitions transitions;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&transitions] {
      for (int k = 0; k < 100; ++k) transitions.tell(LogLevel::kInfo, kSuspect);
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(transitions.recent().front().number, 400U);
}

TEST(Transitions, OfNobodyAreOnlyLogged) {
  std::vector<std::string> lines;
  Logger logger({}, std::make_unique<Lines>(lines));
  const ScopedDefaultLogger as_default(logger);

  tell(nullptr, LogLevel::kWarn, kSuspect);

  ASSERT_EQ(lines.size(), 1U);
  EXPECT_TRUE(lines[0].starts_with("warn link.state"));
}

}  // namespace
}  // namespace fairlead::observe
