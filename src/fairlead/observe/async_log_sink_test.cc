#include "fairlead/observe/async_log_sink.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace fairlead::observe {
namespace {

// A file that vanishes with the test.
class AsyncLogSinkTest : public testing::Test {
 protected:
  AsyncLogSinkTest() : file_(std::tmpfile()) {}
  ~AsyncLogSinkTest() override { std::fclose(file_); }

  std::unique_ptr<AsyncLogSink> sink(LogForm form, std::size_t queue_lines = 8192) {
    return AsyncLogSink::make({file_, form, queue_lines}).value();
  }

  std::vector<std::string> lines() {
    std::vector<std::string> all(1);
    std::rewind(file_);
    for (int c = std::fgetc(file_); c != EOF; c = std::fgetc(file_)) {
      if (c == '\n')
        all.emplace_back();
      else
        all.back() += static_cast<char>(c);
    }
    EXPECT_EQ(all.back(), "") << "the last line is whole";
    all.pop_back();
    return all;
  }

  std::FILE* const file_;
};

constexpr LogRecord kRecord{0, LogLevel::kInfo, "service.started", {}};

TEST_F(AsyncLogSinkTest, WritesLinesThatFlushWaitsFor) {
  const auto text = sink(LogForm::kText);
  text->write(kRecord);
  text->flush();
  EXPECT_EQ(lines(), std::vector<std::string>{"1970-01-01T00:00:00.000Z info service.started"});
}

TEST_F(AsyncLogSinkTest, WritesJsonLines) {
  const auto json = sink(LogForm::kJson);
  json->write(kRecord);
  json->flush();
  EXPECT_EQ(lines(),
            std::vector<std::string>{
                R"({"time":"1970-01-01T00:00:00.000Z","level":"info","event":"service.started"})"});
}

TEST_F(AsyncLogSinkTest, WritesWhatIsQueuedWhenItEnds) {
  auto text = sink(LogForm::kText);
  for (int i = 0; i < 1000; ++i) text->write(kRecord);
  text.reset();
  EXPECT_EQ(lines().size(), 1000U);
}

TEST_F(AsyncLogSinkTest, KeepsLinesOfManyThreadsApart) {
  const auto text = sink(LogForm::kText);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&text] {
      for (int n = 0; n < 500; ++n) text->write(kRecord);
      text->flush();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(text->dropped(), 0U);
  const std::vector<std::string> all = lines();
  EXPECT_EQ(all.size(), 2000U);
  for (const std::string& line : all) {
    ASSERT_EQ(line, "1970-01-01T00:00:00.000Z info service.started");
  }
}

TEST_F(AsyncLogSinkTest, DropsTheOldestLinesOfAFullQueueAndCountsThem) {
  auto text = sink(LogForm::kText, 1);
  constexpr std::size_t kWritten = 5000;
  for (std::size_t i = 0; i < kWritten; ++i) text->write(kRecord);
  text->flush();
  const std::uint64_t dropped = text->dropped();
  text.reset();
  EXPECT_EQ(lines().size() + dropped, kWritten);
}

TEST(AsyncLogSink, RefusesAQueueItCannotHave) {
  for (const std::size_t lines : {std::size_t{0}, (std::size_t{1} << 20) + 1}) {
    const Status status = AsyncLogSink::make({stderr, LogForm::kText, lines}).status();
    EXPECT_EQ(status.code(), Code::kInvalidOperation);
    EXPECT_EQ(status.reason(), "log.bad_queue");
  }
}

}  // namespace
}  // namespace fairlead::observe
