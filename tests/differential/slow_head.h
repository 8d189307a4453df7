// A second reader of HTTP/1.1 heads: slow, obvious, on std::string, written from the grammar of RFC
// 9110, 9112 and 3986 and from the strictness that docs/reference/http.md promises. It shares no
// code with the parser that it checks, only the names of the outcomes.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fairlead/http/proto/head.h"

namespace fairlead::differential {

struct SlowHead {
  http::proto::ParseState state = http::proto::ParseState::kNeedMore;
  http::proto::Refusal refusal = http::proto::Refusal::kNone;
  std::size_t size = 0;  // bytes of the head
  std::string method;
  std::string target;
  std::string authority;
  std::string phrase;
  int status = 0;
  int minor = 1;
  std::vector<std::pair<std::string, std::string>> fields{};
  http::proto::Framing framing{};
};

SlowHead read_request_slowly(const std::string& text);
SlowHead read_response_slowly(const std::string& text, http::proto::ResponseTo request);

}  // namespace fairlead::differential
