#include "load.h"

#include <utility>

#include "fairlead/async/event.h"

namespace fairlead::soak {
namespace {

using namespace std::chrono_literals;

constexpr int kUsers = 4;         // sessions of a core at a time
constexpr int kLanes = 8;         // calls of a session at a time
constexpr int kActions = 20'000;  // of a session's life
constexpr std::size_t kBodyBytesMax = 200 * 1024;

Status echo(rpc::Context& context) {
  if (Buffer* out = context.begin_reply('s')) out->append(context.body());
  return {};
}

Task<Status> echo_slowly(rpc::Context& context) {
  Status slept =
      co_await Sleep(context.core().timers(), context.core().deadline_after(5ms), context.cancel());
  if (!slept.ok()) co_return slept;
  co_return echo(context);
}

Task<void> close_session(rpc::Session& session, Deadline deadline) {
  Status closed = co_await session.close(deadline);
  (void)closed;
}

Status leave(rpc::Context& context) {
  io::Core& core = context.core();
  core.spawn(close_session(context.session(), core.deadline_after(100ms)));
  return {};
}

std::string make_pattern() {
  std::string pattern(2 * kBodyBytesMax, ' ');
  Random random(1);
  for (char& byte : pattern) byte = static_cast<char>(random.below(256));
  return pattern;
}

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

void add_routes(rpc::Router& router) {
  const auto add = [&router](wire::Kind kind, const char* method, auto function) {
    FL_CHECK(router.add(kind, method, rpc::make_handler(function)).ok());
  };
  add(wire::Kind::kCall, "/echo", echo);
  add(wire::Kind::kCall, "/slow", echo_slowly);
  add(wire::Kind::kPush, "/note", [](rpc::Context&) { return Status(); });
  add(wire::Kind::kPush, "/leave", leave);
}

struct Load::Visit {
  rpc::Session* session = nullptr;
  int actions_left = kActions;
  bool closed = false;
};

Load::Load(io::Core& core, const rpc::Router& router, Counts& counts, std::uint64_t seed)
    : core_(core),
      server_(core, router, {.hello = true}),
      client_(core, router, {.hello = true}),
      counts_(counts),
      random_(seed),
      pattern_(make_pattern()) {}

Status Load::serve(const io::Address& address) {
  const auto accept = [this](io::Core&, std::unique_ptr<io::Stream> stream) {
    server_.accept(std::move(stream));
  };
  FL_TRY_ASSIGN(listener_, core_.listen(address, {}, accept));
  return {};
}

void Load::start(io::Address server) {
  for (int i = 0; i < kUsers; ++i) users_.spawn(be_user(server));
}

Task<void> Load::close() {
  Status ended = co_await users_.close(core_.timers(), Deadline());
  listener_.reset();
  for (rpc::Peer* peer : {&client_, &server_}) {
    ended = co_await peer->close(core_.deadline_after(2s));
  }
}

// ---- users

Task<void> Load::be_user(io::Address server) {
  while (!stopping()) {
    Result<rpc::Session*> dialled = co_await client_.dial(server, core_.deadline_after(5s));
    if (!dialled.ok()) {
      count(counts_.wrong);
      co_return;
    }
    count(counts_.dials);
    Visit visit{.session = *dialled};
    visit.session->on_closed([&visit](rpc::Session&, const Status&) { visit.closed = true; });
    Scope lanes;
    for (int i = 0; i < kLanes; ++i) lanes.spawn(be_lane(visit));
    Status ended = co_await lanes.close(core_.timers(), Deadline());
    if (visit.closed) continue;
    visit.session->on_closed(nullptr);  // `visit` ends before the session does
    ended = co_await visit.session->close(core_.deadline_after(1s));
  }
}

Task<void> Load::be_lane(Visit& visit) {
  while (!stopping() && !visit.closed && visit.session->open() && --visit.actions_left >= 0) {
    const std::uint64_t choice = random_.below(1000);
    if (choice < 100) {
      push(visit, "/note");
      continue;
    }
    if (choice == 100 && random_.below(20) == 0) {
      push(visit, "/leave");
      continue;
    }
    const char* method = choice < 200 ? "/slow" : "/echo";
    const bool too_late = choice > 100 && choice < 130;
    const Deadline deadline = core_.deadline_after(too_late ? Duration(2ms) : Duration(10s));
    CancelToken cancel;
    if (choice >= 130 && choice < 160) {
      auto source = std::make_shared<CancelSource>();
      cancel = source->token();
      users_.spawn(cancel_soon(std::move(source)));
    }
    auto calling = call(visit, method, deadline, std::move(cancel));
    co_await calling;
  }
}

Task<void> Load::cancel_soon(std::shared_ptr<CancelSource> source) {
  Status slept = co_await Sleep(core_.timers(), core_.deadline_after(2ms));
  if (slept.ok()) source->cancel();
}

// Mostly small; a few of them larger than a read and than a socket takes at once.
std::string_view Load::draw_body() {
  const std::uint64_t choice = random_.below(100);
  const std::uint64_t large_from = settled_.load(std::memory_order_relaxed) ? 99 : 90;
  std::size_t most = 300;
  if (choice < 2) most = 1;
  if (choice >= 70) most = 10'000;
  if (choice >= large_from - 4) most = 64'000;
  if (choice >= large_from) most = kBodyBytesMax;
  const std::size_t bytes = random_.below(most);
  return std::string_view(pattern_).substr(random_.below(kBodyBytesMax), bytes);
}

Task<void> Load::call(Visit& visit, const char* method, Deadline deadline, CancelToken cancel) {
  const std::string_view body = draw_body();
  auto calling = visit.session->call(method, 's', Bytes(body), "", deadline, std::move(cancel));
  Result<rpc::Reply> reply = co_await calling;
  count(counts_.calls);
  if (reply.ok()) {
    if (reply->body.view() != body) count(counts_.wrong);
    co_return;
  }
  const std::string_view reason = reply.status().reason();
  const bool late = reason == "call.deadline" || reason == "handler.deadline";
  const bool lost = reason == "session.closed" || reason == "session.cut_message" ||
                    reason == "session.going_away";
  count(late                         ? counts_.late
        : reason == "call.cancelled" ? counts_.cancelled
        : lost                       ? counts_.cut
                                     : counts_.wrong);
}

void Load::push(Visit& visit, const char* method) {
  const std::string_view body = draw_body().substr(0, 300);
  const Status pushed =
      visit.session->push({.method = method, .body_codec = 's'}, [body](Buffer& out) {
        out.append(body);
        return Status();
      });
  if (pushed.ok()) count(counts_.pushes);
  if (!pushed.ok() && pushed.reason() != "session.closed") count(counts_.wrong);
}

}  // namespace fairlead::soak
