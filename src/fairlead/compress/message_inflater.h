// MessageInflater: undoes deflate (RFC 1951) of a stream of messages that share one window, as
// permessage-deflate of WebSocket has it (RFC 7692 section 7.2.2).
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"
#include "fairlead/compress/limits.h"

namespace fairlead::compress {

struct MessageInflaterOptions {
  int window_bits = 15;     // 8 .. 15: what the sender uses, or more
  bool keep_window = true;  // a message may refer to those before it
  InflateLimits limits{};   // of one message; may_be_cut means nothing here
};

// A message is given in one piece or in many, then ended. The four bytes 00 00 FF FF that a sender
// takes off each message are put back by end_message().
//
// Memory: about 7 KiB and the window (1 << window_bits bytes) from the first byte that is given;
// without keep_window only while a message is unfinished.
// Thread: one owner.
class MessageInflater {
 public:
  explicit MessageInflater(MessageInflaterOptions options);  // window_bits in its range
  MessageInflater(MessageInflater&&) noexcept;
  MessageInflater& operator=(MessageInflater&&) noexcept;
  ~MessageInflater();

  // Appends what `piece` of the current message inflates to onto `output`, which grows by at most
  // one byte above limits.bytes_max of a message.
  // Errors: kBadMessage `compress.bad_data`, kTooLarge `compress.too_big` (bytes_max),
  //         kTooLarge `compress.bomb` (ratio_max), kInternal `compress.failed` (no memory).
  //         There is no way on after any of them.
  Status inflate(std::string_view piece, Buffer& output);

  // The current message has no more bytes: appends what is left of it. The next piece begins
  // another. Errors: as inflate(), and kBadMessage `compress.bad_data` when the message is cut.
  Status end_message(Buffer& output);

 private:
  struct Stream;

  MessageInflaterOptions options_;
  std::unique_ptr<Stream> stream_;  // null: nothing is kept
  std::size_t in_bytes_ = 0;        // of the current message
  std::size_t out_bytes_ = 0;
};

}  // namespace fairlead::compress
