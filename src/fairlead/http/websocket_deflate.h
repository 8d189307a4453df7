// What permessage-deflate needs on one connection: the reader's inflater and the sender's deflater.
#pragma once

#include <cstddef>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/result.h"
#include "fairlead/compress/message_deflater.h"
#include "fairlead/compress/message_inflater.h"
#include "fairlead/http/proto/websocket_deflate.h"
#include "fairlead/http/proto/websocket_reader.h"

namespace fairlead::http {

// The reader's inflater, made of compress::MessageInflater: messages above `bytes_max`, and those
// that inflate to more than `ratio_max` times their size beyond 64 KiB, are faults.
// Memory, thread: as compress::MessageInflater.
class WebSocketMessageInflater final : public proto::WebSocketInflater {
 public:
  WebSocketMessageInflater(int window_bits, bool keep_window, std::size_t bytes_max,
                           std::size_t ratio_max);

  proto::WebSocketFault inflate(std::string_view piece, Buffer& output) override;
  proto::WebSocketFault end_message(Buffer& output) override;

 private:
  compress::MessageInflater inflater_;
};

// Both directions of a connection, as agreed in its handshake, seen from `role`. It holds no state
// of the library before the first compressed message, nor between messages without a window.
class WebSocketDeflateState {
 public:
  WebSocketDeflateState(const proto::WebSocketDeflate& agreed, proto::WebSocketRole role,
                        std::size_t message_bytes_max, std::size_t ratio_max);

  WebSocketMessageInflater& inflater() { return inflater_; }
  // Appends `message`, packed, to `packed`. True: it is to be sent so. False: it is not worth it.
  // Errors: kInternal `compress.failed`; the connection cannot go on.
  Result<bool> deflate(std::string_view message, Buffer& packed);

 private:
  WebSocketMessageInflater inflater_;
  compress::MessageDeflater deflater_;
  const bool keeps_window_;  // of what this side sends
};

}  // namespace fairlead::http
