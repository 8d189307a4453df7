// Finds the fields of a json frame in its text. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fairlead/wire/protocols/json_quoting.h"

namespace fairlead::wire::internal {

// The fields as they lie in the text. Numbers are those of the text, within 64 bits.
struct JsonFields {
  std::int64_t seq = 0;
  Quoted seq_text{};  // of v3, where seq is a text
  std::int64_t kind = 0;
  std::int64_t body_codec = 0;
  Quoted method{}, status{}, metadata{}, body{};
  std::string transforms{};  // of ws-json, where the ids stand in a list of numbers
};

// Which keys there are: those of today, those of today inside of WebSocket, which has a list of
// transforms behind the body, or those of teleport v3, which has no status.
enum class JsonForm : std::uint8_t { kNow, kWebSocket, kV3 };

// Thread: one owner. Nothing is allocated but for a body that may be read in two ways.
class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text, JsonForm form = JsonForm::kNow)
      : text_(text), form_(form) {}

  // False: problem() and at() say what is wrong, and where. `fields` has what came before.
  bool read(JsonFields& fields);
  std::string_view problem() const { return problem_; }
  std::size_t at() const { return at_; }

  // True when seq and kind were read, whatever became of the rest.
  bool has_head() const { return (seen_ & 3U) == 3; }

 private:
  bool members(JsonFields& fields);
  bool member(JsonFields& fields);
  bool known_value(unsigned key, JsonFields& fields);
  bool number(std::int64_t& value);
  bool text(Quoted& value);
  bool bytes(std::string& value);
  bool quoted(Quoted& value);
  bool skip_value(int depth);
  bool skip_container(char close, int depth);
  bool skip_word();
  bool read_body_again(JsonFields& fields);
  std::size_t last_body_end() const;
  void blanks();
  bool take(char wanted);
  bool fail(std::string_view problem);
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  const std::string_view text_;
  const JsonForm form_;
  std::size_t at_ = 0;
  std::size_t body_at_ = 0;  // of the body's first byte, once it was met
  unsigned seen_ = 0;        // a bit for each known key
  std::string_view problem_;
};

}  // namespace fairlead::wire::internal
