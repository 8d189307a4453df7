#include "fairlead/http/proto/head.h"

#include "fairlead/base/check.h"
#include "fairlead/http/proto/scan.h"

namespace fairlead::http::proto {
namespace internal {
namespace {

// RFC 9112 section 2.2 wants at least one empty line before the start line ignored.
constexpr std::size_t kEmptyLinesMax = 2;

}  // namespace

// Finds line ends in the bytes that are there.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text), stops_(text) {}

  std::string_view text() const { return text_; }

  enum class State : std::uint8_t { kCut, kWhole, kBad };
  // Looks for CR LF from `at` on. Any other stop (scan.h) on the way, a bare CR or a bare LF among
  // them, is kBad. `at` becomes the offset of what ended the look.
  State find_end(std::size_t& at) {
    at = stops_.find(at);
    if (at == text_.size()) return State::kCut;
    if (text_[at] != '\r') return State::kBad;
    if (at + 1 == text_.size()) return State::kCut;
    return text_[at + 1] == '\n' ? State::kWhole : State::kBad;
  }

 private:
  const std::string_view text_;
  StopFinder<> stops_;
};

HeadLines::Step HeadLines::next(LineReader& lines, bool full) {
  if (start_line_given_ && in_start_line_) {
    in_start_line_ = false;
    line_at_ = scan_at_ = line_end_ + 2;
  }
  while (true) {
    const LineReader::State state = lines.find_end(scan_at_);
    if (state != LineReader::State::kWhole) [[unlikely]] {
      if (state == LineReader::State::kCut && !full) return Step::kNeedMore;
      const Refusal bad = in_start_line_ ? Refusal::kBadStartLine : Refusal::kBadField;
      refuse(state == LineReader::State::kCut ? Refusal::kHeadTooLarge : bad);
      return Step::kRefused;
    }
    line_end_ = scan_at_;
    const bool empty = line_end_ == line_at_;
    if (in_start_line_ && !empty) {
      start_line_given_ = true;
      return Step::kStartLine;
    }
    if (in_start_line_) {
      if (++empty_lines_ > kEmptyLinesMax) refuse(Refusal::kBadStartLine);
    } else if (!empty) {
      refuse(read_field_line(lines.text(), line_at_, line_end_, fields_, steering_));
      if (fields_.size() > limits_.fields_max) refuse(Refusal::kTooManyFields);
    }
    if (refusal_ != Refusal::kNone) return Step::kRefused;
    line_at_ = scan_at_ = line_end_ + 2;
    if (empty && !in_start_line_) return Step::kEnd;
  }
}

void HeadLines::reset() {
  line_at_ = scan_at_ = line_end_ = empty_lines_ = 0;
  in_start_line_ = true;
  start_line_given_ = false;
  refusal_ = Refusal::kNone;
  fields_.clear();
  steering_ = {};
}

namespace {

// "HTTP/1.x" exactly: RFC 9112 section 2.3 allows one digit on either side, capitals only.
bool is_version(std::string_view text) {
  return text.size() == 8 && text.starts_with("HTTP/") && text[5] >= '0' && text[5] <= '9' &&
         text[6] == '.' && text[7] >= '0' && text[7] <= '9';
}

// `text` is a version. A minor one above 1 is served as 1.
Refusal read_version(std::string_view text, int& minor) {
  minor = text[7] == '0' ? 0 : 1;
  return text[5] == '1' ? Refusal::kNone : Refusal::kBadVersion;
}

// What RFC 9112 section 6.1 says of Transfer-Encoding, for both directions.
Refusal check_coding(const Steering& steering, int minor) {
  if (steering.codings == 0) return Refusal::kNone;
  if (steering.lengths > 0) return Refusal::kLengthAndCoding;
  if (minor == 0) return Refusal::kCodingInHttp10;
  if (steering.codings > 1 || !steering.chunked) return Refusal::kUnknownCoding;
  return Refusal::kNone;
}

bool keeps_alive(const Steering& steering, int minor) {
  return !steering.close && (minor > 0 || steering.keep_alive);
}

}  // namespace
}  // namespace internal

ParseState RequestHeadParser::parse(std::string_view input) {
  using Step = internal::HeadLines::Step;
  if (state_ != ParseState::kNeedMore) return state_;
  const bool full = input.size() >= lines_.limits().head_bytes_max;
  internal::LineReader reader(input.substr(0, lines_.limits().head_bytes_max));
  while (true) {
    switch (lines_.next(reader, full)) {
      case Step::kStartLine:
        if (const Refusal bad = read_request_line(input); bad != Refusal::kNone) return refuse(bad);
        break;
      case Step::kEnd:
        if (const Refusal bad = finish(input); bad != Refusal::kNone) return refuse(bad);
        return state_ = ParseState::kDone;
      case Step::kNeedMore:
      case Step::kRefused: {
        Refusal bad = Refusal::kNone;
        if (lines_.in_start_line()) {
          const std::size_t cr =
              lines_.seen() < reader.text().size() && input[lines_.seen()] == '\r' ? 1 : 0;
          bad = check_line_so_far(
              input.substr(lines_.line_begin(), lines_.seen() + cr - lines_.line_begin()));
        }
        if (bad == Refusal::kNone) bad = lines_.refusal();
        return bad == Refusal::kNone ? state_ : refuse(bad);
      }
    }
  }
}

ParseState RequestHeadParser::refuse(Refusal refusal) {
  lines_.refuse(refusal);
  return state_ = ParseState::kRefused;
}

void RequestHeadParser::reset() {
  lines_.reset();
  state_ = ParseState::kNeedMore;
  head_ = {};
}

// `line` is the request line as far as it has come, its CR included. What is already hopeless is
// refused before the end comes, so that a peer that speaks something else is not waited for; what
// is refused once stays so with more bytes, so it does not matter when one looks.
Refusal RequestHeadParser::check_line_so_far(std::string_view line) const {
  const std::size_t method = internal::token_end(line, 0);
  if (method > kMethodBytesMax) return Refusal::kMethodTooLong;
  if (method == line.size() || line[method] == '\r') return Refusal::kNone;
  if (line[method] != ' ' || method == 0) return Refusal::kBadStartLine;
  constexpr std::size_t kRestBytes = 1 + 9 + 1;  // two blanks, "HTTP/1.1", CR
  const bool long_target = line.size() > method + lines_.limits().target_bytes_max + kRestBytes;
  return long_target ? Refusal::kTargetTooLong : Refusal::kNone;
}

// Method, blank, target, blank, version: the version has a fixed size, so the target is what lies
// between. parse_target() allows no blank in it.
Refusal RequestHeadParser::read_request_line(std::string_view input) {
  method_at_ = lines_.line_begin();
  const std::string_view line = input.substr(method_at_, lines_.line_end() - method_at_);
  const std::string_view line_and_cr = input.substr(method_at_, line.size() + 1);
  if (const Refusal bad = check_line_so_far(line_and_cr); bad != Refusal::kNone) return bad;
  method_size_ = internal::token_end(line_and_cr, 0);
  constexpr std::size_t kVersionBytes = 8;
  if (line.size() < method_size_ + kVersionBytes + 3) return Refusal::kBadStartLine;
  const std::string_view version = line.substr(line.size() - kVersionBytes);
  target_size_ = line.size() - method_size_ - kVersionBytes - 2;
  if (!internal::is_version(version) || line[method_size_ + 1 + target_size_] != ' ') {
    return Refusal::kBadStartLine;
  }
  head_.method = line.substr(0, method_size_);
  head_.target = line.substr(method_size_ + 1, target_size_);
  parsed_at_ = input.data();
  const Refusal bad_target = parse_target(head_.method, head_.target, head_.parts);
  if (bad_target != Refusal::kNone && head_.target.find_first_of(" \t") != std::string_view::npos) {
    return Refusal::kBadStartLine;
  }
  const Refusal bad_version = internal::read_version(version, head_.minor);
  return bad_version != Refusal::kNone ? bad_version : bad_target;
}

Refusal RequestHeadParser::finish(std::string_view input) {
  const internal::Steering& steering = lines_.steering();
  lines_.fields().set_base(input.data());
  if (input.data() != parsed_at_) {  // the bytes have moved since the request line was read
    head_.method = input.substr(method_at_, method_size_);
    head_.target = input.substr(method_at_ + method_size_ + 1, target_size_);
    FL_CHECK(parse_target(head_.method, head_.target, head_.parts) == Refusal::kNone);
  }
  if (steering.hosts > 1 || (steering.hosts == 0 && head_.minor > 0)) return Refusal::kBadHost;
  if (steering.hosts == 1) {
    head_.authority = lines_.fields()[steering.host_index].value;
    const bool empty_ok = head_.minor == 0 && head_.authority.empty();
    if (!empty_ok && !is_authority(head_.authority)) return Refusal::kBadHost;
  }
  // RFC 9112 section 3.2.2: the authority of an absolute target replaces Host.
  if (!head_.parts.authority.empty()) head_.authority = head_.parts.authority;

  if (const Refusal bad = internal::check_coding(steering, head_.minor); bad != Refusal::kNone) {
    return bad;
  }
  Framing& framing = head_.framing;
  if (steering.codings > 0) {
    framing.body = BodyKind::kChunked;
  } else if (steering.lengths > 0 && steering.length > 0) {
    framing.body = BodyKind::kLength;
    framing.length = steering.length;
  }
  framing.keep_alive = internal::keeps_alive(steering, head_.minor);
  framing.upgrade = steering.upgrade && steering.protocols && head_.minor > 0;
  framing.trailers = steering.trailers && head_.minor > 0;
  if (head_.minor > 0 && steering.expectations > 0) {  // RFC 9110 10.1.1: ignored from HTTP/1.0
    if (steering.expectations > 1 || !steering.expects_continue) return Refusal::kBadExpect;
    framing.expect_continue = framing.body != BodyKind::kNone;
  }
  return Refusal::kNone;
}

ParseState ResponseHeadParser::parse(std::string_view input, ResponseTo request) {
  using Step = internal::HeadLines::Step;
  if (state_ != ParseState::kNeedMore) return state_;
  const bool full = input.size() >= lines_.limits().head_bytes_max;
  internal::LineReader reader(input.substr(0, lines_.limits().head_bytes_max));
  while (true) {
    Refusal bad = Refusal::kNone;
    switch (lines_.next(reader, full)) {
      case Step::kNeedMore:
        return state_;
      case Step::kRefused:
        bad = lines_.refusal();
        break;
      case Step::kStartLine:
        bad = read_status_line(input);
        break;
      case Step::kEnd:
        bad = finish(input, request);
        if (bad == Refusal::kNone) return state_ = ParseState::kDone;
        break;
    }
    if (bad == Refusal::kNone) continue;
    lines_.refuse(bad);
    return state_ = ParseState::kRefused;
  }
}

void ResponseHeadParser::reset() {
  lines_.reset();
  state_ = ParseState::kNeedMore;
  head_ = {};
}

// "HTTP/1.1 200 OK". The blank before an empty phrase may be missing: nothing depends on it.
Refusal ResponseHeadParser::read_status_line(std::string_view input) {
  const std::size_t at = lines_.line_begin();
  const std::string_view line = input.substr(at, lines_.line_end() - at);
  if (line.size() < 12 || line[8] != ' ' || !internal::is_version(line.substr(0, 8))) {
    return Refusal::kBadStartLine;
  }
  if (const Refusal bad = internal::read_version(line, head_.minor); bad != Refusal::kNone) {
    return bad;
  }
  for (std::size_t i = 9; i < 12; ++i) {
    if (line[i] < '0' || line[i] > '9') return Refusal::kBadStartLine;
    head_.status = head_.status * 10 + (line[i] - '0');
  }
  if (head_.status < 100 || head_.status > 599) return Refusal::kBadStartLine;
  if (line.size() > 12 && line[12] != ' ') return Refusal::kBadStartLine;
  phrase_at_ = at + (line.size() > 12 ? 13 : 12);
  phrase_size_ = lines_.line_end() - phrase_at_;
  return Refusal::kNone;
}

// RFC 9112 section 6.3, in its order.
Refusal ResponseHeadParser::finish(std::string_view input, ResponseTo request) {
  const internal::Steering& steering = lines_.steering();
  lines_.fields().set_base(input.data());
  head_.phrase = input.substr(phrase_at_, phrase_size_);
  if (const Refusal bad = internal::check_coding(steering, head_.minor); bad != Refusal::kNone) {
    return bad;
  }
  Framing& framing = head_.framing;
  framing.keep_alive = internal::keeps_alive(steering, head_.minor);
  framing.upgrade = steering.upgrade && steering.protocols;
  const int status = head_.status;
  framing.tunnel = status == 101 || (request == ResponseTo::kConnect && status / 100 == 2);
  if (framing.tunnel) framing.keep_alive = false;
  if (status < 200 || status == 204) {
    // RFC 9110 section 8.6, RFC 9112 section 6.1: nothing here may tell of a body. A server that
    // does so may send one, and what comes next would be taken for the next answer.
    if (steering.codings > 0 || steering.length > 0) framing.keep_alive = false;
  }
  const bool bodiless = framing.tunnel || request == ResponseTo::kHead || status < 200 ||
                        status == 204 || status == 304;
  if (bodiless) return Refusal::kNone;
  if (steering.codings > 0) {
    framing.body = BodyKind::kChunked;
  } else if (steering.lengths > 0) {
    framing.body = steering.length > 0 ? BodyKind::kLength : BodyKind::kNone;
    framing.length = steering.length;
  } else {
    framing.body = BodyKind::kUntilClose;
    framing.keep_alive = false;
  }
  return Refusal::kNone;
}

}  // namespace fairlead::http::proto
