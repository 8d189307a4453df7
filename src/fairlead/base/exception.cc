#include "fairlead/base/exception.h"

#include <exception>
#include <utility>

namespace fairlead {

Status with_exception_as_cause(Status status) {
  try {
    throw;
  } catch (const std::exception& error) {
    return std::move(status).with_cause(error.what());
  } catch (...) {
    return std::move(status).with_cause("an exception that is no std::exception");
  }
}

}  // namespace fairlead
