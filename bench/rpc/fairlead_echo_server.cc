// The echo server of our engine, for measurements.
//
//   fairlead_echo_server PORT [--cores N] [--unix PATH] [--raw] [--bare] [--spin-us N]
//                        [--plugins SET]
//
// Serves CALL /echo/bytes and /echo/profile over the raw protocol on 127.0.0.1:PORT (and on PATH):
// the same value back in the same codec. An App with typed handlers, as a user writes one. --raw:
// handlers over undecoded bodies, which take any codec. --bare: without what an App has by default,
// that is, without metrics. --spin-us is the setting `spin` of App. --plugins: `none` one that has
// no hook, `usual` real_ip, overloader and tps, `log` run_log whose lines go nowhere. One core
// unless told otherwise. Ends with 0 on SIGTERM and SIGINT.
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "echo_contract.h"
#include "fairlead/base/text.h"
#include "fairlead/fairlead.h"
#include "fairlead/io/core_group.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/plugins/overloader.h"
#include "fairlead/rpc/plugins/real_ip.h"
#include "fairlead/rpc/plugins/run_log.h"
#include "fairlead/rpc/plugins/tps.h"
#include "fairlead/runtime/signals.h"

namespace {

using namespace fairlead;

struct Options {
  std::uint16_t port = 0;
  std::size_t cores = 1;
  std::string unix_path;
  std::string spin_us;
  std::string plugins;
  bool raw = false;
  bool bare = false;
};

bool parse(int argc, char** argv, Options& options) {
  if (argc < 2) return false;
  const std::optional<std::uint64_t> port = parse_uint64(argv[1]);
  if (!port.has_value() || *port == 0 || *port > 65535) return false;
  options.port = static_cast<std::uint16_t>(*port);
  for (int i = 2; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--raw") {
      options.raw = true;
    } else if (name == "--bare") {
      options.bare = true;
    } else if (name == "--spin-us" && i + 1 < argc) {
      options.spin_us = argv[++i];
    } else if (name == "--plugins" && i + 1 < argc) {
      options.plugins = argv[++i];
    } else if (name == "--unix" && i + 1 < argc) {
      options.unix_path = argv[++i];
    } else if (name == "--cores" && i + 1 < argc) {
      options.cores = static_cast<std::size_t>(parse_uint64(argv[++i]).value_or(0));
    } else {
      return false;
    }
  }
  // Only an App spins, and knows plugins.
  return (options.spin_us.empty() && options.plugins.empty()) || (!options.raw && !options.bare);
}

class NoHook final : public Plugin {
 public:
  NoHook() : Plugin("no_hook") {}
};

// False: there is no such set.
bool use_plugins(App& app, std::string_view set) {
  if (set == "none") {
    app.use(NoHook());
  } else if (set == "usual") {
    // Limits that are never reached: what asking costs.
    auto overloader = rpc::Overloader::make({.calls_per_second_max = 100'000'000}, &app.metrics());
    auto real_ip = rpc::RealIp::make({"127.0.0.1"});
    if (!overloader.ok() || !real_ip.ok()) return false;
    app.use(*std::move(real_ip));
    app.use(*std::move(overloader));
    app.use(std::make_shared<rpc::Tps>(app.metrics()));
  } else if (set == "log") {
    app.use(std::make_shared<rpc::RunLog>(
        rpc::RunLogOptions{.text = true, .write = [](observe::LogLevel, std::string_view) {}}));
  } else {
    return set.empty();
  }
  return true;
}

int serve_app(const char* program, const Options& options) {
  const std::string cores = std::to_string(options.cores);
  std::vector<const char*> arguments{program, "--cores", cores.c_str(), "--log-level", "warn"};
  std::string spin;
  if (!options.spin_us.empty()) {
    spin = "spin=" + options.spin_us + "us";
    arguments.insert(arguments.end(), {"--set", spin.c_str()});
  }
  App app(static_cast<int>(arguments.size()), arguments.data(), "echo");
  if (!use_plugins(app, options.plugins)) {
    std::fprintf(stderr, "--plugins is none, usual or log\n");
    return 2;
  }
  app.serve<echo_service::Echo>(echo_service::EchoLogic{});
  const std::string tcp = "tcp://127.0.0.1:" + std::to_string(options.port);
  return options.unix_path.empty() ? app.run(tcp) : app.run(tcp, "unix:" + options.unix_path);
}

Status echo(rpc::Context& context) {
  if (Buffer* out = context.begin_reply(context.body_codec())) out->append(context.body());
  return {};
}

// One peer on each core, in the order of the group's cores.
class BareServer {
 public:
  BareServer(io::CoreGroup& group, const rpc::Router& router, const rpc::Metrics& metrics)
      : group_(group), cores_(group.cores()) {
    for (io::Core* core : cores_) {
      peers_.push_back(std::make_unique<rpc::Peer>(*core, router, rpc::PeerOptions{}, metrics));
    }
  }

  Status listen(const io::Address& address) {
    auto accept = [this](io::Core& core, std::unique_ptr<io::Stream> stream) {
      for (std::size_t i = 0; i < cores_.size(); ++i) {
        if (cores_[i] == &core) peers_[i]->accept(std::move(stream));
      }
    };
    io::ListenOptions options;
    options.cores = cores_;
    FL_TRY_ASSIGN(auto listener, group_.first().listen(address, options, accept));
    listeners_.push_back(std::move(listener));
    return {};
  }

  // After the group has stopped: its cores run here, one after the other. Callers that stay away
  // for more than a second are cut off.
  void close() {
    listeners_.clear();
    for (std::size_t i = 0; i < cores_.size(); ++i) {
      const Deadline deadline = Deadline::after(steady_now(), std::chrono::seconds(1));
      const Status closed = cores_[i]->run(peers_[i]->close(deadline));
      if (!closed.ok()) std::fprintf(stderr, "%s\n", closed.to_string().c_str());
    }
  }

 private:
  io::CoreGroup& group_;
  std::vector<io::Core*> cores_;
  std::vector<std::unique_ptr<rpc::Peer>> peers_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
};

Status add_routes(rpc::Router& router, bool raw) {
  if (!raw) {
    return service::internal::add_routes<echo_service::Echo>(
        router, std::make_shared<echo_service::EchoLogic>());
  }
  FL_TRY(router.add(wire::Kind::kCall, "/echo/bytes", rpc::make_handler(echo)));
  return router.add(wire::Kind::kCall, "/echo/profile", rpc::make_handler(echo));
}

// The call engine alone: what an App would put around it is left out.
Status serve_bare(const Options& options) {
  runtime::block_signals();
  FL_TRY_ASSIGN(const auto group, io::CoreGroup::make(options.cores));
  rpc::Router router;
  FL_TRY(add_routes(router, options.raw));
  observe::Registry registry;
  rpc::Metrics metrics;
  if (!options.bare) {
    FL_TRY_ASSIGN(metrics, rpc::Metrics::make(registry));
  }
  BareServer server(*group, router, metrics);
  FL_TRY(server.listen(io::Address::loopback(options.port)));
  if (!options.unix_path.empty()) {
    FL_TRY_ASSIGN(const auto address, io::Address::parse("unix:" + options.unix_path));
    FL_TRY(server.listen(address));
  }
  FL_TRY(group->start());
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  int signal = 0;
  sigwait(&signals, &signal);
  group->stop();
  server.close();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: %s PORT [--cores N] [--unix PATH] [--raw] [--bare] [--spin-us N]"
                 " [--plugins SET]\n--spin-us and --plugins go with neither --raw nor --bare\n",
                 argv[0]);
    return 2;
  }
  if (!options.raw && !options.bare) return serve_app(argv[0], options);
  const Status status = serve_bare(options);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return status.ok() ? 0 : 1;
}
