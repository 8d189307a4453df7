// HeadWriter: writes request and response heads that cannot be split by what stands in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"

namespace fairlead::http::proto {

// The usual phrase of a status; empty for a number without one.
std::string_view reason_phrase(int status);

// Appends one head to `out`: start line, fields, finish(). A part that is not valid (a name that
// is no token; a value with CR, LF, NUL or another control byte; a target with blanks; ...) takes
// the whole head back off `out`, and finish() reports it. `out` is borrowed and must not be
// written by others until finish().
class HeadWriter {
 public:
  explicit HeadWriter(Buffer& out) : out_(out), begin_(out.size()) {}

  // "HTTP/1.1 `status` phrase". `status` is 100 .. 599.
  void status_line(int status);
  // "`method` `target` HTTP/1.1".
  void request_line(std::string_view method, std::string_view target);
  void field(std::string_view name, std::string_view value);
  void content_length(std::uint64_t length);

  // Ends the head with the empty line.
  // Errors: kEncodeFailed `http.bad_start_line`, kEncodeFailed `http.bad_field`.
  Status finish();

 private:
  void fail(std::string_view reason, std::string_view message);

  Buffer& out_;
  const std::size_t begin_;
  Status status_;
};

}  // namespace fairlead::http::proto
