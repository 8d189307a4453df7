// The Core on edge-triggered epoll.
//
// A stream is registered once, for reading, and asks for writability only while the system takes
// no more. One call in a quiet loop costs three system calls: epoll_wait, recv, send.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "fairlead/base/bytes.h"
#include "fairlead/io/connection_limits.h"
#include "fairlead/io/core.h"
#include "fairlead/io/descriptor.h"
#include "fairlead/io/spin_policy.h"

namespace fairlead::io::internal {

// Whoever has a descriptor in the epoll set. Must stay alive until the turn ends.
class Watcher {
 public:
  virtual void on_events(std::uint32_t events) = 0;
  // Called in the turn after EpollCore::again().
  virtual void on_again() {}

 protected:
  ~Watcher() = default;
};

class EpollCore final : public Core {
 public:
  EpollCore(Descriptor epoll, Descriptor wake_up, CoreOptions options);
  ~EpollCore() override;

  std::int64_t wall_ms() const override;
  Result<std::unique_ptr<Listener>> listen(const Address& address, ListenOptions options,
                                           AcceptHandler handler) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Address address, Deadline deadline,
                                                CancelToken cancel) override;
  Result<std::unique_ptr<Disposable>> watch_readable(int fd, std::function<void()> ready) override;

  ListeningSockets* sockets() const { return sockets_; }

  // False when the system refuses (out of watches).
  bool add(int fd, std::uint32_t events, Watcher& watcher);
  void modify(int fd, std::uint32_t events, Watcher& watcher);
  void remove(int fd);
  // The same for a listening socket that other cores watch too. Its events come before all others
  // of a turn: of a new connection only one core is told, and if that one then got stuck in a
  // handler the connection would wait with it.
  bool add_acceptor(int fd, std::uint32_t events, Watcher& watcher);
  void remove_acceptor(int fd);
  // Calls the watcher's on_again() in the next turn, which then does not wait.
  void again(Watcher& watcher) { again_.push_back(&watcher); }
  void forget_again(Watcher& watcher);

  // Space for one read, in the chunk that all streams of this core share: from `data`, `size`
  // bytes. `size` is at least kReadBytesMin; views of earlier reads are never overwritten.
  struct ReadSpace {
    ChunkRef chunk;
    char* data;
    std::size_t size;
  };
  ReadSpace read_space();
  // Tells how much of the last space was filled.
  void read_filled(std::size_t bytes) { read_filled_ = bytes; }

  // Memory for answers that leave when the read ends: streams borrow it, so that none has to grow a
  // buffer of its own each time.
  Buffer& spare_output() { return spare_output_; }
  // Takes the memory of an empty buffer.
  void give_back(Buffer& output) {
    if (output.capacity() <= kSpareBytesMax) spare_output_.swap(output);
    if (output.capacity() != 0) output.release();
  }

  // Takes over a socket whose sending side is done: reads and drops what still comes, so that the
  // peer can read our last bytes instead of being reset; closes it at its end or after a second.
  void linger(Descriptor socket, ConnectionPass pass);

  using Core::add_load;

  static constexpr std::size_t kReadBytesMin = 64 * 1024;

 protected:
  Time read_clock() const override { return steady_now(); }
  void poll(Deadline deadline) override;
  void wake() override;

 private:
  class Lingerer;
  friend Lingerer;

  int wait(Deadline deadline);
  int look(Deadline deadline);
  void run_acceptors(int events);

  static constexpr std::size_t kReadChunkBytes = 256 * 1024 - 64;  // a block of the pool
  static constexpr std::size_t kSpareBytesMax = 256 * 1024;
  static constexpr int kEventsMax = 512;

  Descriptor epoll_;
  Descriptor wake_up_;
  SpinPolicy spin_;
  ListeningSockets* const sockets_;  // null: nobody goes on with ours
  ChunkRef read_chunk_;
  std::size_t read_used_ = 0;
  std::size_t read_filled_ = 0;
  Buffer spare_output_;
  std::size_t acceptors_ = 0;
  std::vector<Watcher*> again_;
  std::vector<Watcher*> running_again_;
  std::vector<std::unique_ptr<Lingerer>> lingerers_;
  std::vector<epoll_event> events_;
};

}  // namespace fairlead::io::internal
