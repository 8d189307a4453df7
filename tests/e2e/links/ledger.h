// The contract of a service that remembers what it was asked to do, so that a test can tell whether
// a call ran, and how often.
#pragma once

#include <cstdint>
#include <string>

#include <fairlead/fairlead.h>

struct Entry {
  std::string id{};    // of this call alone
  std::string text{};  // comes back
};
FL_STRUCT(Entry, (1, id), (2, text))

struct Ledger {
  static Entry add(Entry);  // CALL /ledger/add
};
FL_SERVICE(Ledger, (add))
