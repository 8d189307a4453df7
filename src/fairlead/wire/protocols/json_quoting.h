// Strings of the json protocol, which are not always JSON. Private to the room.
//
// The original writes method, status and metadata with Go's quoting (strconv.Quote: \x1b, \a, \v,
// \U0001f600 besides the escapes of JSON) and escapes nothing in a body but the double quote. Bytes
// above ASCII stand as they are, also when they are no UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"

namespace fairlead::wire::internal {

enum class Quoting : std::uint8_t {
  kNone,        // no backslash in it: the text itself
  kJson,        // escapes of JSON, and those of Go
  kQuotesOnly,  // \" is a quote and everything else is itself
};

// A text still quoted, without the quotes around it.
struct Quoted {
  std::string_view text{};
  Quoting quoting = Quoting::kNone;
};

// Writes the text that `quoted` stands for to `out` and gives its length, which is never more than
// quoted.text.size(). What is no escape of its kind stays as it is; half a surrogate pair is
// U+FFFD.
std::size_t unquote(Quoted quoted, char* out);

// Writes the texts that `quoted` stand for into one block, one behind the other, and points `texts`
// at them; both have the same length. The views lie in the result.
Bytes unquote_all(std::span<const Quoted> quoted, std::span<std::string_view* const> texts);

// True when no backslash in `text` stands before anything but a quote: all readings are the same.
bool escapes_only_quotes(std::string_view text);

// True when `text` holds only the escapes of RFC 8259 and no control bytes.
bool is_strict_json_text(std::string_view text);

// True when every string of the JSON text that `quoted` stands for is closed, with sound escapes
// and without control bytes. A quick look, not a parser: it tells which of two readings of a body
// is the one that was meant.
bool json_strings_are_sound(Quoted quoted);

// Escapes what stands in `out` from `from` on for the inside of a JSON string: quote, backslash and
// control bytes. One pass when there is nothing to escape, otherwise a second one from the end.
// False, and nothing is done, when it would take more than `bytes_max` bytes.
bool escape_tail(Buffer& out, std::size_t from, std::size_t bytes_max);

}  // namespace fairlead::wire::internal
