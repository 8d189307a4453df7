#include "fairlead/wire/protocols/json_message.h"

#include <limits>
#include <string>

#include "fairlead/wire/protocols/frame_parts.h"

namespace fairlead::wire::internal {
namespace {

bool is_int32(std::int64_t value) {
  return value >= std::numeric_limits<std::int32_t>::min() &&
         value <= std::numeric_limits<std::int32_t>::max();
}

Kind kind_of(std::int64_t value) {
  return value >= 1 && value <= 5 ? static_cast<Kind>(value) : static_cast<Kind>(0);
}

// Points the views at the texts, which are copied to a block of their own when one of them has
// escapes, or lies in `fields`: one owner holds them all.
void take_texts(const JsonFields& fields, Received& received) {
  MessageView& message = received.message;
  const auto plain = [](const Quoted& quoted) { return quoted.quoting == Quoting::kNone; };
  if (fields.transforms.empty() && plain(fields.method) && plain(fields.status) &&
      plain(fields.metadata) && plain(fields.body)) {
    message.method = fields.method.text;
    message.status = fields.status.text;
    message.metadata = fields.metadata.text;
    message.body = fields.body.text;
    return;
  }
  if (!fields.transforms.empty()) message.transforms = fields.transforms;
  const Quoted quoted[] = {{message.transforms, Quoting::kNone},
                           fields.method,
                           fields.status,
                           fields.metadata,
                           fields.body};
  std::string_view* const texts[] = {&message.transforms, &message.method, &message.status,
                                     &message.metadata, &message.body};
  received.owner = unquote_all(quoted, texts);
}

}  // namespace

void read_json_message(std::string_view protocol, std::string_view text, JsonForm form,
                       const Limits& limits, Received& received) {
  MessageView& message = received.message;
  JsonFields fields;
  JsonScanner scanner(text, form);
  if (!scanner.read(fields)) {
    received = bad_layout(protocol, scanner.problem(), scanner.at());
    return;
  }
  if (fields.body_codec < 0 || fields.body_codec > 255) {
    received = bad_layout(protocol, "bodyCodec is no byte", scanner.at());
    return;
  }
  if (!is_int32(fields.seq)) {
    received = refused(Fault::kBadSeq, 0, limits);
    return;
  }
  message.seq = static_cast<std::int32_t>(fields.seq);
  message.kind = kind_of(fields.kind);
  message.body_codec = static_cast<std::uint8_t>(fields.body_codec);
  take_texts(fields, received);
  if (message.kind == static_cast<Kind>(0)) {
    received.state = Received::State::kError;
    received.status =
        fault_status(Fault::kBadKind, static_cast<std::uint32_t>(fields.kind), limits);
  }
}

std::optional<PeekedHead> peek_json_head(std::string_view text, JsonForm form) {
  JsonFields fields;
  JsonScanner scanner(text, form);
  scanner.read(fields);
  const Kind kind = kind_of(fields.kind);
  if (!scanner.has_head() || !is_int32(fields.seq) || kind == static_cast<Kind>(0)) {
    return std::nullopt;
  }
  return PeekedHead{static_cast<std::int32_t>(fields.seq), kind};
}

void append_json_head(Buffer& out, const MessageHead& head, JsonForm form) {
  out.append("{\"seq\":");
  out.append(std::to_string(head.seq));
  out.append(",\"mtype\":");
  out.append(std::to_string(static_cast<int>(head.kind)));
  out.append(",\"serviceMethod\":\"");
  append_json_quoted(out, head.method);
  if (form != JsonForm::kWebSocket) {
    out.append("\",\"status\":\"");
    append_json_quoted(out, head.status.empty() ? kStatusOk : head.status);
  }
  out.append("\",\"meta\":\"");
  append_json_quoted(out, head.metadata);
  out.append("\",\"bodyCodec\":");
  out.append(std::to_string(head.body_codec));
  out.append(",\"body\":\"");
}

void append_json_quoted(Buffer& out, std::string_view text) {
  const std::size_t from = out.size();
  out.append(text);
  escape_tail(out, from, std::numeric_limits<std::size_t>::max());
}

bool escape_json_body(Buffer& out, std::size_t body_at, std::size_t bytes_max) {
  const std::string_view body = out.view().substr(body_at);
  const bool as_it_is = body.find_first_of("\"\\") == std::string_view::npos;
  return as_it_is || escape_tail(out, body_at, bytes_max);
}

}  // namespace fairlead::wire::internal
