// Which codec a body is written in when nobody said.
#pragma once

#include "fairlead/codec/codec.h"
#include "fairlead/contract/type_info.h"

namespace fairlead::service {

// Structs travel as protobuf (their field numbers are its numbers), generated types in their own
// format, lists and maps as JSON, single values and Bytes as plain, nothing as nothing.
codec::CodecId default_codec(const contract::TypeInfo& type);

}  // namespace fairlead::service
