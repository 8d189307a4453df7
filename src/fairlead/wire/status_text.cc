#include "fairlead/wire/status_text.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "fairlead/base/bytes.h"
#include "fairlead/base/text.h"
#include "fairlead/codec/codec.h"
#include "fairlead/contract/contract.h"

namespace fairlead::wire {
namespace {

constexpr std::size_t kReasonBytesMax = 128;
constexpr std::string_view kMessageKey = "&msg=";
constexpr std::string_view kCauseKey = "&cause=";
constexpr std::string_view kReasonKey = "&reason=";

// The JSON form as a contract. It is described here and not by FL_STRUCT, because its key `msg` is
// no word of ours.
struct StatusJson {
  std::int32_t code = 0;
  std::string message{}, cause{}, reason{};
};

template <auto Member>
void* member_of(void* status) {
  return &(static_cast<StatusJson*>(status)->*Member);
}

Status decode_status_json(std::string_view text, StatusJson& out) {
  using contract::FieldInfo;
  using contract::type_info;
  const std::array<FieldInfo, 4> fields = {FieldInfo{.number = 1,
                                                     .name = "code",
                                                     .type = &type_info<std::int32_t>(),
                                                     .access = member_of<&StatusJson::code>},
                                           FieldInfo{.number = 2,
                                                     .name = "msg",
                                                     .type = &type_info<std::string>(),
                                                     .access = member_of<&StatusJson::message>},
                                           FieldInfo{.number = 3,
                                                     .name = "cause",
                                                     .type = &type_info<std::string>(),
                                                     .access = member_of<&StatusJson::cause>},
                                           FieldInfo{.number = 4,
                                                     .name = "reason",
                                                     .type = &type_info<std::string>(),
                                                     .access = member_of<&StatusJson::reason>}};
  constexpr std::array<std::uint16_t, 4> kByNumber = {0, 1, 2, 3};
  constexpr std::array<std::uint16_t, 4> kByName = {2, 0, 1, 3};
  const contract::StructInfo structure{
      .name = "Status", .fields = fields, .by_number = kByNumber, .by_name = kByName};
  const contract::TypeInfo type{
      .kind = contract::Kind::kStruct, .size = sizeof(StatusJson), .structure = &structure};
  return codec::decode(codec::CodecId::kJson, type, Bytes::borrow(text), &out);
}

std::string encoded(std::string_view text) {
  std::string out;
  append_percent_encoded(out, text);
  return out;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// `text` encoded in at most `bytes_max` bytes: as much of it as fits, cut between characters.
std::string encoded_to_fit(std::string_view text, std::size_t bytes_max) {
  std::string out = encoded(text);
  if (out.size() <= bytes_max) return out;
  std::size_t keep = 0;
  std::string piece;
  for (std::size_t at = 0, size = 0; at < text.size();) {
    std::size_t end = at + 1;
    while (end < text.size() && is_continuation(text[end])) ++end;
    piece.clear();
    append_percent_encoded(piece, text.substr(at, end - at));
    size += piece.size();
    if (size > bytes_max) break;
    keep = size;
    at = end;
  }
  out.resize(keep);
  return out;
}

std::int32_t parse_code(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const bool negative = text.starts_with('-');
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return -1;
  constexpr std::int64_t kLow = std::numeric_limits<std::int32_t>::min();
  constexpr std::int64_t kHigh = std::numeric_limits<std::int32_t>::max();
  const std::optional<std::int64_t> value = parse_int64(text);
  if (!value.has_value()) return static_cast<std::int32_t>(negative ? kLow : kHigh);
  return static_cast<std::int32_t>(std::clamp(*value, kLow, kHigh));
}

}  // namespace

void append_status_text(std::string& out, const Status& status, std::size_t bytes_max) {
  if (status.ok()) {
    out += kStatusTextOk;
    return;
  }
  const std::string code = "code=" + std::to_string(static_cast<std::int32_t>(status.code()));
  const std::string reason = encoded_to_fit(status.reason(), kReasonBytesMax);
  std::size_t room =
      bytes_max - std::min(bytes_max, code.size() + kMessageKey.size() + kCauseKey.size() +
                                          kReasonKey.size() + reason.size());
  // The cause may take what the message leaves, and at least half.
  std::string cause = status.cause() == nullptr ? std::string() : encoded(*status.cause());
  const std::size_t for_message = room - std::min(cause.size(), room / 2);
  const std::string message = encoded_to_fit(status.message(), for_message);
  room -= message.size();
  if (cause.size() > room) cause = encoded_to_fit(*status.cause(), room);

  out += code;
  if (!message.empty()) out.append(kMessageKey).append(message);
  if (status.cause() != nullptr) out.append(kCauseKey).append(cause);
  if (!reason.empty()) out.append(kReasonKey).append(reason);
}

void append_status_json(std::string& out, const Status& status) {
  out.append("{\"code\":").append(std::to_string(static_cast<std::int32_t>(status.code())));
  out += ",\"msg\":\"";
  append_json_escaped(out, status.message());
  out += "\",\"cause\":\"";
  if (status.cause() != nullptr) append_json_escaped(out, *status.cause());
  out += '"';
  if (!status.reason().empty()) {
    out += ",\"reason\":\"";
    append_json_escaped(out, status.reason());
    out += '"';
  }
  out += '}';
}

StatusFields parse_status_fields(std::string_view text) {
  std::optional<std::string> code;
  std::optional<std::string> message;
  std::optional<std::string> cause;
  std::optional<std::string> reason;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string key = percent_decode(pair.substr(0, equals), true);
    std::optional<std::string>* field = key == "code"     ? &code
                                        : key == "msg"    ? &message
                                        : key == "cause"  ? &cause
                                        : key == "reason" ? &reason
                                                          : nullptr;
    if (field == nullptr || field->has_value()) continue;
    *field = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
  }
  StatusFields fields;
  if (code.has_value()) fields.code = parse_code(*code);
  fields.message = std::move(message).value_or("");
  fields.cause = std::move(cause);
  fields.reason = std::move(reason).value_or("");
  return fields;
}

Status parse_status_text(std::string_view text) {
  if (text == kStatusTextOk || text.empty()) return {};
  const StatusFields fields = parse_status_fields(text);
  Status status(static_cast<Code>(fields.code), fields.reason, fields.message);
  if (fields.cause.has_value()) return std::move(status).with_cause(*fields.cause);
  return status;
}

std::optional<Status> parse_status_json(std::string_view text) {
  StatusJson json;
  if (!decode_status_json(text, json).ok()) return std::nullopt;
  Status status(static_cast<Code>(json.code), json.reason, json.message);
  if (!status.ok() && !json.cause.empty()) status = std::move(status).with_cause(json.cause);
  return status;
}

}  // namespace fairlead::wire
