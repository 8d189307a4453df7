// Targets: the parsers of HTTP/1.1.
#include <string>

#include "fairlead/base/check.h"
#include "fairlead/http/proto/chunked.h"
#include "fairlead/http/proto/head.h"
#include "targets.h"

namespace fairlead::fuzz {
namespace {

namespace proto = http::proto;
using proto::ParseState;

// `feed(parser, input)` is one call of the parser. Once for the whole input, once for each of its
// beginnings: how bytes arrive must not matter.
template <class Parser, class Feed>
void fuzz_head(std::string_view input, Feed feed) {
  Parser at_once;
  const ParseState whole = feed(at_once, input);
  Parser by_byte;
  ParseState state = ParseState::kNeedMore;
  for (std::size_t size = 1; size <= input.size() && state == ParseState::kNeedMore; ++size) {
    state = feed(by_byte, input.substr(0, size));
  }
  if (input.empty()) return;
  FL_CHECK(state == whole);
  // Of two mistakes in one line the first to arrive is told, so the refusals may differ.
  FL_CHECK((by_byte.refusal() == proto::Refusal::kNone) ==
           (at_once.refusal() == proto::Refusal::kNone));
  if (whole == ParseState::kDone) {
    FL_CHECK(by_byte.size() == at_once.size() && at_once.size() <= input.size());
    FL_CHECK(by_byte.fields().size() == at_once.fields().size());
    FL_CHECK(by_byte.head().framing.body == at_once.head().framing.body);
  }
}

// What the decoder gives for input that comes in pieces of `piece` bytes.
struct Decoded {
  std::string data;
  std::size_t consumed = 0;
  ParseState state = ParseState::kNeedMore;
};
Decoded decode_chunked(std::string_view input, std::size_t piece) {
  proto::ChunkedDecoder decoder;
  Decoded decoded;
  while (decoded.consumed < input.size() && decoded.state == ParseState::kNeedMore) {
    const auto step = decoder.next(input.substr(decoded.consumed, piece));
    decoded.state = step.state;
    decoded.consumed += step.consumed;
    decoded.data += step.data;
    if (step.state == ParseState::kNeedMore) FL_CHECK(step.consumed > 0);
  }
  return decoded;
}

}  // namespace

void http_request(std::string_view input) {
  fuzz_head<proto::RequestHeadParser>(
      input, [](auto& parser, std::string_view text) { return parser.parse(text); });
}

void http_response(std::string_view input) {
  fuzz_head<proto::ResponseHeadParser>(
      input, [](auto& parser, std::string_view text) { return parser.parse(text, false); });
}

void http_chunked(std::string_view input) {
  const Decoded at_once = decode_chunked(input, input.size());
  const Decoded by_byte = decode_chunked(input, 1);
  FL_CHECK(at_once.state == by_byte.state);
  FL_CHECK(at_once.data.size() <= input.size());
  if (at_once.state != ParseState::kRefused) {
    FL_CHECK(at_once.data == by_byte.data && at_once.consumed == by_byte.consumed);
  }
}

}  // namespace fairlead::fuzz
