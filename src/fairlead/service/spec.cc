#include "fairlead/service/spec.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "fairlead/admin/server.h"
#include "fairlead/base/text.h"
#include "fairlead/config/document.h"
#include "fairlead/service/spec_source.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

struct Flag {
  std::string_view name;
  std::string_view key;    // of the configuration; empty: a flag of its own
  std::string_view value;  // what stands behind it
  std::string_view help;
};

constexpr std::size_t kHelpColumn = 24;
constexpr std::uint32_t kUnset = ~std::uint32_t{0};  // beyond the limits of what is read
constexpr Duration kNoTime{-1};                      // and so is this

constexpr std::array kFlags = std::to_array<Flag>({
    {"--listen", "listen", "ADDRESS", "where to serve: tcp://127.0.0.1:9090, unix:///run/a.sock"},
    {"--protocol", "protocol", "NAME", "raw, json, pb, thrift-binary or thrift-struct"},
    {"--tls-certificate", "tls.certificates.0.certificate_file", "FILE",
     "PEM; for --listen tls://127.0.0.1:9443"},
    {"--tls-key", "tls.certificates.0.key_file", "FILE", "its key"},
    {"--store", "store", "URL", "registry to use: file:/path/store.db, memory:"},
    {"--advertise", "advertise", "ADDRESS", "where others reach this program"},
    {"--admin", "admin", "ADDRESS", "health, metrics: 127.0.0.1:9901"},
    {"--cores", "cores", "N", "threads, 0 for one per CPU"},
    {"--log-level", "log.level", "LEVEL", "debug, info, warn, error, off"},
    {"--log-form", "log.form", "FORM", "text, json"},
    {"--config", "", "FILE", "read this file instead of the program's own"},
    {"--set", "", "KEY=VALUE", "any other key of the configuration"},
});

Status read_log(const config::Value& value, Spec& out) {
  config::ObjectReader reader(value);
  reader.optional("level", out.log_level);
  reader.optional("form", out.log_form);
  constexpr std::array<std::string_view, 5> kLevels = {"debug", "info", "warn", "error", "off"};
  if (std::ranges::find(kLevels, out.log_level) == kLevels.end()) {
    reader.reject("level", "config.bad_value",
                  "'" + escape_text(out.log_level) +
                      "' is no level; use debug, info, warn, error "
                      "or off");
  }
  if (out.log_form != "text" && out.log_form != "json") {
    reader.reject("form", "config.bad_value",
                  "'" + escape_text(out.log_form) + "' is no form; use text or json");
  }
  return reader.finish();
}

// The problem of a value that breaks a rule of its own, at its place.
void check(config::ObjectReader& reader, std::string_view key, const Status& status) {
  if (!status.ok()) reader.reject(key, "config.bad_value", status.message());
}

Status check_admin(const std::string& text) {
  FL_TRY_ASSIGN(const io::Address address, io::Address::parse(text));
  return admin::check_loopback(address);
}

Status read_upgrade(const config::Value& value, Spec& out) {
  config::ObjectReader reader(value);
  reader.optional("ready_timeout", out.upgrade_ready_timeout, {100ms, 1h});
  return reader.finish();
}

Status read_limits(const config::Value& value, Spec& spec) {
  rpc::PeerOptions& out = spec.limits;
  config::ObjectReader reader(value);
  rpc::Guards& guards = out.guards;
  reader.optional_bytes("frame_bytes_max", out.limits.frame_bytes_max, {64, 1ULL << 30});
  reader.optional("inflight_calls_max", out.inflight_calls_max, {1, 65536});
  reader.optional_bytes("write_queue_bytes_max", out.write_queue_bytes_max,
                        {64 * 1024, 1ULL << 32});
  reader.optional("call_timeout", out.call_timeout, {1ms, 24h});
  reader.optional("request_time_max", out.request_time_max, {0ms, 24h});
  reader.optional("login_timeout", out.login_timeout, {5ms, 10min});
  reader.optional("session_age", out.session_age, {0ms, 8760h});
  reader.optional_bytes("broadcast_queue_bytes_max", spec.broadcast_queue_bytes_max,
                        {0, 1ULL << 32});
  reader.optional("undecided_connections_max", spec.undecided_connections_max, {0, 1'000'000});
  reader.optional("handlers_max", spec.handlers_max, {1, 10'000'000});
  reader.optional("frame_time_max", guards.frame_time_max, {10ms, 1h});
  reader.optional("frame_rate_min", guards.frame_rate_min, {0, 1'000'000});
  reader.optional("slow_reader_after", guards.slow_reader_after, {10ms, 1h});
  runtime::read_protection(reader, spec.protection);
  return reader.finish();
}

Status read_heartbeat(const config::Value& value, rpc::HeartbeatOptions& out) {
  config::ObjectReader reader(value);
  std::string mode;
  reader.optional("mode", mode);
  struct Mode {
    std::string_view word;
    rpc::HeartbeatMode mode;
  };
  using enum rpc::HeartbeatMode;
  constexpr std::array kModes =
      std::to_array<Mode>({{"off", kOff}, {"ping_pong", kPingPong}, {"ping_ping", kPingPing}});
  const auto found = std::ranges::find(kModes, mode, &Mode::word);
  if (found != kModes.end()) {
    out.mode = found->mode;
  } else if (!mode.empty()) {
    reader.reject("mode", "config.bad_value",
                  "'" + escape_text(mode) + "' is no mode; use off, ping_pong or ping_ping");
  }
  reader.optional("interval", out.interval, {3s, 1h});
  reader.optional("timeout", out.timeout, {100ms, 10min});
  reader.optional("miss_max", out.miss_max, {1, 100});
  reader.optional("fast_probe", out.fast_probe, {0ms, 1h});
  reader.optional("interval_min", out.interval_min, {1s, 1h});
  // Each is in its range, so what is left is how the mode and this one go together.
  if (reader.good()) check(reader, "miss_max", out.validate());
  return reader.finish();
}

Status read_idle(const config::Value& value, rpc::IdleOptions& out) {
  config::ObjectReader reader(value);
  reader.optional("read", out.read, {0ms, 24h});
  reader.optional("write", out.write, {0ms, 24h});
  reader.optional("both", out.both, {0ms, 8760h});
  return reader.finish();
}

Status read_dial(const config::Value& value, Spec& spec) {
  config::ObjectReader reader(value);
  upstream::DialSettings& out = spec.dial;
  upstream::RedialOptions& redial = out.redial;
  reader.optional("connect_timeout", out.connect_timeout, {10ms, 10min});
  reader.optional("handshake_timeout", out.handshake_timeout, {10ms, 10min});
  reader.optional("first_wait_min", redial.first_wait_min, {0ms, 10min});
  reader.optional("first_wait_max", redial.first_wait_max, {0ms, 10min});
  reader.optional("multiplier", redial.multiplier, {1, 10});
  reader.optional("backoff_max", redial.backoff_max, {10ms, 24h});
  reader.optional("stable", redial.stable, {0ms, 24h});
  reader.optional("quarantine_after", redial.quarantine_after, {1, 1'000'000});
  reader.optional("redial_times", redial.redial_times, {-1, 1'000'000});
  reader.optional("goaway_spread", redial.goaway_spread, {0ms, 10min});
  constexpr std::uint32_t kDialsMax = upstream::DialLimitOptions::kDialsMax;
  reader.optional("dials_max", spec.dial_limits.dials_max, {1, kDialsMax});
  reader.optional("dials_per_second", spec.dial_limits.dials_per_second, {1, kDialsMax});
  redial.first_wait_max = std::max(redial.first_wait_max, redial.first_wait_min);
  return reader.finish();
}

// One address may stand without a list.
Status read_listen(const config::Value& value, std::vector<ListenSpec>& out) {
  if (value.kind() == config::Value::Kind::kList) return config::read(value, out);
  out.resize(1);
  return read(value, out[0]);
}

Status read_clients(const config::Value& value,
                    std::map<std::string, ClientOptions, std::less<>>& out) {
  if (value.kind() != config::Value::Kind::kMap) return config::wrong_type(value, "a map");
  config::Problems problems;
  for (const auto& member : value.children()) {
    problems.add(read(*member, out[std::string(member->key())]));
  }
  return problems.status();
}

// The command line, as settings in the order in which they came.
struct Arguments {
  std::optional<std::string> config;
  std::vector<SpecSource::Flag> settings;
  bool help = false;
  bool version = false;
};

Status unknown_flag(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Flag& flag : kFlags) names.push_back(flag.name);
  const std::string_view near = nearest_name(name, names);
  return Status(Code::kInvalidOperation, "flag.unknown",
                "unknown option '" + escape_text(name) + "'" +
                    (near.empty() ? "" : "; did you mean '" + std::string(near) + "'?") +
                    " (--help lists them)");
}

Result<Arguments> read_arguments(int argc, const char* const* argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--help" || word == "-h") {
      out.help = true;
      continue;
    }
    if (word == "--version") {
      out.version = true;
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const auto flag = std::ranges::find(kFlags, name, &Flag::name);
    if (flag == kFlags.end()) return unknown_flag(name);
    if (equals == std::string_view::npos && i + 1 >= argc) {
      return Status(Code::kInvalidOperation, "flag.no_value",
                    "option " + std::string(name) + " needs a value (--help explains it)");
    }
    const std::string value(equals == std::string_view::npos ? std::string_view(argv[++i])
                                                             : word.substr(equals + 1));
    if (name == "--config")
      out.config = value;
    else if (name == "--set")
      out.settings.push_back({value, std::string(name)});
    else
      out.settings.push_back({std::string(flag->key) + "=" + value, std::string(flag->name)});
  }
  return out;
}

}  // namespace

Status read(const config::Value& value, Spec& out) {
  config::ObjectReader reader(value);
  config::Problems sections;
  const auto section = [&](std::string_view key, const auto& read_section) {
    if (const config::Value* found = reader.look(key)) sections.add(read_section(*found));
  };
  section("listen", [&](const config::Value& listen) { return read_listen(listen, out.listen); });
  reader.optional("protocol", out.protocol);
  if (const Status known = find_protocol(out.protocol).status(); !known.ok()) {
    reader.reject("protocol", "config.bad_value", known.message());
  }
  reader.optional("advertise", out.advertise);
  if (!out.advertise.empty()) {
    check(reader, "advertise", parse_advertised(out.advertise).status());
  }
  reader.optional("store", out.store);
  reader.optional("admin", out.admin);
  if (!out.admin.empty()) {
    const Status good = check_admin(out.admin);
    if (!good.ok()) reader.reject("admin", good.reason(), good.message());
  }
  reader.optional("cores", out.cores, {0, 256});
  reader.optional("drain", out.drain, {0ms, 1h});
  reader.optional("notice", out.notice, {0ms, 1h});
  reader.optional("pid_file", out.pid_file);
  section("upgrade", [&](const config::Value& upgrade) { return read_upgrade(upgrade, out); });
  reader.optional("stuck_after", out.stuck_after, {0ms, 1h});
  reader.optional("spin", out.spin, {0ms, 1ms});
  section("tls", [&](const config::Value& tls) { return read_server_tls(tls, out.tls); });
  section("log", [&](const config::Value& log) { return read_log(log, out); });
  section("limits", [&](const config::Value& limits) { return read_limits(limits, out); });
  section("heartbeat", [&](const config::Value& heartbeat) {
    return read_heartbeat(heartbeat, out.limits.heartbeat);
  });
  section("idle", [&](const config::Value& idle) { return read_idle(idle, out.limits.idle); });
  section("dial", [&](const config::Value& dial) { return read_dial(dial, out); });
  section("pools", [&](const config::Value& pools) { return config::read(pools, out.pools); });
  section("clients",
          [&](const config::Value& clients) { return read_clients(clients, out.clients); });
  reader.optional("resend", out.resend);
  reader.optional("dedup", out.dedup);
  reader.optional("secure", out.secure);
  reader.optional("http", out.http);
  reader.optional("plugins", out.plugins);
  config::Problems problems;
  problems.add(reader.finish());
  problems.add(sections.status());
  return problems.status();
}

Status read(const config::Value& value, PoolSpec& out) {
  config::ObjectReader reader(value);
  std::uint32_t threads = 0;
  std::uint32_t waiting = kUnset;
  reader.optional("threads", threads, {1, 256});
  reader.optional("waiting_jobs_max", waiting, {0, 1'000'000});
  Duration target = kNoTime;
  Duration interval = kNoTime;
  reader.optional("queue_target", target, {0ms, 1h});
  reader.optional("queue_interval", interval, {1ms, 1h});
  if (threads != 0) out.threads = threads;
  if (waiting != kUnset) out.waiting_jobs_max = waiting;
  if (target != kNoTime) out.queue_target = target;
  if (interval != kNoTime) out.queue_interval = interval;
  return reader.finish();
}

Result<Start> read_start(int argc, const char* const* argv, std::string_view name, Spec spec) {
  FL_TRY_ASSIGN(Arguments arguments, read_arguments(argc, argv));
  Start start{.spec = std::move(spec), .help = arguments.help, .version = arguments.version};
  if (start.help || start.version) return start;
  FL_TRY_ASSIGN(SpecSource source,
                SpecSource::read({.program = std::string(name),
                                  .file = arguments.config.value_or(std::string(name) + ".yaml"),
                                  .file_needed = arguments.config.has_value(),
                                  .environment = config::system_environment(),
                                  .flags = std::move(arguments.settings)},
                                 std::move(start.spec)));
  start.spec = source.spec();
  start.source = std::make_shared<SpecSource>(std::move(source));
  return start;
}

std::string help_text(std::string_view name) {
  std::string text = "usage: " + std::string(name) + " [options]\n\noptions:\n";
  const auto add = [&text](std::string left, std::string_view right) {
    left.resize(std::max(kHelpColumn, left.size() + 1), ' ');
    text += "  " + left + std::string(right) + "\n";
  };
  for (const Flag& flag : kFlags) {
    const bool file = flag.name == "--config";
    add(std::string(flag.name) + " " + std::string(flag.value),
        file ? "read this file instead of " + std::string(name) + ".yaml" : std::string(flag.help));
  }
  add("--version", "which release of fairlead this program is built on");
  add("--help", "this text");
  return text + "\nConfiguration: " + std::string(name) +
         ".yaml in the working folder, then the environment (FAIRLEAD_LISTEN,\n"
         "FAIRLEAD_LOG__LEVEL, ...), then options; the later one wins.\n"
         "Exit codes: 0 after draining on INT or TERM, 1 what went wrong, 2 wrong options,\n"
         "130 or 143 ended by a second INT or TERM.\n\n"
         "example:\n  " +
         std::string(name) + " --listen tcp://127.0.0.1:9090 --store file:/tmp/store.db\n";
}

}  // namespace fairlead::service
