#include "scenario.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/async/scope.h"
#include "fairlead/base/text.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::simulation {
namespace {

using namespace std::chrono_literals;

constexpr int kSessionsPerClient = 3;
constexpr int kActionsPerSession = 25;

io::NetworkOptions draw_network(Random& random) {
  io::NetworkOptions options;
  options.delay_max = std::chrono::microseconds(100 + random.below(5000));
  options.segment_bytes_max = 1 + random.below(random.below(2) == 0 ? 40 : 3000);
  options.window_bytes = 1000 + random.below(100'000);
  if (random.below(2) == 0) options.reset_chance = 0.002 * random.unit();
  if (random.below(3) == 0) options.half_open_chance = 0.001 * random.unit();
  if (random.below(2) == 0) options.stall_chance = 0.02 * random.unit();
  if (random.below(3) == 0) options.refuse_chance = 0.2 * random.unit();
  return options;
}

// Counts one down when it goes.
class Leaving {
 public:
  explicit Leaving(int& left) : left_(left) {}
  ~Leaving() { --left_; }
  Leaving(const Leaving&) = delete;
  Leaving& operator=(const Leaving&) = delete;

 private:
  int& left_;
};

class Scenario {
 public:
  Scenario(std::uint64_t seed, std::function<void(std::string_view)> trace)
      : choices_(seed * 2 + 1), simulation_(seed, draw_network(choices_)) {
    simulation_.trace(std::move(trace));
  }

  Outcome run();

 private:
  struct Client {
    io::Core* core;
    std::unique_ptr<rpc::Peer> peer;
  };

  void add_routes();
  Status note_push(rpc::Context& context);
  Task<Status> serve_slowly(rpc::Context& context);
  Task<Status> serve_by_asking_back(rpc::Context& context);
  Task<void> use_session(Client& client, int number);
  Task<void> call_once(rpc::Session& session, io::Core& core, std::string body, Scope& canceller);
  Task<void> cancel_later(io::Core& core, std::shared_ptr<CancelSource> source, Duration after);
  void push_once(rpc::Session& session, const std::string& sender, int number);
  Task<void> wait_for(Scope& scope, io::Core& core);
  Task<void> wait_for_sessions(io::Core& core);
  void fail(std::string what) { outcome_.violations.push_back(std::move(what)); }
  Random& random() { return simulation_.random(); }

  Random choices_;  // before the simulation has a generator of its own
  io::Simulation simulation_;
  rpc::Router server_router_;
  rpc::Router client_router_;
  std::optional<rpc::Peer> server_;
  std::unique_ptr<io::Listener> listener_;
  std::vector<Client> clients_;
  std::map<std::string, int> last_push_;  // by sender
  Scope scope_;
  int sessions_left_ = 0;
  Outcome outcome_;
};

std::string body_of(Random& random, std::uint64_t number) {
  std::string body = "call " + std::to_string(number) + " ";
  body.append(random.below(random.below(4) == 0 ? 60'000 : 300),
              static_cast<char>('a' + number % 26));
  return body;
}

Status echo(rpc::Context& context) {
  if (Buffer* out = context.begin_reply(context.body_codec())) out->append(context.body());
  return {};
}

void Scenario::add_routes() {
  const auto add = [](rpc::Router& router, wire::Kind kind, const char* method, auto function) {
    FL_CHECK(router.add(kind, method, rpc::make_handler(std::move(function))).ok());
  };
  using enum wire::Kind;
  add(server_router_, kCall, "/echo", echo);
  add(server_router_, kCall, "/slow",
      [this](rpc::Context& context) { return serve_slowly(context); });
  add(server_router_, kCall, "/back",
      [this](rpc::Context& context) { return serve_by_asking_back(context); });
  add(server_router_, kPush, "/note", [this](rpc::Context& context) { return note_push(context); });
  add(client_router_, kCall, "/ask", echo);
}

Status Scenario::note_push(rpc::Context& context) {
  const std::vector<std::string_view> parts = split(context.body(), ' ');
  FL_CHECK(parts.size() == 2);
  const int number = static_cast<int>(parse_int64(parts[1]).value_or(-1));
  int& last = last_push_[std::string(parts[0])];
  if (number <= last) {
    fail("PUSH " + std::to_string(number) + " of " + std::string(parts[0]) + " started after " +
         std::to_string(last));
  }
  last = number;
  ++outcome_.pushes;
  return {};
}

Task<Status> Scenario::serve_slowly(rpc::Context& context) {
  const Deadline until =
      context.core().deadline_after(std::chrono::microseconds(random().below(60'000)));
  // Some handlers do not listen and outlive their session.
  CancelToken cancel = random().below(3) == 0 ? CancelToken() : context.cancel();
  Status slept = co_await Sleep(context.core().timers(), until, std::move(cancel));
  if (!slept.ok()) co_return slept;
  co_return echo(context);
}

Task<Status> Scenario::serve_by_asking_back(rpc::Context& context) {
  auto question = context.session().call("/ask", context.body_codec(), context.body_bytes());
  Result<rpc::Reply> answer = co_await question;
  if (!answer.ok()) co_return answer.status();
  if (answer->body.view() != context.body()) fail("the answer to a question back is another's");
  co_return echo(context);
}

Task<void> Scenario::cancel_later(io::Core& core, std::shared_ptr<CancelSource> source,
                                  Duration after) {
  Status slept = co_await Sleep(core.timers(), core.deadline_after(after));
  if (slept.ok()) source->cancel();
}

Task<void> Scenario::call_once(rpc::Session& session, io::Core& core, std::string body,
                               Scope& canceller) {
  constexpr std::string_view kMethods[] = {"/echo", "/slow", "/back", "/nobody"};
  const std::string_view method = kMethods[random().below(random().below(10) == 0 ? 4 : 3)];
  const Duration patience = std::chrono::microseconds(500 + random().below(200'000));
  auto cancel = std::make_shared<CancelSource>();
  if (random().below(8) == 0) {
    const Duration after = std::chrono::microseconds(random().below(50'000));
    canceller.spawn(cancel_later(core, cancel, after));
  }
  ++outcome_.calls;
  const Time sent = core.now();
  auto call = session.call(std::string(method), 's', Bytes(body), "", Deadline(sent + patience),
                           cancel->token());
  Result<rpc::Reply> reply = co_await call;
  if (core.now() - sent > patience + 2ms) {
    fail("a call ended " + to_text(core.now() - sent - patience) + " after its deadline");
  }
  if (!reply.ok()) {
    if (reply.status().reason().empty())
      fail("an error without a reason: " + reply.status().to_string());
    co_return;
  }
  ++outcome_.replies;
  if (reply->body.view() != body) fail("a reply reached the wrong call, or was damaged");
  // Held over a wait: the bytes must not change under who keeps them.
  Status slept = co_await Sleep(
      core.timers(), core.deadline_after(std::chrono::microseconds(random().below(3000))));
  if (slept.ok() && reply->body.view() != body) fail("a reply changed while it was held");
}

void Scenario::push_once(rpc::Session& session, const std::string& sender, int number) {
  const std::string body = sender + " " + std::to_string(number);
  const Status pushed = session.push({.method = "/note", .body_codec = 's'}, [&](Buffer& out) {
    out.append(body);
    return Status();
  });
  if (!pushed.ok() && pushed.outcome() == fairlead::Outcome::kProcessed)
    fail("a push failed: " + pushed.to_string());
}

// One session's life: dial, actions with pauses, perhaps a close in the middle.
Task<void> Scenario::use_session(Client& client, int number) {
  io::Core& core = *client.core;
  const Leaving leaving(sessions_left_);
  const std::string sender = "s" + std::to_string(number);
  Result<rpc::Session*> dialled =
      co_await client.peer->dial(listener_->local(), core.deadline_after(1s));
  if (!dialled.ok()) co_return;
  rpc::Session* session = *dialled;
  bool closed = false;
  session->on_closed([&closed](rpc::Session&, const Status&) { closed = true; });
  Scope calls;
  for (int action = 1; action <= kActionsPerSession && !closed; ++action) {
    const std::uint64_t choice = random().below(20);
    if (choice == 0 && action > kActionsPerSession / 2) {
      Status ended = co_await session->close(core.deadline_after(20ms));
      (void)ended;
    } else if (choice < 6) {
      push_once(*session, sender, action);
    } else {
      const std::uint64_t unique =
          static_cast<std::uint64_t>(number) * 1000 + static_cast<std::uint64_t>(action);
      calls.spawn(call_once(*session, core, body_of(random(), unique), calls));
    }
    if (random().below(2) == 0) {
      Status slept = co_await Sleep(
          core.timers(), core.deadline_after(std::chrono::microseconds(random().below(5000))));
      if (!slept.ok()) break;
    }
  }
  co_await wait_for(calls, core);
  if (!closed) session->on_closed(nullptr);
}

// Every task ends: longer than every deadline and pause together nothing may take.
Task<void> Scenario::wait_for(Scope& scope, io::Core& core) {
  const Deadline limit = core.deadline_after(10s);
  while (scope.running() > 0 && !limit.passed(core.now())) {
    Status slept = co_await Sleep(core.timers(), core.deadline_after(1ms));
    if (!slept.ok()) break;
  }
  if (scope.running() > 0) {
    fail(std::to_string(scope.running()) + " calls never ended");
    FL_CHECK(scope.running() == 0);  // their frames point into this one
  }
}

Task<void> Scenario::wait_for_sessions(io::Core& core) {
  const Deadline limit = core.deadline_after(60s);
  while (sessions_left_ > 0 && !limit.passed(core.now())) {
    Status slept = co_await Sleep(core.timers(), core.deadline_after(1ms));
    if (!slept.ok()) break;
  }
  FL_CHECK(sessions_left_ == 0);  // the scenario itself never ends
}

Outcome Scenario::run() {
  add_routes();
  io::Core& server_core = simulation_.add_core("server");
  server_.emplace(server_core, server_router_, rpc::PeerOptions());
  const auto accept = [this](io::Core&, std::unique_ptr<io::Stream> stream) {
    server_->accept(std::move(stream));
  };
  listener_ = server_core.listen(io::Address::loopback(0), {}, accept).value();
  for (const char* name : {"client a", "client b"}) {
    io::Core& core = simulation_.add_core(name);
    clients_.push_back(
        {&core, std::make_unique<rpc::Peer>(core, client_router_, rpc::PeerOptions())});
  }
  int number = 0;
  for (Client& client : clients_) {
    for (int i = 0; i < kSessionsPerClient; ++i) {
      const int own = ++number;
      ++sessions_left_;
      client.core->post([this, &client, own] { scope_.spawn(use_session(client, own)); });
    }
  }
  // The server's core waits for the scenario's end; the others run meanwhile.
  server_core.run(wait_for_sessions(server_core));

  for (Client& client : clients_) {
    (void)client.core->run(client.peer->close(client.core->deadline_after(1s)));
    if (client.peer->session_count() > 0) fail("a client's session was left");
  }
  (void)server_core.run(server_->close(server_core.deadline_after(1s)));
  if (server_->session_count() > 0) fail("a session of the server was left");
  listener_.reset();
  for (Client& client : clients_) client.core->turn(Deadline(simulation_.now()));
  server_core.turn(Deadline(simulation_.now()));
  if (simulation_.streams() > 0) fail(std::to_string(simulation_.streams()) + " streams were left");
  outcome_.digest = simulation_.digest();
  return std::move(outcome_);
}

}  // namespace

Outcome run_scenario(std::uint64_t seed, std::function<void(std::string_view)> trace) {
  return Scenario(seed, std::move(trace)).run();
}

}  // namespace fairlead::simulation
