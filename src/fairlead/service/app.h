// App and Runtime: a program that serves, a program that only calls.
//
//   int main(int argc, char** argv) {
//     fl::App app(argc, argv, "math");                    // flags, environment, math.yaml, signals
//     app.serve<Math>(MathLogic{});
//     return app.discover().run("tcp://127.0.0.1:9090");  // returns after an orderly drain
//   }
//
//   int main(int argc, char** argv) {
//     fl::Runtime runtime(argc, argv, "demo");
//     fl::Client<Math> math = runtime.client<Math>("math");
//     auto reply = math.divide({.a = 6, .b = 3}).get();    // or: return runtime.run(demo(math));
//   }
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fairlead/async/cancel.h"
#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/contract/service.h"
#include "fairlead/service/client.h"
#include "fairlead/service/method_handler.h"
#include "fairlead/service/named_handler.h"
#include "fairlead/service/named_routes.h"
#include "fairlead/service/pool.h"
#include "fairlead/service/pooled_handler.h"
#include "fairlead/service/process.h"
#include "fairlead/service/proxy.h"
#include "fairlead/service/raw_client.h"
#include "fairlead/service/route_plugins.h"
#include "fairlead/service/session_hub.h"
#include "fairlead/service/spec.h"

namespace fairlead::service {

// An error of the service's own: business codes from 1000 on, or a code of the table.
Status error(std::int32_t code, std::string_view message);

// A program that calls services, and serves nothing but its admin listener. Mistakes of the command
// line and the configuration are told by run(), which then ends with 2 or 1; until then every
// method does nothing. Thread: main's. Lifetime: outlives its clients.
class Runtime {
 public:
  Runtime(int argc, const char* const* argv, std::string name);
  virtual ~Runtime() = default;
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // A client of a service: its name in the registry, or addresses ("127.0.0.1:9090,...",
  // "tls://127.0.0.1:9443"). The configuration has the last word about the options:
  // `clients.<name>`, over `clients.default`. Starts the threads. Ends the program with a message
  // when store, name or certificates are no good: there is nothing that the code could do about it.
  template <contract::Service S>
  Client<S> client(std::string_view name_or_addresses, const ClientOptions& options = {}) {
    return Client<S>(target(name_or_addresses, options));
  }

  // The same for calls whose bodies are bytes (raw_client.h).
  RawClient raw_client(std::string_view name_or_addresses, const ClientOptions& options = {}) {
    return RawClient(target(name_or_addresses, options));
  }

  // Keys of secure bodies, for fl::sealed() and for messages that come sealed; the configuration
  // (`secure`) has the last word. `required`: plain bodies are refused. Before the first client()
  // and run().
  void secure(rpc::SecureKeys keys, bool required = false) {
    process_.use_keys(std::move(keys), required);
  }

  // Takes part in all sessions and messages of the program (rpc/plugin.h), behind the plugins that
  // are there: app.use(Audit()), app.use(std::make_shared<Audit>(..)). The configuration's
  // (`plugins`) come last. Before the first client() and run(), which tell a name that is taken.
  void use(rpc::PluginHandle plugin) {
    FL_CHECK(!process_.started());
    if (status_.ok()) status_ = process_.plugins().add(std::move(plugin));
  }

  // Threads for work that blocks (pool.h). The configuration has the last word: `pools.<name>`. A
  // name that is there already gives that pool. Must come before the first client() and run(),
  // which tell a bad name or number.
  Pool pool(std::string_view name, PoolOptions options = {}) {
    return process_.add_pool(name, options);
  }

  // The sessions of this program: whom it serves, and whom it dialled by dial() or Hub::dial().
  // Asked for before the first client(), dial() and run().
  Hub& sessions() { return process_.sessions(); }

  // Connects to one peer ("127.0.0.1:7000", "tls://127.0.0.1:7443") and keeps that one link,
  // without balancing or dialling again. What this program serves the peer may call on it. Options
  // as client()'s, `clients.<address>` in the configuration. Starts the threads; waits, so on a
  // thread that runs no core. In a handler or task: sessions().dial(). Errors: what is wrong with
  // the start or the settings; those of Hub::dial().
  Result<SessionRef> dial(std::string_view address, const ClientOptions& options = {});

  // Runs the task on a core, then drains and gives the exit code: 0, 1 when calls of peers that it
  // dialled were cut, or 130 when INT or TERM came before the task's end. Its calls end as
  // connections close; other waits must heed stopping(). Serves nothing: with `listen` in the
  // configuration it ends with 1 and says so.
  int run(Task<void> task);
  // The same for a task that knows its exit code.
  int run(Task<int> task);

  // Cancelled when INT or TERM came, for the waits of run()'s task. Thread: that task's core.
  CancelToken stopping() const { return process_.stopping(); }

  observe::Registry& metrics() { return process_.metrics(); }
  // OK, or what is wrong with the command line or the configuration.
  const Status& status() const { return status_; }

 protected:
  // False: all that it does is to call.
  virtual bool may_serve() const { return false; }
  // --help, --version and mistakes: the exit code with which the program should end now.
  std::optional<int> early_end();
  Status start();
  const Target& target(std::string_view name_or_addresses, const ClientOptions& options);
  int fail(const Status& status) const;

  Start start_;
  Status status_;
  const std::string name_;
  Process process_;
};

class RouteGroup;

// A program that serves, and may call too.
class App final : public Runtime {
 public:
  App(int argc, const char* const* argv, std::string name) : Runtime(argc, argv, std::move(name)) {}

  // Serves S by `logic`, an object with one member function per method (method_handler.h). One
  // object answers on every core at the same time: it must be thread-safe, or `cores` be 1.
  // Must come before the first client() and run().
  template <contract::Service S, class Logic>
  App& serve(Logic logic) {
    return serve<S>(std::make_shared<Logic>(std::move(logic)));
  }
  template <contract::Service S, class Logic>
  App& serve(std::shared_ptr<Logic> logic, const RoutePlugins& plugins = {}) {
    return serve_in<S>(nullptr, std::move(logic), plugins);
  }
  // With plugins of these routes: serve<S>(logic, fl::with_plugins(Audit())).
  template <contract::Service S, class Logic>
  App& serve(Logic logic, const RoutePlugins& plugins) {
    return serve<S>(std::make_shared<Logic>(std::move(logic)), plugins);
  }

  // The same with plain handlers that run on a pool: serve<S>(logic, fl::on_pool(db)).
  template <contract::Service S, class Logic>
  App& serve(Logic logic, const OnPool& on) {
    FL_CHECK(!process_.started());
    if (status_.ok()) {
      status_ = internal::add_routes<S>(process_.router(),
                                        std::make_shared<Logic>(std::move(logic)), on.pool);
    }
    return *this;
  }

  // How names that are given as text become methods, from here on: of on_call(), on_push() and
  // group() (contract/name_mapper.h). kHttp makes "AaBb_CcDd" /aa_bb/cc_dd, kRpc AaBb.CcDd, as the
  // mappers of a Go peer do; kVerbatim, as it begins, leaves all as it is. What begins with a slash
  // is a method already and stays as it is. Groups keep the style that they were made in.
  App& names(contract::NameStyle style) {
    place_.style = style;
    return *this;
  }

  using Runtime::use;
  // Routes that share plugins, and a beginning of their names where those are given as text.
  template <class... P>
  RouteGroup group(std::string_view prefix, P&&... plugins);

  // One handler under a method's name, for methods that no contract describes (named_handler.h).
  template <class Function>
  App& on_call(std::string_view name, Function function, const RoutePlugins& plugins = {}) {
    return name_in(place_, wire::Kind::kCall, name, std::move(function), plugins);
  }
  template <class Function>
  App& on_push(std::string_view name, Function function, const RoutePlugins& plugins = {}) {
    return name_in(place_, wire::Kind::kPush, name, std::move(function), plugins);
  }
  // The same for PUSHes that are handled one after the other, in the order of each session.
  template <class Function>
  App& on_push(std::string_view name, Function function, contract::rules::Serial) {
    return name_in(place_, wire::Kind::kPush, name, std::move(function), {}, true);
  }
  // What answers CALLs, or takes PUSHes, of methods that nobody serves, from their raw bodies; at
  // most one of each. context.method() says which; a reply goes out by context.reply_with().
  template <class Function>
  App& on_unknown_call(Function function) {
    return add(
        process_.router().add_unknown(wire::Kind::kCall, rpc::make_handler(std::move(function))));
  }
  template <class Function>
  App& on_unknown_push(Function function) {
    return add(
        process_.router().add_unknown(wire::Kind::kPush, rpc::make_handler(std::move(function))));
  }
  // Whoever connects must log in: `function`, raw or typed, reads the AUTH_CALL. An OK reply opens
  // the session, which context.session().values() can tell who it belongs to; an error is answered
  // and closes it.
  template <class Function>
  App& on_login(Function function) {
    Status bad;
    auto handler = internal::make_named_handler(std::move(function), bad);
    return add(bad.ok() ? process_.router().set_login(std::move(handler)) : bad);
  }

  // Registers this program under its name while it serves.
  App& discover() {
    discover_ = true;
    return *this;
  }

  // Calls `tell` once, on main's thread, when every address is open, with what they are: port 0 has
  // become a number. For programs that tell others where they are, and that they are there.
  App& on_ready(std::function<void(const std::vector<io::Address>& addresses)> tell) {
    on_ready_ = std::move(tell);
    return *this;
  }

  using Runtime::run;
  // Serves until INT or TERM, drains, and gives the exit code. The addresses count when neither
  // file, environment nor flags say `listen`.
  template <std::convertible_to<std::string_view>... Addresses>
  int run(Addresses... addresses) {
    return serve_at({std::string(std::string_view(addresses))...});
  }

 private:
  friend class RouteGroup;
  bool may_serve() const override { return true; }
  template <contract::Service S, class Logic>
  App& serve_in(const rpc::PluginChain* groups, std::shared_ptr<Logic> logic,
                const RoutePlugins& plugins) {
    auto chain = internal::joined(groups, plugins);
    if (!chain.ok()) {
      return add(Status(chain.status()).with_context(contract::service_info<S>().name));
    }
    return add(internal::add_routes<S>(process_.router(), std::move(logic), *chain));
  }
  template <class Function>
  App& name_in(const internal::NamePlace& place, wire::Kind kind, std::string_view name,
               Function function, const RoutePlugins& plugins, bool serial = false) {
    Status bad;
    auto handler = internal::make_named_handler(std::move(function), bad);
    if (!bad.ok()) return add(std::move(bad).with_context(name));
    if (serial) handler = rpc::make_serial(std::move(handler));
    return add(names_.add(process_.router(), place, kind, name, std::move(handler), plugins));
  }
  App& add(Status added) {
    FL_CHECK(!process_.started());  // routes are read without a lock from then on
    if (status_.ok()) status_ = std::move(added);
    return *this;
  }
  int serve_at(const std::vector<std::string>& addresses);

  internal::NamePlace place_;
  internal::NamedRoutes names_;
  bool discover_ = false;
  std::function<void(const std::vector<io::Address>&)> on_ready_;
};

// Made by App::group(). A value; copies are the same group. Thread: main's. Lifetime: the App's.
class RouteGroup {
 public:
  // Methods of contracts keep their own paths: who calls them does not know of groups.
  template <contract::Service S, class Logic>
  RouteGroup& serve(Logic logic, const RoutePlugins& plugins = {}) {
    app_->serve_in<S>(&chain_, std::make_shared<Logic>(std::move(logic)), plugins);
    return *this;
  }
  // Under the group's prefix, in its style (App::names()); verbatim is directly behind it.
  template <class Function>
  RouteGroup& on_call(std::string_view name, Function function, const RoutePlugins& plugins = {}) {
    app_->name_in(place(), wire::Kind::kCall, name, std::move(function), plugins);
    return *this;
  }
  template <class Function>
  RouteGroup& on_push(std::string_view name, Function function, const RoutePlugins& plugins = {}) {
    app_->name_in(place(), wire::Kind::kPush, name, std::move(function), plugins);
    return *this;
  }
  // A group in this one: its plugins come behind these, its prefix too. An empty prefix adds none.
  template <class... P>
  RouteGroup group(std::string_view prefix, P&&... plugins) const {
    return RouteGroup(*app_, place(), prefix, with_plugins(std::forward<P>(plugins)...));
  }

 private:
  friend App;
  RouteGroup(App& app, const internal::NamePlace& outer, std::string_view prefix,
             const RoutePlugins& own)
      : app_(&app) {
    auto inner = outer.group(prefix);
    if (!inner.ok()) {
      app_->add(Status(inner.status()).with_context("a group"));
      return;
    }
    place_ = *std::move(inner);
    const auto chain = internal::joined(outer.plugins, own);
    if (chain.ok())
      chain_ = **chain;
    else
      app_->add(Status(chain.status()).with_context("the group '" + place_.prefix + "'"));
  }
  internal::NamePlace place() const {
    internal::NamePlace here = place_;
    here.plugins = &chain_;
    return here;
  }

  App* app_;
  internal::NamePlace place_;
  rpc::PluginChain chain_;
};

template <class... P>
RouteGroup App::group(std::string_view prefix, P&&... plugins) {
  return RouteGroup(*this, place_, prefix, with_plugins(std::forward<P>(plugins)...));
}

}  // namespace fairlead::service
