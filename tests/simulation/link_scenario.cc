#include "link_scenario.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/io/simulation.h"
#include "fairlead/upstream/service.h"
#include "plan.h"
#include "watched_run.h"

namespace fairlead::simulation {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLeavingMax = 500ms;  // for callers to leave by themselves
constexpr Duration kDrain = 400ms;       // longer than any handler takes
constexpr Duration kHandlerMax = 60ms;   // of what the handler waits
constexpr Duration kTroubleMax = 4s;     // servers come and go for so long
constexpr Duration kRecoveryMax = 120s;  // calls must end well again after it
constexpr std::size_t kBodyBytesMax = 2000;

struct LinkPlan {
  io::NetworkOptions network;
  rpc::PeerOptions limits;
  bool servers_die = false;  // else they drain
  int callers = 0;           // at each client
};

bool loses_nothing(const io::NetworkOptions& network) {
  return network.reset_chance == 0 && network.lost_chance == 0 && network.half_open_chance == 0 &&
         network.stall_chance == 0 && network.refuse_chance == 0 &&
         network.unanswered_chance == 0 && network.bytes_per_second == 0;
}

// Nothing gets lost, and servers end in order: by choice, or since no fault was drawn.
bool is_quiet(const LinkPlan& plan) { return loses_nothing(plan.network) && !plan.servers_die; }

LinkPlan draw_link_plan(Random& random) {
  Plan plan = draw_plan(random);
  LinkPlan out;
  out.network = plan.network;
  out.limits = plan.limits;
  out.limits.hello = random.below(8) != 0;
  out.limits.session_age = Duration::zero();
  out.servers_die = random.below(3) != 0;
  out.callers = 1 + static_cast<int>(random.below(6));
  if (random.below(3) == 0) {  // nothing gets lost, and servers end in order
    out.network = {.delay_max = plan.network.delay_max,
                   .segment_bytes_max = plan.network.segment_bytes_max};
    out.servers_die = false;
  }
  if (is_quiet(out)) {  // a heartbeat that is answered late is not a server that ended
    rpc::HeartbeatOptions& heartbeat = out.limits.heartbeat;
    heartbeat.timeout = std::max<Duration>(heartbeat.timeout, 200ms);
    if (heartbeat.mode == rpc::HeartbeatMode::kPingPing)
      heartbeat.mode = rpc::HeartbeatMode::kPingPong;
  }
  // A stuck reader is for ever, and 127 s of an unanswered dial are longer than a run.
  out.network.stuck_chance = 0;
  out.network.segment_bytes_max = std::max<std::size_t>(out.network.segment_bytes_max, 50);
  return out;
}

class LinkScenario {
 public:
  LinkScenario(std::uint64_t seed, Random choices, Trace trace)
      : plan_(draw_link_plan(choices)), network_(seed, plan_.network) {
    network_.trace(std::move(trace));
  }

  LinkOutcome run();

 private:
  // A copy of the service, in all its lives.
  struct Copy {
    io::Core* core;
    std::unique_ptr<rpc::Peer> peer{};
    std::unique_ptr<io::Listener> listener{};
    io::Address address = io::Address::loopback(0);
  };
  struct Client {
    io::Core* core;
    std::unique_ptr<rpc::Peer> peer;
    std::unique_ptr<upstream::Service> service;
  };

  Random& random() { return network_.random(); }
  Duration up_to(Duration most) {
    return Duration(
        static_cast<Duration::rep>(random().below(static_cast<std::uint64_t>(most.count()))));
  }
  void fail(std::string what) { outcome_.violations.push_back(std::move(what)); }
  bool quiet() const { return is_quiet(plan_); }

  Task<Status> serve(rpc::Context& context);
  void begin_life(Copy& copy);
  Task<void> end_life(Copy& copy);
  Task<void> live(Copy& copy);
  void start_clients();
  Task<void> call_on(Client& client);
  Task<Result<rpc::Reply>> call_once(Client& client);
  void check(std::uint64_t number, const Result<rpc::Reply>& reply);
  void judge();
  Task<void> recover(Client& client);
  Task<void> wait_for_all(io::Core& core);
  void close_all();
  void check_that_nothing_is_left();

  const LinkPlan plan_;
  io::Simulation network_;
  LinkOutcome outcome_;
  rpc::Router router_;
  rpc::Router no_routes_;
  std::vector<Copy> copies_;
  std::vector<Client> clients_;
  std::map<std::uint64_t, int> ran_;  // by call
  // What was told of each call, and how often it may have run at least and at most.
  struct Verdict {
    std::uint64_t call;
    int least;
    int most;
    std::string told;
  };
  std::vector<Verdict> verdicts_;
  std::uint64_t last_call_ = 0;
  bool trouble_ = true;
  Scope scope_;
};

// ---- the copies

// "<number> <milliseconds> <anything>", which is answered.
Task<Status> LinkScenario::serve(rpc::Context& context) {
  const std::vector<std::string_view> words = split(context.body(), ' ');
  ++ran_[parse_uint64(words[0]).value_or(0)];
  const auto pause = std::chrono::milliseconds(parse_uint64(words[1]).value_or(0));
  if (pause > 0ms) {
    Status slept = co_await Sleep(context.core().timers(), context.core().deadline_after(pause),
                                  context.cancel());
    if (!slept.ok()) co_return slept;
  }
  if (Buffer* out = context.begin_reply(context.body_codec())) out->append(context.body());
  co_return Status();
}

void LinkScenario::begin_life(Copy& copy) {
  copy.peer = std::make_unique<rpc::Peer>(*copy.core, router_, plan_.limits);
  const auto accept = [peer = copy.peer.get()](io::Core&, std::unique_ptr<io::Stream> stream) {
    peer->accept(std::move(stream));
  };
  copy.listener = copy.core->listen(copy.address, {}, accept).value();
  copy.address = copy.listener->local();
  ++outcome_.lives;
}

// As Process::stop() does it; or all at once.
Task<void> LinkScenario::end_life(Copy& copy) {
  io::Core& core = *copy.core;
  const bool dies = plan_.servers_die && random().below(3) != 0;
  network_.note(core, "server", copy.address.port(), dies ? "dies" : "drains");
  copy.listener.reset();
  if (!dies) {
    Status told = co_await copy.peer->announce_going("closing", 1ms, up_to(20ms));
    if (!told.ok()) fail("a word to callers: " + told.to_string());
    const Deadline patience = core.deadline_after(up_to(kLeavingMax));
    while (copy.peer->somebody_may_leave() && !patience.passed(core.now())) {
      Status slept = co_await Sleep(core.timers(), core.deadline_after(10ms));
      if (!slept.ok()) co_return;
    }
  }
  const Deadline bound = dies ? Deadline(core.now()) : core.deadline_after(kDrain);
  Status closed = co_await copy.peer->close(bound);
  if (quiet() && !closed.ok()) fail("a drain cut something: " + closed.to_string());
  copy.peer.reset();
  network_.note(core, "server", copy.address.port(), "has ended");
}

Task<void> LinkScenario::live(Copy& copy) {
  io::Core& core = *copy.core;
  const Deadline peace = core.deadline_after(up_to(kTroubleMax));
  while (!peace.passed(core.now())) {
    Status lived = co_await Sleep(core.timers(), core.deadline_after(up_to(800ms)));
    if (!lived.ok()) co_return;
    co_await end_life(copy);
    Status gone = co_await Sleep(core.timers(), core.deadline_after(up_to(500ms)));
    if (!gone.ok()) co_return;
    begin_life(copy);
  }
}

// ---- the callers

void LinkScenario::start_clients() {
  upstream::EndpointSet set;
  for (const Copy& copy : copies_) {
    set.push_back({.id = copy.address.to_text(), .address = copy.address});
  }
  const auto snapshot = std::make_shared<const upstream::EndpointSet>(std::move(set));
  for (const char* name : {"client a", "client b"}) {
    io::Core& core = network_.add_core(name);
    auto peer = std::make_unique<rpc::Peer>(core, no_routes_, plan_.limits);
    upstream::ServiceOptions options{.seed = random().next()};
    upstream::RedialOptions& redial = options.dial.redial;  // as short as the lives of the copies
    redial.first_wait_min = 10ms;
    redial.first_wait_max = 100ms;
    redial.backoff_max = 300ms;
    redial.stable = 200ms;
    auto service = std::make_unique<upstream::Service>(*peer, "ledger", std::move(options));
    service->update(snapshot);
    clients_.push_back({&core, std::move(peer), std::move(service)});
  }
}

Task<Result<rpc::Reply>> LinkScenario::call_once(Client& client) {
  const std::uint64_t number = ++last_call_;
  const auto pause = static_cast<std::uint64_t>(up_to(kHandlerMax) / 1ms);
  const std::string body = std::to_string(number) + " " + std::to_string(pause) + " " +
                           std::string(random().below(kBodyBytesMax), 'x');
  upstream::RawRequest request{.method = "/run", .body_codec = 's', .body = Bytes(body)};
  // Some calls have less time than their handlers take.
  const Time until = client.core->now() + 2ms + up_to(600ms);
  ++outcome_.calls;
  network_.note(*client.core, "call", number, "begins, bytes", body.size());
  auto calling = client.service->call(std::move(request), Deadline(until));
  Result<rpc::Reply> reply = co_await calling;
  network_.note(*client.core, "call", number, reply.ok() ? "replied" : reply.status().reason());
  if (client.core->now() > until + 2ms) {
    fail("call " + std::to_string(number) + " ended " + to_text(client.core->now() - until) +
         " after its deadline: " + reply.status().to_string());
  }
  if (reply.ok() && reply->body.view() != body) fail("a reply reached the wrong call");
  check(number, reply);
  co_return reply;
}

void LinkScenario::check(std::uint64_t number, const Result<rpc::Reply>& reply) {
  if (reply.ok()) {
    ++outcome_.replies;
    verdicts_.push_back({number, 1, 1, "OK"});
    return;
  }
  const int ran = ran_.contains(number) ? ran_.at(number) : 0;
  const std::string words = "call " + std::to_string(number) + " ran and was told ";
  const Status& status = reply.status();
  if (status.reason().empty()) fail(words + "an error without a reason: " + status.to_string());
  const bool never = status.outcome() == Outcome::kNotSent ||
                     status.outcome() == Outcome::kNotProcessed ||
                     status.code() == Code::kWriteFailed;
  verdicts_.push_back({number, 0, never ? 0 : 1, status.to_string()});
  // One that crossed the end of its connection never ran.
  if (quiet() && ran > 0 && status.code() == Code::kConnectionClosed &&
      status.outcome() == Outcome::kUnknown && plan_.limits.hello) {
    fail(words + status.to_string() + ", though its server ended in order");
  }
}

// In the end: a call may run after its caller was told.
void LinkScenario::judge() {
  for (const Verdict& one : verdicts_) {
    const int ran = ran_.contains(one.call) ? ran_.at(one.call) : 0;
    if (ran >= one.least && ran <= one.most) continue;
    fail("call " + std::to_string(one.call) + " ran " + std::to_string(ran) +
         " times and was told " + one.told);
  }
}

Task<void> LinkScenario::call_on(Client& client) {
  while (trouble_) {
    auto calling = call_once(client);
    const Result<rpc::Reply> reply = co_await calling;
    const Duration pause = reply.ok() ? up_to(20ms) : 1ms + up_to(50ms);
    Status slept = co_await Sleep(client.core->timers(), client.core->deadline_after(pause));
    if (!slept.ok()) co_return;
  }
}

// All copies live and stay: sooner or later each client is answered again.
Task<void> LinkScenario::recover(Client& client) {
  Status turned = co_await Sleep(client.core->timers(), client.core->deadline_after(1ms));
  if (!turned.ok()) co_return;
  const Deadline patience = client.core->deadline_after(kRecoveryMax);
  for (int well = 0; well < 5;) {
    auto calling = call_once(client);
    const Result<rpc::Reply> reply = co_await calling;
    well += reply.ok() ? 1 : 0;
    if (patience.passed(client.core->now())) {
      fail("calls did not end well again: " + reply.status().to_string());
      co_return;
    }
    Status slept = co_await Sleep(client.core->timers(), client.core->deadline_after(20ms));
    if (!slept.ok()) co_return;
  }
}

// ---- one run

Task<void> LinkScenario::wait_for_all(io::Core& core) {
  const Deadline limit = core.deadline_after(300s);
  while (scope_.running() > 0 && !limit.passed(core.now())) {
    Status slept = co_await Sleep(core.timers(), core.deadline_after(1ms));
    if (!slept.ok()) break;
  }
  FL_CHECK(scope_.running() == 0);  // somebody waits for ever
}

void LinkScenario::close_all() {
  for (Client& client : clients_) {
    const Deadline deadline = client.core->deadline_after(1s);
    (void)client.core->run(client.service->close(deadline));
    (void)client.core->run(client.peer->close(deadline));
    // What could not end within its time has ended with the peer.
    (void)client.core->run(client.service->close(client.core->deadline_after(1s)));
    if (client.peer->session_count() > 0) fail("a client's session was left");
  }
  for (Copy& copy : copies_) {
    copy.listener.reset();  // else who dialled a moment ago comes in behind the end
    (void)copy.core->run(copy.peer->close(copy.core->deadline_after(1s)));
    if (copy.peer->session_count() > 0) fail("a session of a server was left");
  }
  for (Client& client : clients_) client.core->turn(Deadline(network_.now()));
  for (Copy& copy : copies_) copy.core->turn(Deadline(network_.now()));
}

void LinkScenario::check_that_nothing_is_left() {
  if (network_.streams() > 0) fail(std::to_string(network_.streams()) + " streams were left");
  std::size_t timers = 0;
  for (const Client& client : clients_) timers += client.core->timers().size();
  for (const Copy& copy : copies_) timers += copy.core->timers().size();
  if (timers > 0) fail(std::to_string(timers) + " timers were left armed");
  const std::size_t most = plan_.limits.write_queue_bytes_max + plan_.limits.limits.frame_bytes_max;
  if (network_.unsent_bytes_peak() > most) {
    fail(std::to_string(network_.unsent_bytes_peak()) +
         " bytes waited for a peer that does not read, at most " + std::to_string(most) + " may");
  }
}

LinkOutcome LinkScenario::run() {
  FL_CHECK(router_
               .add(wire::Kind::kCall, "/run",
                    rpc::make_handler([this](rpc::Context& context) { return serve(context); }))
               .ok());
  for (const char* name : {"server a", "server b"}) {
    copies_.push_back({.core = &network_.add_core(name)});
    begin_life(copies_.back());
  }
  start_clients();
  Scope lives;
  for (Copy& copy : copies_) lives.spawn(live(copy));
  for (Client& client : clients_) {
    for (int i = 0; i < plan_.callers; ++i) scope_.spawn(call_on(client));
  }
  io::Core& core = *copies_.front().core;
  const auto wait_for_lives = [](io::Core* on, Scope* of) -> Task<void> {
    while (of->running() > 0) {
      Status slept = co_await Sleep(on->timers(), on->deadline_after(1ms));
      if (!slept.ok()) co_return;
    }
  };
  core.run(wait_for_lives(&core, &lives));
  trouble_ = false;
  core.run(wait_for_all(core));
  for (Client& client : clients_) scope_.spawn(recover(client));
  core.run(wait_for_all(core));
  close_all();
  const auto settle = [](io::Core* on) -> Task<void> {
    Status slept = co_await Sleep(on->timers(), on->deadline_after(100ms));
    FL_CHECK(slept.ok());
  };
  core.run(settle(&core));
  check_that_nothing_is_left();
  judge();
  outcome_.digest = network_.digest();
  outcome_.quiet = quiet();
  return std::move(outcome_);
}

LinkOutcome run_once(std::uint64_t seed, const Trace& trace) {
  return run_watched<LinkOutcome>(
      [seed](Trace sink) {
        return LinkScenario(seed, Random(seed * 2 + 1), std::move(sink)).run();
      },
      trace);
}

}  // namespace

LinkOutcome run_link_scenario(std::uint64_t seed, std::function<void(std::string_view)> trace) {
  // What is made at its first use and kept for the program's life is not of the run.
  static const LinkOutcome first = run_once(seed, {});
  return run_once(seed, trace);
}

}  // namespace fairlead::simulation
