#include "fairlead/http/websocket_hub.h"

#include <utility>
#include <vector>

#include "fairlead/base/check.h"
#include "fairlead/http/problem.h"

namespace fairlead::http {
namespace {

constexpr Duration kCutPatience = std::chrono::seconds(5);

Status bad_option(std::string_view what) {
  return Status(Code::kBadMessage, "websocket.bad_option", what);
}

}  // namespace

// Stands between a socket and its handler, to hear of the end.
class WebSocketHub::Member final : public io::Disposable, private WebSocketHandler {
 public:
  Member(WebSocketHub& hub, std::unique_ptr<WebSocket> socket, std::string host)
      : hub_(hub), socket_(std::move(socket)), host_(std::move(host)) {}

  void start(std::unique_ptr<WebSocketHandler> handler) {
    handler_ = std::move(handler);
    socket_->start(*this);
  }
  WebSocket& socket() { return *socket_; }
  const std::string& host() const { return host_; }

 private:
  void on_message(WebSocket& socket, bool text, std::string_view payload) override {
    handler_->on_message(socket, text, payload);
  }
  void on_sent(WebSocket& socket) override { handler_->on_sent(socket); }
  void on_part(WebSocket& socket, std::uint64_t bytes) override {
    handler_->on_part(socket, bytes);
  }
  void on_close(WebSocket& socket, WebSocketEnd end) override {
    handler_->on_close(socket, std::move(end));
    hub_.remove(*this);
  }

  WebSocketHub& hub_;
  std::unique_ptr<WebSocketHandler> handler_;
  const std::unique_ptr<WebSocket> socket_;
  const std::string host_;
};

Result<std::unique_ptr<WebSocketHub>> WebSocketHub::make(io::Core& core,
                                                         WebSocketHubOptions options) {
  if (options.connections_max < 1) return bad_option("connections_max must be at least 1");
  if (options.connections_per_host_max < 1) {
    return bad_option("connections_per_host_max must be at least 1");
  }
  FL_CHECK(options.accept.socket != nullptr);
  FL_TRY(validate(*options.accept.socket));
  return std::unique_ptr<WebSocketHub>(new WebSocketHub(core, std::move(options)));
}

WebSocketHub::WebSocketHub(io::Core& core, WebSocketHubOptions options)
    : core_(core), options_(std::move(options)) {}

WebSocketHub::~WebSocketHub() { FL_CHECK(members_.empty()); }

void WebSocketHub::update(std::shared_ptr<const WebSocketOptions> socket) {
  core_.assert_here();
  FL_CHECK(socket != nullptr);
  options_.accept.socket = std::move(socket);
}

Response WebSocketHub::accept(const Request& request, MakeWebSocketHandler make_handler) {
  core_.assert_here();
  std::string host = request.peer.host();
  const Status room = check_room(request.peer, host);
  Response response =
      room.ok() ? accept_websocket(core_, request, options_.accept,
                                   [this, host = std::move(host), make = std::move(make_handler)](
                                       std::unique_ptr<WebSocket> socket) {
                                     add(std::move(socket), host, make);
                                   })
                : problem_response(room, request.id);
  if (response.status != 101) options_.accept.socket->metrics.handshakes_refused.add();
  return response;
}

Status WebSocketHub::check_room(const io::Address& peer, const std::string& host) const {
  if (stopped_) {
    return Status(Code::kOverloaded, "websocket.draining", "the server is going away");
  }
  if (members_.size() >= options_.connections_max) {
    return Status(Code::kOverloaded, "websocket.too_many", "as many WebSockets as may be are open");
  }
  if (peer.is_loopback()) return {};
  const auto found = hosts_.find(host);
  if (found != hosts_.end() && found->second >= options_.connections_per_host_max) {
    return Status(Code::kRateLimited, "websocket.too_many_of_host",
                  "as many WebSockets of this address as may be are open");
  }
  return {};
}

void WebSocketHub::add(std::unique_ptr<WebSocket> socket, std::string host,
                       const MakeWebSocketHandler& make_handler) {
  ++hosts_[host];
  auto made = std::make_unique<Member>(*this, std::move(socket), std::move(host));
  Member& member = *made;
  members_.emplace(&member, std::move(made));
  member.start(make_handler(member.socket()));
  // Between the answer and here others may have come, or the end of the hub.
  if (stopped_) member.socket().close(WebSocketCode::kGoingAway, "the server is going away");
  if (members_.size() > options_.connections_max) {
    member.socket().close(WebSocketCode::kTryAgainLater, "too many connections");
  }
}

void WebSocketHub::remove(Member& member) {
  const auto found = members_.find(&member);
  FL_CHECK(found != members_.end());
  const auto host = hosts_.find(member.host());
  if (--host->second == 0) hosts_.erase(host);
  core_.dispose(std::move(found->second));
  members_.erase(found);
  if (closing_ && members_.empty()) empty_.set();
}

Task<Status> WebSocketHub::close(Deadline deadline) {
  core_.assert_here();
  stopped_ = closing_ = true;
  std::vector<Member*> open;
  open.reserve(members_.size());
  for (const auto& [member, owner] : members_) open.push_back(member);
  for (Member* member : open) {
    member->socket().close(WebSocketCode::kGoingAway, "the server is going away");
  }
  if (members_.empty()) co_return Status();
  Status drained = co_await empty_.wait(core_.timers(), deadline);
  if (drained.ok()) co_return drained;

  open.clear();
  for (const auto& [member, owner] : members_) open.push_back(member);
  const Status cut(Code::kDeadlineExceeded, "websocket.drain_cut",
                   std::to_string(open.size()) + " WebSockets were cut off");
  for (Member* member : open) member->socket().abort(cut);
  const Deadline patience = Deadline::after(core_.now(), kCutPatience);
  FL_CO_TRY(co_await empty_.wait(core_.timers(), patience));
  co_return cut;
}

}  // namespace fairlead::http
