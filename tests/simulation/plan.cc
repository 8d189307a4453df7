#include "plan.h"

#include <algorithm>
#include <chrono>

namespace fairlead::simulation {
namespace {

using namespace std::chrono_literals;

bool one_in(Random& random, std::uint64_t count) { return random.below(count) == 0; }

// Each kind of trouble in some of the seeds, so that each is seen alone and with others.
io::NetworkOptions draw_network(Random& random) {
  io::NetworkOptions network;
  network.delay_max = std::chrono::microseconds(100 + random.below(5000));
  network.segment_bytes_max = 1 + random.below(std::uint64_t{16} << random.below(11));
  network.window_bytes = 1000 + random.below(100'000);
  if (one_in(random, 4)) network.bytes_per_second = 20'000 + random.below(3'000'000);
  if (one_in(random, 2)) network.reset_chance = 0.002 * random.unit();
  if (one_in(random, 3)) network.lost_chance = 0.002 * random.unit();
  if (one_in(random, 3)) network.half_open_chance = 0.001 * random.unit();
  if (one_in(random, 2)) network.stall_chance = 0.02 * random.unit();
  if (one_in(random, 4)) network.stuck_chance = 0.01 * random.unit();
  if (one_in(random, 3)) network.refuse_chance = 0.2 * random.unit();
  if (one_in(random, 4)) network.unanswered_chance = 0.2 * random.unit();
  return network;
}

// So short that they meet what else happens in a life, and links that are slow are given up.
void draw_liveness(Random& random, rpc::PeerOptions& limits) {
  if (one_in(random, 2)) {
    limits.heartbeat = {
        .mode = one_in(random, 4) ? rpc::HeartbeatMode::kPingPing : rpc::HeartbeatMode::kPingPong,
        .interval = std::chrono::milliseconds(20 + random.below(200)),
        .timeout = std::chrono::milliseconds(10 + random.below(100)),
        .miss_max = 1 + static_cast<std::uint32_t>(random.below(3)),
        .fast_probe = std::chrono::milliseconds(random.below(30)),
        .interval_min = 1ms};
    std::uint32_t& miss_max = limits.heartbeat.miss_max;
    if (limits.heartbeat.mode == rpc::HeartbeatMode::kPingPing) miss_max = std::max(miss_max, 2U);
  }
  if (one_in(random, 4)) limits.idle.both = std::chrono::milliseconds(50 + random.below(300));
}

}  // namespace

Plan draw_plan(Random& random) {
  Plan plan;
  plan.network = draw_network(random);
  plan.limits.limits.frame_bytes_max = 512 * 1024;
  plan.limits.write_queue_bytes_max = (64 + random.below(400)) * 1024;
  plan.limits.inflight_calls_max = one_in(random, 4) ? 4 : 1000;
  plan.listen_at = one_in(random, 3) ? io::Address::parse("unix:/run/simulated.sock").value()
                                     : io::Address::loopback(0);
  const bool crowd = one_in(random, 10);  // many sessions that do little
  plan.sessions_per_client = crowd ? 60 : 1 + static_cast<int>(random.below(4));
  plan.lives_max = crowd ? 1 : 3;
  plan.actions_per_life = crowd ? 4 : 25;
  // A body travels in at most some hundred pieces: seeds with tiny ones would take seconds.
  plan.body_bytes_max = std::min<std::size_t>(3000, 60 * plan.network.segment_bytes_max);
  plan.large_bytes_max = std::min<std::size_t>(250'000, 300 * plan.network.segment_bytes_max);
  plan.limits.hello = one_in(random, 2);
  if (one_in(random, 4))
    plan.limits.session_age = std::chrono::milliseconds(20 + random.below(300));
  draw_liveness(random, plan.limits);
  return plan;
}

}  // namespace fairlead::simulation
