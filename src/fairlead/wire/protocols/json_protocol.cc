#include "fairlead/wire/protocols/json_protocol.h"

#include <limits>
#include <string>
#include <utility>

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/json_scanner.h"

namespace fairlead::wire {
namespace {

using internal::JsonFields;
using internal::JsonScanner;
using internal::Quoted;
using internal::Quoting;

bool is_int32(std::int64_t value) {
  return value >= std::numeric_limits<std::int32_t>::min() &&
         value <= std::numeric_limits<std::int32_t>::max();
}

Kind kind_of(std::int64_t value) {
  return value >= 1 && value <= 5 ? static_cast<Kind>(value) : static_cast<Kind>(0);
}

// Points the views at the texts, which are copied to a block of their own when one of them has
// escapes: one owner holds them all.
void take_texts(const JsonFields& fields, Received& received) {
  MessageView& message = received.message;
  const auto plain = [](const Quoted& quoted) { return quoted.quoting == Quoting::kNone; };
  if (plain(fields.method) && plain(fields.status) && plain(fields.metadata) &&
      plain(fields.body)) {
    message.method = fields.method.text;
    message.status = fields.status.text;
    message.metadata = fields.metadata.text;
    message.body = fields.body.text;
    return;
  }
  const Quoted quoted[] = {{message.transforms, Quoting::kNone},
                           fields.method,
                           fields.status,
                           fields.metadata,
                           fields.body};
  std::string_view* const texts[] = {&message.transforms, &message.method, &message.status,
                                     &message.metadata, &message.body};
  received.owner = internal::unquote_all(quoted, texts);
}

void append_quoted(Buffer& out, std::string_view text) {
  const std::size_t from = out.size();
  out.append(text);
  internal::escape_tail(out, from, std::numeric_limits<std::size_t>::max());
}

}  // namespace

Received JsonProtocol::parse(std::string_view input, const Limits& limits,
                             const TransformSet* transforms) const {
  Received received = internal::open_payload(input, limits, transforms);
  if (received.state != Received::State::kMessage) return received;
  MessageView& message = received.message;

  JsonFields fields;
  JsonScanner scanner(message.body);
  if (!scanner.read(fields)) return internal::bad_layout("json", scanner.problem(), scanner.at());
  if (fields.body_codec < 0 || fields.body_codec > 255) {
    return internal::bad_layout("json", "bodyCodec is no byte", scanner.at());
  }
  if (!is_int32(fields.seq)) return internal::refused(Fault::kBadSeq, 0, limits);
  message.seq = static_cast<std::int32_t>(fields.seq);
  message.kind = kind_of(fields.kind);
  message.body_codec = static_cast<std::uint8_t>(fields.body_codec);
  take_texts(fields, received);
  if (message.kind == static_cast<Kind>(0)) {
    received.state = Received::State::kError;
    received.status =
        fault_status(Fault::kBadKind, static_cast<std::uint32_t>(fields.kind), limits);
  }
  return received;
}

std::optional<PeekedHead> JsonProtocol::peek_head(std::string_view input) const {
  constexpr std::size_t kTextAt = internal::kLengthBytes + 1;
  if (input.size() <= kTextAt || input[internal::kLengthBytes] != 0) return std::nullopt;
  JsonFields fields;
  JsonScanner scanner(input.substr(kTextAt));
  scanner.read(fields);
  const Kind kind = kind_of(fields.kind);
  if (!scanner.has_head() || !is_int32(fields.seq) || kind == static_cast<Kind>(0)) {
    return std::nullopt;
  }
  return PeekedHead{static_cast<std::int32_t>(fields.seq), kind};
}

FrameStart JsonProtocol::begin(Buffer& out, const MessageHead& head) const {
  FrameStart start = internal::begin_envelope(out, head);
  if (start.fault != Fault::kNone) return start;
  out.append("{\"seq\":");
  out.append(std::to_string(head.seq));
  out.append(",\"mtype\":");
  out.append(std::to_string(static_cast<int>(head.kind)));
  out.append(",\"serviceMethod\":\"");
  append_quoted(out, head.method);
  out.append("\",\"status\":\"");
  append_quoted(out, head.status.empty() ? internal::kStatusOk : head.status);
  out.append("\",\"meta\":\"");
  append_quoted(out, head.metadata);
  out.append("\",\"bodyCodec\":");
  out.append(std::to_string(head.body_codec));
  out.append(",\"body\":\"");
  start.body_at = static_cast<std::uint32_t>(out.size() - start.offset);
  return start;
}

Status JsonProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                            const TransformSet* transforms) const {
  if (start.fault != Fault::kNone) {
    return internal::take_back(out, start, fault_status(start.fault, 0, limits));
  }
  const std::size_t body_at = start.offset + start.body_at;
  const std::string_view body = out.view().substr(body_at);
  const bool as_it_is = body.find_first_of("\"\\") == std::string_view::npos;
  // A body that is too big once it is escaped is refused before it grows, behind transforms too:
  // a peer with our limit would not restore it.
  if (!as_it_is && !internal::escape_tail(out, body_at, limits.frame_bytes_max)) {
    return internal::take_back(
        out, start,
        fault_status(Fault::kTooBig, static_cast<std::uint32_t>(out.size() - start.offset),
                     limits));
  }
  out.append("\"}");
  return internal::seal_envelope(out, start, limits, transforms);
}

}  // namespace fairlead::wire
