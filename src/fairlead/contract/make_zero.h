// make_zero(): a value as its type has it, not as its initialisers do.
#pragma once

#include "fairlead/contract/type_info.h"

namespace fairlead::contract {

// Makes a value zero, empty or absent, whatever its members' initialisers say: what a protobuf body
// leaves out is zero, and so is what a session does not have. A generated value stays as it is.
void make_zero(const TypeInfo& type, void* value);

}  // namespace fairlead::contract
