// A stream over a TCP or Unix socket.
//
// Reading: into the core's shared chunk. Only when a unit is cut does the stream own memory: a
// short rest is copied out and put in front of the next read; a unit that is known to be large gets
// a chunk of its own, into which the rest is read directly, and what follows it while much comes.
#pragma once

#include "fairlead/io/epoll_core.h"

namespace fairlead::io::internal {

// No delay, keep-alive after 60 s, 30 s for unacknowledged bytes.
void set_tcp_options(int socket);

class SocketStream final : private Watcher, public Stream {
 public:
  // `pass`: that it counts as a connection of those limits.
  SocketStream(EpollCore& core, Descriptor socket, ConnectionPass pass = {});
  ~SocketStream() override;

  void start(StreamHandler& handler) override;
  void hand_over(StreamHandler& handler) override;
  void pause() override { paused_ = true; }
  void resume() override;
  void close() override;
  void abort(Status why) override;
  std::size_t untaken_bytes() const override;
  Address peer() const override;
  Address local() const override;

 private:
  // A cut unit longer than this is read into a chunk of its own.
  static constexpr std::size_t kOwnChunkBytes = 32 * 1024;
  // After a read of so many bytes more of them are expected: there is room for as many again.
  static constexpr std::size_t kBulkBytes = 128 * 1024;
  // Reads in one turn, after which other streams have theirs.
  static constexpr int kReadsPerTurnMax = 16;

  EpollCore& core() const { return static_cast<EpollCore&>(core_); }
  void on_events(std::uint32_t events) override;
  void on_again() override;
  void flush() override;

  void read(bool until_empty);
  bool read_once(bool& more);
  ssize_t receive(Bytes& input, std::size_t& space);
  ssize_t send_pieces();
  void deliver(const Bytes& input);
  void deliver_handed_over(const Bytes& input, ReadResult result);
  bool begin_answers();
  void end_answers();
  void keep_rest(const Bytes& input, ReadResult result);
  void ask_for_writability(bool wanted);
  void finish_aborted();
  void finish(Status why);

  // Here they lie in the end of Stream, so that an idle connection costs no word more.
  bool paused_ : 1 = false;
  bool ended_ : 1 = false;    // the peer sends no more
  bool closing_ : 1 = false;  // closed once the output is sent
  bool again_ : 1 = false;
  bool rest_is_read_into_ = false;  // the next bytes go straight behind rest_
  Descriptor socket_;
  ConnectionPass pass_;  // ends after the descriptor
  StreamHandler* handler_ = nullptr;
  ChunkRef rest_;  // the bytes that were not consumed, at its front
  std::size_t rest_bytes_ = 0;
  Status abort_why_;  // by abort(), or met by a write
};

}  // namespace fairlead::io::internal
