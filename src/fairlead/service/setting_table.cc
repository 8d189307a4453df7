#include "fairlead/service/setting_table.h"

#include <algorithm>
#include <array>

#include "fairlead/base/text.h"

namespace fairlead::service {
namespace {

constexpr bool kLive = true;
constexpr bool kAtStart = false;
constexpr bool kSecret = true;

constexpr std::array kSettings = std::to_array<Setting>({
    {"listen"},
    {"listen.0.address"},
    {"listen.0.protocol"},
    {"listen.0.protocols"},
    {"listen.0.tls"},
    {"listen.0.erpc_http"},
    {"protocol"},
    {"tls.certificates.0.certificate_file"},
    {"tls.certificates.0.key_file"},
    {"tls.ca_file"},
    {"tls.client_certificate"},
    {"tls.alpn"},
    {"tls.version_min"},
    {"tls.version_max"},
    {"tls.tickets"},
    {"tls.handshake_timeout", kLive},
    {"clients.NAME.protocol", kLive},
    {"clients.NAME.codec", kLive},
    {"clients.NAME.login_token", kLive, kSecret},
    {"clients.NAME.connections_max", kLive},
    {"clients.NAME.connections_idle", kLive},
    {"clients.NAME.resend.mode", kLive},
    {"clients.NAME.redial", kLive},
    {"clients.NAME.tls.required", kLive},
    {"clients.NAME.tls.ca_file", kLive},
    {"clients.NAME.tls.server_name", kLive},
    {"clients.NAME.tls.verify_server", kLive},
    {"clients.NAME.tls.certificate_file", kLive},
    {"clients.NAME.tls.key_file", kLive},
    {"advertise"},
    {"store"},
    {"admin"},
    {"cores"},
    {"drain", kLive},
    {"notice", kLive},
    {"pid_file"},
    {"upgrade.ready_timeout", kLive},
    {"stuck_after", kLive},
    {"spin"},
    {"log.level", kLive},
    {"log.form"},
    {"limits.frame_bytes_max", kLive},
    {"limits.inflight_calls_max", kLive},
    {"limits.write_queue_bytes_max", kLive},
    {"limits.call_timeout", kLive},
    {"limits.request_time_max", kLive},
    {"limits.login_timeout", kLive},
    {"limits.session_age", kLive},
    {"limits.broadcast_queue_bytes_max", kLive},
    {"limits.undecided_connections_max", kLive},
    {"limits.connections_max", kLive},
    {"limits.ip_connections_max", kLive},
    {"limits.trusted_nets", kLive},
    {"limits.loopback_trusted", kLive},
    {"limits.accepts_per_second_max", kLive},
    {"limits.frame_time_max", kLive},
    {"limits.frame_rate_min", kLive},
    {"limits.slow_reader_after", kLive},
    {"limits.handlers_max", kLive},
    {"limits.memory", kLive},
    {"heartbeat.mode", kLive},
    {"heartbeat.interval", kLive},
    {"heartbeat.timeout", kLive},
    {"heartbeat.miss_max", kLive},
    {"heartbeat.fast_probe", kLive},
    {"heartbeat.interval_min", kLive},
    {"idle.read", kLive},
    {"idle.write", kLive},
    {"idle.both", kLive},
    {"resend.mode", kLive},
    {"resend.messages_max", kLive},
    {"resend.bytes_max", kLive},
    {"resend.process_bytes_max", kLive},
    {"resend.ttl", kLive},
    {"resend.overflow", kLive},
    {"dedup.ids", kLive},
    {"dedup.age", kLive},
    {"dedup.bytes", kLive},
    {"dedup.windows_max", kLive},
    {"dedup.process_bytes_max", kLive},
    {"dial.connect_timeout", kLive},
    {"dial.handshake_timeout", kLive},
    {"dial.first_wait_min", kLive},
    {"dial.first_wait_max", kLive},
    {"dial.multiplier", kLive},
    {"dial.backoff_max", kLive},
    {"dial.stable", kLive},
    {"dial.quarantine_after", kLive},
    {"dial.redial_times", kLive},
    {"dial.goaway_spread", kLive},
    {"dial.dials_max", kLive},
    {"dial.dials_per_second", kLive},
    {"http.origins"},
    {"http.credentials"},
    {"http.websocket"},
    {"http.any_host"},
    {"plugins", kAtStart, kSecret},  // their keys are their own, and some are tokens
    {"secure.keys_file"},
    {"secure.erpc_keys_file"},
    {"secure.required"},
    {"pools.NAME.threads"},
    {"pools.NAME.waiting_jobs_max", kLive},
    {"pools.NAME.queue_target", kLive},
    {"pools.NAME.queue_interval", kLive},
});

// Whether the row speaks of this value, of one inside of it, or of one that it stands in.
bool concerns(std::string_view row, const std::vector<std::string>& steps) {
  const std::vector<std::string_view> words = split(row, '.');
  for (std::size_t i = 0; i < std::min(words.size(), steps.size()); ++i) {
    if (words[i] != "NAME" && words[i] != steps[i]) return false;
  }
  return true;
}

}  // namespace

std::span<const Setting> settings() { return kSettings; }

Setting setting_of(const std::vector<std::string>& steps) {
  Setting out;
  bool all_live = true;
  for (const Setting& row : kSettings) {
    if (!concerns(row.key, steps)) continue;
    out.key = row.key;
    all_live = all_live && row.live;
    out.secret = out.secret || row.secret;
  }
  out.live = all_live && !out.key.empty();
  return out;
}

}  // namespace fairlead::service
