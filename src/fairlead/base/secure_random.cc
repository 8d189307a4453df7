#include "fairlead/base/secure_random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "fairlead/base/check.h"

namespace fairlead {
namespace {

// Waits only where the system has just started and gathered nothing yet.
void fill_from_system(std::span<char> out) {
  while (!out.empty()) {
    const ssize_t count = getrandom(out.data(), out.size(), 0);
    if (count < 0) {
      FL_CHECK(errno == EINTR);
      continue;
    }
    out = out.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace

void SecureRandom::fill(std::span<char> out) {
  while (!out.empty()) {
    if (left_ == 0) {
      fill_from_system(reserve_);
      left_ = reserve_.size();
    }
    const std::size_t count = std::min(left_, out.size());
    char* const from = reserve_.data() + reserve_.size() - left_;
    std::copy_n(from, count, out.data());
    std::fill_n(from, count, '\0');
    left_ -= count;
    out = out.subspan(count);
  }
}

}  // namespace fairlead
