#include "scenario.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "caller.h"
#include "fairlead/async/event.h"
#include "fairlead/base/text.h"
#include "stranger.h"
#include "watched_run.h"

namespace fairlead::simulation {
namespace {

using namespace std::chrono_literals;

class Scenario {
 public:
  Scenario(std::uint64_t seed, std::function<void(std::string_view)> trace)
      : run_(seed, Random(seed * 2 + 1)) {
    run_.network.trace(std::move(trace));
  }

  Outcome run();

 private:
  struct Client {
    io::Core* core;
    std::unique_ptr<rpc::Peer> peer;
  };

  void add_routes();
  Status note_push(rpc::Context& context);
  Status leave_soon(rpc::Context& context);
  Status ask_client(rpc::Context& context);
  Task<Status> serve_slowly(rpc::Context& context);
  Task<Status> serve_by_asking_back(rpc::Context& context);
  Task<void> leave_later(std::uint64_t session_id, Duration after);
  Task<void> call_client(rpc::Session& session);

  void start_server(io::Core& core);
  void start_clients();
  Task<void> be_stranger(io::Core& core);
  Task<void> wait_for_all(io::Core& core);
  void close_all(io::Core& server_core);
  void check_that_nothing_is_left(io::Core& server_core);

  Run run_;
  rpc::Router server_router_;
  rpc::Router client_router_;
  std::optional<rpc::Peer> server_;
  std::unique_ptr<io::Listener> listener_;
  std::vector<Client> clients_;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::map<std::string, int> last_push_;  // by sender
  Scope scope_;
};

// ---- what the peers serve

Status echo(rpc::Context& context) {
  if (Buffer* out = context.begin_reply(context.body_codec())) out->append(context.body());
  return {};
}

// Answers as many bytes as the second word says, of the letter that ends the first.
Status answer_much(rpc::Context& context) {
  const std::vector<std::string_view> words = split(context.body(), ' ');
  FL_CHECK(words.size() == 3);
  const std::size_t bytes = parse_uint64(words[1]).value_or(0);
  if (Buffer* out = context.begin_reply(context.body_codec())) {
    out->append(std::string(bytes, words[0].back()));
  }
  return {};
}

void Scenario::add_routes() {
  const auto add = [](rpc::Router& router, wire::Kind kind, const char* method, auto function) {
    FL_CHECK(router.add(kind, method, rpc::make_handler(std::move(function))).ok());
  };
  using enum wire::Kind;
  using rpc::Context;
  add(server_router_, kCall, "/echo", echo);
  add(server_router_, kCall, "/large", answer_much);
  add(server_router_, kCall, "/slow", [this](Context& context) { return serve_slowly(context); });
  add(server_router_, kCall, "/back",
      [this](Context& context) { return serve_by_asking_back(context); });
  add(server_router_, kPush, "/note", [this](Context& context) { return note_push(context); });
  add(server_router_, kPush, "/leave", [this](Context& context) { return leave_soon(context); });
  add(server_router_, kPush, "/ask", [this](Context& context) { return ask_client(context); });
  add(client_router_, kCall, "/ask", echo);
}

Status Scenario::note_push(rpc::Context& context) {
  const std::vector<std::string_view> parts = split(context.body(), ' ');
  FL_CHECK(parts.size() == 2);
  const int number = static_cast<int>(parse_int64(parts[1]).value_or(-1));
  run_.network.note(context.core(), "push", context.session().id(), "starts",
                    static_cast<std::uint64_t>(number));
  int& last = last_push_[std::string(parts[0])];
  if (number <= last) {
    run_.fail("PUSH " + std::to_string(number) + " of " + std::string(parts[0]) +
              " started after " + std::to_string(last));
  }
  last = number;
  ++run_.outcome.pushes;
  return {};
}

Task<Status> Scenario::serve_slowly(rpc::Context& context) {
  const Deadline until = context.core().deadline_after(run_.up_to(60ms));
  // Some handlers do not listen and outlive their session.
  CancelToken cancel = run_.one_in(3) ? CancelToken() : context.cancel();
  Status slept = co_await Sleep(context.core().timers(), until, std::move(cancel));
  if (!slept.ok()) co_return slept;
  co_return echo(context);
}

Task<Status> Scenario::serve_by_asking_back(rpc::Context& context) {
  auto question = context.session().call("/ask", context.body_codec(), context.body_bytes());
  Result<rpc::Reply> answer = co_await question;
  if (!answer.ok()) co_return answer.status();
  if (answer->body.view() != context.body())
    run_.fail("the answer to a question back is another's");
  co_return echo(context);
}

// The server's side closes this session in so many milliseconds.
Status Scenario::leave_soon(rpc::Context& context) {
  const std::uint64_t ms = parse_uint64(context.body()).value_or(0);
  scope_.spawn(leave_later(context.session().id(), std::chrono::milliseconds(ms)));
  return {};
}

Task<void> Scenario::leave_later(std::uint64_t session_id, Duration after) {
  io::Core& core = server_->core();
  Status slept = co_await Sleep(core.timers(), core.deadline_after(after));
  rpc::Session* session = nullptr;
  server_->for_each_session([&](rpc::Session& one) {
    if (one.id() == session_id) session = &one;
  });
  if (!slept.ok() || session == nullptr) co_return;
  run_.network.note(core, "session", session_id, "is closed by the server");
  Status closed = co_await session->close(core.deadline_after(10ms));
  (void)closed;
}

// The server calls its client, so many times at once.
Status Scenario::ask_client(rpc::Context& context) {
  const std::uint64_t count = parse_uint64(context.body()).value_or(0);
  for (std::uint64_t i = 0; i < count; ++i) scope_.spawn(call_client(context.session()));
  return {};
}

Task<void> Scenario::call_client(rpc::Session& session) {
  io::Core& core = session.core();
  const std::uint64_t number = ++run_.last_call;
  const std::string body = run_.body(number, run_.plan.body_bytes_max);
  const Deadline deadline = core.deadline_after(run_.up_to(100ms));
  run_.network.note(core, "call", number, "begins at the server, bytes", body.size());
  auto call = session.call("/ask", 's', Bytes(body), "", deadline);
  Result<rpc::Reply> reply = co_await call;
  run_.network.note(core, "call", number, reply.ok() ? "replied" : reply.status().reason());
  if (core.now() > deadline.at() + 2ms) run_.fail("a call of the server ended after its deadline");
  if (reply.ok() && reply->body.view() != body) run_.fail("a reply reached the wrong call");
}

// ---- one run

void Scenario::start_server(io::Core& core) {
  server_.emplace(core, server_router_, run_.plan.limits);
  const auto accept = [this](io::Core&, std::unique_ptr<io::Stream> stream) {
    server_->accept(std::move(stream));
  };
  listener_ = core.listen(run_.plan.listen_at, {}, accept).value();
}

void Scenario::start_clients() {
  int number = 0;
  for (const char* name : {"client a", "client b"}) {
    io::Core& core = run_.network.add_core(name);
    clients_.push_back(
        {&core, std::make_unique<rpc::Peer>(core, client_router_, run_.plan.limits)});
    for (int i = 0; i < run_.plan.sessions_per_client; ++i) {
      callers_.push_back(
          std::make_unique<Caller>(run_, *clients_.back().peer, listener_->local(), ++number));
      scope_.spawn(callers_.back()->live());
    }
    scope_.spawn(be_stranger(core));
  }
}

Task<void> Scenario::be_stranger(io::Core& core) {
  auto connecting = core.connect(listener_->local(), core.deadline_after(100ms), {});
  Result<std::unique_ptr<io::Stream>> stream = co_await connecting;
  if (!stream.ok()) co_return;
  Stranger stranger(run_.network, core, std::move(*stream),
                    [this](std::string what) { run_.fail(std::move(what)); });
  stranger.speak(run_.plan.large_bytes_max);
  const Deadline patience = core.deadline_after(run_.up_to(2s));
  while (!stranger.gone()) {
    if (patience.passed(core.now())) stranger.abort();
    Status slept = co_await Sleep(core.timers(), core.deadline_after(1ms));
    if (!slept.ok()) break;
  }
}

Task<void> Scenario::wait_for_all(io::Core& core) {
  const Deadline limit = core.deadline_after(120s);
  while (scope_.running() > 0 && !limit.passed(core.now())) {
    Status slept = co_await Sleep(core.timers(), core.deadline_after(1ms));
    if (!slept.ok()) break;
  }
  FL_CHECK(scope_.running() == 0);  // somebody waits for ever
}

// What is on the way when all is closed, such as the news of a connection, arrives or is lost.
Task<void> let_the_network_settle(io::Core& core) {
  Status slept = co_await Sleep(core.timers(), core.deadline_after(100ms));
  FL_CHECK(slept.ok());
}

void Scenario::close_all(io::Core& server_core) {
  for (Client& client : clients_) {
    (void)client.core->run(client.peer->close(client.core->deadline_after(1s)));
    if (client.peer->session_count() > 0) run_.fail("a client's session was left");
  }
  (void)server_core.run(server_->close(server_core.deadline_after(1s)));
  if (server_->session_count() > 0) run_.fail("a session of the server was left");
  listener_.reset();
  for (Client& client : clients_) client.core->turn(Deadline(run_.network.now()));
  server_core.turn(Deadline(run_.network.now()));
}

void Scenario::check_that_nothing_is_left(io::Core& server_core) {
  if (run_.network.streams() > 0) {
    run_.fail(std::to_string(run_.network.streams()) + " streams were left");
  }
  std::size_t timers = server_core.timers().size();
  for (Client& client : clients_) timers += client.core->timers().size();
  if (timers > 0) run_.fail(std::to_string(timers) + " timers were left armed");
  const std::size_t most =
      run_.plan.limits.write_queue_bytes_max + run_.plan.limits.limits.frame_bytes_max;
  if (run_.network.unsent_bytes_peak() > most) {
    run_.fail(std::to_string(run_.network.unsent_bytes_peak()) +
              " bytes waited for a peer that does not read, at most " + std::to_string(most) +
              " may");
  }
}

Outcome Scenario::run() {
  add_routes();
  io::Core& server_core = run_.network.add_core("server");
  start_server(server_core);
  start_clients();
  server_core.run(wait_for_all(server_core));  // the other cores run meanwhile
  close_all(server_core);
  server_core.run(wait_for_all(server_core));  // what came late has started more of it
  server_core.run(let_the_network_settle(server_core));
  check_that_nothing_is_left(server_core);
  run_.outcome.digest = run_.network.digest();
  run_.outcome.unsent_bytes_peak = run_.network.unsent_bytes_peak();
  return std::move(run_.outcome);
}

Outcome run_once(std::uint64_t seed, const Trace& trace) {
  return run_watched<Outcome>([seed](Trace sink) { return Scenario(seed, std::move(sink)).run(); },
                              trace);
}

}  // namespace

Outcome run_scenario(std::uint64_t seed, std::function<void(std::string_view)> trace) {
  // What is made at its first use and kept for the program's life is not of the run.
  static const Outcome first = run_once(seed, {});
  return run_once(seed, trace);
}

}  // namespace fairlead::simulation
