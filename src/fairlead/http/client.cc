#include "fairlead/http/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/http/client_connection.h"

namespace fairlead::http {
namespace {

Status bad_option(std::string_view what) {
  return Status(Code::kBadMessage, "http.bad_option", what);
}

Status validate(const ClientOptions& options) {
  const proto::HeadLimits& head = options.head;
  if (head.head_bytes_max < 256 || head.head_bytes_max > proto::kHeadBytesMax) {
    return bad_option("head.head_bytes_max must be from 256 to 65536");
  }
  if (head.fields_max < 1 || head.fields_max > proto::kFieldsMax) {
    return bad_option("head.fields_max must be from 1 to 100");
  }
  if (options.connections_max < 1) return bad_option("connections_max must be at least 1");
  if (options.idle_timeout <= Duration::zero() || options.connect_timeout <= Duration::zero()) {
    return bad_option("idle_timeout and connect_timeout must be above 0");
  }
  return {};
}

bool is_idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods = {"GET",     "HEAD",  "PUT",
                                                        "OPTIONS", "TRACE", "DELETE"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

Status not_sent(Status status) { return std::move(status).with_outcome(Outcome::kNotSent); }

}  // namespace

Result<std::unique_ptr<Client>> Client::make(io::Core& core, ClientOptions options) {
  FL_TRY(validate(options));
  return std::unique_ptr<Client>(new Client(core, options));
}

Client::Client(io::Core& core, ClientOptions options) : core_(core), options_(options) {}

Client::~Client() { FL_CHECK(pools_.empty()); }

Result<Gate::Pass> Client::enter(Deadline deadline, const CancelToken& cancel) {
  core_.assert_here();
  std::optional<Gate::Pass> pass = gate_.enter();
  if (!pass) {
    return not_sent(Status(Code::kConnectionClosed, "http.client_closed", "the client is closing"));
  }
  if (deadline.passed(core_.now())) {
    return not_sent(
        Status(Code::kDeadlineExceeded, "wait.deadline", "the deadline passed before sending"));
  }
  if (cancel.cancelled()) {
    return not_sent(Status(Code::kCancelled, "wait.cancelled", "cancelled before sending"));
  }
  options_.metrics.client_requests_sent.add();
  return std::move(*pass);
}

Task<Result<Response>> Client::send(ClientRequest request, Deadline deadline, CancelToken cancel) {
  FL_CO_TRY_ASSIGN(const Gate::Pass pass, enter(deadline, cancel));
  bool stale = false;
  Result<Response> result = co_await send_once(&request, request.fresh, deadline, cancel, &stale);
  if (stale && is_idempotent(request.method)) {
    options_.metrics.client_requests_resent.add();
    result = co_await send_once(&request, true, deadline, std::move(cancel), &stale);
  }
  if (!result.ok()) options_.metrics.client_requests_failed.add();
  co_return result;
}

// `stale` is set when a kept connection turned out to be closed before it said anything.
Task<Result<Response>> Client::send_once(const ClientRequest* request, bool fresh,
                                         Deadline deadline, CancelToken cancel, bool* stale) {
  FL_CO_TRY_ASSIGN(
      std::unique_ptr<ClientExchange> exchange,
      co_await begin(request, request->body.size(), fresh, deadline, std::move(cancel)));
  exchange->streamed_ = false;
  if (!exchange->continue_awaited_) {
    exchange->write_whole(request->body);
  } else {
    Status written = co_await exchange->write(request->body);  // why not is told by whole()
  }
  Result<Response> result = co_await exchange->whole();
  *stale = exchange->reused_ && result.status().reason() == "http.closed";
  co_return result;
}

Task<Result<std::unique_ptr<ClientExchange>>> Client::open(ClientRequest request,
                                                           std::optional<std::uint64_t> length,
                                                           Deadline deadline, CancelToken cancel) {
  FL_CHECK(request.body.empty());
  FL_CO_TRY_ASSIGN(Gate::Pass pass, enter(deadline, cancel));
  Result<std::unique_ptr<ClientExchange>> begun =
      co_await begin(&request, length, request.fresh, deadline, std::move(cancel));
  if (begun.ok()) {
    (*begun)->pass_.emplace(std::move(pass));
  } else {
    options_.metrics.client_requests_failed.add();
  }
  co_return begun;
}

Task<Result<std::unique_ptr<ClientExchange>>> Client::begin(const ClientRequest* request,
                                                            std::optional<std::uint64_t> length,
                                                            bool fresh, Deadline deadline,
                                                            CancelToken cancel) {
  FL_CO_TRY_ASSIGN(std::unique_ptr<ClientExchange> exchange, take_place(request->address, fresh));
  exchange->bound(deadline, std::move(cancel));
  if (!exchange->reused_) {
    Status connected = co_await connect(exchange.get(), request->address);
    if (!connected.ok()) co_return not_sent(std::move(connected));
  }
  FL_CO_TRY(exchange->connection_->begin(*exchange, *request, length));
  co_return std::move(exchange);
}

Task<Status> Client::close(Deadline deadline) {
  core_.assert_here();
  std::vector<internal::ClientConnection*> idle;
  for (const auto& [key, pool] : pools_) {
    for (const auto& connection : pool->idle) idle.push_back(connection.get());
  }
  for (internal::ClientConnection* connection : idle) drop_idle(*connection);
  co_return co_await gate_.close(core_.timers(), deadline);
}

std::size_t Client::idle_connections() const {
  std::size_t count = 0;
  for (const auto& [key, pool] : pools_) count += pool->idle.size();
  return count;
}

// A place in the address's pool, with a kept connection unless `fresh` or there is none.
Result<std::unique_ptr<ClientExchange>> Client::take_place(const io::Address& address, bool fresh) {
  const std::string key = address.to_text();
  std::unique_ptr<internal::Pool>& pool = pools_[key];
  if (pool == nullptr) {
    pool = std::make_unique<internal::Pool>();
    pool->key = key;
  }
  std::unique_ptr<internal::ClientConnection> kept;
  while (!fresh && kept == nullptr && !pool->idle.empty()) {
    std::unique_ptr<internal::ClientConnection> last = std::move(pool->idle.back());
    pool->idle.pop_back();
    last->leave_idle();
    if (last->reusable()) {
      kept = std::move(last);
    } else {
      core_.dispose(std::move(last));  // it is about to close
      --pool->open;
    }
  }
  if (kept == nullptr) {
    if (pool->open >= options_.connections_max) {
      return Status(Code::kLocalLimit, "http.pool_full",
                    std::to_string(pool->open) + " connections to " + key + " are in use");
    }
    ++pool->open;
  }
  std::unique_ptr<ClientExchange> exchange(new ClientExchange(*this, *pool, options_.head));
  exchange->reused_ = kept != nullptr;
  exchange->connection_ = std::move(kept);
  return exchange;
}

Task<Status> Client::connect(ClientExchange* exchange, io::Address address) {
  const Deadline until =
      earlier(exchange->deadline_, core_.deadline_after(options_.connect_timeout));
  FL_CO_TRY_ASSIGN(std::unique_ptr<io::Stream> stream,
                   co_await core_.connect(address, until, exchange->cancel_));
  options_.metrics.client_connections_opened.add();
  exchange->connection_ =
      std::make_unique<internal::ClientConnection>(*this, exchange->pool_, std::move(stream));
  co_return Status();
}

// The end of an exchange; `connection` is null when it was never made.
void Client::give_back(internal::Pool& pool,
                       std::unique_ptr<internal::ClientConnection> connection) {
  if (connection != nullptr) connection->leave_exchange();
  const bool keep = connection != nullptr && connection->reusable() && !gate_.closing() &&
                    pool.idle.size() < options_.idle_max;
  if (keep) {
    connection->become_idle();
    pool.idle.push_back(std::move(connection));
    return;
  }
  core_.dispose(std::move(connection));
  --pool.open;
  forget_if_empty(pool);
}

void Client::drop_idle(internal::ClientConnection& connection) {
  internal::Pool& pool = connection.pool();
  const auto found =
      std::ranges::find(pool.idle, &connection, [](const auto& kept) { return kept.get(); });
  FL_CHECK(found != pool.idle.end());
  connection.leave_idle();
  core_.dispose(std::move(*found));
  pool.idle.erase(found);
  --pool.open;
  forget_if_empty(pool);
}

void Client::forget_if_empty(internal::Pool& pool) {
  if (pool.open == 0) pools_.erase(std::string(pool.key));
}

}  // namespace fairlead::http
