#include "fairlead/http/server.h"

#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/http/handler_responder.h"
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
      options.body_timeout <= zero || options.write_timeout <= zero ||
      options.rate_window <= zero) {
    return bad_option(
        "head_timeout, idle_timeout, body_timeout, write_timeout, rate_window must be above 0");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::make(io::Core& core, ServerOptions options,
                                             Handler handler) {
  FL_CHECK(handler != nullptr);
  FL_TRY(validate(options));
  std::unique_ptr<Server> server(new Server(core, options));
  server->own_responder_ =
      std::make_unique<internal::HandlerResponder>(std::move(handler), options.body_bytes_max);
  server->responder_ = server->own_responder_.get();
  return server;
}

Result<std::unique_ptr<Server>> Server::make(io::Core& core, ServerOptions options,
                                             Responder& responder) {
  FL_TRY(validate(options));
  std::unique_ptr<Server> server(new Server(core, options));
  server->responder_ = &responder;
  return server;
}

Server::Server(io::Core& core, ServerOptions options)
    : core_(core), options_(options), random_(Random::from_system()) {}

Server::~Server() { FL_CHECK(count_ == 0); }

Result<io::Address> Server::listen(const io::Address& address) {
  core_.assert_here();
  FL_TRY_ASSIGN(std::unique_ptr<io::Listener> listener,
                core_.listen(address, {}, [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                  adopt(std::move(stream));
                }));
  listeners_.push_back(std::move(listener));
  return listeners_.back()->local();
}

void Server::adopt(std::unique_ptr<io::Stream> stream, std::optional<Time> head_began) {
  core_.assert_here();
  if (closing_ || count_ >= options_.connections_max) {
    options_.metrics.connections_refused.add();
    return core_.dispose(std::move(stream));
  }
  add(std::move(stream), head_began, false);
}

void Server::set_body_bytes_max(std::size_t bytes_max) {
  FL_CHECK(own_responder_ != nullptr);
  own_responder_->set_body_bytes_max(bytes_max);
}

void Server::turn_away(std::unique_ptr<io::Stream> stream) {
  core_.assert_here();
  if (closing_) return core_.dispose(std::move(stream));
  add(std::move(stream), {}, true);
}

void Server::add(std::unique_ptr<io::Stream> stream, std::optional<Time> head_began,
                 bool turned_away) {
  options_.metrics.connections_accepted.add();
  options_.metrics.connections_open.add(1);
  auto* const connection = new internal::ServerConnection(*this, std::move(stream));
  connection->next_ = first_;
  if (first_ != nullptr) first_->previous_ = connection;
  first_ = connection;
  ++count_;
  if (turned_away)
    connection->start_to_refuse();
  else
    connection->start(head_began);
}

// `visitor` may end the connection that it is given, and no other one.
template <class Visitor>
void Server::for_each_connection(Visitor&& visitor) {
  for (internal::ServerConnection* connection = first_; connection != nullptr;) {
    internal::ServerConnection* const next = connection->next_;
    visitor(*connection);
    connection = next;
  }
}

Task<Status> Server::close(Deadline deadline) {
  core_.assert_here();
  announced_ = true;
  for (auto& listener : listeners_) {
    listener->stop();  // who is connected already comes in
    core_.dispose(std::move(listener));
  }
  closing_ = true;
  listeners_.clear();
  for_each_connection([](internal::ServerConnection& connection) { connection.drain(); });

  Status drained;
  if (count_ > 0) {
    drained = co_await empty_.wait(core_.timers(), deadline);
  }
  if (!drained.ok()) {
    drained = Status(Code::kDeadlineExceeded, "http.drain_cut",
                     std::to_string(count_) + " connections were cut off");
    for_each_connection([this](internal::ServerConnection& connection) {
      if (connection.under_way()) ++requests_cut_;
      connection.abort(Status(Code::kCancelled, "http.drain_cut", "the server is closing"));
    });
    const Deadline patience = Deadline::after(core_.now(), kCutPatience);
    if (count_ > 0) {
      FL_CO_TRY(co_await empty_.wait(core_.timers(), patience));
    }
  }
  if (own_responder_ != nullptr) {
    // The last answer was given from inside its task, which ends only now.
    const Deadline patience = Deadline::after(core_.now(), kCutPatience);
    FL_CO_TRY(co_await own_responder_->close(core_.timers(), patience));
  }
  co_return drained;
}

std::unique_ptr<Exchange> Server::take_exchange() {
  if (spare_exchanges_.empty()) return std::make_unique<Exchange>(options_.head);
  std::unique_ptr<Exchange> exchange = std::move(spare_exchanges_.back());
  spare_exchanges_.pop_back();
  return exchange;
}

void Server::give_back(std::unique_ptr<Exchange> exchange) {
  if (exchange == nullptr) return;
  // One whose token is being cancelled may still be on the stack.
  const bool cancelled = exchange->cancel_ && exchange->cancel_->cancelled();
  if (exchange->lost_ || cancelled || spare_exchanges_.size() >= kSpareExchangesMax) {
    return core_.dispose(std::move(exchange));
  }
  exchange->reset();
  spare_exchanges_.push_back(std::move(exchange));
}

void Server::remove(internal::ServerConnection& connection) {
  internal::ServerConnection*& before =
      connection.previous_ == nullptr ? first_ : connection.previous_->next_;
  FL_CHECK(before == &connection);
  before = connection.next_;
  if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
  --count_;
  core_.dispose(std::unique_ptr<internal::ServerConnection>(&connection));
  options_.metrics.connections_open.add(-1);
  if (closing_ && count_ == 0) empty_.set();
}

// 13 characters: 64 bits in base 32, and short enough to need no memory.
void Server::make_request_id(std::string& id) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
  id.resize(13);
  std::uint64_t number = random_.next();
  for (char& c : id) {
    c = kDigits[number & 31U];
    number >>= 5U;
  }
}

}  // namespace fairlead::http
