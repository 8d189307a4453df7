#include "fairlead/wire/protocols/http_protocol.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/wire/metadata.h"
#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/http_fields.h"
#include "fairlead/wire/protocols/http_head.h"
#include "fairlead/wire/protocols/message_tail.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::wire {
namespace {

using internal::HttpHead;
using internal::HttpHeadReader;
using internal::HttpTarget;
using State = Received::State;

constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kOkLine = "HTTP/1.1 200 OK";
constexpr std::string_view kErrorLine = "HTTP/1.1 299 Business Error";
constexpr std::string_view kSizeField = "\r\nContent-Length: ";
constexpr char kGzip = 'g';
constexpr std::string_view kGzipName = "gzip";

// Bytes of the head with its empty line; 0: not whole within `bytes_max`.
std::size_t head_size(std::string_view input, std::size_t bytes_max) {
  const std::size_t at = input.substr(0, bytes_max).find(kHeadEnd);
  return at == std::string_view::npos ? 0 : at + kHeadEnd.size();
}

bool is_request(Kind kind) { return kind == Kind::kCall || kind == Kind::kAuthCall; }

// The fault of a head that was read; fills seq and kind.
Fault take_numbers(const HttpHead& head, MessageView& message) {
  if (*head.seq < std::numeric_limits<std::int32_t>::min() ||
      *head.seq > std::numeric_limits<std::int32_t>::max()) {
    return Fault::kBadSeq;
  }
  const bool known = *head.kind >= 1 && *head.kind <= 5 && *head.kind != 3;
  const auto kind = known ? static_cast<Kind>(*head.kind) : Kind::kPush;
  if (!known || is_request(kind) == head.reply) return Fault::kBadKind;
  message.seq = static_cast<std::int32_t>(*head.seq);
  message.kind = kind;
  return Fault::kNone;
}

// Copies the message to a block of its own.
void own(Received& received) {
  Buffer all;
  internal::append_texts(all, received.message);
  all.append(received.message.body);
  internal::own_texts(received, all);
}

Status undo_transform(std::string_view name, const TransformSet* transforms, const Limits& limits,
                      Received& received) {
  const Transform* const transform = transforms == nullptr ? nullptr : transforms->find_name(name);
  if (transform == nullptr) {
    return {Code::kBadMessage, "frame.unknown_transform",
            "X-Content-Encoding: " + escape_text(name) + " is not known here"};
  }
  const char id = static_cast<char>(transform->id());
  received.message.transforms = {&id, 1};
  Status restored = internal::restore_body(transforms, limits, received);
  if (!restored.ok()) received.message.transforms = {};
  return restored;
}

// Makes the status of a reply of its body. An error that says that all is well is none to trust.
Status take_status(Received& received) {
  MessageView& message = received.message;
  const std::optional<Status> status = parse_status_json(message.body);
  if (!status.has_value() || status->ok()) {
    return {Code::kBadMessage, "frame.bad_body", "an error without a status in JSON"};
  }
  std::string text;
  append_status_text(text, *status);
  message.status = text;
  message.body = {};
  message.body_codec = kNoCodec;
  own(received);
  return {};
}

// Headers by name, those of one name in the order in which they came.
using Fields = std::multimap<std::string, std::string>;

// The headers that make the message what it is. Content-Length is that of `json`, the status of an
// error; of any other message finish() fills it in.
Fields own_fields(const MessageHead& head, std::string_view json, std::string_view host) {
  Fields fields{{"Content-Length", std::to_string(json.size())},
                {"X-Mtype", std::to_string(static_cast<int>(head.kind))},
                {"X-Seq", std::to_string(head.seq)}};
  const std::string_view type =
      json.empty() ? internal::http_content_type(head.body_codec) : "application/json";
  if (!type.empty()) fields.emplace("Content-Type", type);
  if (!host.empty()) fields.emplace("Host", host);
  if (!head.transforms.empty()) {
    fields.emplace("Content-Encoding", kGzipName);
    fields.emplace("X-Content-Encoding", kGzipName);
  }
  return fields;
}

// A key that would change how the message is read.
bool is_of_framing(std::string_view name) {
  constexpr std::string_view kNames[] = {
      "Content-Encoding",   "Content-Length", "Content-Type", "Transfer-Encoding",
      "X-Content-Encoding", "X-Mtype",        "X-Seq"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

// Adds a header for each pair. A pair that says what a header of ours says is written once. False:
// one cannot be said.
bool add_metadata(std::string_view text, Fields& fields) {
  const Result<Metadata> metadata = parse_metadata_text(text);
  if (!metadata.ok()) return false;
  const Fields own = fields;
  for (const auto& [key, value] : metadata->pairs()) {
    if (!internal::is_http_name(key) || !internal::is_http_value(value)) return false;
    const std::string name = internal::canonical_http_name(key);
    const auto said = own.find(name);
    if (said != own.end() && said->second == value) continue;
    if (is_of_framing(name)) return false;
    fields.emplace(name, value);
  }
  return true;
}

Fault check_http_head(const MessageHead& head, bool error) {
  if (const Fault fault = check_head(head); fault != Fault::kNone) return fault;
  if (head.kind == Kind::kPush) return Fault::kKindNotCarried;
  if (error && is_request(head.kind)) return Fault::kStatusNotCarried;
  if (!head.transforms.empty() && head.transforms != std::string_view(&kGzip, 1)) {
    return Fault::kTransformsNotCarried;
  }
  const bool named = !internal::http_content_type(head.body_codec).empty();
  return named || head.body_codec == kNoCodec ? Fault::kNone : Fault::kCodecNotCarried;
}

std::string request_line(const HttpTarget& target) {
  std::string line = "POST ";
  internal::append_http_target(line, target.path, true);
  if (!target.query.empty()) {
    line += '?';
    internal::append_http_target(line, target.query, false);
  }
  return line + " HTTP/1.1";
}

// The number that Content-Length has in the message at `offset`, as text.
std::string_view written_size(const Buffer& out, std::size_t offset) {
  const std::string_view message = out.view().substr(offset);
  const std::size_t at = message.find(kSizeField) + kSizeField.size();
  return message.substr(at, message.find('\r', at) - at);
}

// Puts the body's size where `old` stands.
void write_size(Buffer& out, std::string_view old, std::size_t body_bytes) {
  const std::size_t at = static_cast<std::size_t>(old.data() - out.view().data());
  const std::string behind(out.view().substr(at + old.size()));
  out.truncate(at);
  out.append(std::to_string(body_bytes));
  out.append(behind);
}

}  // namespace

Received HttpProtocol::parse(std::string_view input, const Limits& limits,
                             const TransformSet* transforms) const {
  Received received;
  if (input.empty()) return received;
  if (input.front() < 'A' || input.front() > 'Z') {
    return internal::bad_layout(name(), "this begins no HTTP", 0);
  }
  const std::size_t head_max = std::min<std::size_t>(kHttpHeadBytesMax, limits.frame_bytes_max);
  const std::size_t head_bytes = head_size(input, head_max);
  if (head_bytes == 0) {
    if (input.size() < head_max) return received;
    return internal::refused(Fault::kTooBig, static_cast<std::uint32_t>(input.size()), limits);
  }
  HttpHead head;
  HttpHeadReader reader(input.substr(0, head_bytes));
  if (!reader.read(head)) return internal::bad_layout(name(), reader.problem(), reader.at());
  MessageView& message = received.message;
  if (const Fault fault = take_numbers(head, message); fault != Fault::kNone) {
    return internal::refused(fault, static_cast<std::uint32_t>(*head.kind), limits);
  }
  const std::size_t size = head_bytes + head.body_bytes;
  if (size > limits.frame_bytes_max) {
    const std::size_t told = std::min<std::size_t>(size, std::numeric_limits<std::uint32_t>::max());
    return internal::refused(Fault::kTooBig, static_cast<std::uint32_t>(told), limits);
  }
  received.size = static_cast<std::uint32_t>(size);
  if (input.size() < size) return received;

  received.state = State::kMessage;
  const std::string_view path = internal::split_target(head.target).path;
  const std::string method = percent_decode(path, false);
  message.method = method == path ? path : std::string_view(method);
  message.metadata = head.metadata;
  message.body_codec = head.body_codec;
  message.body = input.substr(head_bytes, head.body_bytes);
  if (method != path || !head.metadata.empty()) own(received);
  Status status;
  if (!head.transform.empty()) {
    status = undo_transform(head.transform, transforms, limits, received);
  }
  if (status.ok() && head.error) status = take_status(received);
  if (!status.ok()) internal::make_bad_body(received, std::move(status));
  return received;
}

std::optional<PeekedHead> HttpProtocol::peek_head(std::string_view input) const {
  const std::size_t head_bytes = head_size(input, kHttpHeadBytesMax);
  HttpHead head;
  MessageView message;
  if (head_bytes == 0 || !HttpHeadReader(input.substr(0, head_bytes)).read(head) ||
      take_numbers(head, message) != Fault::kNone) {
    return std::nullopt;
  }
  return PeekedHead{message.seq, message.kind};
}

FrameStart HttpProtocol::begin(Buffer& out, const MessageHead& head) const {
  const Status status = parse_status_text(head.status);
  FrameStart start{.offset = out.size(), .fault = check_http_head(head, !status.ok())};
  if (start.fault != Fault::kNone) return start;
  const bool request = is_request(head.kind);
  const HttpTarget target = internal::split_target(request ? head.method : std::string_view());
  std::string json;
  if (!status.ok()) append_status_json(json, status);
  Fields fields = own_fields(head, json, target.host);
  const bool carried = add_metadata(head.metadata, fields);
  if (request && !fields.contains("Accept-Encoding")) fields.emplace("Accept-Encoding", "gzip");
  if (request && !fields.contains("User-Agent")) {
    fields.emplace("User-Agent", "erpc-httproto/1.1");
  }

  out.append(request ? request_line(target) : std::string(status.ok() ? kOkLine : kErrorLine));
  for (const auto& [name, value] : fields) {
    out.append("\r\n");
    out.append(name);
    out.append(": ");
    out.append(value);
  }
  out.append(kHeadEnd);
  const std::size_t head_bytes = out.size() - start.offset;
  // Room for the digits of any Content-Length.
  if (!carried || head_bytes + 10 > kHttpHeadBytesMax) start.fault = Fault::kMetadataNotCarried;
  start.body_at = static_cast<std::uint32_t>(head_bytes);
  start.transform_count = static_cast<std::uint8_t>(head.transforms.size());
  out.append(json);
  return start;
}

// The status is the body of an error, so that there is no room for another.
Status HttpProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                            const TransformSet* transforms) const {
  if (start.fault != Fault::kNone) {
    return internal::take_back(out, start, fault_status(start.fault, 0, limits));
  }
  const std::size_t body_at = start.offset + start.body_at;
  const std::string_view size = written_size(out, start.offset);
  const bool error = out.view().substr(start.offset).starts_with(kErrorLine);
  if (error && size != std::to_string(out.size() - body_at)) {
    return internal::take_back(
        out, start,
        Status(Code::kEncodeFailed, "frame.bad_body", "an error has no body over http"));
  }
  const std::string_view ids(&kGzip, start.transform_count);
  Status packed = internal::pack_body(out, body_at, ids, limits, transforms);
  if (!packed.ok()) return internal::take_back(out, start, std::move(packed));
  write_size(out, written_size(out, start.offset), out.size() - body_at);
  return internal::seal_message(out, start, limits);
}

}  // namespace fairlead::wire
