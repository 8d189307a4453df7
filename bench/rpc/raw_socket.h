// Reading and writing raw frames on a non-blocking socket with as few calls and copies as one gets
// by hand; the two ceilings share it.
//
//   read_frames():  one recv takes all that is there. Of a cut frame the rest is read straight
//   behind
//                   its beginning when it is large, else the beginning is put in front of the next
//                   read.
//   Outbox:         all frames of a read leave in one call; large bodies are referred to, not
//   copied.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "raw_frame.h"

namespace fairlead::bench {

// From here on a copy costs more than another piece in the list of a gathering call.
inline constexpr std::size_t kLargeBytes = 4096;

// The beginning of a frame that was cut. An idle connection has none, and so no buffer.
struct CutFrame {
  std::unique_ptr<char[]> data{};
  std::uint32_t have = 0;
  std::uint32_t whole = 0;  // bytes of the whole frame when it is large, and `data` has the room

  void keep(std::string_view bytes) {
    have = static_cast<std::uint32_t>(bytes.size());
    whole = 0;
    data.reset();
    if (bytes.empty()) return;
    std::uint32_t length = 0;
    if (have >= sizeof(length)) {
      std::memcpy(&length, bytes.data(), sizeof(length));
      length = ntohl(length);
    }
    if (length > kLargeBytes) whole = length;
    data = std::make_unique_for_overwrite<char[]>(std::max(whole, have));
    std::memcpy(data.get(), bytes.data(), bytes.size());
  }
};

inline constexpr std::size_t kBadFrames = std::string_view::npos;

// Reads until nothing is left. `take(bytes)` handles whole frames at the front of the bytes and
// says how many these were, or kBadFrames. `flush()` follows each read, while the bytes are still
// there. False: the connection is over, or one of the two said so.
template <class Take, class Flush>
bool read_frames(int socket, CutFrame& cut, char* input, std::size_t input_bytes, Take&& take,
                 Flush&& flush) {
  while (true) {
    const std::size_t missing = cut.whole > 0 ? cut.whole - cut.have : 0;
    const std::size_t before = cut.whole > 0 ? 0 : cut.have;
    if (before > 0) std::memcpy(input, cut.data.get(), before);
    std::array<iovec, 2> pieces{
        {{cut.data.get() + cut.have, missing}, {input + before, input_bytes - before}}};
    const ssize_t count = missing > 0
                              ? readv(socket, pieces.data(), static_cast<int>(pieces.size()))
                              : recv(socket, input + before, input_bytes - before, 0);
    if (count == 0) return false;
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    const auto got = static_cast<std::size_t>(count);
    if (got < missing) {
      cut.have += static_cast<std::uint32_t>(got);
      return true;
    }
    // Kept until flush(): the replies may refer to it.
    const std::unique_ptr<char[]> completed = std::move(cut.data);
    if (missing > 0 && take({completed.get(), cut.whole}) != cut.whole) return false;
    const std::string_view bytes(input, before + got - missing);
    const std::size_t used = take(bytes);
    if (used == kBadFrames || !flush()) return false;
    cut.keep(bytes.substr(used));
    if (bytes.size() < input_bytes) return true;  // a short read: nothing more is there
  }
}

// Frames on their way out of one connection after the other. What the system does not take is kept
// in the connection's `unsent`, in order.
class Outbox {
 public:
  // `body` must be there until flush() when it is large.
  void append(std::string_view seq, std::string_view head, std::string_view body) {
    append_raw_head(text_, seq, head, body.size());
    if (body.size() < kLargeBytes || pieces_.size() > kPiecesMax) {
      text_.append(body);
      return;
    }
    pieces_.push_back({text_.size() - text_sent_to_, {}});
    text_sent_to_ = text_.size();
    pieces_.push_back({0, body});
  }

  // False: the connection is over. `unsent` may be left with something: wait for the socket.
  bool flush(int socket, std::string& unsent) {
    if (text_.empty()) return true;
    bool open = true;
    if (pieces_.empty()) {
      const ssize_t count =
          unsent.empty() ? send(socket, text_.data(), text_.size(), MSG_NOSIGNAL) : 0;
      open = count >= 0 || errno == EAGAIN;
      unsent.append(text_, static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    } else {
      open = flush_pieces(socket, unsent);
    }
    text_.clear();
    return open;
  }

  // Tries again with what was kept. False: the connection is over.
  static bool resume(int socket, std::string& unsent) {
    const ssize_t count = send(socket, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (count > 0) unsent.erase(0, static_cast<std::size_t>(count));
    return count >= 0 || errno == EAGAIN;
  }

 private:
  static constexpr std::size_t kPiecesMax = 1000;  // the system takes 1024 at a time

  struct Piece {
    std::size_t text_bytes;  // the next so many of text_, or
    std::string_view body;   // this
  };

  bool flush_pieces(int socket, std::string& unsent) {
    pieces_.push_back({text_.size() - text_sent_to_, {}});
    text_sent_to_ = 0;
    vectors_.clear();
    char* text = text_.data();
    for (const Piece& piece : pieces_) {
      if (piece.body.empty()) {
        if (piece.text_bytes > 0) vectors_.push_back({text, piece.text_bytes});
        text += piece.text_bytes;
      } else {
        vectors_.push_back({const_cast<char*>(piece.body.data()), piece.body.size()});
      }
    }
    pieces_.clear();
    msghdr message{};
    message.msg_iov = vectors_.data();
    message.msg_iovlen = vectors_.size();
    const ssize_t count = unsent.empty() ? sendmsg(socket, &message, MSG_NOSIGNAL) : 0;
    if (count < 0 && errno != EAGAIN) return false;
    auto sent = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    for (const iovec& vector : vectors_) {
      const std::size_t gone = std::min(sent, vector.iov_len);
      sent -= gone;
      unsent.append(static_cast<const char*>(vector.iov_base) + gone, vector.iov_len - gone);
    }
    return true;
  }

  std::string text_;  // heads and small bodies
  std::vector<Piece> pieces_;
  std::size_t text_sent_to_ = 0;  // what of text_ the pieces cover
  std::vector<iovec> vectors_;
};

// Where to connect or to listen: a path, or 127.0.0.1 and a port.
struct SocketAddress {
  SocketAddress(std::string_view host, std::uint16_t port) {
    auto* inet = reinterpret_cast<sockaddr_in*>(&storage);
    inet->sin_family = AF_INET;
    inet->sin_port = htons(port);
    valid = inet_pton(AF_INET, std::string(host).c_str(), &inet->sin_addr) == 1;
    size = sizeof(*inet);
  }
  explicit SocketAddress(std::string_view path) {
    auto* local = reinterpret_cast<sockaddr_un*>(&storage);
    local->sun_family = AF_UNIX;
    valid = path.size() < sizeof(local->sun_path);
    if (valid) std::memcpy(local->sun_path, path.data(), path.size());
    size = sizeof(*local);
  }
  // A socket of this family; -1 when there is none.
  int make_socket(int flags) const {
    return socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }

  sockaddr_storage storage{};
  socklen_t size = 0;
  bool valid = false;
};

inline void send_at_once(int socket) {
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // fails on Unix sockets: no harm
}

}  // namespace fairlead::bench
