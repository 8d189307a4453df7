// Targets: WebSocket, its handshake, its frame heads and its messages.
#include <algorithm>
#include <string>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/http/proto/websocket_frame.h"
#include "fairlead/http/proto/websocket_handshake.h"
#include "fairlead/http/proto/websocket_reader.h"
#include "fairlead/http/websocket_deflate.h"
#include "targets.h"

namespace fairlead::fuzz {
namespace {

namespace proto = http::proto;
using proto::WebSocketFault;
using proto::WebSocketRole;

constexpr std::size_t kMessageBytesMax = 65536;

// What was told before the end, and how it ended.
struct Told {
  std::string steps;
  WebSocketFault fault = WebSocketFault::kNone;
};
Told read_all(std::string_view input, std::size_t piece, WebSocketRole role) {
  using Event = proto::WebSocketReader::Event;
  http::WebSocketMessageInflater inflater(15, true, kMessageBytesMax, 1000);
  proto::WebSocketReader reader({.role = role, .message_bytes_max = kMessageBytesMax}, &inflater);
  Told told;
  std::size_t known = std::min(piece, input.size());
  std::size_t done = 0;
  while (true) {
    const auto step = reader.next(input.substr(done, known - done));
    FL_CHECK(step.consumed <= known - done);
    done += step.consumed;
    FL_CHECK(step.payload.size() <= kMessageBytesMax);
    if (step.text) FL_CHECK(is_utf8(step.payload));
    if (step.event == Event::kFailed) {
      told.fault = reader.fault();
      FL_CHECK(told.fault != WebSocketFault::kNone);
      return told;
    }
    if (step.event == Event::kNeedMore) {
      FL_CHECK(known - done < proto::kWebSocketHeadBytesMax);
      if (known == input.size()) return told;
      known += std::min(piece, input.size() - known);
      continue;
    }
    told.steps += std::to_string(static_cast<int>(step.event));
    told.steps += step.text ? 't' : 'b';
    told.steps += std::to_string(step.close_code.value_or(0));
    told.steps.append(step.payload);
  }
}

}  // namespace

void websocket_frame(std::string_view input) {
  for (const WebSocketRole role : {WebSocketRole::kServer, WebSocketRole::kClient}) {
    const auto result = proto::read_websocket_head(input, role, true);
    FL_CHECK((result.state == proto::ParseState::kRefused) ==
             (result.fault != WebSocketFault::kNone));
    if (result.state != proto::ParseState::kDone) continue;
    // Only the shortest form is read, so what is written is what was read.
    Buffer written;
    proto::write_websocket_head(result.head, written);
    FL_CHECK(written.view() == input.substr(0, result.bytes));
    for (std::size_t cut = 0; cut < result.bytes; ++cut) {
      FL_CHECK(proto::read_websocket_head(input.substr(0, cut), role, true).state ==
               proto::ParseState::kNeedMore);
    }
  }
}

// The first bit says whose side this is; the rest are the bytes of the connection.
void websocket_messages(std::string_view input) {
  if (input.empty()) return;
  const auto role = (input.front() & 1) != 0 ? WebSocketRole::kClient : WebSocketRole::kServer;
  input.remove_prefix(1);
  const Told at_once = read_all(input, input.size() + 1, role);
  const Told by_byte = read_all(input, 1, role);
  FL_CHECK(at_once.steps == by_byte.steps);
  // Of two mistakes the first to arrive is told, so the faults may differ.
  FL_CHECK((at_once.fault == WebSocketFault::kNone) == (by_byte.fault == WebSocketFault::kNone));
}

// A head, of a request or of an answer.
void websocket_handshake(std::string_view input) {
  proto::RequestHeadParser request;
  if (request.parse(input) == proto::ParseState::kDone) {
    const auto accept =
        proto::check_websocket_request(request.head().method, request.head().minor,
                                       request.fields(), {.protocols = {"chat", "json"}});
    Buffer out;
    proto::HeadWriter writer(out);
    const proto::FieldSink sink = [&](std::string_view name, std::string_view value) {
      writer.field(name, value);
    };
    if (accept.ok()) {
      writer.status_line(101);
      proto::give_websocket_accept(*accept, sink);
    } else {
      proto::give_websocket_refusal_fields(accept.status(), sink);
    }
    FL_CHECK(writer.finish().ok());
  }
  proto::ResponseHeadParser response;
  if (response.parse(input, false) != proto::ParseState::kDone) return;
  proto::WebSocketRequest asked;
  asked.key = "dGhlIHNhbXBsZSBub25jZQ==";
  asked.protocols = {"chat"};
  const auto reply = proto::check_websocket_reply(response.head(), response.fields(), asked);
  FL_CHECK(!reply.ok() || reply->protocol.empty() || reply->protocol == "chat");
  FL_CHECK(reply.ok() || reply.status().code() == Code::kBadGateway);
}

}  // namespace fairlead::fuzz
