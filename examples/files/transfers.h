// Transfers: what clients have open on the server.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <fairlead/base/mutex.h>
#include <fairlead/fairlead.h>

#include "file.h"

// One of the two files is there. Thread: the core of its session; the files' on the pool.
struct Transfer {
  fl::SessionRef session;
  std::int64_t bytes = 0;  // of the whole file
  std::optional<PartFile> upload{};
  std::optional<File> download{};
  std::int64_t accepted = 0;          // of an upload: where the next chunk begins
  std::shared_ptr<fl::Event> last{};  // set when the last chunk that came is in the file
  fl::Status failed{};                // a chunk was not written: there would be a gap
};

// Bounded. What a client forgets to close ends with its connection, or when it was not used for
// `idle` and somebody opens another one: no timer, and no harm before. Thread: any.
class Transfers {
 public:
  Transfers(std::size_t most, fl::Duration idle) : most_(most), idle_(idle) {}

  void remove_idle(fl::Time now) {
    const fl::MutexLock lock(mutex_);
    std::erase_if(open_, [&](const auto& each) { return now - each.second.used > idle_; });
  }
  // Gives its number. Errors: kOverloaded `files.too_many`.
  fl::Result<std::int64_t> add(std::shared_ptr<Transfer> transfer, fl::Time now) {
    const fl::MutexLock lock(mutex_);
    if (open_.size() >= most_) {
      return fl::Status(fl::Code::kOverloaded, "files.too_many",
                        std::to_string(most_) + " transfers are open; try again later");
    }
    open_.emplace(++last_number_, Entry{std::move(transfer), now});
    return last_number_;
  }
  // One of this session. Errors: kNotFound `files.no_transfer`.
  fl::Result<std::shared_ptr<Transfer>> find(std::int64_t number, const fl::SessionRef& session,
                                             fl::Time now) {
    const fl::MutexLock lock(mutex_);
    const auto found = open_.find(number);
    if (found == open_.end() || found->second.transfer->session != session) {
      return fl::Status(fl::Code::kNotFound, "files.no_transfer",
                        "no transfer " + std::to_string(number) + " is open here");
    }
    found->second.used = now;
    return found->second.transfer;
  }
  void remove(std::int64_t number) {
    const fl::MutexLock lock(mutex_);
    open_.erase(number);
  }
  void remove_all_of(const fl::SessionRef& session) {
    const fl::MutexLock lock(mutex_);
    std::erase_if(open_,
                  [&](const auto& each) { return each.second.transfer->session == session; });
  }

 private:
  struct Entry {
    std::shared_ptr<Transfer> transfer;
    fl::Time used;
  };

  const std::size_t most_;
  const fl::Duration idle_;
  fl::Mutex mutex_;
  std::map<std::int64_t, Entry> open_ FL_GUARDED_BY(mutex_);
  std::int64_t last_number_ FL_GUARDED_BY(mutex_) = 0;
};
