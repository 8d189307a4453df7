// Writes a body in the chunked transfer coding (RFC 9112 section 7.1): any number of chunks, then
// the last one. For both sides; ChunkedDecoder reads it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"
#include "fairlead/http/proto/fields.h"

namespace fairlead::http::proto {

// Appends `data` as one chunk. No data writes nothing: a chunk of no bytes would end the body.
void write_chunk(Buffer& out, std::string_view data);

// Appends the line in front of `size` > 0 bytes, for data that goes out by itself; the line end
// kChunkEnd comes behind it.
void write_chunk_size(Buffer& out, std::uint64_t size);
inline constexpr std::string_view kChunkEnd = "\r\n";

// Appends the last chunk, the trailers and the end of the body.
// Errors: kEncodeFailed `http.bad_trailer`: a name or value that is none, a name that is not
// allowed
//         in a trailer, more than kFieldsMax of them. Nothing is written then.
Status write_last_chunk(Buffer& out, std::span<const Field> trailers = {});

}  // namespace fairlead::http::proto
