// MessageDeflater: deflates (RFC 1951) a stream of messages that share one window, as
// permessage-deflate of WebSocket has it (RFC 7692 section 7.2.1).
#pragma once

#include <memory>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"

namespace fairlead::compress {

struct MessageDeflaterOptions {
  int window_bits = 15;     // 9 .. 15; zlib writes no raw stream with 8
  int level = 5;            // 1 (fast) .. 9 (small)
  bool keep_window = true;  // a message may refer to those before it
};

// Memory: about 128 KiB and eight windows (1 << window_bits bytes each, so at most 256 KiB more)
// from the first message on; without keep_window only inside deflate().
// Thread: one owner.
class MessageDeflater {
 public:
  explicit MessageDeflater(MessageDeflaterOptions options);  // each in its range
  MessageDeflater(MessageDeflater&&) noexcept;
  MessageDeflater& operator=(MessageDeflater&&) noexcept;
  ~MessageDeflater();

  // Appends one whole message to `output`, without the 00 00 FF FF that every message would end
  // with.
  // Errors: kInternal `compress.failed` (no memory); `output` is then as before, and with
  //         keep_window there is no way on.
  Status deflate(std::string_view message, Buffer& output);

 private:
  struct Stream;

  Status append_flushed(std::string_view message, Buffer& output);

  MessageDeflaterOptions options_;
  std::unique_ptr<Stream> stream_;  // null: nothing is kept
};

}  // namespace fairlead::compress
