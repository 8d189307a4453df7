#include "runner.h"

#include <algorithm>
#include <cstdio>
#include <string>

namespace teleport_peer {

bool Runner::selects(const Check& check) const {
  return (flags_.only.empty() || any_word_in(flags_.only, check.name)) &&
         !any_word_in(flags_.skip, check.name);
}

bool Runner::selects_any(const Checks& checks) const {
  return std::ranges::any_of(checks, [this](const Check& check) { return selects(check); });
}

fl::Task<void> Runner::run(Caller& caller, const Checks& checks) {
  for (const Check& check : checks) {
    if (!selects(check) && !check.rest_needs_it) continue;
    auto running = check.run(caller);
    const fl::Status result = co_await running;
    if (selects(check) || !result.ok()) tell(check, result);
    stuck_ = check.rest_needs_it && !result.ok();
    if (stuck_) co_return;
  }
}

void Runner::tell(const Check& check, const fl::Status& result) {
  ++(result.ok() ? passed_ : failed_);
  if (result.ok()) {
    std::printf("PASS %s\n", check.name.c_str());
  } else {
    const std::string why =
        result.reason() == kDiffers ? std::string(result.message()) : result.to_string();
    std::printf("FAIL %s: %s\n", check.name.c_str(), fl::escape_text(why, 400).c_str());
  }
  std::fflush(stdout);
}

bool Runner::tell_result() const {
  std::printf("%d passed, %d failed\n", passed_, failed_);
  return failed_ == 0;
}

}  // namespace teleport_peer
