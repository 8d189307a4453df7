// Targets: the parsers of HTTP/1.1.
#include <algorithm>
#include <string>
#include <vector>

#include "fairlead/base/buffer.h"
#include "fairlead/base/check.h"
#include "fairlead/http/proto/chunk_writer.h"
#include "fairlead/http/proto/chunked.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/http/proto/writer.h"
#include "targets.h"
#include "tests/differential/compare_heads.h"

namespace fairlead::fuzz {
namespace {

namespace proto = http::proto;
using proto::Field;
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
  FL_CHECK(by_byte.refusal() == at_once.refusal());
  if (whole == ParseState::kDone) {
    FL_CHECK(by_byte.size() == at_once.size() && at_once.size() <= input.size());
    FL_CHECK(by_byte.fields().size() == at_once.fields().size());
    FL_CHECK(by_byte.head().framing.body == at_once.head().framing.body);
  }
}

// Takes the text up to the next LF off `rest`.
std::string_view next_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

// What the decoder gives for input that comes in pieces of `piece` bytes.
struct Decoded {
  std::string data;
  std::string trailers;  // "name:value\n" each
  std::size_t consumed = 0;
  ParseState state = ParseState::kNeedMore;
};
Decoded decode_chunked(std::string_view input, std::size_t piece) {
  proto::ChunkedDecoder decoder;
  proto::Trailers trailers;
  decoder.keep_trailers(trailers);
  Decoded decoded;
  while (decoded.consumed < input.size() && decoded.state == ParseState::kNeedMore) {
    const auto step = decoder.next(input.substr(decoded.consumed, piece));
    decoded.state = step.state;
    decoded.consumed += step.consumed;
    decoded.data += step.data;
    if (step.state == ParseState::kNeedMore) FL_CHECK(step.consumed > 0);
  }
  for (std::size_t i = 0; i < trailers.size(); ++i) {
    FL_CHECK(proto::is_trailer_allowed(trailers[i].name));
    decoded.trailers.append(trailers[i].name).append(":").append(trailers[i].value).append("\n");
  }
  return decoded;
}

// What was decoded, written by our writer and decoded again: its trailers.
std::string decode_again(const Decoded& decoded) {
  Buffer out;
  proto::write_chunk(out, decoded.data);
  std::vector<Field> fields;
  std::string_view rest = decoded.trailers;
  while (!rest.empty()) {
    const std::string_view line = next_line(rest);
    const std::size_t colon = line.find(':');
    fields.push_back({line.substr(0, colon), line.substr(colon + 1)});
  }
  // ": " is more than ":" was, so trailers at the limit may be too large now.
  if (!proto::write_last_chunk(out, fields).ok()) return decoded.trailers;
  const Decoded again = decode_chunked(out.view(), out.size());
  FL_CHECK(again.state == ParseState::kDone && again.consumed == out.size());
  FL_CHECK(again.data == decoded.data);
  return again.trailers;
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
  FL_CHECK(at_once.trailers == by_byte.trailers);
  if (at_once.state != ParseState::kRefused) {
    FL_CHECK(at_once.data == by_byte.data && at_once.consumed == by_byte.consumed);
  }
  if (at_once.state == ParseState::kDone) FL_CHECK(decode_again(at_once) == at_once.trailers);
}

void http_written(std::string_view input) {
  Buffer out;
  proto::HeadWriter writer(out);
  const std::string_view method = next_line(input);
  const std::string_view target = next_line(input);
  writer.request_line(method, target);
  writer.field("Host", "a");
  std::vector<Field> fields;
  while (!input.empty() && fields.size() < 64) {
    const std::string_view line = next_line(input);
    const std::size_t colon = std::min(line.find(':'), line.size());
    fields.push_back({line.substr(0, colon), line.substr(std::min(colon + 1, line.size()))});
    writer.field(fields.back().name, fields.back().value);
  }
  if (!writer.finish().ok()) {
    FL_CHECK(out.empty());
    return;
  }
  proto::RequestHeadParser parser;
  // What steers may still be refused (a second Host), and so may the target: but what is read is
  // what was written, and nothing is left over to be another message.
  if (parser.parse(out.view()) == ParseState::kRefused) return;
  FL_CHECK(parser.size() == out.size());
  FL_CHECK(parser.head().method == method && parser.head().target == target);
  FL_CHECK(parser.fields().size() == fields.size() + 1);
  for (std::size_t i = 0; i < fields.size(); ++i) {
    FL_CHECK(parser.fields()[i + 1].name == fields[i].name);
    FL_CHECK(parser.fields()[i + 1].value == fields[i].value);
  }
}

// The first byte says where the text is cut and what a response answers.
void http_differential(std::string_view input) {
  if (input.empty()) return;
  const auto first = static_cast<std::uint8_t>(input[0]);
  const std::string text(input.substr(1));
  std::vector<std::size_t> cuts = {std::min<std::size_t>(first, text.size()), text.size() / 2,
                                   text.size() - text.size() / 8};
  std::ranges::sort(cuts);
  FL_CHECK(differential::compare_requests(text, cuts).empty());
  const auto request = static_cast<proto::ResponseTo>(first % 3);
  FL_CHECK(differential::compare_responses(text, cuts, request).empty());
}

}  // namespace fairlead::fuzz
