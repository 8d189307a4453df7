// Checks values against the rules of their contract.
#pragma once

#include "fairlead/base/status.h"
#include "fairlead/contract/type_info.h"

namespace fairlead::contract {

// Checks `value` and everything in it, in the order of declaration; the first failure wins.
// Strings and numbers inside an absent optional are not checked, except by `required`. Cost: the
// rules and one visit per nested struct; nothing is allocated when all is well.
// Errors: kBadMessage `contract.range`, `contract.len`, `contract.regexp`, `contract.required`
//         (message: path of the field, the rule, the value escaped and cut); where the field has
//         error(code, text), that code and text with the reason `contract.rule`, and what would
//         have been the message as the cause; the value of a `secret` field is never shown. If
//         several fields of a struct are missing, the message names them all;
//         kBadMessage `contract.depth` beyond kDepthMax.
// Patterns are compiled at their first use and kept; one that does not compile answers kInternal
// `contract.bad_pattern`, which check_rules() finds before anything is served.
// Thread: any.
Status validate(const TypeInfo& type, const void* value);

// Compiles every pattern that `type` can reach, and finds fields with a source where bind() does
// not come. For registration. Errors: kInvalidOperation `contract.bad_pattern`,
// `contract.bad_source` (message: the field and
//         what is wrong).
Status check_rules(const TypeInfo& type);

}  // namespace fairlead::contract
