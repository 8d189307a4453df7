// The echo server of our engine, for measurements.
//
//   fairlead_echo_server PORT [--cores N] [--unix PATH]
//
// Serves CALL /echo/bytes over the raw protocol on 127.0.0.1:PORT (and on PATH): same codec and
// same bytes back. Runs on one core unless told otherwise; ends with 0 on SIGTERM and SIGINT.
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/io/core_group.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/runtime/signals.h"

namespace {

using namespace fairlead;

struct Options {
  std::uint16_t port = 0;
  std::size_t cores = 1;
  std::string unix_path;
};

bool parse(int argc, char** argv, Options& options) {
  if (argc < 2) return false;
  const std::optional<std::uint64_t> port = parse_uint64(argv[1]);
  if (!port.has_value() || *port == 0 || *port > 65535) return false;
  options.port = static_cast<std::uint16_t>(*port);
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--unix") {
      options.unix_path = argv[i + 1];
    } else if (name == "--cores") {
      options.cores = static_cast<std::size_t>(parse_uint64(argv[i + 1]).value_or(0));
    } else {
      return false;
    }
  }
  return argc % 2 == 0;
}

Status echo(rpc::Context& context) {
  if (Buffer* out = context.begin_reply(context.body_codec())) out->append(context.body());
  return {};
}

// One peer on each core, in the order of the group's cores.
class Server {
 public:
  Server(io::CoreGroup& group, const rpc::Router& router, const rpc::PeerOptions& options)
      : group_(group), cores_(group.cores()) {
    for (io::Core* core : cores_) {
      peers_.push_back(std::make_unique<rpc::Peer>(*core, router, options));
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
    options.backlog = 4096;
    FL_TRY_ASSIGN(auto listener, group_.first().listen(address, options, accept));
    listeners_.push_back(std::move(listener));
    return {};
  }

  // After the group has stopped: its cores run here, one after the other.
  bool close() {
    bool closed = true;
    listeners_.clear();
    for (std::size_t i = 0; i < cores_.size(); ++i) {
      const Deadline deadline = Deadline::after(steady_now(), std::chrono::seconds(1));
      closed = cores_[i]->run(peers_[i]->close(deadline)).ok() && closed;
    }
    return closed;
  }

 private:
  io::CoreGroup& group_;
  std::vector<io::Core*> cores_;
  std::vector<std::unique_ptr<rpc::Peer>> peers_;
  std::vector<std::unique_ptr<io::Listener>> listeners_;
};

Status serve(const Options& options) {
  FL_TRY_ASSIGN(const auto group, io::CoreGroup::make(options.cores));
  rpc::Router router;
  FL_TRY(router.add(wire::Kind::kCall, "/echo/bytes", rpc::make_handler(echo)));
  const rpc::PeerOptions peer_options;
  FL_TRY(peer_options.validate());
  Server server(*group, router, peer_options);
  FL_TRY(server.listen(io::Address::loopback(options.port)));
  if (!options.unix_path.empty()) {
    FL_TRY_ASSIGN(const auto address, io::Address::parse("unix:" + options.unix_path));
    FL_TRY(server.listen(address));
  }
  io::Core& first = group->first();
  FL_TRY_ASSIGN(const auto signals,
                runtime::SignalWatcher::make(first, [&first](int) { first.stop(); }));
  group->start();
  first.run();
  group->stop();
  server.close();  // callers that stay away for more than a second are cut off
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  runtime::block_signals();
  Options options;
  if (!parse(argc, argv, options)) {
    std::fprintf(stderr, "usage: %s PORT [--cores N] [--unix PATH]\n", argv[0]);
    return 2;
  }
  const Status status = serve(options);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.to_string().c_str());
  return status.ok() ? 0 : 1;
}
