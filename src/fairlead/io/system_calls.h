// The three system calls of a quiet call, without the C library's wrappers.
//
// In a program with threads each wrapper is a cancellation point: about 50 instructions around the
// call, a tenth of what the engine needs for it. We cancel no threads. Under a sanitizer the
// wrappers are used, which it watches.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>

#include "fairlead/base/sanitizers.h"

namespace fairlead::io::internal {

// As recv(), send() and epoll_wait(): -1 and errno on an error.

inline ssize_t receive_bytes(int socket, void* data, std::size_t size) {
  if constexpr (fairlead::internal::kMemoryIsWatched) return ::recv(socket, data, size, 0);
  return ::syscall(SYS_recvfrom, socket, data, size, 0, nullptr, nullptr);
}

inline ssize_t send_bytes(int socket, const void* data, std::size_t size) {
  if constexpr (fairlead::internal::kMemoryIsWatched)
    return ::send(socket, data, size, MSG_NOSIGNAL);
  return ::syscall(SYS_sendto, socket, data, size, MSG_NOSIGNAL, nullptr, 0);
}

inline int wait_for_events(int epoll, epoll_event* events, int events_max, int timeout_ms) {
  if constexpr (fairlead::internal::kMemoryIsWatched)
    return ::epoll_wait(epoll, events, events_max, timeout_ms);
  constexpr std::size_t kSignalSetBytes = 8;  // of the kernel; unused without a set
  return static_cast<int>(
      ::syscall(SYS_epoll_pwait, epoll, events, events_max, timeout_ms, nullptr, kSignalSetBytes));
}

}  // namespace fairlead::io::internal
