#include "fairlead/io/socket_stream.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "fairlead/io/system_calls.h"

// The way of a quiet read is one function for the compiler (always_inline): calls between its parts
// would be a tenth of its instructions.
namespace fairlead::io::internal {
namespace {

constexpr std::uint32_t kReadEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

// What cannot leave yet stays with us beyond this, where it is counted, and may be shared.
constexpr int kUnsentBytesMax = 256 * 1024;

Status connection_error(int error) {
  const std::string_view reason = error == ECONNRESET || error == EPIPE ? "connection.reset"
                                  : error == ETIMEDOUT                  ? "connection.timeout"
                                                                        : "connection.failed";
  return Status(Code::kConnectionClosed, reason, std::strerror(error));
}

// For a peer that does not take what is sent: without it the system goes on offering what it holds,
// megabytes for minutes, for a connection of which nobody here knows any more.
void reset_when_closed(int socket) {
  constexpr linger kAtOnce = {.l_onoff = 1, .l_linger = 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &kAtOnce, sizeof(kAtOnce));
}

}  // namespace

void set_tcp_options(int socket) {
  const auto set = [socket](int level, int name, int value) {
    setsockopt(socket, level, name, &value, sizeof(value));
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
  set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentBytesMax);
}

// An idle connection owns this and nothing else down here.
static_assert(sizeof(SocketStream) <= 120);

SocketStream::SocketStream(EpollCore& core, Descriptor socket, ConnectionPass pass)
    : Stream(core), socket_(std::move(socket)), pass_(std::move(pass)) {
  core.add_load(1);
}

SocketStream::~SocketStream() {
  if (again_) core().forget_again(*this);
  if (socket_.valid() && handler_ != nullptr) core().remove(socket_.get());
  socket_.reset();  // before its pass
  core().add_load(-1);
}

void SocketStream::start(StreamHandler& handler) {
  if (handler_ != nullptr) return hand_over(handler);
  handler_ = &handler;
  if (!core().add(socket_.get(), kReadEvents, *this)) abort(connection_error(errno));
}

void SocketStream::hand_over(StreamHandler& handler) {
  FL_CHECK(handler_ != nullptr);
  handler_ = &handler;
  ended_ = false;  // the next read meets the end again
  paused_ = true;
  resume();
}

std::size_t SocketStream::untaken_bytes() const {
  int held = 0;
  if (ioctl(socket_.get(), SIOCOUTQ, &held) != 0 || held < 0) held = 0;
  return unsent_bytes() + static_cast<std::size_t>(held);
}

Address SocketStream::peer() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (getpeername(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return Address::from_socket(storage, length);
}

Address SocketStream::local() const {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
  return Address::from_socket(storage, length);
}

void SocketStream::on_events(std::uint32_t events) {
  if (!socket_.valid()) return;
  const bool writable = (events & EPOLLOUT) != 0 && blocked_;
  // What a peer said before it broke the connection is heard before a write finds it broken.
  const bool read_first = (events & (EPOLLHUP | EPOLLERR)) != 0 && !paused_;
  if (writable && !read_first) {
    flush();
    if (!socket_.valid()) return;
  }
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return;
  const bool flush_here = begin_answers();
  read((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
  if (flush_here) end_answers();
  if (writable && read_first && blocked_ && !again_ && !paused_) flush();
}

void SocketStream::on_again() {
  again_ = false;
  if (!socket_.valid() || paused_) return;
  const bool flush_here = begin_answers();
  if (rest_bytes_ > 0) deliver(Bytes(rest_, {rest_->data(), rest_bytes_}));
  if (socket_.valid() && !paused_ && !closing_) read(true);
  if (flush_here) end_answers();
}

// What the handler writes while it reads leaves when the read ends, not when the turn does: the
// socket is still in the cache, and one spare buffer serves all streams. True: end_answers() is to
// follow.
[[gnu::always_inline]] inline bool SocketStream::begin_answers() {
  if (output_.buffer().capacity() == 0) output_.buffer().swap(core().spare_output());
  return !std::exchange(flush_scheduled_, true);
}

[[gnu::always_inline]] inline void SocketStream::end_answers() {
  flush_scheduled_ = false;
  if (!blocked_ || !abort_why_.ok()) flush();
}

void SocketStream::resume() {
  if (!paused_) return;
  paused_ = false;
  if (again_) return;
  again_ = true;
  core().again(*this);
}

// `until_empty`: more may lie there than a short read tells, because an end or error is near.
void SocketStream::read(bool until_empty) {
  for (int reads = 0; reads < kReadsPerTurnMax; ++reads) {
    // Who resumes, or was just handed the stream, sees the rest in a turn of its own, before an
    // end.
    if (paused_ || closing_ || ended_ || again_) return;
    bool more = until_empty;
    if (!read_once(more) || !more) return;
  }
  if (!again_) {
    again_ = true;
    core().again(*this);
  }
}

// One recv and its handling. False: nothing more to read now, or the stream is closed.
[[gnu::always_inline]] inline bool SocketStream::read_once(bool& more) {
  Bytes input;
  std::size_t space = 0;
  const ssize_t count = receive(input, space);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return errno == EINTR;
    finish(connection_error(errno));
    return false;
  }
  if (count == 0) {
    ended_ = true;
    handler_->on_end();
    return false;
  }
  more = more || static_cast<std::size_t>(count) == space;
  deliver(input);
  return socket_.valid();
}

// Reads behind the rest of the last read. `input` becomes rest and new bytes together.
[[gnu::always_inline]] inline ssize_t SocketStream::receive(Bytes& input, std::size_t& space) {
  if (rest_is_read_into_) {  // a large unit: straight into its own chunk
    space = rest_->capacity() - rest_bytes_;
    const ssize_t count = receive_bytes(socket_.get(), rest_->data() + rest_bytes_, space);
    if (count > 0) {
      rest_bytes_ += static_cast<std::size_t>(count);
      input = Bytes(rest_, {rest_->data(), rest_bytes_});
    }
    return count;
  }
  EpollCore::ReadSpace room = core().read_space();
  const bool has_rest = rest_bytes_ > 0;
  if (has_rest) std::memcpy(room.data, rest_->data(), rest_bytes_);
  space = room.size - rest_bytes_;
  const ssize_t count = receive_bytes(socket_.get(), room.data + rest_bytes_, space);
  if (count > 0) {
    const std::size_t filled = rest_bytes_ + static_cast<std::size_t>(count);
    core().read_filled(filled);
    input = Bytes(std::move(room.chunk), {room.data, filled});
    if (has_rest) {
      rest_ = ChunkRef();
      rest_bytes_ = 0;
    }
  }
  return count;
}

[[gnu::always_inline]] inline void SocketStream::deliver(const Bytes& input) {
  StreamHandler* const handler = handler_;
  const ReadResult result = handler->on_read(input);
  FL_DCHECK(result.consumed <= input.size());
  if (handler_ != handler) [[unlikely]]
    return deliver_handed_over(input, result);
  if (rest_bytes_ == 0 && result.consumed == input.size()) [[likely]]
    return;  // nothing was kept, and nothing is to be
  if (socket_.valid()) keep_rest(input, result);
}

// The handler gave the stream to another one, which gets what is left at once: a first request is
// neither copied nor does it wait for a turn.
void SocketStream::deliver_handed_over(const Bytes& input, ReadResult result) {
  if (!socket_.valid()) return;
  if (paused_ || closing_ || !again_ || result.consumed == input.size()) {
    return keep_rest(input, result);
  }
  again_ = false;
  core().forget_again(*this);
  deliver(input.slice(result.consumed));
}

void SocketStream::keep_rest(const Bytes& input, ReadResult result) {
  const std::size_t left = input.size() - result.consumed;
  rest_bytes_ = left;
  if (left == 0) {
    rest_ = ChunkRef();
    rest_is_read_into_ = false;
    return;
  }
  std::size_t wanted = 0;  // the size of a chunk of its own
  if (result.wanted > kOwnChunkBytes) wanted = result.wanted;
  if (left >= kOwnChunkBytes && wanted <= left) wanted = left * 2;
  const bool in_place = rest_is_read_into_ && input.data() == rest_->data() &&
                        result.consumed == 0 && rest_->capacity() > left &&
                        rest_->capacity() >= wanted;
  if (in_place) return;
  rest_is_read_into_ = wanted > left;
  if (rest_is_read_into_ && input.size() >= kBulkBytes) wanted += kBulkBytes;
  ChunkRef kept(std::max(wanted, left));
  std::memcpy(kept->data(), input.data() + result.consumed, left);
  rest_ = std::move(kept);
}

void SocketStream::flush() {
  if (!socket_.valid()) return;
  if (!abort_why_.ok()) return finish_aborted();
  while (!output_.empty()) {
    const ssize_t sent =
        output_.has_shared()
            ? send_pieces()
            : send_bytes(socket_.get(), output_.buffer().view().data(), output_.size());
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) {
        abort_why_ = connection_error(errno);
        closing_ = true;  // a read would take it for the peer's end: the error is told once
        return finish_aborted();
      }
      output_.compact();
      return ask_for_writability(true);
    }
    output_.consume(static_cast<std::size_t>(sent));
  }
  core().give_back(output_.buffer());
  if (closing_) {
    if (!flush_scheduled_) finish(Status());
    return;
  }
  if (!blocked_) return;
  ask_for_writability(false);
  handler_->on_sent();
}

// Not inside wrote(), whose caller is in the middle of something: the flush that is scheduled then
// comes here again.
void SocketStream::finish_aborted() {
  if (!flush_scheduled_) finish(std::exchange(abort_why_, Status()));
}

// Not inlined: what is seldom needed here would cost each flush its room on the stack.
[[gnu::noinline]] ssize_t SocketStream::send_pieces() {
  constexpr std::size_t kPiecesMax = 32;
  std::array<std::string_view, kPiecesMax> pieces;
  std::array<iovec, kPiecesMax> vectors;
  const std::size_t count = output_.gather(pieces);
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i] = {const_cast<char*>(pieces[i].data()), pieces[i].size()};
  }
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = count;
  return sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
}

void SocketStream::ask_for_writability(bool wanted) {
  if (blocked_ == wanted) return;
  blocked_ = wanted;
  core().modify(socket_.get(), wanted ? kReadEvents | EPOLLOUT : kReadEvents, *this);
}

void SocketStream::close() {
  if (!socket_.valid() || closing_) return;
  closing_ = true;
  if (!flush_scheduled_ && !blocked_) schedule_flush();
}

void SocketStream::abort(Status why) {
  if (!socket_.valid() || !abort_why_.ok()) return;
  FL_CHECK(!why.ok());
  closing_ = true;
  abort_why_ = std::move(why);
  if (!flush_scheduled_) schedule_flush();
}

void SocketStream::finish(Status why) {
  core().remove(socket_.get());
  if (why.ok() && !ended_) {
    shutdown(socket_.get(), SHUT_WR);
    core().linger(std::move(socket_), std::move(pass_));
    socket_ = Descriptor();
  } else {
    if (!output_.empty()) reset_when_closed(socket_.get());
    socket_.reset();
    pass_.reset();
  }
  rest_ = ChunkRef();
  rest_bytes_ = 0;
  rest_is_read_into_ = false;
  handler_->on_close(std::move(why));  // may ask how much was not sent
  output_.release();
}

}  // namespace fairlead::io::internal
