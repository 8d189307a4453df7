// The load client of our engine: --conns sessions with at most --depth calls outstanding on each,
// on one core, in a closed loop or, with --rate, in an open one. Options: ../options.h. Deadlines
// and metrics are on, as in every program with an App. Checks status, codec and length of each
// reply; of a profile, which is encoded and decoded in each call, the content too.
#include <sched.h>

#include <cstdio>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "echo_contract.h"
#include "fairlead/codec/codec.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/peer.h"
#include "measure.h"
#include "schedule.h"

namespace {

using namespace fairlead;

const echo_service::Profile kProfile{.id = 90'071'992'547,
                                     .name = "Grace Hopper",
                                     .mail = "grace@example.org",
                                     .visits = 1906,
                                     .active = true};

std::uint64_t ns_of(Time time) {
  return static_cast<std::uint64_t>(time.time_since_epoch().count());
}

class EchoCall;

// What all calls share. In an open loop calls that are over wait in `idle`.
struct Load {
  bench::Measurement& run;
  const io::Core& core;
  const Bytes body;
  const bool profile = run.options().body == bench::Body::kProfile;
  const bool open = run.options().rate > 0;
  std::deque<EchoCall*> idle{};
};

// One call after the other. In a closed loop times are those of the loop's turns: a call begins in
// the turn that sends it and ends in the turn that reads its reply.
class EchoCall final : public rpc::PendingCall {
 public:
  EchoCall(Load& load, rpc::Session& session) : load_(load), session_(session) {}

  void start(std::uint64_t began_ns) {
    if (!load_.run.may_start()) return;
    began_ns_ = began_ns;
    const bench::Options& options = load_.run.options();
    const rpc::CallHead head{.method = options.method,
                             .body_codec = static_cast<std::uint8_t>(options.codec)};
    if (!load_.profile) return session_.start_call(*this, head, {}, {}, load_.body);
    session_.start_call(*this, head, {}, {},
                        [this](Buffer& out) { return codec::encode(codec(), kProfile, out); });
  }

 private:
  void on_done(Status status, const wire::MessageView& reply, const Bytes& input) override {
    if (status.code() == Code::kConnectionClosed) bench::give_up(status.to_string());
    if (status.ok()) status = check(reply, input);
    if (!status.ok()) {
      load_.run.failed(status.to_string());
    } else {
      load_.run.completed(began_ns_, load_.open ? bench::now_ns() : ns_of(load_.core.now()));
    }
    if (load_.open) {
      load_.idle.push_back(this);
    } else {
      start(ns_of(load_.core.now()));
    }
  }

  Status check(const wire::MessageView& reply, const Bytes& input) const {
    if (reply.body_codec != static_cast<std::uint8_t>(codec())) return differs();
    if (!load_.profile) return reply.body.size() == load_.body.size() ? Status() : differs();
    FL_TRY_ASSIGN(const auto profile,
                  codec::decode<echo_service::Profile>(codec(), Bytes(input.chunk(), reply.body)));
    return profile.mail == kProfile.mail && profile.visits == kProfile.visits ? Status()
                                                                              : differs();
  }
  static Status differs() {
    return {Code::kDecodeReplyFailed, "bench.reply", "the reply's body is not the request's"};
  }

  codec::CodecId codec() const { return static_cast<codec::CodecId>(load_.run.options().codec); }

  Load& load_;
  rpc::Session& session_;
  std::uint64_t began_ns_ = 0;
};

// Starts the calls of the schedule, once in each turn, and keeps the loop turning: it never sleeps,
// but leaves the CPU to a server that shares it.
class OpenLoop {
 public:
  OpenLoop(Load& load, io::Core& core)
      : load_(load),
        core_(core),
        schedule_(load.run.options().rate, load.run.options().seed, bench::now_ns()) {}

  void turn() {
    const std::uint64_t now = bench::now_ns();
    if (!schedule_.due(now)) sched_yield();
    while (schedule_.due(now) && !load_.idle.empty()) {
      EchoCall* const call = load_.idle.front();
      load_.idle.pop_front();
      call->start(schedule_.take());
    }
    core_.post([this] { turn(); });
  }

 private:
  Load& load_;
  io::Core& core_;
  bench::Schedule schedule_;
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

// Depth first over the sessions, so that in an open loop neighbours in time use different ones.
std::vector<std::unique_ptr<EchoCall>> make_calls(Load& load,
                                                  const std::vector<rpc::Session*>& sessions) {
  std::vector<std::unique_ptr<EchoCall>> calls;
  const int depth = load.run.options().idle ? 1 : load.run.options().depth;
  for (int i = 0; i < depth; ++i) {
    for (rpc::Session* session : sessions) {
      calls.push_back(std::make_unique<EchoCall>(load, *session));
    }
  }
  return calls;
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
  observe::Registry registry;
  FL_TRY_ASSIGN(const rpc::Metrics metrics, rpc::Metrics::make(registry));
  const rpc::Router router;
  rpc::Peer peer(*core, router, peer_options, metrics);
  std::vector<rpc::Session*> sessions;
  const Status connected = core->run(connect(peer, address, options.sessions, sessions));
  if (!connected.ok()) bench::give_up(connected.to_string());

  Load load{.run = run, .core = *core, .body = Bytes(bench::make_body(options))};
  const std::vector<std::unique_ptr<EchoCall>> calls = make_calls(load, sessions);
  run.begin();
  if (load.open) {
    for (const auto& call : calls) load.idle.push_back(call.get());
    OpenLoop loop(load, *core);
    core->post([&loop] { loop.turn(); });
    core->run();
  }
  for (const auto& call : calls) call->start(ns_of(core->now()));
  while (options.spin) core->turn(Deadline(core->now()));
  core->run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Options options =
      bench::parse_options(argc, argv, {.open_loop = true, .profiles = true, .unix_sockets = true});
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
