// Request and response heads: parsers that read each byte once and allocate nothing.
//
//   start line ──► field lines ──► empty line: check what they say together ──► kDone
//        └──────────────┴───────────────┴──► kRefused, for good
//
// Rules of RFC 9110 and 9112 in their strict reading: where the RFC lets a recipient repair a
// message, it is refused instead, because two repairs that differ are how requests are smuggled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fairlead/http/proto/fields.h"
#include "fairlead/http/proto/refusal.h"
#include "fairlead/http/proto/target.h"

namespace fairlead::http::proto {

struct HeadLimits {
  std::size_t head_bytes_max = kHeadBytesMax;      // 256 .. kHeadBytesMax, start line included
  std::size_t target_bytes_max = kTargetBytesMax;  // 1 .. kTargetBytesMax
  std::size_t fields_max = kFieldsMax;             // 1 .. kFieldsMax
};

enum class BodyKind : std::uint8_t {
  kNone,
  kLength,      // `length` bytes
  kChunked,     // ChunkedDecoder knows the end
  kUntilClose,  // responses only
};

// How the body is delimited and what becomes of the connection (RFC 9112 sections 6.3 and 9.3).
struct Framing {
  BodyKind body = BodyKind::kNone;
  std::uint64_t length = 0;      // of kLength
  bool keep_alive = false;       // this side's peer lets the connection go on
  bool expect_continue = false;  // a 1.1 client waits for 100 before it sends the body
  bool upgrade = false;          // Upgrade names protocols and Connection names "upgrade"
  bool trailers = false;         // requests: TE says that trailers of the answer are welcome
  bool tunnel = false;           // responses: 101, or 2xx to CONNECT; HTTP ends with this head
};

enum class ParseState : std::uint8_t { kNeedMore, kDone, kRefused };

// Views point into the input given to the parse() call that returned kDone.
struct RequestHead {
  std::string_view method;
  std::string_view target;     // as sent
  Target parts;                // the target taken apart
  std::string_view authority;  // of the target, else of Host; empty only in HTTP/1.0
  int minor = 1;               // HTTP/1.`minor`: 0 or 1 (a higher one is served as 1)
  Framing framing;
};

struct ResponseHead {
  int status = 0;           // 100 .. 599
  std::string_view phrase;  // reason phrase, may be empty
  int minor = 1;
  Framing framing;
};

namespace internal {

class LineReader;  // head.cc

// The part that both parsers share: lines of a head, one after the other.
class HeadLines {
 public:
  explicit HeadLines(HeadLimits limits) : limits_(limits) {}

  enum class Step : std::uint8_t { kNeedMore, kStartLine, kEnd, kRefused };
  // Goes on to the next station: the start line ([line_begin(), line_end()) of the text), or,
  // through all field lines, the end of the head. `full`: the text is as long as a head may be.
  Step next(LineReader& lines, bool full);

  Refusal refuse(Refusal refusal) { return refusal_ = refusal; }
  void reset();

  const HeadLimits& limits() const { return limits_; }
  Refusal refusal() const { return refusal_; }
  std::size_t line_begin() const { return line_at_; }
  std::size_t line_end() const { return line_end_; }
  std::size_t seen() const { return scan_at_; }  // bytes before it are none that ends a line
  // Bytes up to and with the empty line; valid after kEnd.
  std::size_t size() const { return line_at_; }
  bool in_start_line() const { return in_start_line_; }
  FieldTable& fields() { return fields_; }
  const FieldTable& fields() const { return fields_; }
  const Steering& steering() const { return steering_; }

 private:
  const HeadLimits limits_;
  std::size_t line_at_ = 0;   // first byte of the line being looked at
  std::size_t scan_at_ = 0;   // bytes before it were seen and are no line end
  std::size_t line_end_ = 0;  // its CR, once found
  std::size_t empty_lines_ = 0;
  bool in_start_line_ = true;
  bool start_line_given_ = false;
  Refusal refusal_ = Refusal::kNone;
  FieldTable fields_;
  Steering steering_;
};

}  // namespace internal

// Reads one request head. Reusable after reset(). About 900 bytes, most of it the offset table.
class RequestHeadParser {
 public:
  explicit RequestHeadParser(HeadLimits limits = {}) : lines_(limits) {}

  // `input` begins with the first byte after the last message and holds all that was read since:
  // the bytes of the last call and more. They may lie elsewhere in memory than in the last call.
  // Bytes before the last call's end are not looked at twice. The outcome, the refusal too, does
  // not depend on how the bytes were cut: of two mistakes the first to arrive is told.
  ParseState parse(std::string_view input);

  Refusal refusal() const { return lines_.refusal(); }          // after kRefused
  const RequestHead& head() const { return head_; }             // after kDone
  const FieldTable& fields() const { return lines_.fields(); }  // after kDone
  std::size_t size() const { return lines_.size(); }            // bytes of the head; after kDone
  void reset();

 private:
  ParseState refuse(Refusal refusal);
  Refusal check_line_so_far(std::string_view line) const;
  Refusal read_request_line(std::string_view input);
  Refusal finish(std::string_view input);

  internal::HeadLines lines_;
  const char* parsed_at_ = nullptr;  // where the input lay when `head_.parts` was made
  std::size_t method_at_ = 0;
  std::size_t method_size_ = 0;
  std::size_t target_size_ = 0;
  ParseState state_ = ParseState::kNeedMore;
  RequestHead head_;
};

// What decides, beside the status, which body a response has.
enum class ResponseTo : std::uint8_t { kOther, kHead, kConnect };

// Reads one response head. What a response's body is depends on the request, so it is told.
class ResponseHeadParser {
 public:
  explicit ResponseHeadParser(HeadLimits limits = {}) : lines_(limits) {}

  // As RequestHeadParser::parse(). `request` is what is answered.
  ParseState parse(std::string_view input, ResponseTo request);
  // `to_head`: the request was a HEAD, so no body follows.
  ParseState parse(std::string_view input, bool to_head) {
    return parse(input, to_head ? ResponseTo::kHead : ResponseTo::kOther);
  }

  Refusal refusal() const { return lines_.refusal(); }
  const ResponseHead& head() const { return head_; }
  const FieldTable& fields() const { return lines_.fields(); }
  std::size_t size() const { return lines_.size(); }
  void reset();

 private:
  Refusal read_status_line(std::string_view input);
  Refusal finish(std::string_view input, ResponseTo request);

  internal::HeadLines lines_;
  std::size_t phrase_at_ = 0;
  std::size_t phrase_size_ = 0;
  ParseState state_ = ParseState::kNeedMore;
  ResponseHead head_;
};

}  // namespace fairlead::http::proto
