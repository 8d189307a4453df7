// An error as plain Thrift says it: TApplicationException, the struct of a message of the type
// EXCEPTION. Private to the room.
//
//   {1: string message, 2: i32 type}
#pragma once

#include <optional>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"

namespace fairlead::wire::internal {

// Appends the struct that stands for `status`, which is not OK: its message, and UNKNOWN_METHOD for
// 404, PROTOCOL_ERROR for 400, INTERNAL_ERROR for everything else.
void append_thrift_exception(Buffer& out, const Status& status);

// The error that the struct `body` stands for, when no status of ours came with it:
// `thrift.exception` with its message as the cause, kNotFound for UNKNOWN_METHOD, kInternal for the
// other types. nullopt: `body` is not one struct and nothing else. Fields that are left out are 0
// and empty.
std::optional<Status> read_thrift_exception(std::string_view body);

}  // namespace fairlead::wire::internal
