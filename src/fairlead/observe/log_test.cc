#include "fairlead/observe/log.h"

#include <limits>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace fairlead::observe {
namespace {

using std::chrono::milliseconds;

// Keeps the lines it is given, without their times.
class Lines final : public LogSink {
 public:
  explicit Lines(std::vector<std::string>& lines) : lines_(lines) {}
  void write(const LogRecord& record) override {
    std::string line;
    append_log_text(line, record);
    const MutexLock lock(mutex_);
    lines_.push_back(line.substr(line.find(' ') + 1));
  }
  void flush() override {}

 private:
  Mutex mutex_;
  std::vector<std::string>& lines_;
};

class LogTest : public testing::Test {
 protected:
  Logger::Options options() {
    Logger::Options options;
    options.now = [this] { return now_; };
    options.wall_ms = [] { return std::int64_t{0}; };
    return options;
  }

  std::vector<std::string> lines_;
  Time now_{};
  Logger logger_{options(), std::make_unique<Lines>(lines_)};
  ScopedDefaultLogger default_{logger_};
};

TEST_F(LogTest, WritesEventAndFields) {
  const std::string peer = "10.0.0.1:4000";
  FL_LOG(warn, "session.closed", {"peer", peer}, {"reason", std::string_view("session.closed")});
  FL_LOG(error, "plain");
  EXPECT_EQ(lines_,
            (std::vector<std::string>{
                "warn session.closed peer=10.0.0.1:4000 reason=session.closed", "error plain"}));
}

TEST_F(LogTest, EvaluatesNothingBelowItsLevel) {
  int evaluated = 0;
  const auto value = [&evaluated] { return ++evaluated; };

  FL_LOG(debug, "quiet", {"n", value()});
  EXPECT_EQ(evaluated, 0);

  logger_.set_level(LogLevel::kDebug);
  FL_LOG(debug, "loud", {"n", value()});
  EXPECT_EQ(lines_, std::vector<std::string>{"debug loud n=1"});

  logger_.set_level(LogLevel::kOff);
  FL_LOG(error, "nothing", {"n", value()});
  EXPECT_EQ(evaluated, 1);
}

TEST_F(LogTest, GivesTheEarlierDefaultLoggerBack) {
  std::vector<std::string> inner_lines;
  {
    Logger inner(options(), std::make_unique<Lines>(inner_lines));
    inner.set_level(LogLevel::kError);
    const ScopedDefaultLogger scoped(inner);
    FL_LOG(warn, "below.the.inner.level");
    FL_LOG(error, "inner");
  }
  FL_LOG(info, "outer");
  EXPECT_EQ(inner_lines, std::vector<std::string>{"error inner"});
  EXPECT_EQ(lines_, std::vector<std::string>{"info outer"});
}

TEST_F(LogTest, LimitsEachEventAndTellsHowManyItLeftOut) {
  for (int i = 0; i < 15; ++i) FL_LOG(warn, "peer.garbage", {"i", i});
  FL_LOG(info, "other.event");
  EXPECT_EQ(lines_.size(), 11U) << "ten of the one, and the other is not touched";

  now_ += milliseconds(999);
  FL_LOG(warn, "peer.garbage");
  EXPECT_EQ(lines_.size(), 11U);

  now_ += milliseconds(1);
  FL_LOG(info, "any.event");
  EXPECT_EQ(lines_[11], "warn log.suppressed of=peer.garbage count=6");
  EXPECT_EQ(lines_[12], "info any.event");

  FL_LOG(warn, "peer.garbage");
  EXPECT_EQ(lines_[13], "warn peer.garbage");
}

TEST_F(LogTest, TellsWhatIsLeftAtFlush) {
  for (int i = 0; i < 11; ++i) FL_LOG(warn, "peer.garbage");
  logger_.flush();
  logger_.flush();
  ASSERT_EQ(lines_.size(), 11U);
  EXPECT_EQ(lines_.back(), "warn log.suppressed of=peer.garbage count=1");
}

TEST_F(LogTest, DoesNotLimitDebugOrWhenToldNotTo) {
  logger_.set_level(LogLevel::kDebug);
  for (int i = 0; i < 100; ++i) FL_LOG(debug, "many");
  EXPECT_EQ(lines_.size(), 100U);

  Logger::Options open = options();
  open.events_per_second_max = 0;
  std::vector<std::string> lines;
  Logger unlimited(open, std::make_unique<Lines>(lines));
  for (int i = 0; i < 100; ++i) unlimited.log(LogLevel::kWarn, "many");
  EXPECT_EQ(lines.size(), 100U);
}

TEST_F(LogTest, CountsEveryRecordOfManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int n = 0; n < 1000; ++n) FL_LOG(info, "busy", {"n", n});
    });
  }
  for (std::thread& thread : threads) thread.join();
  logger_.flush();
  ASSERT_EQ(lines_.size(), 11U);
  EXPECT_EQ(lines_.back(), "info log.suppressed of=busy count=3990");
}

TEST(LogDefault, WritesNothingWhenThereIsNone) {
  FL_LOG(error, "to.nobody");  // must not crash
}

std::string text(const LogField& field) {
  std::string out;
  field.append_text(out);
  return out;
}

std::string json(const LogField& field) {
  std::string out;
  field.append_json(out);
  return out;
}

TEST(LogField, WritesEveryType) {
  EXPECT_EQ(text({"k", -7}), "-7");
  EXPECT_EQ(text({"k", std::numeric_limits<std::uint64_t>::max()}), "18446744073709551615");
  EXPECT_EQ(text({"k", 1.5}), "1.5");
  EXPECT_EQ(text({"k", true}), "true");
  EXPECT_EQ(text({"k", milliseconds(1500)}), "1500ms");
  EXPECT_EQ(text({"k", "word"}), "word");
  EXPECT_EQ(json({"k", -7}), "-7");
  EXPECT_EQ(json({"k", false}), "false");
  EXPECT_EQ(json({"k", milliseconds(20)}), "\"20ms\"");
  EXPECT_EQ(json({"k", std::numeric_limits<double>::infinity()}), "\"Infinity\"");
  EXPECT_EQ(json({"k", std::numeric_limits<double>::quiet_NaN()}), "\"NaN\"");
}

TEST(LogField, QuotesWhatWouldBeMisread) {
  EXPECT_EQ(text({"k", ""}), "\"\"");
  EXPECT_EQ(text({"k", "two words"}), "\"two words\"");
  EXPECT_EQ(text({"k", "a=b"}), "\"a=b\"");
  EXPECT_EQ(text({"k", "say \"hi\""}), "\"say \\\"hi\\\"\"");
}

TEST(LogField, EscapesControlCharacters) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string value = std::string("a") + static_cast<char>(c) + "b";
    for (const std::string& shown : {text({"k", value}), json({"k", value})}) {
      for (const char each : shown) EXPECT_GE(static_cast<unsigned char>(each), 0x20) << c;
    }
  }
  EXPECT_EQ(text({"k", "a\nwarn fake.event"}), "\"a\\nwarn fake.event\"");
  EXPECT_EQ(text({"k", "\x1b[2J"}), "\"\\x1B[2J\"");
  EXPECT_EQ(text({"k", "\x7f"}), "\"\\x7F\"");
  EXPECT_EQ(text({"k", "\xC2\x9B[2J"}), "\"\\xC2\\x9B[2J\"") << "the C1 form of escape";
  EXPECT_EQ(text({"k", "\xC3\xA9"}), "\xC3\xA9");
  EXPECT_EQ(text({"k", "\xC3"}), "\"\\xC3\"") << "not UTF-8";
  EXPECT_EQ(json({"k", "a\"b\\\n\xff"}), R"("a\"b\\\\n\\xFF")");
}

TEST(LogField, CutsLongValuesBetweenCharacters) {
  EXPECT_EQ(text({"k", std::string(1024, 'x')}), std::string(1024, 'x'));
  EXPECT_EQ(text({"k", std::string(1025, 'x')}), std::string(1024, 'x') + "...");
  for (std::size_t lead = 0; lead < 3; ++lead) {
    std::string value(lead, 'x');
    while (value.size() < 2000) value += "\xE4\xB8\x96";
    const std::string shown = text({"k", value});
    EXPECT_EQ(shown.find('\\'), std::string::npos) << "still UTF-8";
    EXPECT_LE(shown.size(), 1024U + 3);
  }
}

TEST(LogRecord, HasATextAndAJsonForm) {
  const LogField fields[] = {{"peer", "a b"}, {"n", 3}};
  const LogRecord record{1769860800123, LogLevel::kWarn, "session.closed", fields};
  std::string line;
  append_log_text(line, record);
  EXPECT_EQ(line, "2026-01-31T12:00:00.123Z warn session.closed peer=\"a b\" n=3");
  line.clear();
  append_log_json(line, record);
  EXPECT_EQ(line, R"({"time":"2026-01-31T12:00:00.123Z","level":"warn",)"
                  R"("event":"session.closed","peer":"a b","n":3})");
}

TEST(LogLevel, IsKnownByName) {
  LogLevel level = LogLevel::kInfo;
  EXPECT_TRUE(parse_level("error", level));
  EXPECT_EQ(level, LogLevel::kError);
  EXPECT_TRUE(parse_level("off", level));
  EXPECT_FALSE(parse_level("loud", level));
  EXPECT_EQ(level_name(LogLevel::kDebug), "debug");
}

}  // namespace
}  // namespace fairlead::observe
