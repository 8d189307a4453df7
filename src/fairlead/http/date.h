// The Date field, made once a second.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fairlead/base/time.h"
#include "fairlead/io/core.h"

namespace fairlead::http {

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7). `seconds` since 1970, >= 0.
std::string http_date(std::int64_t seconds);
void append_http_date(std::string& out, std::int64_t seconds);

// Thread: one owner.
class DateCache {
 public:
  // The text for the core's present second; valid until the next call. The clock is read once a
  // second, so that a step of it is seen so late.
  std::string_view at(const io::Core& core) {
    if (core.now() >= next_) refresh(core);
    return text_;
  }

 private:
  void refresh(const io::Core& core);

  Time next_{};  // when the second ends
  std::string text_;
};

}  // namespace fairlead::http
