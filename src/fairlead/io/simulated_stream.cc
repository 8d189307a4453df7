#include <algorithm>
#include <cstring>
#include <utility>

#include "fairlead/io/simulated_world.h"

namespace fairlead::io::internal {

SimulatedStream::SimulatedStream(SimulatedCore& core, ConnectionPtr connection, std::size_t side)
    : Stream(core), connection_(std::move(connection)), side_(side) {
  connection_->sides[side_] = this;
  core.add_load(1);
  ++world().streams;
}

SimulatedStream::~SimulatedStream() {
  if (!closed_) send_end();
  connection_->sides[side_] = nullptr;
  core().add_load(-1);
  --world().streams;
}

void SimulatedStream::tell(std::string_view what, std::uint64_t count) const {
  world().tell(core().name(), "link", connection_->number, what, count);
}

void SimulatedStream::later(Time when, const ConnectionPtr& connection, std::size_t side,
                            std::function<void(SimulatedStream&)> action) {
  SimulatedStream* now_there = connection->sides[side];
  if (now_there == nullptr) return;  // and never comes back; its core may be gone too
  connection->world->at(when, now_there->core(), [connection, side, action = std::move(action)] {
    SimulatedStream* stream = connection->sides[side];
    if (stream != nullptr && !stream->closed_) action(*stream);
  });
}

void SimulatedStream::start(StreamHandler& handler) {
  if (handler_ != nullptr) return hand_over(handler);
  handler_ = &handler;
  if (closed_) {  // broken on the way here
    world().at(world().now, core(), [connection = connection_, side = side_] {
      SimulatedStream* there = connection->sides[side];
      if (there != nullptr) there->handler_->on_close(std::move(there->abort_why_));
    });
    return;
  }
  const auto first_look = [](SimulatedStream& stream) { stream.deliver(); };
  if (inbox_bytes_ > 0 || end_arrived_) later(world().now, connection_, side_, first_look);
}

void SimulatedStream::hand_over(StreamHandler& handler) {
  FL_CHECK(handler_ != nullptr);
  handler_ = &handler;
  ended_ = false;
  paused_ = false;
  if (std::exchange(handed_over_, true)) return;
  later(world().now, connection_, side_, [](SimulatedStream& stream) {
    stream.handed_over_ = false;
    stream.deliver();
  });
}

void SimulatedStream::resume() {
  if (!std::exchange(paused_, false)) return;
  later(world().now, connection_, side_, [](SimulatedStream& stream) { stream.deliver(); });
}

// ---- sending

std::size_t SimulatedStream::in_window() const {
  return away().on_the_way + (other() == nullptr ? 0 : other()->inbox_bytes_);
}

void SimulatedStream::flush() {
  if (closed_) return;
  world().unsent_bytes_peak = std::max(world().unsent_bytes_peak, output_.size());
  if (aborting_) return finish_aborted();
  const NetworkOptions& network = world().options;
  if (blocked_ && in_window() + network.window_step_bytes > network.window_bytes) return;
  while (!output_.empty()) {
    const std::size_t used = in_window();
    if (used >= network.window_bytes) {
      blocked_ = true;
      return;
    }
    const std::size_t room = std::min(network.window_bytes - used, output_.size());
    const std::size_t bytes =
        std::min<std::size_t>(room, 1 + world().random.below(network.segment_bytes_max));
    const bool whole = !connection_->broken;
    const bool reset = whole && world().chance(network.reset_chance);
    if (reset || (whole && world().chance(network.lost_chance))) {
      send_segment(world().random.below(bytes + 1));
      if (reset && world().random.below(2) == 0) return meet_reset();
      const std::uint64_t told = world().random.below(3);  // of a lost one: one side, or none
      return break_connection(reset || told == 0, reset || told == 1);
    }
    if (world().chance(network.half_open_chance) && !std::exchange(away().dead, true)) {
      tell("goes dead in this direction");
    }
    send_segment(bytes);
  }
  output_.release();
  if (ending_) send_end();
  if (closing_) {
    if (!flush_scheduled_) finish(Status());
    return;
  }
  if (!std::exchange(blocked_, false)) return;
  handler_->on_sent();
}

// The reset has come, and this write is the first to find it.
void SimulatedStream::meet_reset() {
  break_connection(false, true);
  closing_ = aborting_ = true;
  abort_why_ = Status(Code::kConnectionClosed, "connection.reset", "a write met a reset");
  finish_aborted();
}

// As of a socket: never inside wrote().
void SimulatedStream::finish_aborted() {
  if (!flush_scheduled_) finish(std::exchange(abort_why_, Status()));
}

void SimulatedStream::send_segment(std::size_t bytes) {
  if (bytes == 0) return;
  std::string data(bytes, '\0');
  output_.copy_front(data.data(), bytes);
  output_.consume(bytes);
  if (away().ended) return;
  if (away().dead && !std::exchange(away().timing_out, true)) {
    later(world().now + kUnacknowledgedMax, connection_, side_, [](SimulatedStream& stream) {
      stream.finish(Status(Code::kConnectionClosed, "connection.timeout", "nothing comes back"));
    });
  }
  away().on_the_way += bytes;
  if (away().dead) return;  // taken by the system, seen by nobody
  tell("sends bytes", bytes);
  SimulatedCore& there = other() != nullptr ? other()->core() : core();
  world().at(next_arrival(bytes), there,
             [connection = connection_, to = 1 - side_, data] { arrive(connection, to, data); });
}

// When what is sent now arrives: after what was sent before, and as slowly as the link is.
Time SimulatedStream::next_arrival(std::size_t bytes) {
  const std::uint64_t rate = world().options.bytes_per_second;
  Time departure = world().now;
  if (rate > 0) {
    departure = std::max(departure, away().link_free) +
                Duration(static_cast<Duration::rep>(bytes * 1'000'000'000 / rate));
    away().link_free = departure;
  }
  away().last_arrival = std::max(away().last_arrival, departure + world().delay());
  return away().last_arrival;
}

void SimulatedStream::send_end() {
  if (away().dead || std::exchange(away().ended, true)) return;
  tell("sends the end");
  later(next_arrival(0), connection_, 1 - side_,
        [](SimulatedStream& stream) { stream.receive_end(); });
}

// Nothing more is carried. Who is told hears it in its own time, before or after what was already
// on the way.
void SimulatedStream::break_connection(bool tell_this_side, bool tell_other_side) {
  connection_->broken = true;
  for (Connection::Direction& direction : connection_->directions) direction.dead = true;
  tell(tell_this_side && tell_other_side ? "breaks" : "is lost");
  if (tell_this_side) tell_reset(connection_, side_, world().now + world().delay());
  if (!tell_other_side) return;
  const bool overtakes = world().random.below(2) == 0;
  tell_reset(connection_, 1 - side_, overtakes ? world().now + world().delay() : next_arrival(0));
}

void SimulatedStream::tell_reset(const ConnectionPtr& connection, std::size_t side, Time when) {
  later(when, connection, side, [](SimulatedStream& stream) {
    stream.finish(Status(Code::kConnectionClosed, "connection.reset", "reset by the simulation"));
  });
}

void SimulatedStream::end_sending() {
  ending_ = true;
  if (!flush_scheduled_ && !blocked_) schedule_flush();
}

void SimulatedStream::close() {
  if (closed_ || closing_) return;
  closing_ = true;
  if (!flush_scheduled_ && !blocked_) schedule_flush();
}

void SimulatedStream::abort(Status why) {
  if (closed_ || aborting_) return;
  closing_ = aborting_ = true;
  abort_why_ = std::move(why);
  if (!flush_scheduled_) schedule_flush();
}

// The other side sees the end, or a reset when bytes of its were never read here.
void SimulatedStream::finish(Status why) {
  closed_ = true;
  tell(why.ok() ? "closes" : why.reason());
  connection_->lingers[side_] = why.ok();
  const bool unread = inbox_bytes_ > 0 && !why.ok();
  if (unread && !away().dead) {
    tell_reset(connection_, 1 - side_, world().now + world().delay());
  } else {
    send_end();
  }
  inbox_ = ChunkRef();
  inbox_bytes_ = 0;
  if (handler_ != nullptr)
    handler_->on_close(std::move(why));
  else
    abort_why_ = std::move(why);  // told by start()
  output_.release();
}

// ---- receiving

// On the receiver's core, if that still is there. A side that closed in order takes some more bytes
// without reading them; any other that is gone answers with a reset.
void SimulatedStream::arrive(const ConnectionPtr& connection, std::size_t side,
                             std::string_view bytes) {
  Connection::Direction& direction = connection->directions[1 - side];
  direction.on_the_way -= bytes.size();
  SimulatedStream* stream = connection->sides[side];
  if (stream != nullptr && !stream->closed_) return stream->receive(bytes);
  direction.dropped += bytes.size();
  if (connection->lingers[side] && direction.dropped <= kDroppedBytesMax) {
    return open_window(connection, 1 - side);
  }
  SimulatedWorld& world = *connection->world;
  if (!connection->directions[side].dead) {
    tell_reset(connection, 1 - side, world.now + world.delay());
  }
}

void SimulatedStream::receive(std::string_view bytes) {
  tell("receives bytes", bytes.size());
  take_in(bytes);
  stop_reading_perhaps();
  deliver();
}

void SimulatedStream::stop_reading_perhaps() {
  if (stalled_) return;
  if (world().chance(world().options.stuck_chance)) {
    stalled_ = true;
    return tell("never reads again");
  }
  if (!world().chance(world().options.stall_chance)) return;
  stalled_ = true;
  const Duration stall(static_cast<Duration::rep>(
      world().random.below(static_cast<std::uint64_t>(world().options.stall_max.count()) + 1)));
  tell("stops reading, us", static_cast<std::uint64_t>(stall.count()) / 1000);
  later(world().now + stall, connection_, side_, [](SimulatedStream& stream) {
    stream.stalled_ = false;
    stream.deliver();
  });
}

void SimulatedStream::take_in(std::string_view bytes) {
  const std::size_t needed = inbox_bytes_ + bytes.size();
  if (!inbox_ || inbox_->capacity() < needed) {
    ChunkRef larger(inbox_bytes_ == 0 ? needed : needed * 2);
    if (inbox_bytes_ > 0) std::memcpy(larger->data(), inbox_->data(), inbox_bytes_);
    inbox_ = std::move(larger);
  }
  std::memcpy(inbox_->data() + inbox_bytes_, bytes.data(), bytes.size());
  inbox_bytes_ = needed;
}

void SimulatedStream::receive_end() {
  end_arrived_ = true;
  deliver();
}

// Gives the handler everything that it has not consumed.
void SimulatedStream::deliver() {
  if (handler_ == nullptr || handed_over_ || paused_ || stalled_ || closing_ || ended_) return;
  if (inbox_bytes_ > 0) {
    std::size_t consumed = 0;
    {
      const Bytes input(inbox_, {inbox_->data(), inbox_bytes_});
      consumed = handler_->on_read(input).consumed;
    }
    FL_CHECK(consumed <= inbox_bytes_ || closed_);
    if (closed_) return;
    if (consumed > 0) keep_rest(consumed);
    if (handed_over_ || paused_ || closing_) return;
  }
  if (end_arrived_ && !std::exchange(ended_, true)) handler_->on_end();
}

void SimulatedStream::keep_rest(std::size_t consumed) {
  const ChunkRef read = std::move(inbox_);
  inbox_ = ChunkRef();
  const std::size_t left = std::exchange(inbox_bytes_, 0) - consumed;
  if (left > 0) take_in({read->data() + consumed, left});
  open_window(connection_, 1 - side_);
}

void SimulatedStream::open_window(const ConnectionPtr& connection, std::size_t sender) {
  if (connection->directions[1 - sender].dead) return;  // the news would travel that way
  SimulatedWorld& world = *connection->world;
  later(world.now + world.delay(), connection, sender, [](SimulatedStream& stream) {
    if (stream.blocked_) stream.flush();
  });
}

}  // namespace fairlead::io::internal
