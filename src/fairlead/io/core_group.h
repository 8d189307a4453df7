// CoreGroup: one core and one thread per CPU.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "fairlead/io/core.h"

namespace fairlead::io {

// The first core runs on the thread that calls run(); the others have threads of their own.
// Thread: made, run and destroyed on one thread. Lifetime: outlives everything on its cores; the
// owner empties the cores (their scopes) before it destroys the group.
class CoreGroup {
 public:
  // `count` cores, 1 .. 256; 0 means one per CPU that the process may use.
  // Errors: kBadMessage `cores.out_of_range`; those of Core::make().
  static Result<std::unique_ptr<CoreGroup>> make(std::size_t count);
  ~CoreGroup();  // stops and joins the threads

  Core& first() { return *cores_.front(); }
  std::vector<Core*> cores() const;
  std::size_t size() const { return cores_.size(); }

  // Starts the threads of the other cores. Called once.
  void start();
  // Stops the other cores and waits for their threads. Idempotent.
  void stop();

 private:
  explicit CoreGroup(std::vector<std::unique_ptr<Core>> cores) : cores_(std::move(cores)) {}

  std::vector<std::unique_ptr<Core>> cores_;
  std::vector<std::thread> threads_;
};

}  // namespace fairlead::io
