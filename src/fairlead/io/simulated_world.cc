#include "fairlead/io/simulated_world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "fairlead/async/event.h"

namespace fairlead::io {

Simulation::Simulation(std::uint64_t seed, NetworkOptions options)
    : world_(std::make_unique<internal::SimulatedWorld>(seed, options)) {}

// Cores die one after the other; each lets the others run while its own tasks end.
Simulation::~Simulation() {
  while (!world_->cores.empty()) world_->cores.pop_back();
}

Core& Simulation::add_core(std::string name) {
  world_->cores.push_back(std::make_unique<internal::SimulatedCore>(*world_, std::move(name)));
  return *world_->cores.back();
}

Time Simulation::now() const { return world_->now; }
Random& Simulation::random() { return world_->random; }
void Simulation::trace(std::function<void(std::string_view)> sink) {
  world_->trace = std::move(sink);
}
std::uint64_t Simulation::digest() const { return world_->digest; }
std::size_t Simulation::streams() const { return world_->streams; }
std::size_t Simulation::unsent_bytes_peak() const { return world_->unsent_bytes_peak; }
void Simulation::note(const Core& core, std::string_view subject, std::uint64_t number,
                      std::string_view what, std::uint64_t count) {
  const auto& here = static_cast<const internal::SimulatedCore&>(core);
  world_->tell(here.name(), subject, number, what, count);
}
void Simulation::end_sending(Stream& stream) {
  static_cast<internal::SimulatedStream&>(stream).end_sending();
}

namespace internal {
namespace {

// The address of who dials a Unix socket.
Address unnamed_unix_address() {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  return Address::from_socket(storage, sizeof(sa_family_t));
}

}  // namespace

Duration SimulatedWorld::delay() {
  const auto spread = static_cast<std::uint64_t>((options.delay_max - options.delay_min).count());
  return options.delay_min + Duration(static_cast<Duration::rep>(random.below(spread + 1)));
}

void SimulatedWorld::at(Time time, SimulatedCore& core, std::function<void()> action) {
  events.emplace(std::max(time, now), SimulatedEvent{&core, std::move(action)});
}

void SimulatedWorld::tell(std::string_view core, std::string_view subject, std::uint64_t number,
                          std::string_view what, std::uint64_t count) {
  constexpr std::uint64_t kPrime = 0x100000001B3ULL;
  for (const std::uint64_t word :
       {static_cast<std::uint64_t>(now.time_since_epoch().count()), number, count}) {
    digest = (digest ^ (word & 0xFFFFFFFF)) * kPrime;
    digest = (digest ^ (word >> 32)) * kPrime;
  }
  for (const std::string_view text : {core, subject, what}) {
    for (const char c : text) digest = (digest ^ static_cast<unsigned char>(c)) * kPrime;
  }
  if (!trace) return;
  const double ms = static_cast<double>((now - Time(std::chrono::hours(1))).count()) / 1e6;
  char head[64];
  std::snprintf(head, sizeof(head), "%10.3f ms  %-9.*s ", ms, static_cast<int>(core.size()),
                core.data());
  std::string line(head);
  line.append(subject).append(" ").append(std::to_string(number)).append(" ").append(what);
  if (count > 0) line.append(" ").append(std::to_string(count));
  trace(line);
}

bool SimulatedWorld::advance(SimulatedCore& waiting, Deadline limit) {
  Time next = Time::max();
  if (!events.empty()) next = events.begin()->first;
  for (const auto& core : cores) {
    if (core.get() == &waiting) continue;
    if (const std::optional<Time> own = core->next_time()) next = std::min(next, *own);
  }
  FL_CHECK(next != Time::max() || limit.is_set());  // everybody waits for ever: a deadlock
  if (limit.is_set() && next > limit.at()) {
    now = std::max(now, limit.at());
    return false;
  }
  now = std::max(now, next);
  while (!events.empty() && events.begin()->first <= now) {
    SimulatedEvent event = std::move(events.begin()->second);
    events.erase(events.begin());
    event.core->happen(std::move(event.action));
  }
  // Who goes first at one moment is chance.
  std::vector<SimulatedCore*> due;
  for (const auto& core : cores) {
    if (core.get() != &waiting && core->due(now)) due.push_back(core.get());
  }
  while (!due.empty()) {
    const std::size_t pick = random.below(due.size());
    SimulatedCore* core = due[pick];
    due.erase(due.begin() + static_cast<std::ptrdiff_t>(pick));
    core->turn(Deadline(now));
  }
  return true;
}

SimulatedCore::SimulatedCore(SimulatedWorld& world, std::string name)
    : Core(world.now), world_(world), name_(std::move(name)) {}

SimulatedCore::~SimulatedCore() {
  shut_down();
  std::erase_if(world_.events, [this](const auto& event) { return event.second.core == this; });
}

std::int64_t SimulatedCore::wall_ms() const {
  constexpr std::int64_t kStartMs = 1'700'000'000'000;
  return kStartMs +
         std::chrono::duration_cast<std::chrono::milliseconds>(world_.now.time_since_epoch())
             .count();
}

bool SimulatedCore::due(Time now) {
  const std::optional<Time> next = next_time();
  return next.has_value() && *next <= now;
}

std::optional<Time> SimulatedCore::next_time() {
  if (!happening_.empty() || has_work()) return world_.now;
  return timers().next_expiry();
}

void SimulatedCore::poll(Deadline deadline) {
  while (happening_.empty() && !deadline.passed(world_.now)) {
    if (!world_.advance(*this, deadline)) break;
    if (has_letters()) break;
  }
  update_now();
  const std::vector<std::function<void()>> actions = std::exchange(happening_, {});
  for (const std::function<void()>& action : actions) action();
}

Result<std::unique_ptr<Listener>> SimulatedCore::listen(const Address& address,
                                                        ListenOptions options,
                                                        AcceptHandler handler) {
  const Address local =
      address.is_unix() || address.port() != 0 ? address : address.with_port(++world_.last_port);
  if (world_.listeners.contains(local.to_text())) {
    return Status(Code::kInvalidOperation, "listen.in_use",
                  "cannot listen on " + local.to_text() + ": another program listens there");
  }
  return std::unique_ptr<Listener>(
      std::make_unique<SimulatedListener>(*this, local, std::move(options), std::move(handler)));
}

Task<Result<std::unique_ptr<Stream>>> SimulatedCore::connect(Address address, Deadline deadline,
                                                             CancelToken cancel) {
  const bool unanswered = world_.chance(world_.options.unanswered_chance);
  const Duration answer = unanswered ? Duration(std::chrono::seconds(127)) : world_.delay();
  const Deadline answered(world_.now + answer);
  Status slept = co_await Sleep(timers(), earlier(answered, deadline), std::move(cancel));
  if (!slept.ok()) co_return slept;
  if (unanswered || deadline.passed(now())) {
    world_.tell(name_, "dial", 0, "gets no answer", 0);
    co_return Status(Code::kDialFailed, "dial.timeout", "no answer from " + address.to_text());
  }
  const auto found = world_.listeners.find(address.to_text());
  if (found == world_.listeners.end() || world_.chance(world_.options.refuse_chance)) {
    world_.tell(name_, "dial", 0, "is refused", 0);
    co_return Status(Code::kDialFailed, "dial.refused",
                     "cannot connect to " + address.to_text() + ": refused by the simulation");
  }
  auto connection = std::make_shared<SimulatedStream::Connection>();
  connection->number = ++world_.last_connection;
  connection->addresses[0] =
      address.is_unix() ? unnamed_unix_address() : Address::loopback(++world_.last_port);
  connection->addresses[1] = address;
  SimulatedCore& there = found->second->next_core();
  connection->world = &world_;
  auto near = std::make_unique<SimulatedStream>(*this, connection, 0);
  // The other side is made when the news arrives; bytes sent meanwhile come after it.
  auto far = std::make_shared<std::unique_ptr<Stream>>(
      std::make_unique<SimulatedStream>(there, connection, 1));
  const Time arrival = world_.now + world_.delay();
  connection->directions[0].last_arrival = connection->directions[1].last_arrival = arrival;
  world_.at(arrival, there, [world = &world_, &there, address, far] {
    const auto listener = world->listeners.find(address.to_text());
    if (listener != world->listeners.end()) listener->second->accept(std::move(*far), there);
  });
  world_.tell(name_, "link", connection->number, "connects to " + there.name(), 0);
  co_return std::unique_ptr<Stream>(std::move(near));
}

Result<std::unique_ptr<Disposable>> SimulatedCore::watch_readable(int fd, std::function<void()>) {
  return Status(Code::kInvalidOperation, "watch.failed",
                "descriptor " + std::to_string(fd) + " does not exist in a simulation");
}

SimulatedListener::SimulatedListener(SimulatedCore& core, Address local, ListenOptions options,
                                     AcceptHandler handler)
    : core_(core),
      local_(local),
      options_(std::move(options)),
      handler_(std::make_shared<const AcceptHandler>(std::move(handler))) {
  core_.world().listeners[local_.to_text()] = this;
}

SimulatedListener::~SimulatedListener() { stop(); }

void SimulatedListener::stop() {
  auto& listeners = core_.world().listeners;
  const auto found = listeners.find(local_.to_text());
  if (found != listeners.end() && found->second == this) listeners.erase(found);
}

SimulatedCore& SimulatedListener::next_core() {
  if (options_.cores.empty()) return core_;
  return static_cast<SimulatedCore&>(**std::ranges::min_element(options_.cores, {}, &Core::load));
}

void SimulatedListener::accept(std::unique_ptr<Stream> stream, SimulatedCore& on) {
  (*handler_)(on, std::move(stream));
}

}  // namespace internal
}  // namespace fairlead::io
