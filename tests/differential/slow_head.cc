#include "tests/differential/slow_head.h"

#include <cctype>
#include <optional>

namespace fairlead::differential {
namespace {

using http::proto::BodyKind;
using http::proto::ParseState;
using http::proto::Refusal;
using http::proto::ResponseTo;

constexpr std::size_t kHeadMax = 65536;
constexpr std::size_t kTargetMax = 8192;
constexpr std::size_t kMethodMax = 32;
constexpr std::size_t kFieldsMax = 100;

bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool one_of(char c, const std::string& set) { return set.find(c) != std::string::npos; }
bool is_tchar(char c) { return is_alpha(c) || is_digit(c) || one_of(c, "!#$%&'*+-.^_`|~"); }
bool is_control(char c) { return (c >= 0 && c < 0x20) || c == 0x7F; }

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return text;
}

std::string stripped(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool list_has(const std::string& list, const std::string& wanted) {
  std::string item;
  for (const char c : list + ",") {
    if (c != ',') {
      item += c;
      continue;
    }
    if (lower(stripped(item)) == wanted) return true;
    item.clear();
  }
  return false;
}

// RFC 9112 section 2.1: lines, and what there is of the last one.
struct Lines {
  std::vector<std::string> whole;
  std::vector<std::size_t> ends;  // offsets behind each CR LF
  std::string rest;               // of the line that has not ended, its bad byte not included
  bool bad = false;               // the rest is followed by a byte that no line holds
};

Lines split_lines(const std::string& text) {
  Lines lines;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r' && i + 1 == text.size()) {
      lines.rest += c;
    } else if (c == '\r' && text[i + 1] == '\n') {
      lines.whole.push_back(lines.rest);
      lines.ends.push_back(i + 2);
      lines.rest.clear();
      ++i;
    } else if (is_control(c) && c != '\t') {
      if (c == '\r') lines.rest += c;
      lines.bad = true;
      return lines;
    } else {
      lines.rest += c;
    }
  }
  return lines;
}

// RFC 3986 section 3.2, without user information.
bool valid_authority(const std::string& text) {
  std::string host = text;
  std::optional<std::string> port;
  const std::size_t bracket = text.find(']');
  const std::size_t colon =
      text.find(':', text.starts_with('[') && bracket != std::string::npos ? bracket : 0);
  if (colon != std::string::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (port) {
    if (port->empty() || port->size() > 5) return false;
    for (const char c : *port) {
      if (!is_digit(c)) return false;
    }
    if (std::stoi(*port) > 65535) return false;
  }
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || host.size() < 4) return false;
    for (const char c : host.substr(1, host.size() - 2)) {
      if (!one_of(c, "0123456789abcdefABCDEF:.")) return false;
    }
    return true;
  }
  for (const char c : host) {
    if (!is_alpha(c) && !is_digit(c) && !one_of(c, "-._~!$&'()*+;=%")) return false;
  }
  return !host.empty();
}

bool valid_path_and_query(const std::string& text) {
  bool query = false;
  for (const char c : text) {
    if (c == '?' && !query) {
      query = true;
    } else if (query) {
      if (c <= ' ' || c >= 0x7F || c == '#') return false;
    } else if (!is_alpha(c) && !is_digit(c) && !one_of(c, "-._~!$&'()*+,;=:@/%[]|")) {
      return false;
    }
  }
  return true;
}

// RFC 9112 section 3.2. `authority`: what replaces Host.
bool valid_target(const std::string& method, const std::string& target, std::string& authority) {
  if (method == "CONNECT") {
    authority = target;
    const std::size_t host = target.starts_with('[') ? target.find(']') : 0;
    return valid_authority(target) && target.find(':', host) != std::string::npos;
  }
  if (target == "*") return method == "OPTIONS";
  if (target.starts_with('/')) return valid_path_and_query(target);
  const std::size_t colon = target.find("://");
  if (colon == std::string::npos) return false;
  const std::string scheme = lower(target.substr(0, colon));
  if (scheme != "http" && scheme != "https") return false;
  const std::string rest = target.substr(scheme.size() + 3);
  const std::size_t end = rest.find_first_of("/?");
  authority = rest.substr(0, end);
  return valid_authority(authority) &&
         (end == std::string::npos || valid_path_and_query(rest.substr(end)));
}

bool valid_version(const std::string& text) {
  return text.size() == 8 && text.substr(0, 5) == "HTTP/" && is_digit(text[5]) && text[6] == '.' &&
         is_digit(text[7]);
}

// What is told of a request line before its end came. `line` may end with a CR.
Refusal refusal_of_beginning(const std::string& line) {
  std::size_t method = 0;
  while (method < line.size() && is_tchar(line[method])) ++method;
  if (method > kMethodMax) return Refusal::kMethodTooLong;
  if (method == line.size() || line[method] == '\r') return Refusal::kNone;
  if (method == 0 || line[method] != ' ') return Refusal::kBadStartLine;
  const std::string longest_rest = " " + std::string(kTargetMax, 'a') + " HTTP/1.1\r";
  return line.size() - method > longest_rest.size() ? Refusal::kTargetTooLong : Refusal::kNone;
}

Refusal read_request_line(const std::string& line, SlowHead& head, std::string& authority) {
  if (const Refusal bad = refusal_of_beginning(line + "\r"); bad != Refusal::kNone) return bad;
  std::vector<std::string> words(1);
  for (const char c : line) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  if (words.size() != 3 || words[1].empty() || !valid_version(words[2])) {
    return Refusal::kBadStartLine;
  }
  head.method = words[0];
  head.target = words[1];
  const bool good = valid_target(head.method, head.target, authority);
  if (!good && one_of('\t', head.target)) return Refusal::kBadStartLine;
  if (words[2][5] != '1') return Refusal::kBadVersion;
  head.minor = words[2][7] == '0' ? 0 : 1;
  return good ? Refusal::kNone : Refusal::kBadTarget;
}

Refusal read_status_line(const std::string& line, SlowHead& head) {
  if (line.size() < 12 || !valid_version(line.substr(0, 8)) || line[8] != ' ') {
    return Refusal::kBadStartLine;
  }
  if (line[5] != '1') return Refusal::kBadVersion;
  head.minor = line[7] == '0' ? 0 : 1;
  const std::string digits = line.substr(9, 3);
  for (const char c : digits) {
    if (!is_digit(c)) return Refusal::kBadStartLine;
  }
  head.status = std::stoi(digits);
  if (head.status < 100 || head.status > 599) return Refusal::kBadStartLine;
  const std::string rest = line.substr(12);
  if (!rest.empty() && rest[0] != ' ') return Refusal::kBadStartLine;
  head.phrase = rest.empty() ? "" : rest.substr(1);
  return Refusal::kNone;
}

// A decimal number below 2^63, in at most 19 digits.
bool read_length(const std::string& text, std::uint64_t& length) {
  if (text.empty() || text.size() > 19) return false;
  for (const char c : text) {
    if (!is_digit(c)) return false;
  }
  length = std::stoull(text);
  return length < (std::uint64_t{1} << 63U);
}

Refusal read_field(const std::string& line, SlowHead& head) {
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos || colon == 0) return Refusal::kBadField;
  const std::string name = line.substr(0, colon);
  for (const char c : name) {
    if (!is_tchar(c)) return Refusal::kBadField;
  }
  if (head.fields.size() == kFieldsMax) return Refusal::kTooManyFields;
  head.fields.emplace_back(name, stripped(line.substr(colon + 1)));
  if (lower(name) != "content-length") return Refusal::kNone;
  std::size_t lengths = 0;
  for (const auto& field : head.fields) lengths += lower(field.first) == "content-length" ? 1U : 0U;
  std::uint64_t ignored = 0;
  const bool good = lengths == 1 && read_length(head.fields.back().second, ignored);
  return good ? Refusal::kNone : Refusal::kBadLength;
}

std::vector<std::string> values_of(const SlowHead& head, const std::string& name) {
  std::vector<std::string> values;
  for (const auto& [other, value] : head.fields) {
    if (lower(other) == name) values.push_back(value);
  }
  return values;
}

bool any_list_has(const SlowHead& head, const std::string& name, const std::string& item) {
  for (const std::string& value : values_of(head, name)) {
    if (list_has(value, item)) return true;
  }
  return false;
}

// RFC 9112 sections 6.1 and 9.3: what both directions share.
Refusal judge_connection(SlowHead& head) {
  const std::vector<std::string> codings = values_of(head, "transfer-encoding");
  if (!codings.empty()) {
    if (!values_of(head, "content-length").empty()) return Refusal::kLengthAndCoding;
    if (head.minor == 0) return Refusal::kCodingInHttp10;
    if (codings.size() > 1 || lower(codings[0]) != "chunked") return Refusal::kUnknownCoding;
  }
  head.framing.keep_alive = !any_list_has(head, "connection", "close") &&
                            (head.minor == 1 || any_list_has(head, "connection", "keep-alive"));
  bool protocols = false;
  for (const std::string& value : values_of(head, "upgrade")) protocols |= !value.empty();
  head.framing.upgrade = protocols && any_list_has(head, "connection", "upgrade");
  return Refusal::kNone;
}

Refusal judge_request(SlowHead& head, const std::string& target_authority) {
  const std::vector<std::string> hosts = values_of(head, "host");
  if (hosts.size() > 1 || (hosts.empty() && head.minor == 1)) return Refusal::kBadHost;
  if (!hosts.empty()) {
    head.authority = hosts[0];
    const bool empty_ok = head.minor == 0 && hosts[0].empty();
    if (!empty_ok && !valid_authority(hosts[0])) return Refusal::kBadHost;
  }
  if (!target_authority.empty()) head.authority = target_authority;
  if (const Refusal bad = judge_connection(head); bad != Refusal::kNone) return bad;
  const std::vector<std::string> lengths = values_of(head, "content-length");
  std::uint64_t length = 0;
  if (!lengths.empty()) read_length(lengths[0], length);
  if (!values_of(head, "transfer-encoding").empty()) head.framing.body = BodyKind::kChunked;
  if (length > 0) {
    head.framing.body = BodyKind::kLength;
    head.framing.length = length;
  }
  if (head.minor == 0) {
    head.framing.upgrade = false;
    return Refusal::kNone;
  }
  head.framing.trailers = any_list_has(head, "te", "trailers");
  const std::vector<std::string> expectations = values_of(head, "expect");
  if (expectations.empty()) return Refusal::kNone;
  if (expectations.size() > 1 || lower(expectations[0]) != "100-continue") {
    return Refusal::kBadExpect;
  }
  head.framing.expect_continue = head.framing.body != BodyKind::kNone;
  return Refusal::kNone;
}

// RFC 9112 section 6.3, rule by rule.
Refusal judge_response(SlowHead& head, ResponseTo request) {
  if (const Refusal bad = judge_connection(head); bad != Refusal::kNone) return bad;
  const std::vector<std::string> lengths = values_of(head, "content-length");
  std::uint64_t length = 0;
  if (!lengths.empty()) read_length(lengths[0], length);
  const bool chunked = !values_of(head, "transfer-encoding").empty();
  const bool success = head.status >= 200 && head.status < 300;
  head.framing.tunnel = head.status == 101 || (request == ResponseTo::kConnect && success);
  if (head.framing.tunnel) head.framing.keep_alive = false;
  if ((head.status < 200 || head.status == 204) && (chunked || length > 0)) {
    head.framing.keep_alive = false;
  }
  if (head.framing.tunnel || request == ResponseTo::kHead) return Refusal::kNone;
  if (head.status < 200 || head.status == 204 || head.status == 304) return Refusal::kNone;
  if (chunked) {
    head.framing.body = BodyKind::kChunked;
  } else if (lengths.empty()) {
    head.framing.body = BodyKind::kUntilClose;
    head.framing.keep_alive = false;
  } else if (length > 0) {
    head.framing.body = BodyKind::kLength;
    head.framing.length = length;
  }
  return Refusal::kNone;
}

// `start` reads the start line, `beginning` tells of one that has not ended, `judge` of the whole.
template <class Start, class Beginning, class Judge>
SlowHead read(const std::string& text, Start start, Beginning beginning, Judge judge) {
  SlowHead head;
  const auto refused = [&](Refusal refusal) {
    head.state = ParseState::kRefused;
    head.refusal = refusal;
    return head;
  };
  const Lines lines = split_lines(text.substr(0, kHeadMax));
  std::size_t empty_lines = 0;
  bool started = false;
  for (std::size_t i = 0; i < lines.whole.size(); ++i) {
    const std::string& line = lines.whole[i];
    Refusal bad = Refusal::kNone;
    if (!started && line.empty()) {
      if (++empty_lines > 2) bad = Refusal::kBadStartLine;
    } else if (!started) {
      started = true;
      bad = start(line, head);
    } else if (line.empty()) {
      head.size = lines.ends[i];
      bad = judge(head);
      if (bad != Refusal::kNone) return refused(bad);
      head.state = ParseState::kDone;
      return head;
    } else {
      bad = read_field(line, head);
    }
    if (bad != Refusal::kNone) return refused(bad);
  }
  if (!started) {
    if (const Refusal bad = beginning(lines.rest); bad != Refusal::kNone) return refused(bad);
  }
  if (lines.bad) return refused(started ? Refusal::kBadField : Refusal::kBadStartLine);
  if (text.size() >= kHeadMax) return refused(Refusal::kHeadTooLarge);
  return head;
}

}  // namespace

SlowHead read_request_slowly(const std::string& text) {
  std::string authority;
  return read(
      text,
      [&](const std::string& line, SlowHead& head) {
        return read_request_line(line, head, authority);
      },
      refusal_of_beginning, [&](SlowHead& head) { return judge_request(head, authority); });
}

SlowHead read_response_slowly(const std::string& text, ResponseTo request) {
  return read(
      text, read_status_line, [](const std::string&) { return Refusal::kNone; },
      [&](SlowHead& head) { return judge_response(head, request); });
}

}  // namespace fairlead::differential
