// What a chat and those who talk there say to each other, in both directions of one connection:
// clients call Chat, and serve Room, to which the chat pushes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fairlead/fairlead.h>

// Codes of this contract's errors.
inline constexpr std::int32_t kNoName = 1001;        // no name, or none that can be used
inline constexpr std::int32_t kNoLine = 1002;        // no line, or none that can be shown
inline constexpr std::int32_t kNotEntered = 1003;    // enter() comes first
inline constexpr std::int32_t kNobody = 1004;        // nobody of that name is here
inline constexpr std::int32_t kNotAdmin = 1005;      // only an admin may do that
inline constexpr std::int32_t kFull = 1006;          // no more people fit in
inline constexpr std::int32_t kOtherName = 1007;     // this connection entered with another name
inline constexpr std::int32_t kNoConnection = 1008;  // a request of HTTP cannot be pushed to

// A name has letters, digits, - and _, so it is no address, which is what sessions without a name
// are called by. Control characters could do something to a reader's terminal: nobody may say any,
// and a client shows none whoever sends them.
#define CHAT_NAME len(1, 32), regexp(R"([\p{L}\p{N}_-]+)")
#define CHAT_TEXT len(1, 1000), regexp(R"([^\p{Cc}]+)")
#define CHAT_FROM from_session("name"), required, error(kNotEntered, "say who you are first")

struct Line {
  std::int64_t number = 0;  // grows by 1 with what is said to all; 0: a private one
  std::int64_t at_ms = 0;   // since 1970
  std::string from{};
  std::string text{};
};
struct Person {
  std::string name{};
};
struct Reason {
  std::string text{};
};
FL_STRUCT(Line, (1, number), (2, at_ms), (3, from, CHAT_NAME), (4, text, CHAT_TEXT))
FL_STRUCT(Person, (1, name, CHAT_NAME))
FL_STRUCT(Reason, (1, text, CHAT_TEXT))

struct EnterArg {
  std::string name{};
  std::string admin_word{};  // empty: not an admin
};
struct People {
  std::vector<std::string> names{};  // in their order
};
struct WhoArg {
  std::string from{};
};
struct SayArg {
  std::string from{};  // whatever a caller writes here: it is who entered
  std::string text{};
};
struct SayResult {
  std::int64_t reached = 0;  // connections to which it went
  std::int64_t skipped = 0;  // those that do not read what came before
};
struct WhisperArg {
  std::string from{};
  std::string to{};
  std::string text{};
};
struct KickArg {
  std::string admin{};
  std::string name{};
};
FL_STRUCT(EnterArg,
          (1, name, CHAT_NAME,
           error(kNoName, "a name has letters, digits, - and _, up to 32 bytes")),
          (2, admin_word, secret, len(0, 256)))
FL_STRUCT(People, (1, names))
FL_STRUCT(WhoArg, (1, from, CHAT_FROM))
FL_STRUCT(SayArg, (1, from, CHAT_FROM),
          (2, text, CHAT_TEXT, error(kNoLine, "a line is 1 to 1000 bytes, nothing invisible")))
FL_STRUCT(SayResult, (1, reached), (2, skipped))
FL_STRUCT(WhisperArg, (1, from, CHAT_FROM), (2, to, CHAT_NAME, error(kNobody, "no such name")),
          (3, text, CHAT_TEXT, error(kNoLine, "a line is 1 to 1000 bytes, nothing invisible")))
FL_STRUCT(KickArg,
          (1, admin, from_session("admin"), required,
           error(kNotAdmin, "only an admin may do that")),
          (2, name, CHAT_NAME, error(kNobody, "no such name")))

struct Chat {                       // served by the chat
  static People enter(EnterArg);    // what was said last is pushed before the reply
  static People who(WhoArg);        // who is here
  static SayResult say(SayArg);     // to all, and to who says it
  static void whisper(WhisperArg);  // to one
  static void kick(KickArg);        // sends somebody away
};
FL_SERVICE(Chat, (enter), (who, idempotent), (say), (whisper), (kick))

struct Room {  // served by who talks there
  static fl::Push said(Line);
  static fl::Push whispered(Line);
  static fl::Push came(Person);
  static fl::Push left(Person);
  static fl::Push sent_away(Reason);  // the connection ends now
};
FL_SERVICE(Room, (said), (whispered), (came), (left), (sent_away))
