// Request and Response: whole HTTP messages that own their memory, and what handles them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "fairlead/async/cancel.h"
#include "fairlead/async/task.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/result.h"
#include "fairlead/http/fields.h"
#include "fairlead/io/address.h"
#include "fairlead/io/stream.h"

namespace fairlead::http {

// A request as the server gives it to who answers it. The server uses the same object again for
// later requests, so that its memory is allocated once.
struct Request {
  std::string method;     // as sent; methods are case-sensitive
  std::string target;     // as sent
  std::string path;       // plain, by the path rule of proto/target.h; "*" for "OPTIONS *"
  std::string query;      // still escaped, without '?'; for proto::parse_query()
  std::string authority;  // host[:port]; empty only from HTTP/1.0
  int minor = 1;          // HTTP/1.`minor`
  Fields fields{};
  Bytes body;  // whole, without its transfer coding; empty when it is read as a stream
  // The fields behind a chunked body, without the names that may not stand there
  // (proto/trailers.h); of a streamed body there once its end was read. Never mixed with `fields`.
  Fields trailers{};
  io::Address peer;
  std::string id;         // X-Request-Id when the peer sent a usable one, else made here
  CancelToken cancelled;  // heard when the connection is lost or the server gives up draining
};

// What a handler answers. The server adds Date, Content-Length and Connection; fields of these
// names (but Date) and Transfer-Encoding in `fields` are left out.
struct Response {
  int status = 200;  // 200 .. 599, and 101
  Fields fields{};
  Bytes body{};
  // With status 101, for a request that asked for an upgrade: takes the connection once the head is
  // written. The stream has been started: its new owner takes it over by io::Stream::hand_over().
  std::function<void(std::unique_ptr<io::Stream> stream)> upgrade{};
  // Of a response that a Client received: as Request::trailers. Those that a server sends go behind
  // a streamed body, by Exchange::finish(); none are sent from here.
  Fields trailers{};

  static Response text(int status, std::string_view body);  // text/plain; charset=utf-8
  static Response json(int status, std::string_view body);  // application/json
  static Response typed(int status, std::string_view content_type, std::string_view body);
};

// Handles one request. An error becomes an answer by problem.h, an exception a 500.
// Called on the server's core; the copy in the server outlives every task that it makes, and the
// request lives until that task has ended.
using Handler = std::function<Task<Result<Response>>(Request& request)>;

// A Handler of a function that answers without waiting.
Handler plain_handler(std::function<Result<Response>(Request& request)> function);

}  // namespace fairlead::http
