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

// A request as the server gives it to its handler.
struct Request {
  std::string method;     // as sent; methods are case-sensitive
  std::string target;     // as sent
  std::string path;       // plain, by the path rule of proto/target.h; "*" for "OPTIONS *"
  std::string query;      // still escaped, without '?'; for proto::parse_query()
  std::string authority;  // host[:port]; empty only from HTTP/1.0
  int minor = 1;          // HTTP/1.`minor`
  Fields fields{};
  Bytes body;  // whole, without its transfer coding
  io::Address peer;
  std::string id;         // X-Request-Id when the peer sent a usable one, else made here
  CancelToken cancelled;  // heard when the connection is lost or the server gives up draining
};

// What a handler answers. The server adds Date, Content-Length and Connection; fields of these
// names (but Date) and Transfer-Encoding in `fields` are left out.
struct Response {
  int status = 200;  // 200 .. 599, or 101 with `upgrade`
  Fields fields{};
  Bytes body{};
  // With 101: gets the connection, which was started, once the head is written. Bytes that the peer
  // sent behind its request are still in it: it is to be handed over in this call.
  std::function<void(std::unique_ptr<io::Stream> stream)> upgrade{};

  static Response text(int status, std::string_view body);  // text/plain; charset=utf-8
  static Response json(int status, std::string_view body);  // application/json
  static Response typed(int status, std::string_view content_type, std::string_view body);
};

// Handles one request. An error becomes an answer by problem.h, an exception a 500.
// Called on the server's core; the copy in the server outlives every task that it makes.
using Handler = std::function<Task<Result<Response>>(Request request)>;

// A Handler of a function that answers without waiting.
Handler plain_handler(std::function<Result<Response>(Request request)> function);

}  // namespace fairlead::http
