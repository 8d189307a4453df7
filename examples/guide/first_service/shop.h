// What the shop offers. Its server and its callers include this file.
#pragma once

#include <cstdint>
#include <string>

#include <fairlead/fairlead.h>

struct QuoteArg {
  std::string item{};
  std::int32_t count = 1;
};
struct QuoteResult {
  std::int64_t cents = 0;
};
FL_STRUCT(QuoteArg, (1, item, required, error(1001, "which item?")),
          (2, count, range(1, 1000), error(1002, "count must be 1 to 1000")))
FL_STRUCT(QuoteResult, (1, cents))

struct Shop {
  static QuoteResult quote(QuoteArg);  // CALL /shop/quote
};
FL_SERVICE(Shop, (quote, idempotent))
