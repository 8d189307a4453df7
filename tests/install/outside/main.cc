// Uses the installed library as a stranger would: each check stands for one part of it.
#include <iostream>

#include "fairlead/base/status.h"

namespace {

bool check_status() {
  const fairlead::Status status(fairlead::Code::kNotFound, "route.unknown", "no handler for /a");
  return !status.ok() && status.reason() == "route.unknown";
}

}  // namespace

int main() {
  if (!check_status()) {
    std::cerr << "status: the installed library does not do what its headers say\n";
    return 1;
  }
  std::cout << "the installed library works\n";
  return 0;
}
