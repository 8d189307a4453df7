#include "tests/differential/compare_heads.h"

#include "tests/differential/slow_head.h"

namespace fairlead::differential {
namespace {

using http::proto::Framing;
using http::proto::ParseState;

std::string differ(const char* what, auto fast, auto slow) {
  return std::string(what) + ": fast " + std::to_string(static_cast<std::uint64_t>(fast)) +
         " slow " + std::to_string(static_cast<std::uint64_t>(slow));
}

std::string compare_framing(const Framing& fast, const Framing& slow) {
  if (fast.body != slow.body) return differ("body", fast.body, slow.body);
  if (fast.length != slow.length) return differ("length", fast.length, slow.length);
  if (fast.keep_alive != slow.keep_alive) return differ("keep", fast.keep_alive, slow.keep_alive);
  if (fast.upgrade != slow.upgrade) return differ("upgrade", fast.upgrade, slow.upgrade);
  if (fast.trailers != slow.trailers) return differ("trailers", fast.trailers, slow.trailers);
  if (fast.tunnel != slow.tunnel) return differ("tunnel", fast.tunnel, slow.tunnel);
  if (fast.expect_continue != slow.expect_continue) {
    return differ("expect", fast.expect_continue, slow.expect_continue);
  }
  return {};
}

bool same_head(const http::proto::RequestHead& fast, const SlowHead& slow) {
  return fast.method == slow.method && fast.target == slow.target &&
         fast.authority == slow.authority && fast.minor == slow.minor;
}
bool same_head(const http::proto::ResponseHead& fast, const SlowHead& slow) {
  return fast.status == slow.status && fast.phrase == slow.phrase && fast.minor == slow.minor;
}

template <class Parser>
std::string compare(const Parser& fast, ParseState state, const SlowHead& slow) {
  if (state != slow.state) return differ("verdict", state, slow.state);
  if (fast.refusal() != slow.refusal) return differ("refusal", fast.refusal(), slow.refusal);
  if (state != ParseState::kDone) return {};
  if (fast.size() != slow.size) return differ("size", fast.size(), slow.size);
  if (!same_head(fast.head(), slow)) return "start line or authority";
  const auto& fields = fast.fields();
  if (fields.size() != slow.fields.size())
    return differ("fields", fields.size(), slow.fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto& [name, value] = slow.fields[i];
    if (fields[i].name != name || fields[i].value != value) return "field " + std::to_string(i);
  }
  return compare_framing(fast.head().framing, slow.framing);
}

// `feed(parser, text)` is one call of the parser.
template <class Parser, class Feed>
std::string compare_all(const std::string& text, std::span<const std::size_t> cuts, Feed feed,
                        const SlowHead& slow) {
  Parser at_once;
  std::string found = compare(at_once, feed(at_once, text), slow);
  if (!found.empty()) return "at once: " + found;
  Parser cut;
  std::string part;
  for (const std::size_t size : cuts) {
    part = std::string(text, 0, size);
    if (feed(cut, part) != ParseState::kNeedMore) break;
  }
  std::string whole = text;
  ParseState state = feed(cut, whole);
  if (state == ParseState::kDone && cut.size() > whole.size()) return "cut: a size past the end";
  // A head that was done before the whole text came has its views in `part`.
  found = compare(cut, state, slow);
  return found.empty() ? found : "cut: " + found;
}

}  // namespace

std::string compare_requests(const std::string& text, std::span<const std::size_t> cuts) {
  return compare_all<http::proto::RequestHeadParser>(
      text, cuts, [](auto& parser, const std::string& input) { return parser.parse(input); },
      read_request_slowly(text));
}

std::string compare_responses(const std::string& text, std::span<const std::size_t> cuts,
                              http::proto::ResponseTo request) {
  return compare_all<http::proto::ResponseHeadParser>(
      text, cuts,
      [request](auto& parser, const std::string& input) { return parser.parse(input, request); },
      read_response_slowly(text, request));
}

}  // namespace fairlead::differential
