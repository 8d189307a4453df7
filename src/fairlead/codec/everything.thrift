// The structs of test_types.h, for the cross-check with libthrift.
namespace cpp fairlead.codec.test.thrift

enum Color {
  RED = 0,
  GREEN = 1,
  BLUE = 7,
}
struct Inner {
  1: string name
  2: i32 count
  3: list<i32> numbers
}
struct Everything {
  1: bool flag
  2: i32 i32_
  3: i64 i64_
  4: i32 u32
  5: i64 u64
  6: i32 s32
  7: i64 s64
  8: double single
  9: double real
  10: string text
  11: binary bytes
  12: Color color
  13: Inner inner
  14: list<i32> i32s
  15: list<double> reals
  16: list<string> texts
  17: list<Inner> inners
  18: list<Color> colors
  19: list<i64> s64s
  20: map<string, i32> by_text
  21: map<i32, Inner> by_number
  22: map<bool, string> by_flag
  23: map<i64, double> by_large
  24: optional i32 maybe_i32
  25: optional string maybe_text
  26: optional Inner maybe_inner
  27: list<binary> blobs
}
// What a contract cannot describe, around a field that it can.
struct Stranger {
  1: byte tiny
  2: i32 count
  3: i16 small
  4: set<i32> numbers
  5: list<list<map<i16, set<string>>>> deep
  6: required string must
}
struct Tree {
  1: list<Tree> children
}
