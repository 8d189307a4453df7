#include "fairlead/rpc/plugins/run_log.h"

#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/rpc/plugin_script.h"
#include "tests/testkit/log_records.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using observe::LogLevel;
using ::testing::ElementsAre;

class RunLogTest : public SessionPlugins {
 protected:
  // Ports and times are those of the run.
  static std::string plain(std::string_view line) {
    std::string text(line);
    text = std::regex_replace(text, std::regex("127\\.0\\.0\\.1:[0-9]+"), "PEER");
    text = std::regex_replace(text, std::regex("[0-9.]+(ns|µs|ms|s)\\("), "TIME(");
    return std::regex_replace(text, std::regex("X-Fl-Timeout=[0-9]+"), "T");
  }
  RunLogOptions writing(std::vector<std::string>& lines, RunLogOptions options = {}) {
    options.text = true;
    options.write = [this, &lines](LogLevel level, std::string_view line) {
      levels.push_back(level);
      lines.push_back(plain(line));
    };
    return options;
  }
  void log(RunLogOptions options = {}) {
    ASSERT_TRUE(at_server.add(RunLog(writing(at_server_lines, options))).ok());
    ASSERT_TRUE(at_client.add(RunLog(writing(at_client_lines, options))).ok());
    start();
    ASSERT_TRUE(dial().ok());
  }
  std::vector<std::string> at_server_lines;
  std::vector<std::string> at_client_lines;
  std::vector<LogLevel> levels;
};

TEST_F(RunLogTest, ACallIsOneLineAtEachSide) {
  log();

  ASSERT_TRUE(ask("/echo", "hello").ok());

  EXPECT_THAT(
      at_server_lines,
      ElementsAre(
          R"(CALL<- PEER(real:same) TIME(fast) "/echo" RECV({"size":5}) SEND({"size":5}))"));
  EXPECT_THAT(
      at_client_lines,
      ElementsAre(R"(CALL-> PEER(real:-) TIME(fast) "/echo" SEND({"size":5}) RECV({"size":5}))"));
}

TEST_F(RunLogTest, APushIsALineWithOnePart) {
  log();

  push("news");
  turn_until([&] { return !told.empty(); });

  EXPECT_THAT(at_server_lines,
              ElementsAre(R"(PUSH<- PEER(real:same) TIME(fast) "/told" RECV({"size":4}))"));
  EXPECT_THAT(at_client_lines, ElementsAre(R"(PUSH-> PEER(real:-) (-) "/told" SEND({"size":4}))"));
}

TEST_F(RunLogTest, AnErrorStandsInItsPart) {
  log();

  ASSERT_FALSE(ask("/fail", "").ok());

  ASSERT_EQ(at_server_lines.size(), 1U);
  EXPECT_NE(at_server_lines[0].find(R"(SEND({"size":0,"status":code=1001)"), std::string::npos)
      << at_server_lines[0];
}

TEST_F(RunLogTest, DetailsAreShownWhereAskedFor) {
  log({.details = true, .body_bytes_max = 20});

  ASSERT_TRUE(call({.method = "/echo", .body_codec = 'j', .metadata = "a=1"}, R"({"n":1})").ok());
  ASSERT_TRUE(ask("/echo", "a text that is longer than that").ok());

  ASSERT_EQ(at_server_lines.size(), 2U);
  EXPECT_NE(at_server_lines[0].find(R"(RECV({"size":7,"meta":"a=1&)"), std::string::npos)
      << at_server_lines[0];
  EXPECT_TRUE(at_server_lines[0].ends_with(R"(SEND({"size":7,"body":{"n":1}}))"));
  EXPECT_TRUE(at_server_lines[1].ends_with(R"(SEND({"size":31,"body":"a text that is longe"}))"));
}

TEST_F(RunLogTest, DetailsOfOurOwnCallsAreWhatWasSent) {
  log({.details = true, .body_bytes_max = 20});

  ASSERT_TRUE(call({.method = "/echo", .body_codec = 'j', .metadata = "a=1"}, R"({"n":1})").ok());
  ASSERT_TRUE(ask("/echo", "a text that is longer than that").ok());
  ASSERT_TRUE(ask("/echo", std::string(100'000, 'x')).ok());  // shared with the stream, not copied
  push("news");
  turn_until([&] { return !told.empty(); });

  ASSERT_EQ(at_client_lines.size(), 4U);
  EXPECT_NE(at_client_lines[0].find(R"(SEND({"size":7,"meta":"a=1","body":{"n":1}}) RECV()"),
            std::string::npos)
      << at_client_lines[0];
  EXPECT_NE(at_client_lines[1].find(R"(SEND({"size":31,"body":"a text that is longe"}))"),
            std::string::npos)
      << at_client_lines[1];
  EXPECT_NE(at_client_lines[2].find(R"(SEND({"size":100000,"body":"xxxxxxxxxxxxxxxxxxxx"}))"),
            std::string::npos)
      << at_client_lines[2];
  EXPECT_EQ(at_client_lines[3],
            R"(PUSH-> PEER(real:-) (-) "/told" SEND({"size":4,"body":"news"}))");
}

TEST_F(RunLogTest, ACutJsonBodyIsAStringAndNoJson) {
  log({.details = true, .body_bytes_max = 4});

  ASSERT_TRUE(call({.method = "/echo", .body_codec = 'j'}, R"({"n":1})").ok());

  EXPECT_NE(at_client_lines.at(0).find(R"(SEND({"size":7,"body":"{\"n\""}))"), std::string::npos)
      << at_client_lines[0];
}

TEST_F(RunLogTest, ACallThatWasNotSentHasNoBody) {
  log({.details = true});
  RawCall failing;
  session->start_call(failing, {.method = "/echo", .body_codec = 's'}, {}, {}, [](Buffer& out) {
    out.append("half");
    return Status(Code::kEncodeFailed, "test.encode", "no");
  });

  ASSERT_EQ(at_client_lines.size(), 1U);
  EXPECT_NE(at_client_lines[0].find(R"(SEND({"size":0}) RECV({"size":0,"status":code=112)"),
            std::string::npos)
      << at_client_lines[0];
}

TEST_F(RunLogTest, SlowOnesAreWarnings) {
  log({.slow_after = 1ns});

  ASSERT_TRUE(ask("/echo").ok());

  EXPECT_NE(at_server_lines.at(0).find("(slow)"), std::string::npos);
  EXPECT_THAT(levels, ElementsAre(LogLevel::kWarn, LogLevel::kWarn));
}

TEST_F(RunLogTest, TheRealAddressIsToldWhereItIsAnother) {
  log();

  ASSERT_TRUE(ask("/echo", "", "X-Real-IP=10.1.1.1").ok());

  EXPECT_NE(at_server_lines.at(0).find("(real:10.1.1.1)"), std::string::npos);
}

TEST_F(RunLogTest, ACallThatNobodyWaitsForIsALineToo) {
  log();
  RawCall waiting;
  session->start_call(waiting, {.method = "/wait", .body_codec = 's'}, {}, {}, Bytes());
  turn_until([&] { return accepted != nullptr && accepted->handlers_running() == 1; });

  (void)core->run(accepted->close(core->deadline_after(1ms)));
  turn_until([&] { return !at_client_lines.empty(); });

  ASSERT_EQ(at_server_lines.size(), 1U);
  EXPECT_NE(at_server_lines[0].find("code=499"), std::string::npos) << at_server_lines[0];
  EXPECT_NE(at_client_lines[0].find("code=102"), std::string::npos) << at_client_lines[0];
}

TEST_F(RunLogTest, TheLogGetsFieldsOrTheLine) {
  std::vector<std::string> records;
  observe::Logger logger(observe::Logger::Options(),
                         std::make_unique<testkit::LogRecords>(records));
  const observe::ScopedDefaultLogger here(logger);
  ASSERT_TRUE(at_server.add(RunLog({})).ok());
  ASSERT_TRUE(at_client.add(RunLog({.text = true})).ok());
  start();
  ASSERT_TRUE(dial().ok());

  ASSERT_TRUE(ask("/echo").ok());

  ASSERT_EQ(records.size(), 2U);
  EXPECT_NE(records[0].find("info rpc.call way=in"), std::string::npos) << records[0];
  EXPECT_NE(records[0].find("method=/echo"), std::string::npos) << records[0];
  EXPECT_NE(records[0].find("received_bytes=2 sent_bytes=2"), std::string::npos) << records[0];
  EXPECT_NE(records[1].find("info rpc.call line="), std::string::npos) << records[1];
}

}  // namespace
}  // namespace fairlead::rpc
