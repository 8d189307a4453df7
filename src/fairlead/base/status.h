// Status: success, or one error with a code, a stable reason, a message and a cause.
#pragma once

#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/code.h"

namespace fairlead {

// Value type. OK is one null pointer, so returning it costs nothing; an error owns its texts.
//
//   code     number of the one table (code.h), or a business code from 1000 on
//   reason   stable token such as "session.closed"; tests, tools and metrics rely on it
//   message  for people; nobody parses it
//   cause    what lay below, for developers; absent and empty are different on the wire
//
// Thread: like std::string.
class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  // `code` kOk with any text is still OK: the texts are dropped.
  Status(Code code, std::string_view reason, std::string_view message);
  Status(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(const Status& other);
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ == nullptr ? Code::kOk : rep_->code; }
  std::string_view reason() const;
  std::string_view message() const;  // falls back to the code's text
  // Null when no cause was given.
  const std::string* cause() const;
  // What is known of the attempt; from the table unless with_outcome() said more.
  Outcome outcome() const;

  // The same error with more said. No effect on OK.
  Status with_cause(std::string_view cause) &&;
  Status with_outcome(Outcome outcome) &&;
  // Puts "`context`: " before the message; code, reason and cause stay. For a layer that knows
  // what was being done.
  Status with_context(std::string_view context) &&;

  // "not_found (404) route.unknown: no handler for /a [cause: ...]"; "ok" for OK.
  std::string to_string() const;

  friend bool operator==(const Status& a, const Status& b);

 private:
  struct Rep {
    Code code;
    std::optional<Outcome> outcome;
    std::string reason;
    std::string message;
    std::optional<std::string> cause;
  };
  // Out of line, so that destroying an OK is a test and nothing else wherever it happens.
  struct Free {
    void operator()(Rep* rep) const noexcept;
  };
  std::unique_ptr<Rep, Free> rep_;
};

std::ostream& operator<<(std::ostream& out, const Status& status);

}  // namespace fairlead
