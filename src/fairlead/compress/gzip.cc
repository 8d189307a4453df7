#include "fairlead/compress/gzip.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <zlib.h>

#include "fairlead/base/result.h"

namespace fairlead::compress {
namespace {

constexpr int kGzipWindow = 15 + 16;  // largest window; +16 asks zlib for the gzip form
constexpr std::size_t kBlockBytes = 64U << 10;
constexpr int kOsUnknown = 255;

// zlib counts in 32 bits; longer input goes in by pieces of this size.
constexpr std::size_t kPieceBytesMax = std::numeric_limits<uInt>::max() / 2;

void give_input(z_stream& stream, std::string_view& rest) {
  const std::size_t piece = std::min(rest.size(), kPieceBytesMax);
  // zlib's interface is not const-correct; it does not write through next_in.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(rest.data()));
  stream.avail_in = static_cast<uInt>(piece);
  rest.remove_prefix(piece);
}

void give_room(z_stream& stream, Buffer& output) {
  stream.next_out = reinterpret_cast<Bytef*>(output.prepare(kBlockBytes));
  stream.avail_out = static_cast<uInt>(kBlockBytes);
}

// Ends a z_stream however the function is left.
struct DeflateStream : z_stream {
  DeflateStream() : z_stream{} {}
  ~DeflateStream() { deflateEnd(this); }
  DeflateStream(const DeflateStream&) = delete;
  DeflateStream& operator=(const DeflateStream&) = delete;
};
struct InflateStream : z_stream {
  InflateStream() : z_stream{} {}
  ~InflateStream() { inflateEnd(this); }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
};

Status failed(const char* what) { return {Code::kInternal, "compress.failed", what}; }

Status bad_data(const z_stream& stream, std::string_view what) {
  std::string message = "not a whole gzip stream: ";
  message += stream.msg != nullptr ? std::string_view(stream.msg) : what;
  return {Code::kBadMessage, "compress.bad_data", message};
}

Status inflate_all(InflateStream& stream, std::string_view input, const InflateLimits& limits,
                   Buffer& output) {
  const std::size_t in_size = input.size();
  std::size_t out_size = 0;
  bool member_ended = false;
  do {
    if (stream.avail_in == 0 && !input.empty()) give_input(stream, input);
    if (member_ended && inflateReset(&stream) != Z_OK) return failed("inflateReset");
    give_room(stream, output);
    const int result = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = kBlockBytes - stream.avail_out;
    output.commit(made);
    out_size += made;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return bad_data(stream, "damaged");
    }
    FL_TRY(limits.check(in_size, out_size));
    member_ended = result == Z_STREAM_END;
    const bool starved = stream.avail_in == 0 && input.empty() && stream.avail_out > 0;
    if (!member_ended && starved) {
      if (limits.may_be_cut) return {};
      return bad_data(stream, "cut");
    }
  } while (!member_ended || stream.avail_in > 0 || !input.empty());
  return {};
}

// Blocks that hold nothing, between two others that end with a byte (RFC 1951, section 3.2.4).
void append_empty_blocks(std::size_t bytes, Buffer& output) {
  constexpr std::string_view kEmptyBlock("\x00\x00\x00\xff\xff", 5);
  for (std::size_t made = 0; made < bytes; made += kEmptyBlock.size()) output.append(kEmptyBlock);
}

// One member, with at least `padding` bytes that hold nothing. On an error `output` is not cut
// back.
Status deflate_all(std::string_view input, int level, std::size_t padding, Buffer& output) {
  DeflateStream stream;
  if (deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return failed("deflateInit");
  }
  gz_header header{};
  header.os = kOsUnknown;
  deflateSetHeader(&stream, &header);

  int result = Z_OK;
  while (result != Z_STREAM_END) {
    if (stream.avail_in == 0 && !input.empty()) give_input(stream, input);
    give_room(stream, output);
    const int last = padding > 0 ? Z_SYNC_FLUSH : Z_FINISH;
    result = deflate(&stream, input.empty() ? last : Z_NO_FLUSH);
    output.commit(kBlockBytes - stream.avail_out);
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) return failed("deflate");
    const bool flushed = input.empty() && stream.avail_out > 0;
    if (flushed) append_empty_blocks(std::exchange(padding, 0), output);
  }
  return {};
}

}  // namespace

Status gzip(std::string_view input, int level, Buffer& output) {
  const std::size_t before = output.size();
  Status status = deflate_all(input, level, 0, output);
  const std::size_t packed = output.size() - before;
  const std::size_t wanted = InflateLimits().input_bytes_min(input.size());
  if (status.ok() && packed < wanted) {  // seldom: runs of few bytes, and quickly packed again
    output.truncate(before);
    status = deflate_all(input, level, wanted - packed, output);
  }
  if (!status.ok()) output.truncate(before);
  return status;
}

Status gunzip(std::string_view input, const InflateLimits& limits, Buffer& output) {
  InflateStream stream;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return failed("inflateInit");

  const std::size_t before = output.size();
  Status status = inflate_all(stream, input, limits, output);
  if (!status.ok()) output.truncate(before);
  return status;
}

}  // namespace fairlead::compress
