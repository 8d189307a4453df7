// The Date field, made once a second.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::http {

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7). `seconds` since 1970, >= 0.
std::string http_date(std::int64_t seconds);

// Thread: one owner.
class DateCache {
 public:
  // The text for `wall_ms` milliseconds since 1970; valid until the next call.
  std::string_view at(std::int64_t wall_ms) {
    if (wall_ms / 1000 != second_) {
      second_ = wall_ms / 1000;
      text_ = http_date(second_);
    }
    return text_;
  }

 private:
  std::int64_t second_ = -1;
  std::string text_;
};

}  // namespace fairlead::http
