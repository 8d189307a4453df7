// What both ends of a connection say to each other.
#pragma once

#include <cstdint>
#include <string>

#include <fairlead/fairlead.h>

struct EnterArg {
  std::string name{};
};
struct SayArg {
  std::string from{};
  std::string text{};
};
struct SayResult {
  std::int64_t heard_by = 0;
};
struct Line {
  std::string from{};
  std::string text{};
};
FL_STRUCT(EnterArg,
          (1, name, len(1, 32), regexp("[A-Za-z]+"), error(1001, "a name is 1 to 32 letters")))
FL_STRUCT(SayArg, (1, from, from_session("name"), required, error(1002, "enter first")),
          (2, text, len(1, 1000), error(1003, "a line is 1 to 1000 bytes")))
FL_STRUCT(SayResult, (1, heard_by))
FL_STRUCT(Line, (1, from), (2, text))

struct Chat {  // served by the chat
  static void enter(EnterArg);
  static SayResult say(SayArg);
};
FL_SERVICE(Chat, (enter), (say))

struct Room {  // served by each client, on the connection that it opened
  static fl::Push said(Line);
};
FL_SERVICE(Room, (said))
