// The quick way to read JSON: one pass over an object as programs write it, straight into a struct.
//
// simdjson indexes a whole document before anything is read from it, which pays for large ones.
// Most arguments of calls are small and plain: fields of the struct, in the order of declaration or
// nearly so, numbers and texts without escapes. The quick way reads those and gives up at
// everything else, errors too: what a document means and what is wrong with it is said in one
// place, json_reader.cc. Figures: docs/adr/0013.
#pragma once

#include <string_view>

#include "fairlead/contract/type_info.h"

namespace fairlead::codec::internal {

// True: `body` was read whole into `value`, exactly as the reader of documents does. False: nothing
// is said about `body`; fields may have been set, by members that the reader sets again.
bool quick_read_json(const contract::StructInfo& structure, std::string_view body, void* value);

}  // namespace fairlead::codec::internal
