#include "fairlead/http/server.h"

#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/http/server_connection.h"

namespace fairlead::http {
namespace {

// Exchanges kept for reuse; a burst beyond it goes to the allocator.
constexpr std::size_t kSpareExchangesMax = 64;
constexpr Duration kCutPatience = std::chrono::seconds(5);

Status bad_option(std::string_view what) {
  return Status(Code::kBadMessage, "http.bad_option", what);
}

Status validate(const ServerOptions& options) {
  const proto::HeadLimits& head = options.head;
  if (head.head_bytes_max < 256 || head.head_bytes_max > proto::kHeadBytesMax) {
    return bad_option("head.head_bytes_max must be from 256 to 65536");
  }
  if (head.target_bytes_max < 1 || head.target_bytes_max > proto::kTargetBytesMax) {
    return bad_option("head.target_bytes_max must be from 1 to 8192");
  }
  if (head.fields_max < 1 || head.fields_max > proto::kFieldsMax) {
    return bad_option("head.fields_max must be from 1 to 100");
  }
  if (options.connections_max < 1) return bad_option("connections_max must be at least 1");
  const Duration zero = Duration::zero();
  if (options.head_timeout <= zero || options.idle_timeout <= zero ||
      options.body_timeout <= zero || options.write_timeout <= zero) {
    return bad_option("head_timeout, idle_timeout, body_timeout, write_timeout must be above 0");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::make(io::Core& core, ServerOptions options,
                                             Handler handler) {
  FL_CHECK(handler != nullptr);
  FL_TRY(validate(options));
  return std::unique_ptr<Server>(new Server(core, options, std::move(handler)));
}

Server::Server(io::Core& core, ServerOptions options, Handler handler)
    : core_(core),
      options_(options),
      handler_(std::move(handler)),
      random_(Random::from_system()) {}

Server::~Server() { FL_CHECK(connections_.empty()); }

Result<io::Address> Server::listen(const io::Address& address) {
  core_.assert_here();
  FL_TRY_ASSIGN(std::unique_ptr<io::Listener> listener,
                core_.listen(address, {}, [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                  adopt(std::move(stream));
                }));
  listeners_.push_back(std::move(listener));
  return listeners_.back()->local();
}

void Server::adopt(std::unique_ptr<io::Stream> stream) {
  core_.assert_here();
  if (closing_ || connections_.size() >= options_.connections_max) {
    options_.metrics.connections_refused.add();
    return core_.dispose(std::move(stream));
  }
  options_.metrics.connections_accepted.add();
  options_.metrics.connections_open.add(1);
  auto connection = std::make_unique<internal::ServerConnection>(*this, std::move(stream));
  internal::ServerConnection& started = *connection;
  connections_.emplace(&started, std::move(connection));
  started.start();
}

Task<Status> Server::close(Deadline deadline) {
  core_.assert_here();
  closing_ = true;
  for (auto& listener : listeners_) core_.dispose(std::move(listener));
  listeners_.clear();
  std::vector<internal::ServerConnection*> open;
  open.reserve(connections_.size());
  for (const auto& [connection, owner] : connections_) open.push_back(connection);
  for (internal::ServerConnection* connection : open) connection->drain();

  Status drained;
  if (!connections_.empty()) {
    drained = co_await empty_.wait(core_.timers(), deadline);
  }
  if (!drained.ok()) {
    open.clear();
    for (const auto& [connection, owner] : connections_) open.push_back(connection);
    for (internal::ServerConnection* connection : open) {
      connection->abort(Status(Code::kCancelled, "http.drain_cut", "the server is closing"));
    }
    drained = Status(Code::kDeadlineExceeded, "http.drain_cut",
                     std::to_string(open.size()) + " connections were cut off");
    const Deadline patience = Deadline::after(core_.now(), kCutPatience);
    if (!connections_.empty()) {
      FL_CO_TRY(co_await empty_.wait(core_.timers(), patience));
    }
  }
  // The last answer was given from inside its task, which ends only now.
  FL_CO_TRY(co_await scope_.close(core_.timers(), Deadline::after(core_.now(), kCutPatience)));
  co_return drained;
}

std::unique_ptr<internal::Exchange> Server::take_exchange() {
  if (spare_exchanges_.empty()) return std::make_unique<internal::Exchange>(options_.head);
  std::unique_ptr<internal::Exchange> exchange = std::move(spare_exchanges_.back());
  spare_exchanges_.pop_back();
  return exchange;
}

void Server::give_back(std::unique_ptr<internal::Exchange> exchange) {
  if (exchange == nullptr || spare_exchanges_.size() >= kSpareExchangesMax) return;
  exchange->parser.reset();
  exchange->request = {};
  exchange->body.start({}, 0);
  spare_exchanges_.push_back(std::move(exchange));
}

void Server::remove(internal::ServerConnection& connection) {
  const auto found = connections_.find(&connection);
  FL_CHECK(found != connections_.end());
  core_.dispose(std::move(found->second));
  connections_.erase(found);
  options_.metrics.connections_open.add(-1);
  if (closing_ && connections_.empty()) empty_.set();
}

// 13 characters: 64 bits in base 32, and short enough to need no memory.
std::string Server::make_request_id() {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
  std::string id(13, '0');
  std::uint64_t number = random_.next();
  for (char& c : id) {
    c = kDigits[number & 31U];
    number >>= 5U;
  }
  return id;
}

}  // namespace fairlead::http
