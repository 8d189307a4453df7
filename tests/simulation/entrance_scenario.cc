#include "entrance_scenario.h"

#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "entrance_visit.h"
#include "fairlead/async/event.h"
#include "fairlead/async/scope.h"
#include "plan.h"
#include "tests/testkit/certificates.h"
#include "watched_run.h"

namespace fairlead::simulation {
namespace {

using namespace std::chrono_literals;

// Certificates for all runs.
struct TlsParts {
  TlsParts() {
    const testkit::TestIdentity root = testkit::TestIdentity::root();
    const io::TlsOptions serving{.certificates = {folder.write("server", root.issue({}))},
                                 .tickets = false};
    const io::TlsOptions asking{.ca_file = folder.write("root.pem", root.certificate_pem()),
                                .tickets = false};  // a run knows nothing of the one before
    server = io::TlsHolder::make(io::TlsRole::kServer, serving, wall_ms()).value();
    client = io::TlsContext::make(io::TlsRole::kClient, asking, wall_ms()).value();
  }
  testkit::TestFolder folder;
  std::unique_ptr<io::TlsHolder> server;
  std::shared_ptr<const io::TlsContext> client;
};

const TlsParts& tls_parts() {
  static const TlsParts parts;
  return parts;
}

// What stands behind a door: takes all bytes of one connection.
class Host final : private io::StreamHandler {
 public:
  Host(io::Core& core, std::unique_ptr<io::Stream> stream, Visit& visit)
      : core_(core), stream_(std::move(stream)), visit_(visit) {
    stream_->start(*this);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void leave() {
    if (stream_ == nullptr) return;
    stream_->abort(Status(Code::kConnectionClosed, "host.closing", "the host closes"));
  }

 private:
  io::ReadResult on_read(const Bytes& input) override {
    visit_.received.append(input.view());
    return {input.size(), 0};
  }
  void on_end() override {
    visit_.ended = true;
    stream_->close();
  }
  void on_close(Status) override { core_.dispose(std::move(stream_)); }

  io::Core& core_;
  std::unique_ptr<io::Stream> stream_;
  Visit& visit_;
};

class EntranceScenario {
 public:
  EntranceScenario(std::uint64_t seed, Trace trace) : EntranceScenario(seed, Random(seed * 2 + 1)) {
    network_.trace(std::move(trace));
  }
  EntranceOutcome run();

 private:
  EntranceScenario(std::uint64_t seed, Random choices)
      : calm_(choices.below(3) == 0),
        network_(seed, calm_ ? io::NetworkOptions{.segment_bytes_max = 1 + choices.below(1460)}
                             : draw_plan(choices).network) {
    draw_options(choices);
  }
  void draw_options(Random& choices);
  void open(io::Core& core);
  void accept(std::unique_ptr<io::Stream> stream);
  void arrive(std::unique_ptr<io::Stream> stream, std::string door);
  Task<void> drain_later(Duration after);
  Task<void> wait_for_all();
  void close_all();
  void check(const Visit& visit);
  void check_counts();
  void fail(std::string what) { outcome_.violations.push_back(std::move(what)); }

  const bool calm_;  // nothing breaks or gets lost
  io::Simulation network_;
  EntranceOutcome outcome_;
  observe::Registry registry_;
  rpc::EntranceMetrics metrics_ = rpc::EntranceMetrics::make(registry_).value();
  rpc::EntranceOptions options_;
  std::optional<Duration> drain_after_;
  std::uint64_t tls_failed_ = 0;
  io::Core* server_ = nullptr;
  io::Core* clients_ = nullptr;
  std::optional<rpc::Entrance> entrance_;
  std::unique_ptr<io::Listener> listener_;
  std::list<Visit> visits_;
  std::map<std::string, Visit*> by_address_;
  std::list<Host> hosts_;
  Scope scope_;
};

void EntranceScenario::draw_options(Random& choices) {
  const auto one_in = [&choices](std::uint64_t count) { return choices.below(count) == 0; };
  constexpr const char* kFrames[] = {"raw", "json", "pb"};
  if (!one_in(4)) options_.frames = wire::find_protocol(kFrames[choices.below(3)]);
  if (one_in(2)) options_.thrift = wire::find_protocol("thrift-binary");
  options_.http = !one_in(4);
  options_.erpc_http = options_.http && one_in(3);
  if (one_in(2)) options_.tls = tls_parts().server.get();
  options_.tls_only = options_.tls != nullptr && one_in(4);
  if (one_in(3)) options_.first_byte_timeout = 5s;
  if (one_in(6)) options_.undecided_max = 1 + choices.below(4);
  if (one_in(3)) drain_after_ = std::chrono::milliseconds(choices.below(4000));
  options_.metrics = metrics_;
  const std::uint64_t count = 5 + choices.below(40);
  for (std::uint64_t i = 0; i < count; ++i) {
    Visit& visit = visits_.emplace_back();
    visit.speech = static_cast<Speech>(choices.below(kSpeeches));
    visit.tls = options_.tls != nullptr && one_in(2);
  }
}

// ---- the server -------------------------------------------------------------------------------

void EntranceScenario::open(io::Core& core) {
  rpc::Entrance::Doors doors;
  doors.rpc = [this](std::unique_ptr<io::Stream> stream, io::TlsStream*,
                     const wire::Protocol& protocol) {
    ++outcome_.rpc;
    arrive(std::move(stream), std::string(protocol.name()));
  };
  doors.http = [this](std::unique_ptr<io::Stream> stream, io::TlsStream*, std::optional<Time>) {
    ++outcome_.http;
    arrive(std::move(stream), "server");
  };
  doors.tls_failed = [this](const io::Address&, const Status&) { ++tls_failed_; };
  entrance_.emplace(core, options_, std::move(doors));
  listener_ = core.listen(io::Address::loopback(0), {},
                          [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                            accept(std::move(stream));
                          })
                  .value();
}

void EntranceScenario::accept(std::unique_ptr<io::Stream> stream) {
  ++outcome_.accepted;
  const auto found = by_address_.find(stream->peer().to_text());
  if (found != by_address_.end()) found->second->accepted_at = server_->now();
  entrance_->accept(std::move(stream));
}

void EntranceScenario::arrive(std::unique_ptr<io::Stream> stream, std::string door) {
  const auto found = by_address_.find(stream->peer().to_text());
  FL_CHECK(found != by_address_.end());
  Visit& visit = *found->second;
  network_.note(*server_, "visit", static_cast<std::uint64_t>(visit.speech), door);
  ++visit.doors;
  visit.door = std::move(door);
  visit.reached_at = server_->now();
  hosts_.emplace_back(*server_, std::move(stream), visit);
}

Task<void> EntranceScenario::drain_later(Duration after) {
  Status slept = co_await Sleep(server_->timers(), server_->deadline_after(after));
  FL_CHECK(slept.ok());
  Status drained = co_await entrance_->close(server_->deadline_after(1s));
  if (entrance_->undecided() > 0) fail("an undecided connection outlived the drain");
  if (calm_ && !drained.ok())
    fail("the drain did not hear that all had gone: " + drained.to_string());
}

// ---- one run ----------------------------------------------------------------------------------

Task<void> EntranceScenario::wait_for_all() {
  const Deadline limit = clients_->deadline_after(120s);
  while (scope_.running() > 0 && !limit.passed(clients_->now())) {
    Status slept = co_await Sleep(clients_->timers(), clients_->deadline_after(5ms));
    FL_CHECK(slept.ok());
  }
  FL_CHECK(scope_.running() == 0);  // somebody waits for ever
}

Task<void> settle(io::Core& core) {
  Status slept = co_await Sleep(core.timers(), core.deadline_after(100ms));
  FL_CHECK(slept.ok());
}

void EntranceScenario::close_all() {
  server_->run(settle(*server_));
  listener_.reset();
  (void)server_->run(entrance_->close(server_->deadline_after(1s)));
  for (Host& host : hosts_) host.leave();
  server_->run(settle(*server_));
  for (io::Core* core : {server_, clients_}) core->turn(Deadline(network_.now()));
}

void EntranceScenario::check(const Visit& visit) {
  const std::string name = "visit " + std::to_string(static_cast<int>(visit.speech));
  if (visit.doors > 1) fail(name + " went through two doors");
  if (!visit.written.starts_with(visit.received)) fail(name + ": bytes were changed or swapped");
  const bool whole = visit.received == visit.written;
  if (visit.ended && !visit.broken_off && !whole) fail(name + ": bytes were lost");
  if (visit.doors == 0) return;
  // What comes too slowly and may be HTTP is left to its server.
  const bool late = visit.reached_at - visit.accepted_at >= options_.head_timeout;
  const bool meant = visit.door == door_of(visit.speech, visit.tls, options_);
  const bool left = late && options_.http && visit.door == "server";
  if (!meant && !left) fail(name + " went through the door '" + visit.door + "'");
}

void EntranceScenario::check_counts() {
  if (metrics_.undecided_connections.value() != 0) fail("the gauge of undecided ones is not zero");
  if (entrance_->undecided() != 0) fail("an undecided connection is left");
  if (network_.streams() > 0) fail(std::to_string(network_.streams()) + " streams were left");
  const std::size_t timers = server_->timers().size() + clients_->timers().size();
  if (timers > 0) fail(std::to_string(timers) + " timers were left armed");
  if (!calm_ || drain_after_.has_value()) return;
  std::uint64_t nowhere = 0;
  for (const Visit& visit : visits_) {
    const bool said = visit.complete && !visit.broken_off && visit.speech != Speech::kNothing;
    if (said && visit.accepted_at != Time::max() && visit.doors == 0) ++nowhere;
  }
  const std::uint64_t counted = metrics_.unknown_protocols.value() +
                                metrics_.undecided_refused.value() +
                                metrics_.undecided_late.value() + tls_failed_;
  if (nowhere > counted) {
    fail(std::to_string(nowhere) + " connections went nowhere, " + std::to_string(counted) +
         " were counted");
  }
}

EntranceOutcome EntranceScenario::run() {
  server_ = &network_.add_core("server");
  clients_ = &network_.add_core("clients");
  open(*server_);
  for (Visit& visit : visits_) {
    scope_.spawn(make_visit(
        &network_, clients_, listener_->local(), tls_parts().client, &visit,
        [this, &visit](const io::Address& from) { by_address_[from.to_text()] = &visit; }));
  }
  if (drain_after_.has_value()) scope_.spawn(drain_later(*drain_after_));
  clients_->run(wait_for_all());  // the server runs meanwhile
  close_all();
  for (const Visit& visit : visits_) check(visit);
  check_counts();
  outcome_.digest = network_.digest();
  hosts_.clear();
  return std::move(outcome_);
}

EntranceOutcome run_once(std::uint64_t seed, const Trace& trace) {
  return run_watched<EntranceOutcome>(
      [seed](Trace sink) { return EntranceScenario(seed, std::move(sink)).run(); }, trace);
}

}  // namespace

EntranceOutcome run_entrance_scenario(std::uint64_t seed,
                                      std::function<void(std::string_view)> trace) {
  // What is made at its first use and kept for the program's life is not of the run.
  static const EntranceOutcome first = run_once(seed, {});
  return run_once(seed, trace);
}

}  // namespace fairlead::simulation
