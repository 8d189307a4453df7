// The admin listener: /healthz, /readyz, /metrics, and pages of the rooms above.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/http/message.h"
#include "fairlead/http/server.h"
#include "fairlead/io/core.h"
#include "fairlead/observe/metrics.h"

namespace fairlead::admin {

struct Options {
  std::string name{};          // of the program, for titles; empty: not said
  bool allow_outside = false;  // listen on other addresses than loopback, take any Host
  http::Metrics metrics{};     // of the listener itself
};

// One page. HEAD comes with GET; the handler need not know it. Requests of other methods are held
// to check_write() (request_rules.h) before the handler hears of them.
struct Page {
  std::string path;   // exact, plain; begins with '/'
  std::string title;  // one line, for the index
  http::Handler handler;
  std::vector<std::string> methods{"GET"};
};

// OK when the part that it speaks for can serve. Runs on the server's core and must not wait.
using Check = std::function<Status()>;

// Whether an admin listener may stand there. Errors: kBadMessage `admin.not_loopback`.
Status check_loopback(const io::Address& address);

// Thread:   one core; every method there.
// Lifetime: close() must have completed with OK before destruction. Checks, handlers, and what
//           they look at live until then, or until they are removed.
class Server {
 public:
  // `registry` is what /metrics shows; borrowed.
  static std::unique_ptr<Server> make(io::Core& core, const observe::Registry& registry,
                                      Options options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Opens an address; gives the one really bound.
  // Errors: kBadMessage `admin.not_loopback`; those of io::Core::listen().
  Result<io::Address> listen(const io::Address& address);

  // A named part of readiness. A name that is there already is replaced.
  void add_check(std::string name, Check check);
  void remove_check(std::string_view name);
  // A path that is taken is a bug of ours.
  void add_page(Page page);
  void remove_page(std::string_view path);

  // Errors: those of http::Server::close().
  Task<Status> close(Deadline deadline);

 private:
  Server(const observe::Registry& registry, Options options);

  Task<Result<http::Response>> answer(http::Request& request);
  http::Response show_index() const;
  http::Response show_readiness() const;
  Status unknown_page(std::string_view path) const;
  void add_own_pages();

  const observe::Registry& registry_;
  const Options options_;
  std::map<std::string, Page, std::less<>> pages_;
  std::map<std::string, Check, std::less<>> checks_;
  std::unique_ptr<http::Server> http_;
};

}  // namespace fairlead::admin
