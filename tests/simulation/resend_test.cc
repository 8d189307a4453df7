// What must hold of messages that outlive their connections, whatever the network and a server that
// restarts do to them. Each seed is a run of its own, on virtual time.
#include <array>
#include <functional>
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
// When what is due has happened: timers count milliseconds, and a full session is tried again.
constexpr Duration kSoon = 10ms;
// Of a window without messages, with its places in the table.
constexpr std::size_t kEmptyWindowBytes = 512;
constexpr std::size_t kLargeBytes = 300'000;  // so much leaves at once, before the turn ends
// What is added to answers, so that their bounds are reached.
constexpr std::size_t kPaddingBytes = 300;

// Breaks links at any byte; sometimes one side is not told. `wide`: large messages come through.
bool is_wide(std::uint64_t seed) { return Random(seed * 7 + 3).below(4) == 0; }

io::NetworkOptions bad_network(std::uint64_t seed) {
  Random random(seed);
  io::NetworkOptions network;
  network.delay_max = std::chrono::microseconds(100 + random.below(20'000));
  network.segment_bytes_max = 1 + random.below(400);
  network.window_bytes = 500 + random.below(20'000);
  network.reset_chance = 0.05 * random.unit();
  if (random.below(3) > 0) network.lost_chance = 0.01 * random.unit();
  network.stall_chance = 0.02 * random.unit();
  if (is_wide(seed)) {
    network.segment_bytes_max = 4000 + random.below(16'000);
    network.window_bytes = 100'000 + random.below(300'000);
  }
  return network;
}

// Bounds of both ends: far away, or so near that they are reached.
struct Rules {
  rpc::ResendOptions line;
  std::size_t line_process_bytes = 64 * 1024 * 1024;
  rpc::DuplicateOptions window{.reply_bytes_max = 50'000, .process_bytes_max = 300'000};
  bool few_for_all = false;  // the bound of all windows is reached; no handler waits

  // Of the one window that there is.
  std::size_t window_bytes_max() const {
    const std::size_t own = kEmptyWindowBytes + window.ids_max * rpc::DuplicateWindow::kIdBytes +
                            window.reply_bytes_max;
    // Answers go when the next message comes, so one number and its answer are beyond the bound.
    constexpr std::size_t kOneBytes =
        rpc::DuplicateWindow::kIdBytes + sizeof(rpc::KeptReply) + kPaddingBytes + 100;
    return std::min(own, window.process_bytes_max + kOneBytes);
  }
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
  const std::uint64_t windows = random.below(6);
  if (windows == 0) rules.window = {.ids_max = 20, .reply_bytes_max = 800};
  rules.few_for_all = windows == 1;
  if (rules.few_for_all) rules.window = {.reply_bytes_max = 9000, .process_bytes_max = 9000};
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
  std::function<void()> then = [] {};

 private:
  void on_result(Status ended, const wire::MessageView& view, const Bytes&) override {
    ++ends;
    status = std::move(ended);
    reply = view.body;
    then();
  }
};

// Large messages have more behind it.
std::string_view name_of(std::string_view body) { return body.substr(0, body.find(' ')); }

struct Given {
  std::string name;
  DeliveryMode mode;
  bool push;
  Time until;  // it is to have ended; of a CALL under way, its deadline
  Time given;
  std::unique_ptr<Message> message;
  Time ended{};
  Time server_began{};  // that one which lived then
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
  int forgotten = 0;  // by a server that was restarted
};

class Story {
 public:
  explicit Story(std::uint64_t seed)
      : rules_(draw_rules(seed)),
        network_(bad_network(seed)),
        wide_(is_wide(seed)),
        simulation_(seed, network_),
        random_(seed * 3 + 1),
        near_{&simulation_.add_core("server 0"), &simulation_.add_core("server 1")},
        far_(simulation_.add_core("client")) {
    budget_.update(rules_.line_process_bytes);
  }

  Sum operator()() {
    add_routes();
    start_server();
    client_.emplace(far_, nothing_, options());
    rpc::ResendOptions of_line = rules_.line;
    of_line.process = &budget_;
    line_.emplace(far_, of_line, rpc::Metrics(), [this] { want(); });
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
      const std::string name(name_of(context.body()));
      ++ledger_.served[name];
      const int number = static_cast<int>(*parse_int64(name.substr(1)));
      ledger_.in_order = ledger_.in_order && number > ledger_.last_note;
      ledger_.last_note = number;
      return Status();
    };
    FL_CHECK(router_.add(wire::Kind::kCall, "/work", rpc::make_handler(work)).ok());
    FL_CHECK(router_.add(wire::Kind::kPush, "/note", rpc::make_handler(note)).ok());
  }
  Task<Status> serve(rpc::Context& context) {
    const std::string name(name_of(context.body()));
    ++ledger_.served[name];
    if (!rules_.few_for_all && random_.below(3) == 0) {
      Status slept = co_await Sleep(context.core().timers(),
                                    context.core().deadline_after(up_to(400ms)), context.cancel());
      if (!slept.ok()) co_return slept;
    }
    if (rules_.few_for_all) context.add_reply_meta("padding", std::string(kPaddingBytes, 'p'));
    context.reply_with('s', Bytes(name));
    co_return Status();
  }

  void start_server() {
    server_began_ = simulation_.now();
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
    check_bounds();
    for (std::size_t i = 0; i < 2; ++i) {
      listeners_[i].reset();
      (void)near_[i]->run(servers_[i]->close(near_[i]->deadline_after(0ms)));
      servers_[i].reset();
    }
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
  void check_bounds() {
    EXPECT_LE(windows_->count(), 1U);
    // A window that went to make room has its bytes for as long as a session holds it.
    const bool one = servers_[0]->session_count() + servers_[1]->session_count() <= 1;
    if (one || !rules_.few_for_all) {
      EXPECT_LE(windows_->bytes(), rules_.window_bytes_max());
    }
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
    const Deadline deadline(far_.now() + 500ms + up_to(15s));
    const Time until = push ? std::min(deadline.at(), far_.now() + rules_.line.ttl) : deadline.at();
    std::string name = (push ? "p" : "c") + std::to_string(number);
    const bool large = wide_ && random_.below(6) == 0;
    auto message = std::make_unique<Message>(
        rpc::RawRequest{.method = push ? "/note" : "/work",
                        .body_codec = 's',
                        .body = Bytes(large ? name + " " + std::string(kLargeBytes, 'x') : name),
                        .metadata = random_.below(4) == 0 ? std::string(200, 'm') : "",
                        .delivery = mode},
        push ? wire::Kind::kPush : wire::Kind::kCall);
    Message& given = *message;
    const bool ends_another = random_.below(15) == 0;
    given.then = [this, at = given_.size(), ends_another] {
      given_[at].ended = far_.now();
      given_[at].server_began = server_began_;
      if (ends_another) give_one_up();
    };
    given_.push_back({std::move(name), mode, push, until, far_.now(), std::move(message)});
    line_->start(given, deadline, given.given_up.token());
  }
  // One of those that were given, wherever it is.
  void give_one_up() {
    Message& one = *given_[random_.below(given_.size())].message;
    if (one.state() == rpc::ResendQueue::State::kNone) return;  // it is just being given
    one.given_up.cancel();
    EXPECT_EQ(one.ends, 1) << "at once";
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
      EXPECT_LE(one.ended, one.until + kSoon) << "in time";
      if (one.message->attempts() == 0) {
        EXPECT_LE(one.ended, one.given + rules_.line.ttl + kSoon) << "it only waited";
      }
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
      const bool forgotten = status.cause() != nullptr && *status.cause() == "resend.window_lost";
      // Where no word is lost without a trace, and no window goes to make room. Its link may have
      // been of one that was dead already.
      if (forgotten && network_.lost_chance == 0 && !rules_.few_for_all) {
        EXPECT_GT(one.server_began, one.given - 1s) << "who lives does not forget";
      }
      sum_.forgotten += forgotten ? 1 : 0;
      sum_.full += status.code() == Code::kSendQueueFull ? 1 : 0;
      sum_.cancelled += status.code() == Code::kCancelled ? 1 : 0;
      sum_.too_old += status.reason() == "resend.ttl" ? 1 : 0;
      sum_.ok += one.message->status.ok() ? 1 : 0;
      sum_.unknown += one.message->status.outcome() == Outcome::kUnknown ? 1 : 0;
      sum_.not_sent += one.message->status.outcome() == Outcome::kNotSent ? 1 : 0;
      sum_.again += one.message->attempts() > 1 ? 1 : 0;
    }
    // What waits behind a large message on a link that is being left is overtaken by newer ones.
    EXPECT_TRUE(ledger_.in_order || wide_) << "PUSHes start in the order in which they were given";
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

  const Rules rules_;
  const io::NetworkOptions network_;
  const bool wide_;
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
  Time server_began_{};
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
    all.forgotten += sum.forgotten;
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
  EXPECT_GT(all.forgotten, 10);
}

}  // namespace
}  // namespace fairlead::simulation
