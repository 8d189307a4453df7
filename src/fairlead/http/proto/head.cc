#include "fairlead/http/proto/head.h"

#include "fairlead/http/proto/chars.h"

namespace fairlead::http::proto {
namespace internal {
namespace {

// RFC 9112 section 2.2 wants at least one empty line before the start line ignored.
constexpr std::size_t kEmptyLinesMax = 2;

}  // namespace

HeadLines::Step HeadLines::next(std::string_view input) {
  const bool full = input.size() >= limits_.head_bytes_max;
  input = input.substr(0, limits_.head_bytes_max);
  if (start_line_given_ && in_start_line_) {
    in_start_line_ = false;
    line_at_ = scan_at_ = line_end_ + 2;
  }
  while (true) {
    const LineEnd line = find_line_end(input, scan_at_, !in_start_line_);
    if (line.state == LineEnd::State::kBad) {
      refuse(in_start_line_ ? Refusal::kBadStartLine : Refusal::kBadField);
      return Step::kRefused;
    }
    scan_at_ = line.end;
    if (line.state == LineEnd::State::kCut) {
      if (!full) return Step::kNeedMore;
      refuse(Refusal::kHeadTooLarge);
      return Step::kRefused;
    }
    line_end_ = line.end;
    const bool empty = line_end_ == line_at_;
    if (in_start_line_ && !empty) {
      start_line_given_ = true;
      return Step::kStartLine;
    }
    if (in_start_line_) {
      if (++empty_lines_ > kEmptyLinesMax) refuse(Refusal::kBadStartLine);
    } else if (!empty) {
      refuse(read_field_line(input, line_at_, line_end_, fields_, steering_));
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
Refusal read_version(std::string_view text, int& minor) {
  const bool shaped = text.size() == 8 && text.starts_with("HTTP/") && text[5] >= '0' &&
                      text[5] <= '9' && text[6] == '.' && text[7] >= '0' && text[7] <= '9';
  if (!shaped) return Refusal::kBadStartLine;
  if (text[5] != '1') return Refusal::kBadVersion;
  minor = text[7] == '0' ? 0 : 1;
  return Refusal::kNone;
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
  while (state_ == ParseState::kNeedMore) {
    Refusal refusal = Refusal::kNone;
    switch (lines_.next(input)) {
      case Step::kNeedMore:
        refusal = check_cut_request_line(input);
        if (refusal == Refusal::kNone) return state_;
        break;
      case Step::kRefused:
        // The limit of the target is the narrower one, and the answer that helps more.
        if (lines_.refusal() == Refusal::kHeadTooLarge) refusal = check_cut_request_line(input);
        if (refusal == Refusal::kNone) refusal = lines_.refusal();
        break;
      case Step::kStartLine:
        refusal = read_request_line(input);
        break;
      case Step::kEnd:
        refusal = finish(input);
        if (refusal == Refusal::kNone) state_ = ParseState::kDone;
        break;
    }
    if (refusal != Refusal::kNone) {
      lines_.refuse(refusal);
      state_ = ParseState::kRefused;
    }
  }
  return state_;
}

void RequestHeadParser::reset() {
  lines_.reset();
  state_ = ParseState::kNeedMore;
  head_ = {};
}

// A line that is already hopeless is refused before its end comes, so that a peer that speaks
// something else is not waited for.
Refusal RequestHeadParser::check_cut_request_line(std::string_view input) const {
  if (!lines_.in_start_line()) return Refusal::kNone;
  const std::string_view line = input.substr(lines_.line_begin());
  std::size_t method = 0;
  while (method < line.size() && is_char(line[method], kTokenChar)) ++method;
  if (method > kMethodBytesMax) return Refusal::kMethodTooLong;
  if (method == line.size() || line[method] == '\r') return Refusal::kNone;
  if (line[method] != ' ' || method == 0) return Refusal::kBadStartLine;
  constexpr std::size_t kVersionBytes = 9;  // " HTTP/1.1"
  const bool long_target =
      line.size() > method + 1 + lines_.limits().target_bytes_max + kVersionBytes + 1;
  return long_target ? Refusal::kTargetTooLong : Refusal::kNone;
}

Refusal RequestHeadParser::read_request_line(std::string_view input) {
  method_at_ = lines_.line_begin();
  const std::string_view line = input.substr(method_at_, lines_.line_end() - method_at_);
  const std::size_t first = line.find(' ');
  if (first == std::string_view::npos) return Refusal::kBadStartLine;
  const std::string_view method = line.substr(0, first);
  if (!is_all(method, kTokenChar)) return Refusal::kBadStartLine;
  if (method.size() > kMethodBytesMax) return Refusal::kMethodTooLong;
  const std::size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return Refusal::kBadStartLine;
  method_size_ = first;
  target_size_ = second - first - 1;
  if (target_size_ == 0) return Refusal::kBadStartLine;
  if (target_size_ > lines_.limits().target_bytes_max) return Refusal::kTargetTooLong;
  return internal::read_version(line.substr(second + 1), head_.minor);
}

Refusal RequestHeadParser::finish(std::string_view input) {
  const internal::Steering& steering = lines_.steering();
  lines_.fields().set_base(input.data());
  head_.method = input.substr(method_at_, method_size_);
  head_.target = input.substr(method_at_ + method_size_ + 1, target_size_);
  if (const Refusal bad = parse_target(head_.method, head_.target, head_.parts);
      bad != Refusal::kNone) {
    return bad;
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
  framing.upgrade = steering.upgrade && head_.minor > 0;
  if (head_.minor > 0 && steering.expectations > 0) {  // RFC 9110 10.1.1: ignored from HTTP/1.0
    if (steering.expectations > 1 || !steering.expects_continue) return Refusal::kBadExpect;
    framing.expect_continue = framing.body != BodyKind::kNone;
  }
  return Refusal::kNone;
}

ParseState ResponseHeadParser::parse(std::string_view input, bool to_head) {
  using Step = internal::HeadLines::Step;
  while (state_ == ParseState::kNeedMore) {
    Refusal refusal = Refusal::kNone;
    switch (lines_.next(input)) {
      case Step::kNeedMore:
        return state_;
      case Step::kRefused:
        refusal = lines_.refusal();
        break;
      case Step::kStartLine:
        refusal = read_status_line(input);
        break;
      case Step::kEnd:
        refusal = finish(input, to_head);
        if (refusal == Refusal::kNone) state_ = ParseState::kDone;
        break;
    }
    if (refusal != Refusal::kNone) {
      lines_.refuse(refusal);
      state_ = ParseState::kRefused;
    }
  }
  return state_;
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
  if (line.size() < 12 || line[8] != ' ') return Refusal::kBadStartLine;
  if (const Refusal bad = internal::read_version(line.substr(0, 8), head_.minor);
      bad != Refusal::kNone) {
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
Refusal ResponseHeadParser::finish(std::string_view input, bool to_head) {
  const internal::Steering& steering = lines_.steering();
  lines_.fields().set_base(input.data());
  head_.phrase = input.substr(phrase_at_, phrase_size_);
  if (const Refusal bad = internal::check_coding(steering, head_.minor); bad != Refusal::kNone) {
    return bad;
  }
  Framing& framing = head_.framing;
  framing.keep_alive = internal::keeps_alive(steering, head_.minor);
  framing.upgrade = steering.upgrade;
  const bool bodiless = to_head || head_.status < 200 || head_.status == 204 || head_.status == 304;
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
