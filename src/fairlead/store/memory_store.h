// The `memory` backend: a MemoryEngine used inline; stores of one name share it.
#pragma once

#include <memory>
#include <string>

#include "fairlead/store/store.h"

namespace fairlead::store::internal {

// "": a store of its own.
std::unique_ptr<Store> open_memory_store(io::Core& core, const std::string& name);

}  // namespace fairlead::store::internal
