// What must hold of messages that outlive their connections, whatever the network and a server that
// restarts do to them. Each seed is a run of its own, on virtual time.
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/text.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/resend_line.h"

namespace fairlead::simulation {
namespace {

using namespace std::chrono_literals;
using rpc::DeliveryMode;

constexpr std::uint64_t kSeeds = 200;
constexpr int kMessages = 60;
constexpr std::size_t kFewIdsBytes =
    64 * rpc::DuplicateWindow::kIdBytes;  // as many as any may have

// Breaks links at any byte; sometimes one side is not told.
io::NetworkOptions bad_network(std::uint64_t seed) {
  Random random(seed);
  io::NetworkOptions network;
  network.delay_max = std::chrono::microseconds(100 + random.below(20'000));
  network.segment_bytes_max = 1 + random.below(400);
  network.window_bytes = 500 + random.below(20'000);
  network.reset_chance = 0.05 * random.unit();
  network.lost_chance = 0.01 * random.unit();
  network.stall_chance = 0.02 * random.unit();
  return network;
}

// Bounds of both ends: far away, or so near that they are reached.
struct Rules {
  rpc::ResendOptions line;
  std::size_t line_process_bytes = 64 * 1024 * 1024;
  rpc::DuplicateOptions window{.reply_bytes_max = 50'000, .process_bytes_max = 300'000};
};

Rules draw_rules(std::uint64_t seed) {
  Random random(seed * 5 + 2);
  Rules rules;
  rules.line.messages_max = 40;
  if (random.below(2) == 0) rules.line.overflow = rpc::ResendOverflow::kDropOldest;
  // Some messages have more time than this.
  rules.line.ttl = 2s + std::chrono::milliseconds(random.below(18'000));
  if (random.below(3) == 0) {
    rules.line.messages_max = 8;
    rules.line.bytes_max = 6000;
    rules.line_process_bytes = 5000;
  }
  if (random.below(3) == 0) {
    rules.window = {.ids_max = 70, .reply_bytes_max = 800, .process_bytes_max = 3000};
  }
  return rules;
}

// How often each message was served, by all servers there were.
struct Ledger {
  std::map<std::string, int> served{};
  int last_note = -1;
  bool in_order = true;
};

class Message final : public rpc::ResentMessage {
 public:
  Message(rpc::RawRequest request, wire::Kind kind)
      : rpc::ResentMessage(std::move(request), kind) {}
  int ends = 0;
  Status status;
  std::string reply;
  CancelSource given_up;

 private:
  void on_result(Status ended, const wire::MessageView& view, const Bytes&) override {
    ++ends;
    status = std::move(ended);
    reply = view.body;
  }
};

struct Given {
  std::string name;
  DeliveryMode mode;
  bool push;
  Time until;
  std::unique_ptr<Message> message;
};

// What happened, to see that it did.
struct Sum {
  int ok = 0;
  int unknown = 0;
  int not_sent = 0;
  int again = 0;    // went out more than once
  int repeats = 0;  // of which the receiver knew
  int full = 0;     // met a bound
  int cancelled = 0;
  int too_old = 0;
};

class Story {
 public:
  explicit Story(std::uint64_t seed)
      : rules_(draw_rules(seed)),
        simulation_(seed, bad_network(seed)),
        random_(seed * 3 + 1),
        near_{&simulation_.add_core("server 0"), &simulation_.add_core("server 1")},
        far_(simulation_.add_core("client")) {
    rules_.line.process = &budget_;
    budget_.update(rules_.line_process_bytes);
  }

  Sum operator()() {
    add_routes();
    start_server();
    client_.emplace(far_, nothing_, options());
    line_.emplace(far_, rules_.line, rpc::Metrics(), [this] { want(); });
    live();
    check();
    close();
    sum_.repeats = static_cast<int>(metrics_.dedup_hits.value());
    return sum_;
  }

 private:
  static rpc::PeerOptions options() {
    return {.inflight_calls_max = 20, .hello = true, .heartbeat = rpc::kUsualHeartbeat};
  }
  Duration up_to(Duration most) {
    return Duration(
        static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(most.count()))));
  }

  void add_routes() {
    const auto work = [this](rpc::Context& context) { return serve(context); };
    const auto note = [this](rpc::Context& context) {
      ++ledger_.served[std::string(context.body())];
      const int number = static_cast<int>(*parse_int64(context.body().substr(1)));
      ledger_.in_order = ledger_.in_order && number > ledger_.last_note;
      ledger_.last_note = number;
      return Status();
    };
    FL_CHECK(router_.add(wire::Kind::kCall, "/work", rpc::make_handler(work)).ok());
    FL_CHECK(router_.add(wire::Kind::kPush, "/note", rpc::make_handler(note)).ok());
  }
  Task<Status> serve(rpc::Context& context) {
    ++ledger_.served[std::string(context.body())];
    if (random_.below(3) == 0) {
      Status slept = co_await Sleep(context.core().timers(),
                                    context.core().deadline_after(up_to(400ms)), context.cancel());
      if (!slept.ok()) co_return slept;
    }
    context.reply_with('s', context.body_bytes());
    co_return Status();
  }

  void start_server() {
    windows_.emplace(rules_.window);
    rpc::PeerOptions serving = options();
    serving.windows = &*windows_;
    for (std::size_t i = 0; i < 2; ++i) {
      servers_[i].emplace(*near_[i], router_, serving, metrics_);
      const auto accept = [this, i](io::Core&, std::unique_ptr<io::Stream> stream) {
        servers_[i]->accept(std::move(stream));
        if (random_.below(4) == 0) near_[i]->spawn(turn_away_soon(i));
      };
      listeners_[i] = near_[i]->listen(address(i), {}, accept).value();
    }
  }
  static io::Address address(std::size_t index) {
    return io::Address::parse(index == 0 ? "127.0.0.1:700" : "127.0.0.1:701").value();
  }
  void stop_server() {
    for (std::size_t i = 0; i < 2; ++i) {
      listeners_[i].reset();
      (void)near_[i]->run(servers_[i]->close(near_[i]->deadline_after(0ms)));
      servers_[i].reset();
    }
    check_bounds();
    windows_.reset();
  }
  // Some session hears that it is to go, while messages are on their way to it.
  void send_somebody_away() {
    const std::size_t at = random_.below(2);
    servers_[at]->for_each_session([&](rpc::Session& one) {
      servers_[at]->send_away(one, "test", near_[at]->deadline_after(500ms));
    });
  }
  // New sessions too, when what the last one lost comes again: CALLs that cross that word are
  // refused.
  Task<void> turn_away_soon(std::size_t at) {
    Status slept = co_await Sleep(near_[at]->timers(), near_[at]->deadline_after(up_to(80ms)));
    if (!slept.ok() || !servers_[at].has_value()) co_return;
    servers_[at]->for_each_session([](rpc::Session& one) { one.go_away("test"); });
  }
  // A window may have a few numbers and one answer above the bound of all.
  void check_bounds() {
    EXPECT_LE(windows_->bytes(), rules_.window.process_bytes_max + kFewIdsBytes + 1000);
    if (!line_.has_value()) return;
    EXPECT_LE(line_->size(), rules_.line.messages_max);
    EXPECT_LE(line_->queue().bytes(), rules_.line.bytes_max);
    EXPECT_LE(budget_.bytes(), rules_.line_process_bytes);
  }

  // The next session to the same peer, at either of its cores, after a while.
  void want() {
    if (dialling_) return;
    dialling_ = true;
    scope_.spawn(dial());
  }
  Task<void> dial() {
    while (!ended_) {
      Status slept = co_await Sleep(far_.timers(), far_.deadline_after(up_to(300ms)));
      if (!slept.ok()) break;
      rpc::DialOptions options;
      options.resend = &*line_;
      auto dialling = client_->dial(address(random_.below(2)), far_.deadline_after(500ms),
                                    CancelToken(), std::move(options));
      Result<rpc::Session*> made = co_await dialling;
      if (made.ok()) break;
    }
    dialling_ = false;
  }

  void give(int number) {
    const bool push = random_.below(3) == 0;
    using enum DeliveryMode;
    const std::array<DeliveryMode, 6> modes = {kAtLeastOnce, kAtLeastOnce, kAtLeastOnce,
                                               kAtLeastOnce, kAtMostOnce,  kBestEffort};
    const DeliveryMode mode = modes[random_.below(push ? 6 : 5)];
    const Time until = far_.now() + 500ms + up_to(15s);
    std::string name = (push ? "p" : "c") + std::to_string(number);
    auto message = std::make_unique<Message>(
        rpc::RawRequest{.method = push ? "/note" : "/work",
                        .body_codec = 's',
                        .body = Bytes(name),
                        .metadata = random_.below(4) == 0 ? std::string(200, 'm') : "",
                        .delivery = mode},
        push ? wire::Kind::kPush : wire::Kind::kCall);
    Message& given = *message;
    given_.push_back({std::move(name), mode, push, until, std::move(message)});
    line_->start(given, Deadline(until), given.given_up.token());
  }
  // One of those that were given, wherever it is.
  void give_one_up() {
    Given& one = given_[random_.below(given_.size())];
    one.message->given_up.cancel();
  }

  Task<void> give_some(int first, int count) {
    for (int number = first; number < first + count; ++number) {
      give(number);
      if (random_.below(12) == 0) give_one_up();
      if (random_.below(15) == 0) send_somebody_away();
      check_bounds();
      Status slept = co_await Sleep(far_.timers(), far_.deadline_after(up_to(100ms)));
      FL_CHECK(slept.ok());
    }
  }
  Task<void> pass(Duration time) {
    Status slept = co_await Sleep(far_.timers(), far_.deadline_after(time));
    FL_CHECK(slept.ok());
  }
  // All is given in parts, and the server may be another one after each.
  void live() {
    constexpr int kPart = 15;
    for (int number = 0; number < kMessages; number += kPart) {
      far_.run(give_some(number, kPart));
      if (random_.below(3) > 0) continue;
      stop_server();
      far_.run(pass(up_to(1s)));
      start_server();
    }
    far_.run(pass(30s));
  }

  void check() {
    for (const Given& one : given_) {
      SCOPED_TRACE(one.name + " " + one.message->status.to_string());
      const int served = ledger_.served[one.name];
      EXPECT_EQ(one.message->ends, 1) << "every message ends, once";
      EXPECT_LE(served, 1) << "never a second run";
      const Status& status = one.message->status;
      if (status.ok() && (!one.push || one.mode == DeliveryMode::kAtLeastOnce)) {
        EXPECT_EQ(served, 1);
      }
      if (status.ok() && !one.push) {
        EXPECT_EQ(one.message->reply, one.name);
      }
      if (!status.ok() &&
          (status.outcome() == Outcome::kNotSent || status.outcome() == Outcome::kNotProcessed)) {
        EXPECT_EQ(served, 0);
      }
      sum_.full += status.code() == Code::kSendQueueFull ? 1 : 0;
      sum_.cancelled += status.code() == Code::kCancelled ? 1 : 0;
      sum_.too_old += status.reason() == "resend.ttl" ? 1 : 0;
      sum_.ok += one.message->status.ok() ? 1 : 0;
      sum_.unknown += one.message->status.outcome() == Outcome::kUnknown ? 1 : 0;
      sum_.not_sent += one.message->status.outcome() == Outcome::kNotSent ? 1 : 0;
      sum_.again += one.message->attempts() > 1 ? 1 : 0;
    }
    EXPECT_TRUE(ledger_.in_order) << "PUSHes start in the order in which they were given";
    EXPECT_EQ(line_->size(), 0U);
    EXPECT_EQ(budget_.bytes(), 0U);
  }

  void close() {
    ended_ = true;
    line_->close();
    (void)far_.run(client_->close(far_.deadline_after(1s)));
    stop_server();
    far_.run(pass(2s));
    EXPECT_EQ(scope_.running(), 0U);
  }

  Rules rules_;
  Sum sum_;
  observe::Registry registry_;
  const rpc::Metrics metrics_ = rpc::Metrics::make(registry_).value();
  io::Simulation simulation_;
  Random random_;
  std::array<io::Core*, 2> near_;
  io::Core& far_;
  rpc::Router router_;
  rpc::Router nothing_;
  std::optional<rpc::DuplicateWindows> windows_;
  std::array<std::optional<rpc::Peer>, 2> servers_;
  std::array<std::unique_ptr<io::Listener>, 2> listeners_;
  std::optional<rpc::Peer> client_;
  rpc::ResendBudget budget_;
  std::optional<rpc::ResendLine> line_;
  Ledger ledger_;
  std::vector<Given> given_;
  Scope scope_;
  bool dialling_ = false;
  bool ended_ = false;
};

TEST(Resend, NothingIsLostServedTwiceOrOutOfOrder) {
  Sum all;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Story run(seed);
    const Sum sum = run();
    all.ok += sum.ok;
    all.unknown += sum.unknown;
    all.not_sent += sum.not_sent;
    all.again += sum.again;
    all.repeats += sum.repeats;
    all.full += sum.full;
    all.cancelled += sum.cancelled;
    all.too_old += sum.too_old;
    if (::testing::Test::HasFailure()) break;
  }
  EXPECT_GT(all.ok, static_cast<int>(kSeeds) * kMessages / 2);
  EXPECT_GT(all.unknown, 100);
  EXPECT_GT(all.not_sent, 10);
  EXPECT_GT(all.again, 300);
  EXPECT_GT(all.repeats, 100);
  EXPECT_GT(all.full, 100);
  EXPECT_GT(all.cancelled, 100);
  EXPECT_GT(all.too_old, 10);
}

}  // namespace
}  // namespace fairlead::simulation
