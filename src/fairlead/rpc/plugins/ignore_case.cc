#include "fairlead/rpc/plugins/ignore_case.h"

#include <algorithm>
#include <string>

#include "fairlead/base/text.h"
#include "fairlead/rpc/hooked_message.h"

namespace fairlead::rpc {

Status IgnoreCase::post_read_call_header(IncomingHead& head) {
  const std::string_view method = head.method();
  const std::size_t end = std::min(method.find('?'), method.size());
  const std::string_view path = method.substr(0, end);
  const bool upper = std::ranges::any_of(path, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (upper) head.set_method(to_lower(path) + std::string(method.substr(end)));
  return {};
}

Status IgnoreCase::post_read_push_header(IncomingHead& head) { return post_read_call_header(head); }

}  // namespace fairlead::rpc
