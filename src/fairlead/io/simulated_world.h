// The inside of a Simulation: what happens when, and who is connected to whom.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fairlead/base/random.h"
#include "fairlead/io/core.h"
#include "fairlead/io/simulation.h"

namespace fairlead::io::internal {

class SimulatedListener;

// Something that will happen on a core.
struct SimulatedEvent {
  SimulatedCore* core;
  std::function<void()> action;
};

// Thread: the simulation's. Events of one moment happen in the order in which they were made.
struct SimulatedWorld {
  SimulatedWorld(std::uint64_t seed, NetworkOptions of) : random(seed), options(of) {}

  bool chance(double probability) { return probability > 0 && random.unit() < probability; }
  Duration delay();
  void at(Time time, SimulatedCore& core, std::function<void()> action);
  // One event: into the digest, and to the trace as a line.
  void tell(std::string_view core, std::string_view subject, std::uint64_t number,
            std::string_view what, std::uint64_t count);

  // Moves time to whatever comes first of all cores but `waiting`, not beyond `limit`, and lets it
  // happen. False when nothing comes before `limit`; time is then at the limit.
  bool advance(SimulatedCore& waiting, Deadline limit);

  Random random;
  const NetworkOptions options;
  Time now{std::chrono::hours(1)};  // not zero, so that arithmetic below it works
  std::multimap<Time, SimulatedEvent> events;
  std::vector<std::unique_ptr<SimulatedCore>> cores;
  std::map<std::string, SimulatedListener*, std::less<>> listeners;  // by address
  std::uint16_t last_port = 20000;
  std::uint64_t last_connection = 0;
  std::size_t streams = 0;
  std::size_t unsent_bytes_peak = 0;
  std::uint64_t digest = 0xCBF29CE484222325ULL;  // FNV-1a
  std::function<void(std::string_view)> trace;
};

class SimulatedCore final : public Core {
 public:
  SimulatedCore(SimulatedWorld& world, std::string name);
  ~SimulatedCore() override;

  std::int64_t wall_ms() const override;
  Result<std::unique_ptr<Listener>> listen(const Address& address, ListenOptions options,
                                           AcceptHandler handler) override;
  Task<Result<std::unique_ptr<Stream>>> connect(Address address, Deadline deadline,
                                                CancelToken cancel) override;
  // There are no descriptors here. Errors: kInvalidOperation `watch.failed`, always.
  Result<std::unique_ptr<Disposable>> watch_readable(int fd, std::function<void()> ready) override;

  const std::string& name() const { return name_; }
  SimulatedWorld& world() { return world_; }
  // Has something to do at or before `now`.
  bool due(Time now);
  // When it will next do something by itself; nullopt: never.
  std::optional<Time> next_time();
  void happen(std::function<void()> action) { happening_.push_back(std::move(action)); }

  using Core::add_load;

 protected:
  Time read_clock() const override { return world_.now; }
  void poll(Deadline deadline) override;
  void wake() override {}

 private:
  SimulatedWorld& world_;
  const std::string name_;
  std::vector<std::function<void()>> happening_;
};

class SimulatedListener final : public Listener {
 public:
  SimulatedListener(SimulatedCore& core, Address local, ListenOptions options,
                    AcceptHandler handler);
  ~SimulatedListener() override;

  const Address& local() const override { return local_; }
  void stop() override;
  void accept(std::unique_ptr<Stream> stream, SimulatedCore& on);
  SimulatedCore& next_core();

 private:
  SimulatedCore& core_;
  const Address local_;
  const ListenOptions options_;
  const std::shared_ptr<const AcceptHandler> handler_;
};

// One side of a simulated connection.
class SimulatedStream final : public Stream {
 public:
  // What both sides share. Each side is null once it is gone.
  struct Connection {
    struct Direction {
      std::size_t on_the_way = 0;
      std::size_t dropped = 0;  // arrived where nobody reads any more
      Time last_arrival{};
      Time link_free{};         // when the link has carried what was sent
      bool dead = false;        // takes bytes and carries nothing
      bool timing_out = false;  // bytes are unacknowledged
      bool ended = false;       // the end was sent
    };
    std::uint64_t number = 0;
    SimulatedWorld* world = nullptr;
    SimulatedStream* sides[2] = {nullptr, nullptr};
    Direction directions[2];  // [i]: away from side i
    Address addresses[2];
    bool broken = false;
    bool lingers[2] = {false, false};  // closed in order: takes what still comes, to a limit
  };
  using ConnectionPtr = std::shared_ptr<Connection>;

  SimulatedStream(SimulatedCore& core, ConnectionPtr connection, std::size_t side);
  ~SimulatedStream() override;

  void start(StreamHandler& handler) override;
  void hand_over(StreamHandler& handler) override;
  void pause() override { paused_ = true; }
  void resume() override;
  void close() override;
  void abort(Status why) override;
  Address peer() const override { return connection_->addresses[1 - side_]; }
  Address local() const override { return connection_->addresses[side_]; }
  std::size_t untaken_bytes() const override { return unsent_bytes() + in_window(); }

  // This side's bytes end behind what was written.
  void end_sending();

 private:
  // As the system's sockets do: bytes unacknowledged for so long end the connection, and so much is
  // taken from a peer that goes on sending after our close.
  static constexpr Duration kUnacknowledgedMax = std::chrono::seconds(30);
  static constexpr std::size_t kDroppedBytesMax = 1024 * 1024;

  SimulatedCore& core() const { return static_cast<SimulatedCore&>(core_); }
  SimulatedWorld& world() const { return core().world(); }
  SimulatedStream* other() const { return connection_->sides[1 - side_]; }
  Connection::Direction& away() const { return connection_->directions[side_]; }
  void tell(std::string_view what, std::uint64_t count = 0) const;

  std::size_t in_window() const;  // of this side's bytes: on the way or not yet read
  void flush() override;
  void send_segment(std::size_t bytes);
  void send_end();
  Time next_arrival(std::size_t bytes);
  void meet_reset();
  void finish_aborted();
  void break_connection(bool tell_this_side, bool tell_other_side);
  void receive(std::string_view bytes);
  void receive_end();
  void stop_reading_perhaps();
  void take_in(std::string_view bytes);
  void deliver();
  void keep_rest(std::size_t consumed);
  void finish(Status why);

  static void arrive(const ConnectionPtr& connection, std::size_t side, std::string_view bytes);
  // Tells the sender that there is room again.
  static void open_window(const ConnectionPtr& connection, std::size_t sender);
  static void tell_reset(const ConnectionPtr& connection, std::size_t side, Time when);
  // Does something on a side's core later, if its stream still is there and open then.
  static void later(Time when, const ConnectionPtr& connection, std::size_t side,
                    std::function<void(SimulatedStream&)> action);

  const ConnectionPtr connection_;
  const std::size_t side_;
  StreamHandler* handler_ = nullptr;
  // Arrived and not consumed. The chunk is fresh whenever something was consumed, so that a view
  // that is kept without its chunk is found.
  ChunkRef inbox_;
  std::size_t inbox_bytes_ = 0;
  Status abort_why_;
  bool paused_ = false;
  bool handed_over_ = false;  // the new handler has not seen what is here
  bool stalled_ = false;      // for a while, or for ever
  bool end_arrived_ = false;
  bool ended_ = false;
  bool ending_ = false;  // the end is sent behind the output
  bool closing_ = false;
  bool closed_ = false;
  bool aborting_ = false;
};

}  // namespace fairlead::io::internal
