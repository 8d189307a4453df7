// FL_INTERNAL_FOR_EACH(macro, a, b, c): macro(a) macro(b) macro(c), for up to 340 arguments.
//
// Each EXPAND level rescans four times, which lets the step name itself again: the __VA_OPT__
// recursion of David Mazieres, "Recursive macros with C++20 __VA_OPT__" (2021).
#pragma once

#define FL_INTERNAL_PARENS ()
#define FL_INTERNAL_EXPAND(...) \
  FL_INTERNAL_EXPAND3(FL_INTERNAL_EXPAND3(FL_INTERNAL_EXPAND3(FL_INTERNAL_EXPAND3(__VA_ARGS__))))
#define FL_INTERNAL_EXPAND3(...) \
  FL_INTERNAL_EXPAND2(FL_INTERNAL_EXPAND2(FL_INTERNAL_EXPAND2(FL_INTERNAL_EXPAND2(__VA_ARGS__))))
#define FL_INTERNAL_EXPAND2(...) \
  FL_INTERNAL_EXPAND1(FL_INTERNAL_EXPAND1(FL_INTERNAL_EXPAND1(FL_INTERNAL_EXPAND1(__VA_ARGS__))))
#define FL_INTERNAL_EXPAND1(...) \
  FL_INTERNAL_EXPAND0(FL_INTERNAL_EXPAND0(FL_INTERNAL_EXPAND0(FL_INTERNAL_EXPAND0(__VA_ARGS__))))
#define FL_INTERNAL_EXPAND0(...) __VA_ARGS__

#define FL_INTERNAL_FOR_EACH(macro, ...) \
  __VA_OPT__(FL_INTERNAL_EXPAND(FL_INTERNAL_FOR_EACH_STEP(macro, __VA_ARGS__)))
#define FL_INTERNAL_FOR_EACH_STEP(macro, first, ...) \
  macro(first) __VA_OPT__(FL_INTERNAL_FOR_EACH_AGAIN FL_INTERNAL_PARENS(macro, __VA_ARGS__))
#define FL_INTERNAL_FOR_EACH_AGAIN() FL_INTERNAL_FOR_EACH_STEP

#define FL_INTERNAL_JOIN2(a, b) a##b
#define FL_INTERNAL_JOIN(a, b) FL_INTERNAL_JOIN2(a, b)
// 1 when `x` begins with a parenthesis, else 0.
#define FL_INTERNAL_IS_GROUP(x) FL_INTERNAL_SECOND(FL_INTERNAL_GROUP_PROBE x, 0, 0)
#define FL_INTERNAL_GROUP_PROBE(...) 0, 1
#define FL_INTERNAL_SECOND(...) FL_INTERNAL_SECOND2(__VA_ARGS__)
#define FL_INTERNAL_SECOND2(first, second, ...) second
