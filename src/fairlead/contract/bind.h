// Fills the fields of an argument that come from beside the body: from_meta(), from_query(),
// from_session().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/status.h"
#include "fairlead/contract/type_info.h"

namespace fairlead::contract {

// Where one message's metadata, query and session values are looked up.
class Sources {
 public:
  virtual ~Sources() = default;
  // Appends the values of `key` in `source`, in their order: all of them, or only the first one.
  virtual void find(Source source, std::string_view key, bool all,
                    std::vector<std::string>& values) const = 0;
};

// Fills the fields of the struct at `object` and of the structs directly in it, over what the body
// said. Without a value in its source a field keeps the body's, except that a field of the session
// becomes zero: the caller must not be able to say who it is. Lists take every value.
// Errors: kBadMessage `contract.text` (message: the field's path, the source with its key, what was
//         wanted and got); the object then holds a part.
// Cost: one look-up per such field; nothing is allocated for fields without a value.
Status bind(const StructInfo& structure, void* object, const Sources& sources);

}  // namespace fairlead::contract
