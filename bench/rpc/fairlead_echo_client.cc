// The load client of our engine: --conns sessions with --depth calls outstanding on each, in a
// closed loop on one core. Options: ../measure.h. Checks status, codec and length of each reply.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/rpc/peer.h"
#include "measure.h"

namespace {

using namespace fairlead;

std::uint64_t ns_of(Time time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

// What all calls share.
struct Load {
  bench::Measurement& run;
  const io::Core& core;
  const Bytes& body;
};

// One call after the other. Times are those of the loop's turns: a call begins in the turn that
// sends it and ends in the turn that reads its reply.
class EchoCall final : public rpc::PendingCall {
 public:
  EchoCall(const Load& load, rpc::Session& session) : load_(load), session_(session) {}

  void start() {
    if (!load_.run.may_start()) return;
    began_ = load_.core.now();
    const bench::Options& options = load_.run.options();
    const rpc::CallHead head{.method = options.method,
                             .body_codec = static_cast<std::uint8_t>(options.codec)};
    session_.start_call(*this, head, {}, {}, load_.body);
  }

 private:
  void on_done(Status status, const wire::MessageView& reply, const Bytes&) override {
    if (status.code() == Code::kConnectionClosed) bench::give_up(status.to_string());
    if (!status.ok()) {
      load_.run.failed(status.to_string());
    } else if (reply.body.size() != load_.body.size() ||
               reply.body_codec != static_cast<std::uint8_t>(load_.run.options().codec)) {
      load_.run.failed("the reply's body is not the request's");
    } else {
      load_.run.completed(ns_of(began_), ns_of(load_.core.now()));
    }
    start();
  }

  const Load& load_;
  rpc::Session& session_;
  Time began_;
};

Result<io::Address> address_of(const bench::Options& options) {
  return io::Address::parse(options.unix_path.empty()
                                ? options.host + ":" + std::to_string(options.port)
                                : "unix:" + options.unix_path);
}

Task<Status> connect(rpc::Peer& peer, io::Address address, int count,
                     std::vector<rpc::Session*>& sessions) {
  for (int i = 0; i < count; ++i) {
    const Deadline deadline = peer.core().deadline_after(std::chrono::seconds(10));
    FL_CO_TRY_ASSIGN(rpc::Session * session, co_await peer.dial(address, deadline));
    session->on_closed([](rpc::Session&, const Status& why) {
      bench::give_up("a session was closed: " + why.to_string());
    });
    sessions.push_back(session);
  }
  co_return Status();
}

// Returns only on an error: the measurement ends the process.
Status generate(bench::Measurement& run) {
  const bench::Options& options = run.options();
  FL_TRY_ASSIGN(const std::unique_ptr<io::Core> core, io::Core::make());
  FL_TRY_ASSIGN(const io::Address address, address_of(options));
  rpc::PeerOptions peer_options;
  peer_options.inflight_calls_max = 65'536;
  peer_options.call_timeout = std::chrono::seconds(10);
  FL_TRY(peer_options.validate());
  const rpc::Router router;
  rpc::Peer peer(*core, router, peer_options);
  std::vector<rpc::Session*> sessions;
  const Status connected = core->run(connect(peer, address, options.sessions, sessions));
  if (!connected.ok()) bench::give_up(connected.to_string());

  const Bytes body(bench::make_body(options));
  const Load load{run, *core, body};
  std::vector<std::unique_ptr<EchoCall>> calls;
  run.begin();
  for (rpc::Session* session : sessions) {
    for (int i = 0; i < (options.idle ? 1 : options.depth); ++i) {
      calls.push_back(std::make_unique<EchoCall>(load, *session));
      calls.back()->start();
    }
  }
  if (options.spin) {
    while (true) core->turn(Deadline(core->now()));
  }
  core->run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options = bench::parse_options(argc, argv);
  if (options.protocol != "raw" && options.protocol != "teleport") {
    std::fprintf(stderr,
                 "--proto: '%s' is not known here; there are raw and teleport, which are "
                 "the same\n",
                 options.protocol.c_str());
    return 2;
  }
  bench::Measurement run(options);
  bench::give_up(generate(run).to_string());
}
