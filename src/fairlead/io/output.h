// Output: what a stream has still to send: a buffer that is appended to, and large bodies that are
// shared instead of copied and go out between its bytes.
//
//   buffer   | head 1 |        | head 2, body 2, head 3 |        | head 4, body 4 |
//   shared            | body 1 |                        | body 3 |
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"

namespace fairlead::io {

// Thread: one owner. Views are valid until the next non-const call.
class Output {
 public:
  // To append to. Its bytes go out in the order of appending and sharing.
  Buffer& buffer() { return buffer_; }
  const Buffer& buffer() const { return buffer_; }

  // `bytes`, which own their chunk, go out behind everything so far. They are kept, not copied,
  // until they are consumed.
  void share(Bytes bytes);

  std::size_t size() const { return buffer_.size() + (shared_ == nullptr ? 0 : shared_->bytes); }
  bool empty() const { return size() == 0; }
  bool has_shared() const { return shared_ != nullptr; }

  // The next bytes in order, as at most pieces.size() pieces. Gives how many were set.
  std::size_t gather(std::span<std::string_view> pieces) const;
  // Copies up to `count` bytes from the front to `out`; gives how many. They are not consumed.
  std::size_t copy_front(char* out, std::size_t count) const;
  // From the front; `count` <= size().
  void consume(std::size_t count) {
    if (shared_ != nullptr) return consume_with_shares(count);
    buffer_.consume(count);
  }

  // Copies shared bytes out of chunks more than twice as large as they are. For output that has to
  // wait: what it keeps alive is then near to what it counts.
  void compact();
  static Bytes compacted(Bytes bytes);
  // Gives everything back.
  void release();

 private:
  struct Share {
    std::size_t before;  // bytes of the buffer between the share in front of it and this one
    Bytes bytes;
  };
  struct Shares {
    std::vector<Share> list;
    std::size_t first = 0;    // those before it are gone
    std::size_t bytes = 0;    // of all that are left
    std::size_t covered = 0;  // sum of `before` of all that are left
  };
  void consume_with_shares(std::size_t count);

  Buffer buffer_;
  std::unique_ptr<Shares> shared_;  // null while nothing is shared
};

}  // namespace fairlead::io
