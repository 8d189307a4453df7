#include "fairlead/http/proto/websocket_handshake.h"

#include <algorithm>

#include "fairlead/base/base64.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/chars.h"
#include "fairlead/http/proto/sha1.h"

namespace fairlead::http::proto {
namespace {

constexpr std::string_view kUpgrade = "Upgrade";
constexpr std::string_view kConnection = "Connection";
constexpr std::string_view kKey = "Sec-WebSocket-Key";
constexpr std::string_view kAccept = "Sec-WebSocket-Accept";
constexpr std::string_view kVersion = "Sec-WebSocket-Version";
constexpr std::string_view kProtocol = "Sec-WebSocket-Protocol";
constexpr std::string_view kExtensions = "Sec-WebSocket-Extensions";
constexpr std::string_view kOurVersion = "13";
// RFC 6455 section 1.3: no server that knows nothing of WebSocket appends this to a key.
constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

constexpr auto kUpgradeRequired = static_cast<Code>(426);
constexpr std::size_t kKeyBytes = 16;

std::string base64(std::string_view bytes) {
  std::string text(base64_size(bytes.size()), '\0');
  base64_encode(bytes, text.data());
  return text;
}

std::string answer_to(std::string_view key) {
  const Sha1Digest digest = sha1(std::string(key).append(kGuid));
  return base64({digest.data(), digest.size()});
}

// The elements of all fields called `name`, without blanks, empty ones left out.
std::vector<std::string_view> list_of(FieldsView fields, std::string_view name) {
  std::vector<std::string_view> elements;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field field = fields[i];
    if (!equals_ignoring_case(field.name, name)) continue;
    for (const std::string_view part : split(field.value, ',')) {
      if (const std::string_view element = trim(part); !element.empty()) {
        elements.push_back(element);
      }
    }
  }
  return elements;
}

// The value of a field that stands there exactly once.
std::optional<std::string_view> only_value(FieldsView fields, std::string_view name) {
  std::optional<std::string_view> value;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field field = fields[i];
    if (!equals_ignoring_case(field.name, name)) continue;
    if (value.has_value()) return std::nullopt;
    value = field.value;
  }
  return value;
}

bool stands_in(FieldsView fields, std::string_view name) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (equals_ignoring_case(fields[i].name, name)) return true;
  }
  return false;
}

bool names(FieldsView fields, std::string_view name, std::string_view token) {
  return std::ranges::any_of(list_of(fields, name), [token](std::string_view element) {
    return equals_ignoring_case(element, token);
  });
}

// 22 digits of the standard alphabet and the padding. The last digit may have bits that mean
// nothing, as that of the example in RFC 6455 section 4.1 has, which base64_decode() would refuse.
bool is_key(std::string_view key) {
  return key.size() == base64_size(kKeyBytes) && key.ends_with("==") &&
         std::ranges::all_of(key.substr(0, key.size() - 2), [](char digit) {
           return (digit >= 'A' && digit <= 'Z') || (digit >= 'a' && digit <= 'z') ||
                  (digit >= '0' && digit <= '9') || digit == '+' || digit == '/';
         });
}

Status bad(std::string_view reason, std::string_view text) {
  return {Code::kBadMessage, reason, text};
}
Status bad_reply(std::string_view reason, std::string_view text) {
  return {Code::kBadGateway, reason, text};
}

Status check_version(int minor, FieldsView fields) {
  if (minor == 0) return bad("websocket.bad_version", "HTTP/1.0 has no WebSocket");
  const auto version = only_value(fields, kVersion);
  if (version == kOurVersion) return {};
  if (!version.has_value() || !parse_uint64(*version).has_value()) {
    return bad("websocket.bad_version", "Sec-WebSocket-Version is one number");
  }
  return {kUpgradeRequired, "websocket.version", "version 13 of WebSocket is spoken here"};
}

// Of a request whose framing was checked, these two fields tell (RFC 9112 section 6.3).
bool has_body(FieldsView fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field field = fields[i];
    if (equals_ignoring_case(field.name, "Transfer-Encoding")) return true;
    if (equals_ignoring_case(field.name, "Content-Length")) return parse_uint64(field.value) != 0U;
  }
  return false;
}

}  // namespace

bool asks_for_websocket(FieldsView fields) {
  return names(fields, kUpgrade, "websocket") && names(fields, kConnection, "upgrade");
}

Result<WebSocketAccept> check_websocket_request(std::string_view method, int minor,
                                                FieldsView fields,
                                                const WebSocketServerOptions& options) {
  if (method != "GET") {
    return Status(Code::kKindNotAllowed, "websocket.method", "a WebSocket is asked for with GET");
  }
  if (!asks_for_websocket(fields)) {
    return Status(kUpgradeRequired, "websocket.no_upgrade", "only WebSocket is spoken here");
  }
  FL_TRY(check_version(minor, fields));
  const auto key = only_value(fields, kKey);
  if (!key.has_value() || !is_key(*key)) {
    return bad("websocket.bad_key", "Sec-WebSocket-Key is 16 bytes in base64");
  }
  if (has_body(fields)) {
    return bad("websocket.has_body", "a request for a WebSocket has no body");
  }

  WebSocketAccept accept;
  accept.key_answer = answer_to(*key);
  for (const std::string_view protocol : list_of(fields, kProtocol)) {
    if (!is_all(protocol, kTokenChar)) {
      return bad("websocket.bad_protocol", "Sec-WebSocket-Protocol is a list of tokens");
    }
    const bool known = std::ranges::find(options.protocols, protocol) != options.protocols.end();
    if (known && accept.protocol.empty()) accept.protocol = protocol;
  }
  if (options.deflate.has_value()) {
    FL_TRY_ASSIGN(accept.deflate, choose_websocket_deflate(fields, *options.deflate));
  }
  return accept;
}

void give_websocket_accept(const WebSocketAccept& accept, const FieldSink& sink) {
  sink(kUpgrade, "websocket");
  sink(kConnection, kUpgrade);
  sink(kAccept, accept.key_answer);
  if (!accept.protocol.empty()) sink(kProtocol, accept.protocol);
  if (accept.deflate.has_value()) sink(kExtensions, accept.deflate->answer);
}

void give_websocket_refusal_fields(const Status& refusal, const FieldSink& sink) {
  if (refusal.code() == Code::kKindNotAllowed) sink("Allow", "GET");
  if (refusal.code() != kUpgradeRequired) return;
  sink(kUpgrade, "websocket");
  sink(kConnection, kUpgrade);
  sink(kVersion, kOurVersion);
}

std::string websocket_key(const std::array<char, 16>& random_bytes) {
  return base64({random_bytes.data(), random_bytes.size()});
}

void write_websocket_request(const WebSocketRequest& request, HeadWriter& writer) {
  writer.request_line("GET", request.target);
  writer.field("Host", request.host);
  writer.field(kUpgrade, "websocket");
  writer.field(kConnection, kUpgrade);
  writer.field(kKey, request.key);
  writer.field(kVersion, kOurVersion);
  std::string protocols;
  for (const std::string& protocol : request.protocols) {
    if (!protocols.empty()) protocols += ", ";
    protocols += protocol;
  }
  if (!protocols.empty()) writer.field(kProtocol, protocols);
  if (request.deflate.has_value()) {
    writer.field(kExtensions, websocket_deflate_offer(*request.deflate));
  }
}

Result<WebSocketReply> check_websocket_reply(const ResponseHead& head, FieldsView fields,
                                             const WebSocketRequest& request) {
  if (head.status != 101) {
    return bad_reply("websocket.not_switched",
                     "the server answers " + std::to_string(head.status) + " instead of 101");
  }
  if (!asks_for_websocket(fields)) {
    return bad_reply("websocket.no_upgrade", "the server does not switch to WebSocket");
  }
  if (only_value(fields, kAccept) != answer_to(request.key)) {
    return bad_reply("websocket.bad_accept", "Sec-WebSocket-Accept does not answer the key");
  }
  WebSocketReply reply;
  if (stands_in(fields, kProtocol)) {
    const auto protocol = only_value(fields, kProtocol);
    if (!protocol.has_value() ||
        std::ranges::find(request.protocols, *protocol) == request.protocols.end()) {
      return bad_reply("websocket.bad_protocol", "the server chose what was not asked for");
    }
    reply.protocol = *protocol;
  }
  FL_TRY_ASSIGN(reply.deflate, read_websocket_deflate_answer(fields, request.deflate));
  return reply;
}

}  // namespace fairlead::http::proto
