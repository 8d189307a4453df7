#include "caller.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "fairlead/async/event.h"
#include "fairlead/base/text.h"

namespace fairlead::simulation {

using namespace std::chrono_literals;

// Body "<number> <bytes>": /large answers that many bytes of a letter.
std::string Run::body(std::uint64_t number, std::size_t bytes_max) {
  std::string made = std::to_string(number) + " " + std::to_string(random().below(bytes_max)) + " ";
  made.append(random().below(bytes_max), static_cast<char>('a' + number % 26));
  return made;
}

// A call that the caller keeps by itself, over many uses: no coroutine waits for it.
class Caller::Question final : public rpc::PendingCall {
 public:
  explicit Question(Caller& caller) : caller_(caller) {}

  void start(rpc::Session& session) {
    Run& run = caller_.run_;
    number_ = ++run.last_call;
    body_ = run.body(number_, run.plan.body_bytes_max);
    until_ = caller_.core().now() + 500us + run.up_to(100ms);
    open_ = true;
    ++run.outcome.calls;
    run.network.note(caller_.core(), "call", number_, "asks /echo, bytes", body_.size());
    session.start_call(*this, {.method = "/echo", .body_codec = 's'}, Deadline(until_), {},
                       [this](Buffer& out) {
                         out.append(body_);
                         return Status();
                       });
  }
  bool open() const { return open_; }

 private:
  void on_done(Status status, const wire::MessageView& reply, const Bytes&) override {
    Run& run = caller_.run_;
    if (!std::exchange(open_, false)) run.fail("a call ended twice");
    if (caller_.core().now() > until_ + 2ms) run.fail("a question ended after its deadline");
    run.network.note(caller_.core(), "call", number_, status.ok() ? "answered" : status.reason(),
                     reply.body.size());
    if (!status.ok()) return;
    ++run.outcome.replies;
    if (reply.body != body_) run.fail("an answer reached the wrong question, or was damaged");
  }

  Caller& caller_;
  std::string body_;
  std::uint64_t number_ = 0;
  Time until_{};
  bool open_ = false;
};

Caller::Caller(Run& run, rpc::Peer& peer, io::Address server, int number)
    : run_(run), peer_(peer), server_(std::move(server)), name_("s" + std::to_string(number)) {}

Caller::~Caller() = default;

// ---- one life after the other

Task<void> Caller::live() {
  for (int life = 1; life <= run_.plan.lives_max; ++life) {
    Result<rpc::Session*> dialled = co_await peer_.dial(server_, core().deadline_after(300ms));
    if (!dialled.ok()) continue;
    auto used = use(*dialled, name_ + "." + std::to_string(life));
    co_await used;
  }
}

// A session from its dial to its end, perhaps with a close in the middle.
Task<void> Caller::use(rpc::Session* session, std::string name) {
  bool closed = false;
  session->on_closed([&closed](rpc::Session&, const Status&) { closed = true; });
  Scope calls;
  for (int action = 1; action <= run_.plan.actions_per_life && !closed; ++action) {
    if (action > run_.plan.actions_per_life / 2 && run_.one_in(20)) {
      Status ended = co_await session->close(core().deadline_after(20ms));
      (void)ended;
    } else {
      act(*session, name, action, calls);
    }
    if (run_.one_in(2)) {
      Status slept = co_await Sleep(core().timers(), core().deadline_after(run_.up_to(5ms)));
      if (!slept.ok()) break;
    }
  }
  co_await wait_for(calls);
  if (!closed) session->on_closed(nullptr);
  if (!closed && run_.one_in(2)) {
    Status ended = co_await session->close(core().deadline_after(50ms));
    (void)ended;
  }
}

void Caller::act(rpc::Session& session, const std::string& name, int action, Scope& calls) {
  const std::uint64_t choice = run_.random().below(24);
  if (choice < 6) return push_once(session, "/note", name + " " + std::to_string(action));
  if (choice == 6) return push_once(session, "/leave", std::to_string(run_.random().below(20)));
  if (choice == 7) return push_once(session, "/ask", std::to_string(run_.random().below(4)));
  if (choice < 13) return ask(session);
  if (choice == 13 && !questions_.empty()) return questions_.pop_back();  // dropped, perhaps open
  calls.spawn(call_once(session, calls));
}

void Caller::push_once(rpc::Session& session, std::string_view method, std::string body) {
  const Status pushed = session.push({.method = method, .body_codec = 's'}, [&body](Buffer& out) {
    out.append(body);
    return Status();
  });
  run_.network.note(core(), "push", session.id(), pushed.ok() ? method : pushed.reason(),
                    body.size());
  if (!pushed.ok() && pushed.outcome() == fairlead::Outcome::kProcessed) {
    run_.fail("a push failed: " + pushed.to_string());
  }
}

// ---- calls

void Caller::ask(rpc::Session& session) {
  constexpr std::size_t kQuestionsMax = 4;
  for (const std::unique_ptr<Question>& question : questions_) {
    if (!question->open()) return question->start(session);
  }
  if (questions_.size() >= kQuestionsMax) return;
  questions_.push_back(std::make_unique<Question>(*this));
  questions_.back()->start(session);
}

std::size_t Caller::questions_open() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      questions_, [](const std::unique_ptr<Question>& question) { return question->open(); }));
}

Task<void> Caller::cancel_later(std::shared_ptr<CancelSource> source, Duration after) {
  Status slept = co_await Sleep(core().timers(), core().deadline_after(after));
  if (slept.ok()) source->cancel();
}

Task<void> Caller::call_once(rpc::Session& session, Scope& calls) {
  constexpr std::string_view kMethods[] = {"/echo", "/slow", "/back", "/large", "/nobody"};
  const std::string_view method = kMethods[run_.random().below(run_.one_in(10) ? 5 : 4)];
  const std::uint64_t number = ++run_.last_call;
  const std::size_t bytes_max =
      run_.one_in(12) ? run_.plan.large_bytes_max : run_.plan.body_bytes_max;
  const std::string body = run_.body(number, bytes_max);
  const Duration patience = 500us + run_.up_to(200ms);
  auto cancel = std::make_shared<CancelSource>();
  if (run_.one_in(8)) calls.spawn(cancel_later(cancel, run_.up_to(50ms)));
  ++run_.outcome.calls;
  run_.network.note(core(), "call", number, "begins, bytes", body.size());
  run_.network.note(core(), "call", number, method);
  const Time sent = core().now();
  auto call = session.call(std::string(method), 's', Bytes(body), "", Deadline(sent + patience),
                           cancel->token());
  Result<rpc::Reply> reply = co_await call;
  run_.network.note(core(), "call", number, reply.ok() ? "replied" : reply.status().reason());
  if (core().now() - sent > patience + 2ms) {
    run_.fail("a call ended " + to_text(core().now() - sent - patience) + " after its deadline");
  }
  if (!reply.ok()) {
    if (reply.status().reason().empty()) {
      run_.fail("an error without a reason: " + reply.status().to_string());
    }
    co_return;
  }
  ++run_.outcome.replies;
  check(*reply, method, body);
  // Held over a wait: the bytes must not change under who keeps them.
  Status slept = co_await Sleep(core().timers(), core().deadline_after(run_.up_to(3ms)));
  if (slept.ok()) check(*reply, method, body);
}

void Caller::check(const rpc::Reply& reply, std::string_view method, std::string_view body) {
  if (method != "/large") {
    if (reply.body.view() != body) run_.fail("a reply reached the wrong call, or was damaged");
    return;
  }
  const std::vector<std::string_view> words = split(body, ' ');
  const std::string_view got = reply.body.view();
  const bool right_size = got.size() == parse_uint64(words[1]).value_or(0);
  if (!right_size || got.find_first_not_of(words[0].back()) != std::string_view::npos) {
    run_.fail("a large reply reached the wrong call, or was damaged");
  }
}

// Every call ends: longer than every deadline and pause together nothing may take.
Task<void> Caller::wait_for(Scope& calls) {
  const Deadline limit = core().deadline_after(10s);
  while (calls.running() + questions_open() > 0 && !limit.passed(core().now())) {
    Status slept = co_await Sleep(core().timers(), core().deadline_after(1ms));
    if (!slept.ok()) break;
  }
  if (calls.running() + questions_open() > 0) {
    run_.fail(std::to_string(calls.running() + questions_open()) + " calls never ended");
    FL_CHECK(calls.running() == 0);  // their frames point into this one
  }
}

}  // namespace fairlead::simulation
