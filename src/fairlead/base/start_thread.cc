#include "fairlead/base/start_thread.h"

#include <pthread.h>

#include <system_error>
#include <utility>

namespace fairlead {

Result<std::thread> start_thread(std::string name, std::function<void()> work) {
  try {
    return std::thread([name = std::move(name), work = std::move(work)] {
      pthread_setname_np(pthread_self(), name.c_str());
      work();
    });
  } catch (const std::system_error&) {
    return Status(Code::kInternal, "process.no_thread",
                  "the system gives this program no more threads: raise the limit of its user "
                  "(ulimit -u), or that of its container (pids.max)");
  }
}

}  // namespace fairlead
