#include "fairlead/compress/zstd.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include <zstd.h>
#include <zstd_errors.h>

#include "fairlead/base/result.h"

namespace fairlead::compress {
namespace {

constexpr std::size_t kBlockBytes = 128U << 10;  // the most that one zstd block holds

// RFC 8878 3.1.1 and 3.1.2. A skippable frame: magic number and size, little-endian, then bytes
// that decoders pass over.
constexpr std::string_view kFrameMagic = "\x28\xb5\x2f\xfd";
constexpr std::uint32_t kSkippableMagic = 0x184D2A50;
constexpr std::size_t kSkippableHeadBytes = 8;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using Compressor = std::unique_ptr<ZSTD_CCtx, FreeCompressor>;
using Decompressor = std::unique_ptr<ZSTD_DCtx, FreeDecompressor>;

Status failed(std::string_view what) { return {Code::kInternal, "compress.failed", what}; }

Status decoding_failed(std::size_t result) {
  switch (ZSTD_getErrorCode(result)) {
    case ZSTD_error_memory_allocation:
      return failed("zstd has no memory");
    case ZSTD_error_frameParameter_windowTooLarge:
      return {Code::kTooLarge, "compress.too_big", "the zstd window is larger than 8 MiB"};
    default:
      return {Code::kBadMessage, "compress.bad_data",
              "not a whole zstd stream: " + std::string(ZSTD_getErrorName(result))};
  }
}

Status bad_data(std::string_view what) {
  return {Code::kBadMessage, "compress.bad_data", "not a whole zstd stream: " + std::string(what)};
}

void append_le32(Buffer& output, std::size_t number) {
  for (int shift = 0; shift < 32; shift += 8) {
    output.append(static_cast<char>(static_cast<unsigned char>(number >> shift)));
  }
}

// Makes `packed` bytes at the end of `output` long enough for the default ratio limit.
void append_padding(Buffer& output, std::size_t packed, std::size_t unpacked) {
  const std::size_t wanted = InflateLimits().input_bytes_min(unpacked);
  if (packed >= wanted) return;
  const std::size_t padding =
      wanted - std::min(wanted, packed + kSkippableHeadBytes);  // the head counts too
  append_le32(output, kSkippableMagic);
  append_le32(output, padding);
  std::memset(output.prepare(padding), 0, padding);
  output.commit(padding);
}

Status unzstd_all(ZSTD_DCtx* context, std::string_view input, const InflateLimits& limits,
                  Buffer& output) {
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  std::size_t made_in_all = 0;
  bool content_seen = false;
  while (true) {
    if (in.pos == in.size) return content_seen ? Status() : bad_data("no frame");
    content_seen = content_seen || input.substr(in.pos).starts_with(kFrameMagic);
    // One frame, block by block.
    std::size_t wanted = 1;
    while (wanted != 0) {
      const std::size_t consumed_before = in.pos;
      ZSTD_outBuffer out{output.prepare(kBlockBytes), kBlockBytes, 0};
      wanted = ZSTD_decompressStream(context, &out, &in);
      if (ZSTD_isError(wanted) != 0) return decoding_failed(wanted);
      output.commit(out.pos);
      made_in_all += out.pos;
      FL_TRY(limits.check(input.size(), made_in_all));
      const bool stuck = out.pos < kBlockBytes && in.pos == in.size && in.pos == consumed_before;
      if (wanted != 0 && stuck) return bad_data("cut");
    }
  }
}

}  // namespace

Status zstd(std::string_view input, int level, Buffer& output) {
  const Compressor context(ZSTD_createCCtx());
  if (context == nullptr) return failed("ZSTD_createCCtx");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);

  const std::size_t room = ZSTD_compressBound(input.size());
  char* const start = output.prepare(room);
  const std::size_t packed = ZSTD_compress2(context.get(), start, room, input.data(), input.size());
  if (ZSTD_isError(packed) != 0) return failed(ZSTD_getErrorName(packed));
  output.commit(packed);
  append_padding(output, packed, input.size());
  return {};
}

Status unzstd(std::string_view input, const InflateLimits& limits, Buffer& output) {
  const Decompressor context(ZSTD_createDCtx());
  if (context == nullptr) return failed("ZSTD_createDCtx");
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);

  const std::size_t before = output.size();
  Status status = unzstd_all(context.get(), input, limits, output);
  if (!status.ok()) output.truncate(before);
  return status;
}

}  // namespace fairlead::compress
