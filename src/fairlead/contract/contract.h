// Everything that a header with contracts needs: FL_STRUCT, FL_ENUM, FL_SERVICE.
#pragma once

#include "fairlead/contract/describe.h"   // IWYU pragma: export
#include "fairlead/contract/service.h"    // IWYU pragma: export
#include "fairlead/contract/struct.h"     // IWYU pragma: export
#include "fairlead/contract/type_info.h"  // IWYU pragma: export
