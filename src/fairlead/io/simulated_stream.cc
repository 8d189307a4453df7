#include <algorithm>
#include <utility>

#include "fairlead/io/simulated_world.h"

namespace fairlead::io::internal {

SimulatedStream::SimulatedStream(SimulatedCore& core, std::shared_ptr<Connection> connection,
                                 std::size_t side)
    : Stream(core), connection_(std::move(connection)), side_(side) {
  connection_->sides[side_] = this;
  core.add_load(1);
  ++core.world().streams;
}

SimulatedStream::~SimulatedStream() {
  if (!closed_) send_end();
  connection_->sides[side_] = nullptr;
  core().add_load(-1);
  --world().streams;
}

void SimulatedStream::later(SimulatedWorld& world, Time when,
                            const std::shared_ptr<Connection>& connection, std::size_t side,
                            std::function<void(SimulatedStream&)> action) {
  SimulatedStream* now_there = connection->sides[side];
  if (now_there == nullptr) return;
  world.at(when, now_there->core(), [connection, side, action = std::move(action)] {
    SimulatedStream* there = connection->sides[side];
    if (there != nullptr && !there->closed_) action(*there);
  });
}

void SimulatedStream::start(StreamHandler& handler) {
  FL_CHECK(handler_ == nullptr);
  handler_ = &handler;
  if (closed_) {  // broken on the way here
    world().at(world().now, core(), [connection = connection_, side = side_] {
      SimulatedStream* there = connection->sides[side];
      if (there != nullptr) there->handler_->on_close(std::move(there->abort_why_));
    });
    return;
  }
  const auto first_look = [](SimulatedStream& stream) { stream.deliver(); };
  if (!inbox_.empty() || end_arrived_) later(world(), world().now, connection_, side_, first_look);
}

void SimulatedStream::resume() {
  if (!std::exchange(paused_, false)) return;
  later(world(), world().now, connection_, side_,
        [](SimulatedStream& stream) { stream.deliver(); });
}

// ---- sending
// -------------------------------------------------------------------------------------

void SimulatedStream::flush() {
  if (closed_) return;
  if (aborting_) return finish(std::exchange(abort_why_, Status()));
  while (!output_.empty()) {
    const std::size_t unread = other() == nullptr ? 0 : other()->inbox_.size();
    const std::size_t used = away().on_the_way + unread;
    if (used >= world().options.window_bytes) {
      blocked_ = true;
      return;
    }
    const std::size_t room = std::min(world().options.window_bytes - used, output_.size());
    const std::size_t bytes =
        std::min<std::size_t>(room, 1 + world().random.below(world().options.segment_bytes_max));
    if (world().chance(world().options.reset_chance)) return break_connection();
    if (world().chance(world().options.half_open_chance)) {
      world().tell("half open", connection_->number, side_);
      away().dead = true;
    }
    send_segment(bytes);
  }
  output_.release();
  if (closing_) return finish(Status());
  if (!std::exchange(blocked_, false)) return;
  handler_->on_sent();
}

void SimulatedStream::send_segment(std::size_t bytes) {
  std::string data(bytes, '\0');
  output_.copy_front(data.data(), bytes);
  output_.consume(bytes);
  if (away().dead) return;  // taken by the system, seen by nobody
  away().on_the_way += bytes;
  away().last_arrival = std::max(away().last_arrival, world().now + world().delay());
  const std::size_t there = 1 - side_;
  Connection::Direction* direction = &away();
  world().tell("send", connection_->number * 2 + side_, bytes);
  later(world(), away().last_arrival, connection_, there,
        [direction, data = std::move(data)](SimulatedStream& stream) {
          direction->on_the_way -= data.size();
          stream.arrive(data);
        });
}

void SimulatedStream::send_end() {
  if (away().dead || connection_->broken) return;
  away().last_arrival = std::max(away().last_arrival, world().now + world().delay());
  world().tell("end", connection_->number * 2 + side_, 0);
  later(world(), away().last_arrival, connection_, 1 - side_,
        [](SimulatedStream& stream) { stream.arrive_end(); });
}

// Both sides hear of it, each in its own time; what is on the way is lost.
void SimulatedStream::break_connection() {
  if (std::exchange(connection_->broken, true)) return;
  world().tell("reset", connection_->number, side_);
  for (Connection::Direction& direction : connection_->directions) direction.dead = true;
  for (std::size_t side = 0; side < 2; ++side) {
    later(world(), world().now + world().delay(), connection_, side, [](SimulatedStream& stream) {
      stream.finish(Status(Code::kConnectionClosed, "connection.reset", "reset by the simulation"));
    });
  }
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

void SimulatedStream::finish(Status why) {
  closed_ = true;
  send_end();
  inbox_.clear();
  if (handler_ != nullptr)
    handler_->on_close(std::move(why));
  else
    abort_why_ = std::move(why);  // told by start()
  output_.release();
}

// ---- receiving
// -----------------------------------------------------------------------------------

void SimulatedStream::arrive(std::string bytes) {
  if (connection_->broken) return;
  inbox_ += bytes;
  if (!stalled_ && world().chance(world().options.stall_chance)) {
    stalled_ = true;
    const Duration stall(static_cast<Duration::rep>(
        world().random.below(static_cast<std::uint64_t>(world().options.stall_max.count()) + 1)));
    world().tell("stall", connection_->number * 2 + side_,
                 static_cast<std::uint64_t>(stall.count()));
    later(world(), world().now + stall, connection_, side_, [](SimulatedStream& stream) {
      stream.stalled_ = false;
      stream.deliver();
    });
  }
  deliver();
}

void SimulatedStream::arrive_end() {
  end_arrived_ = true;
  deliver();
}

// Gives the handler everything that it has not consumed. Each time in a chunk of its own, so that
// a view that is kept too long is found.
void SimulatedStream::deliver() {
  if (handler_ == nullptr || paused_ || stalled_ || closing_ || ended_) return;
  if (!inbox_.empty()) {
    ChunkRef chunk(inbox_.size());
    std::copy(inbox_.begin(), inbox_.end(), chunk->data());
    const Bytes input(chunk, {chunk->data(), inbox_.size()});
    const ReadResult result = handler_->on_read(input);
    FL_CHECK(result.consumed <= inbox_.size());
    if (closed_) return;
    inbox_.erase(0, result.consumed);
    if (result.consumed > 0) open_window();
    if (paused_ || closing_) return;
  }
  if (end_arrived_ && !std::exchange(ended_, true)) handler_->on_end();
}

// Tells the sender that there is room again.
void SimulatedStream::open_window() {
  if (connection_->directions[side_].dead) return;  // the news would travel our way
  later(world(), world().now + world().delay(), connection_, 1 - side_,
        [](SimulatedStream& stream) {
          if (stream.blocked_) stream.flush();
        });
}

}  // namespace fairlead::io::internal
