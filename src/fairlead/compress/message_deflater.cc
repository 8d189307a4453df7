#include "fairlead/compress/message_deflater.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <zlib.h>

#include "fairlead/base/check.h"
#include "fairlead/base/result.h"

namespace fairlead::compress {
namespace {

constexpr int kMemoryLevel = 8;
constexpr std::size_t kBlockBytesMin = 512;
constexpr std::size_t kBlockBytesMax = 64U << 10;
// zlib counts in 32 bits; longer input goes in by pieces of this size.
constexpr std::size_t kPieceBytesMax = std::numeric_limits<uInt>::max() / 2;
constexpr std::string_view kFlushTail("\x00\x00\xff\xff", 4);

Status failed(const char* what) { return {Code::kInternal, "compress.failed", what}; }

}  // namespace

struct MessageDeflater::Stream : z_stream {
  Stream() : z_stream{} {}
  ~Stream() { deflateEnd(this); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

MessageDeflater::MessageDeflater(MessageDeflaterOptions options) : options_(options) {
  FL_CHECK(options.window_bits >= 9 && options.window_bits <= 15);
  FL_CHECK(options.level >= 1 && options.level <= 9);
}
MessageDeflater::MessageDeflater(MessageDeflater&&) noexcept = default;
MessageDeflater& MessageDeflater::operator=(MessageDeflater&&) noexcept = default;
MessageDeflater::~MessageDeflater() = default;

Status MessageDeflater::deflate(std::string_view message, Buffer& output) {
  // An empty block is one byte before its tail; zlib would not flush a second time in a row.
  if (message.empty()) {
    output.append('\0');
    return {};
  }
  const std::size_t before = output.size();
  Status status = append_flushed(message, output);
  if (!status.ok()) output.truncate(before);
  if (!options_.keep_window) stream_.reset();
  return status;
}

Status MessageDeflater::append_flushed(std::string_view message, Buffer& output) {
  if (stream_ == nullptr) {
    auto stream = std::make_unique<Stream>();
    if (deflateInit2(stream.get(), options_.level, Z_DEFLATED, -options_.window_bits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK) {  // negative: no header
      return failed("deflateInit");
    }
    stream_ = std::move(stream);
  }
  bool filled = false;  // the room was used up, so there may be more to come
  while (!message.empty() || stream_->avail_in > 0 || filled) {
    if (stream_->avail_in == 0 && !message.empty()) {
      const std::string_view part = message.substr(0, kPieceBytesMax);
      // zlib's interface is not const-correct; it does not write through next_in.
      stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream_->avail_in = static_cast<uInt>(part.size());
      message.remove_prefix(part.size());
    }
    const std::size_t room =
        std::clamp<std::size_t>(stream_->avail_in, kBlockBytesMin, kBlockBytesMax);
    stream_->next_out = reinterpret_cast<Bytef*>(output.prepare(room));
    stream_->avail_out = static_cast<uInt>(room);
    const int result = ::deflate(stream_.get(), message.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH);
    output.commit(room - stream_->avail_out);
    filled = stream_->avail_out == 0;
    if (result != Z_OK && result != Z_BUF_ERROR) return failed("deflate");
  }
  if (!output.view().ends_with(kFlushTail)) return failed("deflate did not flush");
  output.truncate(output.size() - kFlushTail.size());
  return {};
}

}  // namespace fairlead::compress
