// ResendQueue: messages that outlive the connection they were given to, in the order in which they
// were given.
//
//   QUEUED -- begin_write() --> WRITING -- handed over to the system --> SENT
//     ^                            └────── link_lost() ────────────────────┘
//     └── surely not sent, or AT LEAST ONCE ──┘     else --> FAILED
//   any --> REPLIED EXPIRED FAILED: end(), once        QUEUED --> MOVED: take()
//
// | the link breaks while a message is | at most once  | at least once         | best effort   |
// | QUEUED, or no byte had left        | sent again    | sent again            | sent again    |
// | WRITING or SENT                    | ends, UNKNOWN | sent again, same id   | ends, dropped |
//
// QUEUED is the attempt token: who makes a message leave it, the writer by begin_write() or a
// failover by take(), owns the attempt; the other one finds it gone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fairlead/async/deadline.h"
#include "fairlead/base/status.h"

namespace fairlead::rpc {

enum class DeliveryMode : std::uint8_t { kAtMostOnce, kAtLeastOnce, kBestEffort };

// What a full queue does with a PUSH. CALLs are refused in any case.
enum class ResendOverflow : std::uint8_t { kRejectNew, kDropOldest };

// The bytes of all queues of a process. Thread: any. Lifetime: outlives its queues.
class ResendBudget {
 public:
  explicit ResendBudget(std::size_t bytes_max = 64 * 1024 * 1024) : bytes_max_(bytes_max) {}

  void update(std::size_t bytes_max) { bytes_max_.store(bytes_max, std::memory_order_relaxed); }
  std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  bool take(std::size_t bytes);
  // Whether `bytes` more would fit; another core may take them first.
  bool has_room(std::size_t bytes) const {
    return this->bytes() + bytes <= bytes_max_.load(std::memory_order_relaxed);
  }
  void give_back(std::size_t bytes) { bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> bytes_max_;
  std::atomic<std::size_t> bytes_{0};
};

struct ResendOptions {
  std::uint32_t messages_max = 1024;        // of one queue, 1 .. 65536
  std::size_t bytes_max = 8 * 1024 * 1024;  // of one queue, > 0
  Duration ttl = std::chrono::seconds(30);  // nothing is sent again later than this; > 0
  ResendOverflow overflow = ResendOverflow::kRejectNew;
  ResendBudget* process = nullptr;  // null: none is shared

  // Errors: kInvalidOperation `resend.bad_option`.
  Status validate() const;
  // New bounds; `process` stays what it is.
  void take(const ResendOptions& options);
};

// Thread: one core.
class ResendQueue {
 public:
  enum class State : std::uint8_t {
    kNone,  // in no queue yet
    kQueued,
    kWriting,
    kSent,
    kReplied,
    kExpired,
    kMoved,
    kFailed,
  };

  struct Message {
    DeliveryMode mode = DeliveryMode::kAtLeastOnce;
    bool push = false;
    std::size_t bytes = 0;
    Deadline deadline{};
  };

  // Lives in what waits for the message; nothing is allocated for it. Destroying it takes it out.
  class Entry {
   public:
    Entry() = default;
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    State state() const { return state_; }
    const Message& message() const { return message_; }
    std::uint64_t id() const { return id_; }  // 0: none yet
    // Perhaps it has been served: it may be sent only to who knows its id.
    bool uncertain() const { return uncertain_; }
    const void* link() const { return link_; }  // null: not in flight
    bool in_queue() const { return queue_ != nullptr; }
    Time until() const { return until_; }

   protected:
    ~Entry();

   private:
    friend ResendQueue;
    // Once, from the queue, which has let go of it. May destroy it.
    virtual void on_end(Status status) = 0;

    Message message_;
    ResendQueue* queue_ = nullptr;
    Entry* previous_ = nullptr;
    Entry* next_ = nullptr;
    const void* link_ = nullptr;  // while in flight
    std::uint64_t from_ = 0;      // its bytes in the life of that link
    std::uint64_t to_ = 0;
    std::uint64_t id_ = 0;
    std::uint64_t window_ = 0;  // the receiver's, under which it was sent
    Time until_{};
    State state_ = State::kNone;
    bool uncertain_ = false;
    bool acknowledged_ = false;  // a PUSH: its receiver says what became of it
  };

  struct Counts {
    std::uint32_t queued = 0;
    std::uint32_t writing = 0;
    std::uint32_t sent = 0;
  };

  // `options` have been validated.
  explicit ResendQueue(ResendOptions options) : options_(options) {}
  ~ResendQueue();
  ResendQueue(const ResendQueue&) = delete;
  ResendQueue& operator=(const ResendQueue&) = delete;

  // Puts a message at the end. With kDropOldest a PUSH makes place for itself: the oldest queued
  // PUSHes end with the same 111, or none where that would not be enough.
  // Errors: kSendQueueFull `resend.full`, kDeadlineExceeded `call.deadline`; NOT_SENT, without
  //         on_end().
  Status add(Entry& entry, const Message& message, Time now);

  // The first that waits to be sent; null: none does.
  Entry* next_queued() const { return counts_.queued == 0 ? nullptr : first_queued(); }
  // Takes the attempt: `entry` is queued. `window`: the receiver's, 0 where messages have no ids;
  // an entry keeps the id that it has. `acknowledges`: false where a PUSH of at_least_once() is
  // surely not acknowledged: it ends when it was handed over.
  void begin_write(Entry& entry, const void* link, std::uint64_t window, bool acknowledges = true);
  // Its bytes in the life of the link.
  void wrote(Entry& entry, std::uint64_t from, std::uint64_t to);
  // It could not be written after all, no byte of it: queued as before.
  void take_back(Entry& entry);
  // As above for one that was refused by its receiver because another connection has its window.
  void send_again(Entry& entry);
  // Bytes of `link` that the system has taken. A best-effort message that is sent is done.
  void handed_over(const void* link, std::uint64_t bytes);
  // See the table. Those that end do so with kConnectionClosed `session.closed` and `cause`.
  void link_lost(const void* link, std::uint64_t handed_over, std::string_view cause);
  // What may be served already is only sent to a receiver that still has `window`; the rest of it
  // ends, UNKNOWN. 0: the receiver keeps none.
  void window_is(std::uint64_t window);

  // A failover's attempt: the queue lets go of it without on_end(). False: it is not queued, or
  // perhaps served.
  bool take(Entry& entry);
  // Ends one, `how` is a last state.
  void end(Entry& entry, State how, Status status);
  // Lets go of one that nobody waits for any more, without on_end().
  void drop(Entry& entry);
  Entry* find(std::uint64_t id) const;
  bool in_flight_on(const void* link) const;
  bool in_doubt() const;  // something queued was perhaps served
  // The first that is queued, surely not sent, and pleases.
  template <class Predicate>
  Entry* find_unsent(Predicate&& pleases) const {
    for (Entry* entry = first_; entry != nullptr; entry = entry->next_) {
      if (entry->state_ == State::kQueued && !entry->uncertain_ && pleases(*entry)) return entry;
    }
    return nullptr;
  }
  // Ends what is queued, and PUSHes that wait for their acknowledgement, at their time.
  void expire(Time now);
  // When there is something to expire; max: never.
  Time next_expiry() const;
  // Ends all: with `unsent`, NOT_SENT, or where it is perhaps sent with kConnectionClosed
  // `resend.closed`, UNKNOWN.
  void close(const Status& unsent);
  // The same for those that are queued.
  void close_queued(const Status& unsent);

  // For new messages. They have been validated; `process` stays what it is.
  void update(const ResendOptions& options) { options_.take(options); }

  const ResendOptions& options() const { return options_; }
  const Counts& counts() const { return counts_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Entry* first_queued() const;
  std::uint32_t& count_of(State state);
  void set_state(Entry& entry, State state);
  void unlink(Entry& entry);
  void requeue(Entry& entry);
  Status make_room(const Message& message);
  // The bound that `message` would break if so much of what is here had gone; empty: none.
  std::string_view bound_before(const Message& message, std::size_t messages_gone,
                                std::size_t bytes_gone) const;
  Entry* oldest_queued_push() const;
  static bool waits_for_time(const Entry& entry);
  static Status expired(const Entry& entry, Time now);
  void end_closed(Entry& entry, const Status& unsent);

  ResendOptions options_;
  Entry* first_ = nullptr;
  Entry* last_ = nullptr;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  Counts counts_;
  std::uint64_t last_id_ = 0;
};

}  // namespace fairlead::rpc
