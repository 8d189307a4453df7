// DuplicateWindow: which messages of one sender have been served, and what they were answered, so
// that a message which comes again is answered again instead of being served again.
//
//   never seen --> IN PROGRESS --> KEPT (the answer) --> DROPPED (that it was served) --> forgotten
//
// A message that is forgotten, because `ids_max` others came or `age` has passed, is refused. The
// one that was served the longest ago goes first; what is in progress is never forgotten, and holds
// up nothing behind it. The answers together may take `reply_bytes_max`; beyond it the oldest are
// dropped, and one that is larger by itself is not kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/base/status.h"
#include "fairlead/base/time.h"

namespace fairlead::rpc {

// An answer as it goes on the wire, before its transforms.
struct KeptReply {
  std::string status{};      // encoded text; empty: OK
  std::string metadata{};    // encoded text
  std::string transforms{};  // ids
  std::string body{};
  std::uint8_t body_codec = 0;

  std::size_t bytes() const {
    return sizeof(KeptReply) + status.size() + metadata.size() + transforms.size() + body.size();
  }
};

struct DuplicateOptions {
  std::size_t ids_max = 65536;                // of one sender, 1 .. 1,000,000
  Duration age = std::chrono::minutes(2);     // of a served message, and of a window after its
                                              // connection; > 0
  std::size_t reply_bytes_max = 1024 * 1024;  // of one sender
  // All senders of the process together. A window without a connection goes first.
  std::size_t windows_max = 65536;                   // > 0
  std::size_t process_bytes_max = 64 * 1024 * 1024;  // about; >= reply_bytes_max

  // Errors: kInvalidOperation `dedup.bad_option`.
  Status validate() const;
};

// Thread: one at a time. Cost: a tree's search per message.
class DuplicateWindow {
 public:
  // Called once with the answer that both attempts get; null: it is not kept, or none was made.
  using Waiter = std::function<void(std::shared_ptr<const KeptReply> reply)>;
  static constexpr std::size_t kIdBytes = 128;    // what an id costs, about
  static constexpr std::size_t kWaitersMax = 16;  // of one message

  enum class Seen : std::uint8_t {
    kNew,         // serve it, then complete()
    kInProgress,  // the waiter was kept
    kReplied,     // `reply` is the answer
    kDropped,     // it was served, the answer is not kept
    kForgotten,   // older than the window: perhaps it was served
    kOther,       // the number belonged to another message
    kFull,        // so much is in progress that there is no room
    kCrowded,     // in progress, and as many wait for its answer as may; nothing was kept
  };
  struct Answer {
    Seen seen = Seen::kNew;
    std::shared_ptr<const KeptReply> reply{};
  };

  // `print`: a number that tells messages apart. `waiter` is kept when the message is in progress;
  // `owner` names it for forget_waiters().
  Answer look(std::uint64_t id, std::uint64_t print, const DuplicateOptions& options, Time now,
              std::uint64_t owner, const Waiter& waiter);
  // The message was served, or nobody will: null, there is no answer. Gives who waits for it.
  std::vector<Waiter> complete(std::uint64_t id, std::shared_ptr<const KeptReply> reply,
                               const DuplicateOptions& options, Time now);
  void forget_waiters(std::uint64_t owner);
  // Forgets what was served longer ago than `age`.
  void forget_old(Duration age, Time now);
  // Drops the answers, oldest first, until they take at most `bytes`.
  void drop_replies(std::size_t bytes);

  std::size_t ids() const { return entries_.size(); }
  std::size_t reply_bytes() const { return reply_bytes_; }
  std::size_t bytes() const { return entries_.size() * kIdBytes + reply_bytes_; }

 private:
  struct Waiting {
    std::uint64_t owner;
    Waiter waiter;
  };
  struct Entry {
    std::uint64_t print = 0;
    Time at{};                    // it was served
    std::uint64_t next_done = 0;  // who was served after it; 0: none
    bool in_progress = true;
    std::shared_ptr<const KeptReply> reply{};
    std::unique_ptr<std::vector<Waiting>> waiting{};
  };

  // Forgets what is too old or too much; false: there is no room for one more.
  bool make_room(const DuplicateOptions& options, Time now);
  void forget_first_done();
  void drop(Entry& entry);

  std::map<std::uint64_t, Entry> entries_;
  std::uint64_t first_done_ = 0;  // of those that were served, in the order in which they were
  std::uint64_t last_done_ = 0;   // 0: none
  std::uint64_t forgotten_ = 0;   // the highest id that was
  std::uint64_t dropped_to_ = 0;  // no entry up to this id has an answer
  std::size_t reply_bytes_ = 0;
  std::size_t waiting_ = 0;  // all waiters
};

}  // namespace fairlead::rpc
