// ProgramStart: how this process was started, so that another one can be started the same way.
#pragma once

#include <string>
#include <vector>

#include "fairlead/base/result.h"

namespace fairlead::runtime {

struct ProgramStart {
  // As it was named when it was started, made absolute: where that is a link it is not followed, so
  // that a link that was changed since leads to the new program.
  std::string program{};
  std::vector<std::string> arguments{};  // the program's name first

  // To be asked before the process changes its folder. Errors: kInternal `upgrade.no_program` when
  // the system does not tell.
  static Result<ProgramStart> of_this_process();
};

}  // namespace fairlead::runtime
