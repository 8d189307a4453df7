#include "fairlead/http/websocket_accept.h"

#include <algorithm>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/http/problem.h"
#include "fairlead/http/proto/websocket_handshake.h"

namespace fairlead::http {
namespace {

constexpr std::string_view kOrigin = "Origin";

// `authority` without the port that `scheme` means anyway.
std::string_view without_default_port(std::string_view authority, std::string_view scheme) {
  const std::string_view port = equals_ignoring_case(scheme, "https") ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return authority;
}

// A server behind a proxy does not know by which scheme it was reached, so that does not count.
bool is_same_host(std::string_view origin, std::string_view authority) {
  const std::size_t colon = origin.find("://");
  if (colon == std::string_view::npos) return false;
  const std::string_view scheme = origin.substr(0, colon);
  const std::string_view host = without_default_port(origin.substr(colon + 3), scheme);
  return !host.empty() && equals_ignoring_case(host, without_default_port(authority, scheme));
}

}  // namespace

Status check_websocket_origin(const Request& request, const WebSocketAcceptOptions& options) {
  if (options.any_origin) return {};
  for (std::size_t i = 0; i < request.fields.size(); ++i) {
    const Field field = request.fields[i];
    if (!equals_ignoring_case(field.name, kOrigin)) continue;
    const bool listed = std::ranges::any_of(options.origins, [&](const std::string& allowed) {
      return equals_ignoring_case(field.value, allowed);
    });
    if (!listed && !is_same_host(field.value, request.authority)) {
      return Status(Code::kForbidden, "websocket.origin",
                    "pages of this origin may not open a WebSocket here");
    }
  }
  return {};
}

Response accept_websocket(io::Core& core, const Request& request,
                          const WebSocketAcceptOptions& options, WebSocketOpened opened) {
  auto accept =
      proto::check_websocket_request(request.method, request.minor, request.fields,
                                     {.protocols = options.protocols, .deflate = options.deflate});
  Status refusal = accept.ok() ? check_websocket_origin(request, options) : accept.status();
  Response response;
  const proto::FieldSink sink = [&response](std::string_view name, std::string_view value) {
    response.fields.add(name, value);
  };
  if (!refusal.ok()) {
    response =
        problem_response(refusal, request.id, {.http_status = static_cast<int>(refusal.code())});
    proto::give_websocket_refusal_fields(refusal, sink);
    return response;
  }
  WebSocketAgreement agreement{.role = proto::WebSocketRole::kServer, .protocol = accept->protocol};
  if (accept->deflate.has_value()) agreement.deflate = accept->deflate->agreed;
  response.status = 101;
  proto::give_websocket_accept(*accept, sink);
  response.upgrade = [&core, agreement = std::move(agreement), socket = options.socket,
                      opened = std::move(opened)](std::unique_ptr<io::Stream> stream) {
    opened(std::make_unique<WebSocket>(core, std::move(stream), agreement, socket));
  };
  return response;
}

}  // namespace fairlead::http
