// PoolJob: one piece of work on its way from a core to a thread of a WorkerPool and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "fairlead/async/gate.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"

namespace fairlead::runtime {

class PoolJobList;
class PoolPort;
class PoolWait;

// Made, ended and destroyed on its core; work() runs on a thread of the pool. Each member is
// touched by who has the job: its core, the pool's queue (under its lock), the thread.
class PoolJob {
 public:
  PoolJob(PoolPort& port, Gate::Pass pass, Time made)
      : port_(port), made_(made), pass_(std::move(pass)) {}
  virtual ~PoolJob() = default;
  PoolJob(const PoolJob&) = delete;
  PoolJob& operator=(const PoolJob&) = delete;

  virtual void work() noexcept = 0;
  PoolPort& port() const { return port_; }
  Time made() const { return made_; }

 private:
  friend PoolJobList;
  friend PoolPort;
  friend PoolWait;

  PoolPort& port_;
  const Time made_;
  Gate::Pass pass_;           // the port does not close before the job has come back
  PoolWait* wait_ = nullptr;  // core only; null once nobody waits for the job any more
  std::uint64_t batch_ = 0;   // core only; those handed over together have the same
  bool late_ = false;         // it waited too long and comes back without having run
  // Of whoever has the list.
  PoolJob* previous_ = nullptr;
  PoolJob* next_ = nullptr;
  const PoolJobList* list_ = nullptr;  // the one it stands in
};

// Jobs in order. Owns none of them.
class PoolJobList {
 public:
  bool empty() const { return first_ == nullptr; }
  std::size_t size() const { return size_; }
  PoolJob* first() const { return first_; }
  static PoolJob* after(const PoolJob& job) { return job.next_; }
  bool holds(const PoolJob& job) const { return job.list_ == this; }
  void push_back(PoolJob& job);
  void remove(PoolJob& job);  // is in this list
  PoolJob* pop_front();       // null: empty
  PoolJob* pop_back();        // null: empty

 private:
  PoolJob* pop(PoolJob* job);

  PoolJob* first_ = nullptr;
  PoolJob* last_ = nullptr;
  std::size_t size_ = 0;
};

namespace internal {

template <class R>
struct PoolReplyOf {
  using Type = Result<R>;
};
template <class T>
struct PoolReplyOf<Result<T>> {
  using Type = Result<T>;
};
template <>
struct PoolReplyOf<Status> {
  using Type = Status;
};
template <>
struct PoolReplyOf<void> {
  using Type = Status;
};

// The running exception as kInternal `handler.threw`, what() as its cause.
Status status_of_job_exception();

}  // namespace internal

// What a job gives: Result<T> for T and Result<T>, Status for Status and void.
template <class Function>
using PoolReply = typename internal::PoolReplyOf<std::invoke_result_t<Function&>>::Type;

template <class Function>
class FunctionJob final : public PoolJob {
 public:
  FunctionJob(PoolPort& port, Gate::Pass pass, Time made, Function function)
      : PoolJob(port, std::move(pass), made), function_(std::move(function)) {}

  void work() noexcept override {
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<Function&>>) {
        function_();
        reply_.emplace();
      } else {
        reply_.emplace(function_());
      }
    } catch (...) {
      reply_.emplace(internal::status_of_job_exception());
    }
  }
  PoolReply<Function> take() { return *std::move(reply_); }

 private:
  Function function_;
  std::optional<PoolReply<Function>> reply_;
};

}  // namespace fairlead::runtime
