// The head of a message in erpc's HTTP form, read. Private to the room.
//
//   POST /home/test?peer_id=110 HTTP/1.1     or   HTTP/1.1 200 OK   or   HTTP/1.1 299 Business
//   Error Name: value                                                          each line ends with
//   CRLF
//                                            an empty line ends the head
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::wire::internal {

struct HttpHead {
  bool reply = false;
  bool error = false;         // 299: the body is the status
  std::string_view target{};  // of a request; may be empty
  std::optional<std::int64_t> seq{}, kind{};
  std::uint32_t body_bytes = 0;
  std::uint8_t body_codec = 0;
  std::string_view transform{};  // by name; empty for none
  std::string metadata{};        // text of the query's pairs, then of all other fields
};

// Thread: one owner.
class HttpHeadReader {
 public:
  // `head` ends with the empty line.
  explicit HttpHeadReader(std::string_view head) : head_(head) {}

  // False: problem() and at() say what is wrong, and where.
  bool read(HttpHead& out);
  std::string_view problem() const { return problem_; }
  std::size_t at() const { return at_; }

 private:
  bool start_line(HttpHead& out);
  bool query(HttpHead& out);
  bool field(HttpHead& out);
  bool known_field(unsigned name, std::string_view value, HttpHead& out);
  std::string_view line();
  bool fail(std::string_view problem);

  const std::string_view head_;
  std::size_t at_ = 0;     // of the next line
  std::size_t pairs_ = 0;  // of metadata, so far
  unsigned seen_ = 0;      // a bit for each known field
  std::string_view problem_;
};

}  // namespace fairlead::wire::internal
