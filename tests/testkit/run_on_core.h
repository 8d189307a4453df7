// For tests of whole processes: a thread that runs no core lets one do a task, and waits.
#pragma once

#include <future>
#include <memory>
#include <utility>

#include "fairlead/async/task.h"
#include "fairlead/io/core.h"

namespace fairlead::testkit {

template <class T>
Task<void> fulfil(Task<T> task, std::shared_ptr<std::promise<T>> promise) {
  T value = co_await task;
  promise->set_value(std::move(value));
}

// Of a core that runs on another thread, any number of times.
template <class T>
T run_on_core(io::Core& core, Task<T> task) {
  auto promise = std::make_shared<std::promise<T>>();
  std::future<T> done = promise->get_future();
  auto moved = std::make_shared<Task<T>>(std::move(task));
  core.post([&core, moved, promise] { core.spawn(fulfil(std::move(*moved), promise)); });
  return done.get();
}

}  // namespace fairlead::testkit
