// What a program does at the limit of threads.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace fairlead::testkit {

// From here on this process gets no new thread. For death tests: root, which no limit holds, is
// nobody from then on.
inline void use_up_threads() {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() == 0) {
    EXPECT_EQ(::setuid(kNobody), 0);
  }
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  EXPECT_EQ(::setrlimit(RLIMIT_NPROC, &none), 0);
}

}  // namespace fairlead::testkit
