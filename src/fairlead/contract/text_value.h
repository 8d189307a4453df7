// Scalars as text: for metadata, queries, forms, map keys and plain bodies.
#pragma once

#include <string>
#include <string_view>

#include "fairlead/base/status.h"
#include "fairlead/contract/type_info.h"

namespace fairlead::contract {

// Reads `text` into the value at `object`, a scalar, string, Bytes (as they are), enum (name or
// number) or an optional of those; to a list of those it appends an element. Numbers are decimal,
// whole text, in range; floating point also NaN, Infinity, -Infinity, and +Inf, -Inf as Go writes
// them; bool true, false, 1, 0, on, off (a browser's checkbox).
// Errors: kBadMessage `contract.text` (message: what was wanted and got), and the value is
// unchanged; the same for kinds that have no text form.
Status value_from_text(const TypeInfo& type, void* object, std::string_view text);

// The same for a field of the struct at `object`; the message begins with the field's name.
Status set_from_text(const FieldInfo& field, void* object, std::string_view text);

// Appends the text of a scalar, string, Bytes or enum. Floating point is decimal without exponent,
// as short as reads back to the same number. False, and nothing appended, for other kinds.
bool append_text(const TypeInfo& type, const void* object, std::string& out);

}  // namespace fairlead::contract
