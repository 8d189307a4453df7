// Whether the parser of http/proto and the slow one say the same of a text.
#pragma once

#include <span>
#include <string>

#include "fairlead/http/proto/head.h"

namespace fairlead::differential {

// Reads `text` with both, with the fast one also in pieces: after each size of `cuts`, which
// increase, from memory of its own. Empty when verdict, refusal, every field and the framing are
// the same; else what differs, for people.
std::string compare_requests(const std::string& text, std::span<const std::size_t> cuts);
std::string compare_responses(const std::string& text, std::span<const std::size_t> cuts,
                              http::proto::ResponseTo request);

}  // namespace fairlead::differential
