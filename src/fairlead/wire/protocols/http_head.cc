#include "fairlead/wire/protocols/http_head.h"

#include <limits>

#include "fairlead/base/text.h"
#include "fairlead/wire/metadata.h"
#include "fairlead/wire/protocols/http_fields.h"

namespace fairlead::wire::internal {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kVersion = "HTTP/1.1";
enum Known : unsigned { kSize, kType, kTransform, kSeq, kKind, kChunks, kNone };
constexpr std::string_view kKnown[] = {"Content-Length", "Content-Type", "X-Content-Encoding",
                                       "X-Seq",          "X-Mtype",      "Transfer-Encoding"};

unsigned known_name(std::string_view name) {
  unsigned known = 0;
  while (known < kNone && !equals_ignoring_case(kKnown[known], name)) ++known;
  return known;
}

bool is_method(std::string_view text) {
  return !text.empty() && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == text.npos;
}

bool has_controls(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return true;
  }
  return false;
}

}  // namespace

bool HttpHeadReader::read(HttpHead& out) {
  if (!start_line(out) || !query(out)) return false;
  while (!head_.substr(at_).starts_with(kLineEnd)) {
    if (!field(out)) return false;
  }
  return (out.seq.has_value() && out.kind.has_value()) || fail("no X-Seq or no X-Mtype");
}

bool HttpHeadReader::start_line(HttpHead& out) {
  const std::string_view text = line();
  if (text.starts_with("HTTP/")) {
    out.reply = true;
    out.error = text == "HTTP/1.1 299 Business Error";
    return out.error || text == "HTTP/1.1 200 OK" || fail("a status line of another kind");
  }
  const std::size_t from = text.find(' ');
  const std::size_t to = text.rfind(' ');
  if (from == std::string_view::npos || from == to) return fail("no request line");
  out.target = text.substr(from + 1, to - from - 1);
  if (!is_method(text.substr(0, from)) || text.substr(to + 1) != kVersion ||
      has_controls(out.target)) {
    return fail("no request line of HTTP/1.1");
  }
  return true;
}

bool HttpHeadReader::query(HttpHead& out) {
  const std::string_view text = split_target(out.target).query;
  if (text.empty()) return true;
  const Result<Metadata> pairs = parse_metadata_text(text);
  if (!pairs.ok()) return fail("too many pairs in the query");
  pairs_ = pairs->size();
  pairs->visit([&](std::string_view key, std::string_view value) {
    append_metadata_pair(out.metadata, key, value);
  });
  return true;
}

bool HttpHeadReader::field(HttpHead& out) {
  const std::string_view text = line();
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || !is_http_name(text.substr(0, colon))) {
    return fail("no name before a colon");
  }
  const std::string_view name = text.substr(0, colon);
  const std::string_view value = trim(text.substr(colon + 1));
  if (!is_http_value(value)) return fail("a control byte in a value");
  const unsigned known = known_name(name);
  if (known != kNone) {
    if ((seen_ & 1U << known) != 0) return fail("a repeated field");
    seen_ |= 1U << known;
    return known_field(known, value, out);
  }
  if (++pairs_ > kMetadataPairsMax) return fail("more than 1000 pairs");
  append_metadata_pair(out.metadata, metadata_key(name), value);
  return true;
}

bool HttpHeadReader::known_field(unsigned name, std::string_view value, HttpHead& out) {
  switch (name) {
    case kSize: {
      const auto size = parse_uint64(value);
      if (!size.has_value() || *size > std::numeric_limits<std::uint32_t>::max()) {
        return fail("Content-Length is none");
      }
      out.body_bytes = static_cast<std::uint32_t>(*size);
      return true;
    }
    case kType:
      out.body_codec = http_body_codec(value);
      return true;
    case kTransform:
      out.transform = value;
      return true;
    case kSeq:
      out.seq = parse_int64(value);
      return out.seq.has_value() || fail("X-Seq is no number");
    case kKind:
      out.kind = parse_int64(value);
      return out.kind.has_value() || fail("X-Mtype is no number");
    default:
      return fail("Transfer-Encoding is not spoken here");
  }
}

// Takes the next line, which the head's last bytes end if nothing before does.
std::string_view HttpHeadReader::line() {
  const std::size_t end = head_.find(kLineEnd, at_);
  const std::string_view text = head_.substr(at_, end - at_);
  at_ = end + kLineEnd.size();
  return text;
}

bool HttpHeadReader::fail(std::string_view problem) {
  problem_ = problem;
  return false;
}

}  // namespace fairlead::wire::internal
