// Stream: one connection's bytes in both directions, and who handles them.
//
//   OPEN -- end of the peer's bytes --> on_end()   (writing is still possible)
//   OPEN -- error, close() done, reset --> CLOSED: on_close(), exactly once, nothing after it
#pragma once

#include <cstddef>
#include <cstdint>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/status.h"
#include "fairlead/io/address.h"
#include "fairlead/io/output.h"

namespace fairlead::io {

class Core;

// Something that dies at the end of a turn of the loop, when no frame of it is on the stack.
class Disposable {
 public:
  Disposable() = default;
  Disposable(const Disposable&) = delete;
  Disposable& operator=(const Disposable&) = delete;
  virtual ~Disposable() = default;
};

// What on_read() did with its input.
struct ReadResult {
  std::size_t consumed = 0;  // bytes taken from the front
  // Bytes that the unit at the front needs in all, when it is cut and its length is known; room
  // for it is made at once. 0: unknown.
  std::size_t wanted = 0;
};

// Why a stream is closed, for those that can tell the peer.
enum class Goodbye : std::uint8_t {
  kDone,
  kGoingAway,      // this side ends
  kNotUnderstood,  // what came breaks a rule of its protocol
  kTooLarge,       // what came is beyond a limit
  kRefused,        // the peer may not speak here
  kFault,          // this side failed
};

// Called by a Stream on its core. It may write, close and dispose of the stream in every call.
class StreamHandler {
 public:
  // `input` is everything that was read and not consumed, from the front. What is not consumed
  // comes again, longer. A view that must outlive the call keeps `input`'s chunk.
  virtual ReadResult on_read(const Bytes& input) = 0;
  // The peer sends no more. Bytes that were never consumed are a cut unit. Usually: finish what is
  // under way, then close().
  virtual void on_end() = 0;
  // The stream is dead: OK after close(), else why. Dispose of it (Core::dispose).
  virtual void on_close(Status why) = 0;
  // All output has been handed to the system, after some of it had to wait.
  virtual void on_sent() {}
  // Of streams that carry messages: one is under way of which `bytes` have come, and no more for
  // now. on_read() follows when it is whole.
  virtual void on_part(std::size_t) {}

 protected:
  ~StreamHandler() = default;
};

// Thread: the Core it was made on. Lifetime: owned by the handler's side, given back through
// Core::dispose(). Output written while a read of this stream is handled leaves in one write when
// that read ends, other output at the turn's end, both earlier when kFlushBytes were appended or
// kFlushSharedBytes wait in all: nothing waits on a timer.
class Stream : public Disposable {
 public:
  static constexpr std::size_t kFlushBytes = 64 * 1024;
  static constexpr std::size_t kFlushSharedBytes = 256 * 1024;
  // From this size on sharing a body is cheaper than copying it.
  static constexpr std::size_t kSharedBytesMin = 16 * 1024;

  ~Stream() override;

  // Must be called before the turn in which the stream was made ends. On a stream that somebody has
  // started already it is hand_over(), so that whoever takes a stream takes both kinds.
  virtual void start(StreamHandler& handler) = 0;
  // Another handler from here on, after start(): a reader of first bytes gives the stream to who
  // understands them. What was read and not consumed, and the peer's end, come to `handler`, never
  // inside this call. From on_read(): what that says to have consumed is gone, and what is left may
  // come as soon as it returns.
  virtual void hand_over(StreamHandler& handler) = 0;

  // Append to it, then call wrote(). Dropped when the stream is closed.
  Buffer& output() { return output_.buffer(); }
  // `bytes`, which own their chunk, are sent behind what was appended so far. They are not copied,
  // unless they must wait and would keep a much larger chunk alive. Then call wrote().
  void share(Bytes bytes) {
    output_.share(blocked_ ? Output::compacted(std::move(bytes)) : std::move(bytes));
  }
  // Schedules the flush (see above), or flushes now what has grown past its limit. Calls no
  // handler: that the connection has ended is told by the flush that is scheduled.
  void wrote() {
    if (!flush_scheduled_) schedule_flush();
    if (is_much() && !blocked_) flush();
  }
  // Everything that was appended and not ended before is one message. For streams that carry
  // messages; to others it means nothing. Before wrote().
  virtual void end_message() {}
  // Bytes that the system has not taken yet; still right in on_close().
  std::size_t unsent_bytes() const { return output_.size(); }

  // What the peer has not acknowledged: those, and what the system holds for it. Asked from the
  // system each time; for rules about slow readers, since the system takes megabytes at once.
  virtual std::size_t untaken_bytes() const { return unsent_bytes(); }

  // No on_read() until resume(). What was read and not consumed comes again then. For
  // back-pressure; a paused stream does not notice that the peer has gone.
  virtual void pause() = 0;
  virtual void resume() = 0;

  // Why the next close() comes; the first that is not kDone counts. To streams that have no word
  // for it, it means nothing.
  virtual void set_goodbye(Goodbye) {}
  // Sends what was written, then closes; on_close(OK) follows, never inside this call.
  virtual void close() = 0;
  // Drops unsent output and closes; on_close(`why`) follows, never inside this call. If there was
  // such output, also what the system holds is dropped, and a peer over TCP gets a reset.
  virtual void abort(Status why) = 0;

  // Whether it finds out by itself that a silent peer has gone, by pings below its bytes.
  virtual bool probes_peer() const { return false; }

  // Asked from the system each time, so that an idle stream stays small; empty once closed.
  virtual Address peer() const = 0;
  virtual Address local() const = 0;

 protected:
  friend Core;
  explicit Stream(Core& core) : core_(core) {}
  void schedule_flush();
  bool is_much() const {
    return output_.buffer().size() >= kFlushBytes || output_.size() >= kFlushSharedBytes;
  }
  // Sends as much as the system takes. While one is scheduled this may be inside wrote(): no
  // on_close() then.
  virtual void flush() = 0;

  Core& core_;
  Output output_;
  bool flush_scheduled_ = false;
  bool blocked_ = false;  // the system takes no more for now
};

// A listening socket. Destroying it closes it (and removes the file of a Unix socket), and
// connections that have not reached the handler with it.
class Listener : public Disposable {
 public:
  virtual const Address& local() const = 0;
  // On the listener's core. Whoever is connected already is accepted in this turn, and from then on
  // nobody can connect: so nobody is cut off who was just in time. Idempotent.
  virtual void stop() = 0;
};

}  // namespace fairlead::io
