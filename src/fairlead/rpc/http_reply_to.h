// HttpReplyTo: where the answer of one HTTP request goes.
#pragma once

#include <span>
#include <string_view>

#include "fairlead/http/fields.h"

namespace fairlead::rpc {

// A function and the object that it is for: whoever holds the request keeps no object of ours and
// nothing is allocated for it. Called exactly once; the views are read before it returns.
struct HttpReplyTo {
  using Answer = void(void* to, int status, std::span<const http::Field> fields,
                      std::string_view body);
  void* to = nullptr;
  Answer* answer = nullptr;
};

}  // namespace fairlead::rpc
