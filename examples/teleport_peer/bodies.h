// What travels: one description each for JSON, form, XML, protobuf and Thrift. The numbers are
// those of the Go peer's protobuf and Thrift files; the name of the struct is the root of its XML.
#pragma once

#include <cstdint>
#include <string>

#include <fairlead/fairlead.h>

namespace teleport_peer {

struct Obj {
  std::string name{};
  std::int64_t num = 0;
  bool flag = false;
  double rate = 0;

  bool operator==(const Obj&) const = default;
};
FL_STRUCT(Obj, (1, name), (2, num), (3, flag), (4, rate))

struct Pair {
  std::int32_t a = 0;
  std::int32_t b = 0;

  bool operator==(const Pair&) const = default;
};
FL_STRUCT(Pair, (1, a), (2, b))

struct Author {
  std::string author{};

  bool operator==(const Author&) const = default;
};
FL_STRUCT(Author, (1, author))

// The rules are checked before the handler runs.
struct BindArg {
  std::int64_t a = 0;
  std::string s{};
  std::string mm{};
};
FL_STRUCT(BindArg, (1, a, range(1, 100), error(400, "Invalid Parameter")),
          (2, s, len(3, 6), error(100002, "wrong length")),
          (3, mm, from_meta(), nonzero, error(400, "Invalid Parameter")))

}  // namespace teleport_peer
