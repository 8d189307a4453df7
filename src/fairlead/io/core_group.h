// CoreGroup: one core and one thread per CPU.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "fairlead/io/core.h"

namespace fairlead::io {

// Thread: made, started, stopped and destroyed on one thread that runs none of the cores. Lifetime:
// outlives everything on its cores.
class CoreGroup {
 public:
  // `count` cores, 1 .. 256; 0 means one per CPU that the process may use. `options.spin` counts
  // only where the process may use more CPUs than there are cores: a loop that looks must not keep
  // one from somebody who would bring the event that it looks for. Errors: kBadMessage
  // `cores.out_of_range`; those of Core::make().
  static Result<std::unique_ptr<CoreGroup>> make(std::size_t count, CoreOptions options = {});
  ~CoreGroup();  // stops and joins the threads

  Core& first() { return *cores_.front(); }
  std::vector<Core*> cores() const;
  std::size_t size() const { return cores_.size(); }

  // Starts one thread per core, named "fl-core-0" and so on, as `top -H` shows. Called once.
  // Threads are not tied to CPUs: several processes share a machine, and the scheduler knows both.
  // Errors: those of start_thread(); some cores may run then.
  Status start();
  // Stops the cores and waits for their threads. Idempotent.
  void stop();

 private:
  explicit CoreGroup(std::vector<std::unique_ptr<Core>> cores) : cores_(std::move(cores)) {}

  std::vector<std::unique_ptr<Core>> cores_;
  std::vector<std::thread> threads_;
};

}  // namespace fairlead::io
