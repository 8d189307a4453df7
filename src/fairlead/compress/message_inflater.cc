#include "fairlead/compress/message_inflater.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <zlib.h>

#include "fairlead/base/check.h"
#include "fairlead/base/result.h"

namespace fairlead::compress {
namespace {

constexpr int kWindowBitsMin = 8;
constexpr int kWindowBitsMax = 15;
constexpr std::size_t kBlockBytesMin = 512;
constexpr std::size_t kBlockBytesMax = 64U << 10;
// zlib counts in 32 bits; longer input goes in by pieces of this size.
constexpr std::size_t kPieceBytesMax = std::numeric_limits<uInt>::max() / 2;

// Parts of z_stream::data_type after inflate(): set between two blocks, unset bits of the last
// byte.
constexpr int kBetweenBlocks = 128;
constexpr int kBitsLeft = 7;

// The end of a flush (RFC 1951: an empty stored block), which senders leave out.
constexpr std::string_view kFlushTail("\x00\x00\xff\xff", 4);

Status bad_data(const char* what) {
  return {Code::kBadMessage, "compress.bad_data",
          std::string("not a deflated message: ") + (what != nullptr ? what : "damaged")};
}

}  // namespace

struct MessageInflater::Stream : z_stream {
  Stream() : z_stream{} {}
  ~Stream() { inflateEnd(this); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

MessageInflater::MessageInflater(MessageInflaterOptions options) : options_(options) {
  FL_CHECK(options.window_bits >= kWindowBitsMin && options.window_bits <= kWindowBitsMax);
}
MessageInflater::MessageInflater(MessageInflater&&) noexcept = default;
MessageInflater& MessageInflater::operator=(MessageInflater&&) noexcept = default;
MessageInflater::~MessageInflater() = default;

Status MessageInflater::inflate(std::string_view piece, Buffer& output) {
  if (stream_ == nullptr) {
    auto stream = std::make_unique<Stream>();
    if (inflateInit2(stream.get(), -options_.window_bits) != Z_OK) {  // negative: no header
      return {Code::kInternal, "compress.failed", "inflateInit"};
    }
    stream_ = std::move(stream);
  }
  in_bytes_ += piece.size();
  bool filled = false;  // the room was used up, so there may be more to come of no input
  while (!piece.empty() || stream_->avail_in > 0 || filled) {
    if (stream_->avail_in == 0 && !piece.empty()) {
      const std::string_view part = piece.substr(0, kPieceBytesMax);
      // zlib's interface is not const-correct; it does not write through next_in.
      stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
      stream_->avail_in = static_cast<uInt>(part.size());
      piece.remove_prefix(part.size());
    }
    // Room for what usually comes, so that small messages take small buffers; at most one byte
    // above the limit, which check() below then sees.
    const std::size_t usual =
        std::clamp<std::size_t>(stream_->avail_in * std::size_t{4}, kBlockBytesMin, kBlockBytesMax);
    const std::size_t room = std::min(usual, options_.limits.bytes_max - out_bytes_) + 1;
    stream_->next_out = reinterpret_cast<Bytef*>(output.prepare(room));
    stream_->avail_out = static_cast<uInt>(room);
    const int result = ::inflate(stream_.get(), Z_SYNC_FLUSH);
    const std::size_t made = room - stream_->avail_out;
    filled = stream_->avail_out == 0;
    output.commit(made);
    out_bytes_ += made;
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
      return bad_data(stream_->msg);
    }
    FL_TRY(options_.limits.check(in_bytes_, out_bytes_));
    if (result != Z_STREAM_END) continue;
    // A block that calls itself the last one ends nothing here (RFC 7692 section 7.2.3.5): the next
    // begins at the next byte, and the window stays.
    if (inflateResetKeep(stream_.get()) != Z_OK) return bad_data(nullptr);
    stream_->data_type = kBetweenBlocks;
    filled = false;
  }
  return {};
}

Status MessageInflater::end_message(Buffer& output) {
  const std::size_t before_tail = out_bytes_;
  FL_TRY(inflate(kFlushTail, output));
  // The tail is an empty block that ends at a byte's border. If it made bytes or ended elsewhere,
  // it was taken for data that is missing.
  const bool whole = out_bytes_ == before_tail &&
                     (stream_->data_type & (kBetweenBlocks | kBitsLeft)) == kBetweenBlocks;
  if (!whole) return bad_data("cut");
  in_bytes_ = out_bytes_ = 0;
  if (!options_.keep_window) stream_.reset();
  return {};
}

}  // namespace fairlead::compress
