// Trailers: the fields behind a chunked body (RFC 9110 section 6.5), for whoever asks for them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/http/proto/fields.h"

namespace fairlead::http::proto {

// Whether a field may be sent, and is kept, as a trailer. Not what frames the message, routes it,
// authenticates its sender, changes what is asked for or says what the body is: all of that was
// decided before the trailer came (RFC 9110 section 6.5.1). Ignores case.
bool is_trailer_allowed(std::string_view name);

// How much trailers may be, line ends and the empty line behind them included.
struct TrailerLimits {
  std::size_t bytes_max = 16384;       // 2 .. 16384
  std::size_t lines_max = kFieldsMax;  // 0 .. kFieldsMax
};

// The trailers of one body in the order they came, without the forbidden ones. A table of its own,
// so that none is taken for a field of the head.
//
// Limits: those of ChunkedDecoder. Memory is taken only when a trailer comes.
class Trailers {
 public:
  Trailers() = default;
  Trailers(const Trailers&) = delete;  // the table points into the text
  Trailers& operator=(const Trailers&) = delete;

  std::size_t size() const { return table_.size(); }
  Field operator[](std::size_t index) const { return table_[index]; }  // `index` < size()
  // The first trailer called `name`, ignoring case. Views are valid until the next non-const call.
  std::optional<std::string_view> find(std::string_view name) const { return table_.find(name); }

  // `line` is "name: value" without its line end. False: it is none. A forbidden one is left out.
  bool add_line(std::string_view line);
  void clear();

 private:
  std::string text_;
  FieldTable table_;
};

}  // namespace fairlead::http::proto
