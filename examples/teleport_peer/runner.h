// Runner: runs checks that are asked for and prints what came of each.
#pragma once

#include "checks.h"

namespace teleport_peer {

// Thread: the client's core while checks run, main before and after.
class Runner {
 public:
  explicit Runner(const Flags& flags) : flags_(flags) {}

  // --only and --skip.
  bool selects(const Check& check) const;
  bool selects_any(const Checks& checks) const;

  // Runs those that are selected, one after the other, and those that others need: "PASS name" or
  // "FAIL name: why". Those behind a failed one that they need are left out.
  fl::Task<void> run(Caller& caller, const Checks& checks);
  // Whether a check failed that others need.
  bool stuck() const { return stuck_; }
  // "N passed, N failed"; whether all passed.
  bool tell_result() const;

 private:
  void tell(const Check& check, const fl::Status& result);

  const Flags& flags_;
  int passed_ = 0;
  int failed_ = 0;
  bool stuck_ = false;
};

}  // namespace teleport_peer
