// Our HTTP client against somebody else's server: streams both ways at once, with trailers, asks
// before it sends, and is answered early. Ends with 0 when all went well.
//
//   http_stream_client ADDRESS
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "fairlead/http/client.h"

namespace {

using namespace fairlead;

constexpr std::size_t kPieces = 64;

// Where a story went wrong; OK: it did not.
Status wrong(std::string_view what) { return Status(Code::kInternal, "test.wrong", what); }

std::string piece(std::size_t number) {
  return std::string(48 * 1024 + number, static_cast<char>('a' + number % 26));
}

Task<void> send_all(http::ClientExchange* exchange, Status* sent) {
  for (std::size_t i = 0; i < kPieces && sent->ok(); ++i) {
    *sent = co_await exchange->write(Bytes(piece(i)));
  }
  const std::array<http::Field, 1> trailers = {http::Field{"X-Sum", "42"}};
  if (sent->ok()) *sent = exchange->finish(trailers);
}

// A chunked echo: what comes back while it is still being sent, and the trailer behind it.
Task<Status> echo(http::Client* client, http::ClientRequest request, Deadline deadline) {
  request.target = "/echo";
  request.accept_trailers = true;
  FL_CO_TRY_ASSIGN(std::unique_ptr<http::ClientExchange> exchange,
                   co_await client->open(std::move(request), std::nullopt, deadline));
  Status sent;
  Scope scope;
  scope.spawn(send_all(exchange.get(), &sent));
  FL_CO_TRY(co_await exchange->answered());
  std::string body;
  while (true) {
    FL_CO_TRY_ASSIGN(const Bytes got, co_await exchange->read());
    if (got.empty()) break;
    body += got.view();
  }
  FL_CO_TRY(sent);
  std::string wanted;
  for (std::size_t i = 0; i < kPieces; ++i) wanted += piece(i);
  if (body != wanted) co_return wrong("the echo differs");
  const http::Response& response = exchange->response();
  if (response.trailers.find("x-sum") != "42") co_return wrong("the trailer did not come back");
  co_return Status();
}

// Asks before it sends, and is refused.
Task<Status> be_refused(http::Client* client, http::ClientRequest request, Deadline deadline) {
  request.target = "/refuse";
  request.expect_continue = true;
  FL_CO_TRY_ASSIGN(std::unique_ptr<http::ClientExchange> exchange,
                   co_await client->open(std::move(request), 1U << 20U, deadline));
  Status written = co_await exchange->write(Bytes(piece(0)));
  if (written.reason() != "http.answered") co_return wrong(written.to_string());
  FL_CO_TRY(co_await exchange->answered());
  if (exchange->response().status != 401) co_return wrong("it was not refused");
  FL_CO_TRY_ASSIGN(const Bytes body, co_await exchange->read());
  if (body.view() != "no") co_return wrong("the refusal has no text");
  co_return Status();
}

// The same for a whole message, which is asked for.
Task<Status> send_whole(http::Client* client, http::ClientRequest request, Deadline deadline) {
  request.target = "/echo";
  request.expect_continue = true;
  request.body = Bytes(piece(3));
  FL_CO_TRY_ASSIGN(const http::Response response,
                   co_await client->send(std::move(request), deadline));
  if (response.body.view() != piece(3)) co_return wrong("the whole echo differs");
  co_return Status();
}

Task<Status> talk(http::Client* client, io::Address address, Deadline deadline) {
  const http::ClientRequest request{.address = std::move(address), .method = "POST"};
  for (int i = 0; i < 3; ++i) {
    FL_CO_TRY(co_await echo(client, request, deadline));
    FL_CO_TRY(co_await be_refused(client, request, deadline));
    FL_CO_TRY(co_await send_whole(client, request, deadline));
  }
  if (client->idle_connections() != 1) co_return wrong("the connection was not kept");
  co_return Status();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto address = io::Address::parse(argv[1]);
  auto core = io::Core::make();
  if (!address.ok() || !core.ok()) return 2;
  io::Core& loop = **core;
  auto client = http::Client::make(loop, {});
  if (!client.ok()) return 2;
  const Deadline deadline = loop.deadline_after(std::chrono::seconds(20));
  const Status talked = loop.run(talk(client->get(), *address, deadline));
  const Status closed = loop.run((*client)->close(deadline));
  for (const Status& status : {talked, closed}) {
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.to_string().c_str());
  }
  return talked.ok() && closed.ok() ? 0 : 1;
}
