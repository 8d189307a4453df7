// A server for tests from outside: answers any method on any path with the body it got. On
// /json/any the body must be JSON.
//
//   http_echo_server            listens on a free port of loopback and prints "listening on ..."
//
// Ends with 0 after draining when its standard input is closed.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "fairlead/codec/codec.h"
#include "fairlead/http/server.h"

namespace {

using namespace fairlead;

Result<http::Response> echo(const http::Request& request) {
  if (request.path == "/about") {
    return http::Response::text(200, request.method + " " + request.path + "?" + request.query);
  }
  if (request.path == "/missing") return Status(Code::kNotFound, "route.unknown", "nothing here");
  if (request.path == "/json/any") FL_TRY(codec::check_json(request.body));
  http::Response response = http::Response::typed(
      200, request.fields.value_or("Content-Type", "application/octet-stream"), "");
  response.body = request.body;
  return response;
}

}  // namespace

int main() {
  auto core = io::Core::make();
  if (!core.ok()) return 1;
  io::Core& loop = **core;
  auto server = http::Server::make(loop, {}, http::plain_handler(echo));
  if (!server.ok()) return 1;
  const auto address = (*server)->listen(io::Address::loopback(0));
  if (!address.ok()) {
    std::fprintf(stderr, "%s\n", address.status().to_string().c_str());
    return 1;
  }
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  auto watch = loop.watch_readable(STDIN_FILENO, [&loop] {
    char block[256];
    if (read(STDIN_FILENO, block, sizeof(block)) == 0) loop.stop();
  });
  if (!watch.ok()) return 1;
  std::printf("listening on %s\n", address->to_text().c_str());
  std::fflush(stdout);
  loop.run();
  const Status closed = loop.run((*server)->close(loop.deadline_after(std::chrono::seconds(5))));
  return closed.ok() ? 0 : 1;
}
