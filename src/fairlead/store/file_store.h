// The `file` backend: a FileEngine behind its own thread.
#pragma once

#include <memory>
#include <string>

#include "fairlead/base/result.h"
#include "fairlead/store/store.h"

namespace fairlead::store::internal {

Result<std::unique_ptr<Store>> open_file_store(io::Core& core, const std::string& path,
                                               const Options& options);

}  // namespace fairlead::store::internal
