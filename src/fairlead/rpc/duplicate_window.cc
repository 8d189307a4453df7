#include "fairlead/rpc/duplicate_window.h"

#include <algorithm>
#include <utility>

namespace fairlead::rpc {

Status DuplicateOptions::validate() const {
  const auto bad = [](std::string_view what) {
    return Status(Code::kInvalidOperation, "dedup.bad_option", what);
  };
  if (ids_max < 1 || ids_max > 1'000'000) return bad("dedup.ids goes from 1 to 1000000");
  if (age <= Duration::zero()) return bad("dedup.age must be greater than zero");
  if (windows_max < 1) return bad("dedup.windows_max must be greater than zero");
  if (process_bytes_max < reply_bytes_max) {
    return bad("dedup.process_bytes_max must not be below dedup.bytes");
  }
  return {};
}

bool DuplicateWindow::make_room(const DuplicateOptions& options, Time now) {
  forget_old(options.age, now);
  while (first_done_ != 0 && entries_.size() >= options.ids_max) forget_first_done();
  return entries_.size() < options.ids_max;
}

void DuplicateWindow::forget_old(Duration age, Time now) {
  while (first_done_ != 0 && now - entries_.find(first_done_)->second.at >= age) {
    forget_first_done();
  }
}

// Lower numbers may be in progress still: look() finds them before it asks what is forgotten.
void DuplicateWindow::forget_first_done() {
  const auto first = entries_.find(first_done_);
  drop(first->second);
  forgotten_ = std::max(forgotten_, first_done_);
  first_done_ = first->second.next_done;
  if (first_done_ == 0) last_done_ = 0;
  entries_.erase(first);
}

DuplicateWindow::Answer DuplicateWindow::look(std::uint64_t id, std::uint64_t print,
                                              const DuplicateOptions& options, Time now,
                                              std::uint64_t owner, const Waiter& waiter) {
  if (const auto found = entries_.find(id); found != entries_.end()) {
    Entry& entry = found->second;
    if (entry.print != print) return {Seen::kOther};
    if (!entry.in_progress) {
      return entry.reply != nullptr ? Answer{Seen::kReplied, entry.reply} : Answer{Seen::kDropped};
    }
    if (entry.waiting == nullptr) entry.waiting = std::make_unique<std::vector<Waiting>>();
    if (entry.waiting->size() >= kWaitersMax) return {Seen::kCrowded};
    entry.waiting->push_back({owner, waiter});
    ++waiting_;
    return {Seen::kInProgress};
  }
  if (id <= forgotten_) return {Seen::kForgotten};
  if (!make_room(options, now)) return {Seen::kFull};
  if (id <= forgotten_) return {Seen::kForgotten};
  Entry& entry = entries_[id];
  entry.print = print;
  entry.at = now;
  return {Seen::kNew};
}

std::vector<DuplicateWindow::Waiter> DuplicateWindow::complete(
    std::uint64_t id, std::shared_ptr<const KeptReply> reply, const DuplicateOptions& options,
    Time now) {
  std::vector<Waiter> waiters;
  const auto found = entries_.find(id);
  if (found == entries_.end() || !found->second.in_progress) return waiters;
  Entry& entry = found->second;
  entry.in_progress = false;
  entry.at = now;
  (last_done_ == 0 ? first_done_ : entries_.find(last_done_)->second.next_done) = id;
  last_done_ = id;
  if (entry.waiting != nullptr) {
    for (Waiting& waiting : *entry.waiting) waiters.push_back(std::move(waiting.waiter));
    waiting_ -= waiters.size();
    entry.waiting.reset();
  }
  const std::size_t bytes = reply != nullptr ? reply->bytes() : 0;
  if (reply == nullptr || bytes > options.reply_bytes_max) return waiters;
  drop_replies(options.reply_bytes_max - bytes);
  entry.reply = std::move(reply);
  reply_bytes_ += bytes;
  dropped_to_ = std::min(dropped_to_, id - 1);
  return waiters;
}

void DuplicateWindow::forget_waiters(std::uint64_t owner) {
  for (auto at = entries_.begin(); at != entries_.end() && waiting_ > 0; ++at) {
    if (at->second.waiting == nullptr) continue;
    waiting_ -=
        std::erase_if(*at->second.waiting, [&](const Waiting& one) { return one.owner == owner; });
  }
}

void DuplicateWindow::drop_replies(std::size_t bytes) {
  for (auto at = entries_.upper_bound(dropped_to_); at != entries_.end() && reply_bytes_ > bytes;
       ++at) {
    drop(at->second);
    dropped_to_ = at->first;
  }
}

void DuplicateWindow::drop(Entry& entry) {
  if (entry.reply == nullptr) return;
  reply_bytes_ -= entry.reply->bytes();
  entry.reply.reset();
}

}  // namespace fairlead::rpc
