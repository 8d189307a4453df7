// Output: what a command tells, for people or, with --json, as one document.
#pragma once

#include <string>
#include <string_view>

#include "fairlead/base/status.h"
#include "fairlead/cli/exit_code.h"

namespace fairlead::cli {

// A reader that is gone is no error: what it does not want to read is dropped.
class Output {
 public:
  // `command`: "fairlead call", for messages.
  Output(std::string command, bool json) : command_(std::move(command)), json_(json) {}

  bool json() const { return json_; }
  const std::string& command() const { return command_; }

  // To standard output; a line's end is added when there is none.
  void print(std::string_view text) const;
  // To standard error, as print().
  void note(std::string_view text) const;
  // Tells the error, in one line with what to do, or as a document; gives the exit code for it.
  ExitCode fail(const Status& status) const;
  // The same for a configuration that is no good, whichever part of it says so.
  ExitCode refuse_configuration(const Status& status) const;

 private:
  ExitCode tell(const std::string& text, const std::string& document, ExitCode code) const;

  const std::string command_;
  const bool json_;
};

// What fail() says for people, without the command: "<message> [reason]; <what to do>", and the
// cause on a line of its own.
std::string error_text(const Status& status);
// The document that fail() prints.
std::string error_document(const Status& status);
// What refuse_configuration() says, as those two.
std::string refusal_text(const Status& status);
std::string refusal_document(const Status& status);

}  // namespace fairlead::cli
