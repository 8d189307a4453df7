// What both sides say to each other; Go has structs with the same JSON names.
#pragma once

#include <string>

#include <fairlead/fairlead.h>

struct HelloArg {
  std::string name{};
};
struct HelloResult {
  std::string text{};
};
FL_STRUCT(HelloArg, (1, name, required, error(1001, "who are you?")))
FL_STRUCT(HelloResult, (1, text))

struct Greeter {
  static HelloResult hello(HelloArg);  // CALL /greeter/hello, as Greeter.Hello is in Go
};
FL_SERVICE(Greeter, (hello))
