#include "fairlead/http/proto/chunk_writer.h"

#include <charconv>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/scan.h"
#include "fairlead/http/proto/trailers.h"

namespace fairlead::http::proto {
namespace {

constexpr std::size_t kTrailerBytesMax = 16384;  // what ChunkedDecoder takes

Status bad_trailer(std::string_view message) {
  return {Code::kEncodeFailed, "http.bad_trailer", message};
}

bool is_value(std::string_view text) {
  return internal::has_no_stop(text) && trim(text).size() == text.size();
}

}  // namespace

void write_chunk(Buffer& out, std::string_view data) {
  if (data.empty()) return;
  write_chunk_size(out, data.size());
  out.append(data);
  out.append(kChunkEnd);
}

void write_chunk_size(Buffer& out, std::uint64_t size) {
  FL_CHECK(size > 0);
  constexpr std::size_t kDigitsMax = 16;
  char* begin = out.prepare(kDigitsMax);
  const auto end = std::to_chars(begin, begin + kDigitsMax, size, 16).ptr;
  out.commit(static_cast<std::size_t>(end - begin));
  out.append("\r\n");
}

Status write_last_chunk(Buffer& out, std::span<const Field> trailers) {
  if (trailers.size() > kFieldsMax) return bad_trailer("there are more trailers than the limit");
  std::size_t bytes = 2;
  for (const Field& trailer : trailers) {
    if (!internal::is_token(trailer.name) || !is_trailer_allowed(trailer.name)) {
      return bad_trailer("'" + escape_text(trailer.name) + "' cannot be the name of a trailer");
    }
    if (!is_value(trailer.value)) {
      return bad_trailer("the value of " + std::string(trailer.name) +
                         " holds a byte that it may not");
    }
    bytes += trailer.name.size() + trailer.value.size() + 4;
  }
  if (bytes > kTrailerBytesMax) return bad_trailer("the trailers are larger than the limit");
  out.append("0\r\n");
  for (const Field& trailer : trailers) {
    out.append(trailer.name);
    out.append(": ");
    out.append(trailer.value);
    out.append("\r\n");
  }
  out.append("\r\n");
  return {};
}

}  // namespace fairlead::http::proto
