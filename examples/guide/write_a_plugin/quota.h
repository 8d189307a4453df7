// Quota: so many calls for each caller and then no more, until the program starts again.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <fairlead/base/mutex.h>
#include <fairlead/fairlead.h>

class Quota final : public fl::Plugin {
 public:
  explicit Quota(std::uint32_t calls_max) : Plugin("quota"), calls_max_(calls_max) {}

  // The route is known, the body is not read yet.
  fl::Status pre_read_call_body(fl::Context& context) override {
    const fl::MutexLock lock(mutex_);
    if (used_.size() == kCallersMax && !used_.contains(context.real_ip())) {
      return fl::error(503, "too many callers");
    }
    std::uint32_t& used = used_[context.real_ip()];
    if (used == calls_max_) return fl::error(429, "your quota is used up");
    ++used;
    context.add_reply_meta("quota-left", std::to_string(calls_max_ - used));
    return {};
  }

 private:
  static constexpr std::size_t kCallersMax = 10'000;

  const std::uint32_t calls_max_;
  fl::Mutex mutex_;  // every core asks
  std::map<std::string, std::uint32_t> used_ FL_GUARDED_BY(mutex_);
};
