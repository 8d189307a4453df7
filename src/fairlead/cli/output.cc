#include "fairlead/cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "fairlead/base/json_object.h"
#include "fairlead/base/text.h"

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
      if (status.reason() == "upgrade.not_ready") return "allow more by its upgrade.ready_timeout";
      // What `up` waits for has a bound of its own, and the message says what to look for.
      return status.reason().starts_with("up.") ? "" : "allow more with --timeout";
    case Code::kConnectionClosed:
      return "did the service end? try again";
    default:
      return {};
  }
}

// A status of a service has a number worth telling; ours are told by their reason.
bool is_numbered(const Status& status) {
  constexpr std::array<std::string_view, 4> kOurs = {"config.", "usage.", "up.", "upgrade."};
  return static_cast<std::int32_t>(status.code()) >= 200 &&
         std::ranges::none_of(
             kOurs, [&](std::string_view ours) { return status.reason().starts_with(ours); });
}

std::string text_of(const Status& status, bool numbered) {
  std::string text;
  if (numbered) {
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

std::string document_of(const Status& status, ExitCode code) {
  JsonObject error;
  error.number("code", static_cast<std::int32_t>(status.code()))
      .text("name", code_name(status.code()))
      .text("reason", status.reason())
      .text("message", status.message());
  if (status.cause() != nullptr) error.text("cause", *status.cause());
  const std::string_view remedy = remedy_of(status);
  if (!remedy.empty()) error.text("remedy", remedy);
  JsonObject document;
  document.boolean("ok", false)
      .number("exit_code", static_cast<int>(code))
      .raw("error", error.str());
  return document.str();
}

}  // namespace

std::string error_text(const Status& status) { return text_of(status, is_numbered(status)); }

std::string error_document(const Status& status) {
  return document_of(status, exit_code_of(status));
}

std::string refusal_text(const Status& status) { return text_of(status, false); }

std::string refusal_document(const Status& status) { return document_of(status, ExitCode::kUsage); }

void Output::print(std::string_view text) const { write_line(STDOUT_FILENO, text); }

void Output::note(std::string_view text) const { write_line(STDERR_FILENO, text); }

ExitCode Output::fail(const Status& status) const {
  return tell(error_text(status), error_document(status), exit_code_of(status));
}

ExitCode Output::refuse_configuration(const Status& status) const {
  return tell(refusal_text(status), refusal_document(status), ExitCode::kUsage);
}

ExitCode Output::tell(const std::string& text, const std::string& document, ExitCode code) const {
  if (json_)
    print(document);
  else
    note(command_ + ": " + text);
  return code;
}

}  // namespace fairlead::cli
