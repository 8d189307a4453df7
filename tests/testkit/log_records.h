// A log that a test reads.
#pragma once

#include <string>
#include <vector>

#include "fairlead/observe/log.h"

namespace fairlead::testkit {

// Puts each record into `out` as a line of text, without its time.
class LogRecords final : public observe::LogSink {
 public:
  explicit LogRecords(std::vector<std::string>& out) : out_(out) {}
  void write(const observe::LogRecord& record) override {
    std::string line;
    observe::append_log_text(line, record);
    out_.push_back(line.substr(line.find(' ') + 1));
  }
  void flush() override {}

 private:
  std::vector<std::string>& out_;
};

}  // namespace fairlead::testkit
