#include "fairlead/cli/output.h"

#include <unistd.h>

#include <cerrno>

#include "fairlead/base/text.h"
#include "fairlead/cli/json_text.h"

namespace fairlead::cli {

namespace {

void write_line(int fd, std::string_view text) {
  std::string line(text);
  if (!line.ends_with('\n')) line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
}

// What to do, for errors whose message cannot know it.
std::string_view remedy_of(const Status& status) {
  switch (status.code()) {
    case Code::kDialFailed:
      return "is the service running there?";
    case Code::kNoEndpoint:
      if (status.reason() == "store.missing") {
        return "does `fairlead up` run? look whether --store is what it printed";
      }
      // With a cause copies are known; without one the message says what to do.
      return status.cause() != nullptr ? "is the service running there?" : std::string_view();
    case Code::kDeadlineExceeded:
      return "allow more with --timeout";
    case Code::kConnectionClosed:
      return "did the service end? try again";
    default:
      return {};
  }
}

}  // namespace

std::string error_text(const Status& status) {
  std::string text;
  // A status of a service has a number worth telling; ours are told by their reason.
  const bool numbered = static_cast<std::int32_t>(status.code()) >= 200;
  if (numbered && !status.reason().starts_with("config.") &&
      !status.reason().starts_with("usage.")) {
    text += std::string(code_name(status.code())) + " (" +
            std::to_string(static_cast<std::int32_t>(status.code())) + "): ";
  }
  text += status.message();
  if (!status.reason().empty()) text += " [" + std::string(status.reason()) + "]";
  const std::string_view remedy = remedy_of(status);
  if (!remedy.empty()) text += "; " + std::string(remedy);
  if (status.cause() != nullptr && !status.cause()->empty()) {
    text += "\n  cause: " + escape_text(*status.cause(), 2000);
  }
  return text;
}

std::string error_document(const Status& status) {
  JsonObject error;
  error.number("code", static_cast<std::int64_t>(status.code()))
      .text("name", code_name(status.code()))
      .text("reason", status.reason())
      .text("message", status.message());
  if (status.cause() != nullptr) error.text("cause", *status.cause());
  const std::string_view remedy = remedy_of(status);
  if (!remedy.empty()) error.text("remedy", remedy);
  JsonObject document;
  document.boolean("ok", false)
      .number("exit_code", static_cast<std::int64_t>(exit_code_of(status)))
      .raw("error", error.str());
  return document.str();
}

void Output::print(std::string_view text) const { write_line(STDOUT_FILENO, text); }

void Output::note(std::string_view text) const { write_line(STDERR_FILENO, text); }

ExitCode Output::fail(const Status& status) const {
  if (json_)
    print(error_document(status));
  else
    note(command_ + ": " + error_text(status));
  return exit_code_of(status);
}

}  // namespace fairlead::cli
