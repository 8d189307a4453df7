#include "fairlead/service/spec.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <tuple>

#include <gtest/gtest.h>

#include "fairlead/service/pool.h"
#include "fairlead/service/setting_table.h"

namespace fairlead::service {
namespace {

Result<Start> start(std::vector<const char*> words, Spec spec = {}) {
  words.insert(words.begin(), "program");
  return read_start(static_cast<int>(words.size()), words.data(), "no_such_program",
                    std::move(spec));
}

struct TemporaryFile {
  explicit TemporaryFile(std::string_view text)
      : path(std::filesystem::temp_directory_path() / ("fl_spec_" + std::to_string(getpid()))) {
    std::ofstream(path) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

TEST(Spec, TakesFlagsOverEnvironmentOverFile) {
  const TemporaryFile file(
      "listen: tcp://127.0.0.1:1\nstore: 'memory:'\ncores: 3\ndrain: 2s\n"
      "notice: 1s\npid_file: math.pid\nupgrade: {ready_timeout: 9s}\n"
      "log: {level: warn}\nlimits: {call_timeout: 250ms}\n"
      "pools: {db: {threads: 2, waiting_jobs_max: 0}, disk: {queue_target: 9ms}}\n");
  setenv("FAIRLEAD_CORES", "4", 1);
  setenv("FAIRLEAD_STORE", "memory:env", 1);
  auto read = start({"--config", file.path.c_str(), "--store=memory:flag", "--set",
                     "limits.inflight_calls_max=7", "--set", "pools.db.threads=8"});
  unsetenv("FAIRLEAD_CORES");
  unsetenv("FAIRLEAD_STORE");

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->spec.listen, std::vector<ListenSpec>{"tcp://127.0.0.1:1"});
  EXPECT_EQ(read->spec.cores, 4U);
  EXPECT_EQ(read->spec.store, "memory:flag");
  EXPECT_EQ(read->spec.drain, std::chrono::seconds(2));
  EXPECT_EQ(read->spec.notice, std::chrono::seconds(1));
  EXPECT_EQ(read->spec.pid_file, "math.pid");
  EXPECT_EQ(read->spec.upgrade_ready_timeout, std::chrono::seconds(9));
  EXPECT_EQ(read->spec.pools["db"].threads, 8U);
  EXPECT_EQ(read->spec.pools["db"].waiting_jobs_max, 0U);
  EXPECT_FALSE(read->spec.pools["disk"].threads.has_value());
  EXPECT_EQ(read->spec.pools["disk"].queue_target, std::chrono::milliseconds(9));
  EXPECT_FALSE(read->spec.pools["disk"].queue_interval.has_value());
  EXPECT_EQ(read->spec.log_level, "warn");
  EXPECT_EQ(read->spec.limits.call_timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(read->spec.limits.inflight_calls_max, 7U);
}

TEST(Spec, TakesOneAddressInThePlaceOfTheFilesList) {
  const TemporaryFile file("listen: ['tcp://127.0.0.1:1', 'unix:///run/a.sock']\n");

  const auto read = start({"--config", file.path.c_str(), "--listen", "tcp://127.0.0.1:2"});

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->spec.listen, std::vector<ListenSpec>{"tcp://127.0.0.1:2"});
}

TEST(Spec, KeepsWhatTheCodeSaysWhenNobodyElseSpeaks) {
  Spec spec;
  spec.cores = 2;
  EXPECT_EQ(start({}, spec)->spec.cores, 2U);
  EXPECT_TRUE(start({"--help"})->help);
  EXPECT_TRUE(start({"--version"})->version);
}

TEST(Spec, RefusesMistakesOfTheCommandLine) {
  const Status unknown = start({"--lisen", "x"}).status();
  EXPECT_EQ(unknown.reason(), "flag.unknown");
  EXPECT_NE(unknown.message().find("did you mean '--listen'"), std::string_view::npos);
  EXPECT_EQ(start({"serve"}).status().reason(), "flag.unknown");
  EXPECT_EQ(start({"--store"}).status().reason(), "flag.no_value");
  EXPECT_EQ(start({"--cores", "many"}).status().reason(), "config.wrong_type");
  EXPECT_EQ(start({"--cores", "1000"}).status().reason(), "config.out_of_range");
  EXPECT_EQ(start({"--config", "/no/such/file.yaml"}).status().reason(), "config.missing_file");
}

TEST(Spec, NamesUnknownKeysWithTheirPlaceAndTheNearestOne) {
  const TemporaryFile file("store: 'memory:'\nlisten: []\ncorse: 3\nlog:\n  levle: info\n");
  const Status status = start({"--config", file.path.c_str()}).status();
  EXPECT_EQ(status.reason(), "config.unknown_key");
  EXPECT_NE(status.message().find(":3:"), std::string_view::npos) << status;
  EXPECT_NE(status.message().find("did you mean 'cores'"), std::string_view::npos) << status;
  EXPECT_NE(status.message().find("did you mean 'level'"), std::string_view::npos) << status;
}

TEST(Spec, RefusesWordsThatAreNoLevelOrForm) {
  EXPECT_EQ(start({"--log-level", "loud"}).status().reason(), "config.bad_value");
  EXPECT_EQ(start({"--log-form", "xml"}).status().reason(), "config.bad_value");
}

TEST(Spec, ReadsHeartbeatsAndRefusesAnotherMode) {
  const rpc::PeerOptions limits = start({"--set", "heartbeat.mode=ping_ping", "--set",
                                         "heartbeat.interval=20s", "--set", "idle.both=0"})
                                      .value()
                                      .spec.limits;
  EXPECT_EQ(limits.heartbeat.mode, rpc::HeartbeatMode::kPingPing);
  EXPECT_EQ(limits.heartbeat.interval, std::chrono::seconds(20));
  EXPECT_EQ(limits.idle.both, Duration::zero());
  EXPECT_EQ(limits.idle.read, rpc::kUsualIdle.read) << "what nobody says stays";
  EXPECT_EQ(start({"--set", "heartbeat.mode=loud"}).status().reason(), "config.bad_value");
}

TEST(Spec, ReadsHowLostLinksAreDialledAgain) {
  const Spec spec = start({"--set", "dial.first_wait_min=3s", "--set", "dial.redial_times=5",
                           "--set", "dial.dials_max=7", "--set", "clients.default.redial=false"})
                        .value()
                        .spec;
  EXPECT_EQ(spec.dial.redial.first_wait_min, std::chrono::seconds(3));
  EXPECT_EQ(spec.dial.redial.first_wait_max, std::chrono::seconds(3)) << "at least that";
  EXPECT_EQ(spec.dial.redial.redial_times, 5);
  EXPECT_EQ(spec.dial_limits.dials_max, 7U);
  EXPECT_EQ(spec.clients.at("default").redial, false);
  EXPECT_TRUE(spec.dial.validate().ok());
}

TEST(Spec, RefusesAddressesThatNoStartTakes) {
  EXPECT_TRUE(start({"--admin", "127.0.0.1:0", "--advertise", "tls://10.0.0.1:9090"}).ok());
  const Status outside = start({"--admin", "0.0.0.0:0"}).status();
  EXPECT_EQ(outside.reason(), "admin.not_loopback");
  EXPECT_TRUE(outside.message().starts_with("flag --admin: key 'admin' 0.0.0.0:0 can be reached"))
      << outside;
  EXPECT_EQ(start({"--admin", "nowhere"}).status().reason(), "address.bad");
  for (const char* told : {"nowhere", "ws://127.0.0.1:9090/rpc"}) {
    const Status status = start({"--advertise", told}).status();
    EXPECT_EQ(status.reason(), "config.bad_value") << told;
    EXPECT_TRUE(status.message().starts_with("flag --advertise: key 'advertise'")) << status;
  }
}

TEST(Spec, RefusesHeartbeatsThatWouldCloseLinksToPeersThatAreWell) {
  EXPECT_TRUE(start({"--set", "heartbeat.miss_max=1"}).ok());
  const TemporaryFile file("heartbeat:\n  mode: ping_ping\n  miss_max: 1\n");
  const Status status = start({"--config", file.path.c_str()}).status();
  EXPECT_EQ(status.reason(), "config.bad_value");
  EXPECT_NE(status.message().find(":3:13: key 'heartbeat.miss_max'"), std::string_view::npos)
      << status;
}

TEST(Spec, TellsTheRangeOfTheKeyForEveryNumber) {
  EXPECT_TRUE(start({"--set", "limits.accepts_per_second_max=-1"})
                  .status()
                  .message()
                  .ends_with("give a value from 0 to 1000000"));
}

TEST(Spec, TeachesEveryFlag) {
  const std::string help = help_text("math");
  for (const char* flag : {"--listen", "--protocol", "--tls-certificate", "--store", "--admin",
                           "--config", "--set", "--help"}) {
    EXPECT_NE(help.find(flag), std::string::npos) << flag;
  }
}

// ---- docs/reference/service.md

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// One line of the page's table of keys.
struct KeyRow {
  std::string key, value, low, high;
  bool live = false;
};

std::string trimmed(std::string_view cell) {
  const std::size_t from = cell.find_first_not_of(" `");
  if (from == std::string_view::npos) return {};
  return std::string(cell.substr(from, cell.find_last_not_of(" `") - from + 1));
}

std::vector<KeyRow> rows_of_the_page() {
  std::istringstream page(read_file(FL_SOURCE_DIR "/docs/reference/service.md"));
  std::vector<KeyRow> rows;
  for (std::string line; std::getline(page, line) && line != "## Environment";) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::istringstream parts(line);
    for (std::string cell; std::getline(parts, cell, '|');) cells.push_back(trimmed(cell));
    cells.resize(6);
    constexpr std::string_view kLiveMark = "` ↻";
    const bool live = cells[1].ends_with(kLiveMark);
    if (live) cells[1].resize(cells[1].size() - kLiveMark.size());
    rows.push_back({cells[1], cells[3], cells[4], cells[5], live});
  }
  return rows;
}

Result<Start> with_setting(const std::string& key, const std::string& value) {
  return start({"--set", (key + "=" + value).c_str()});
}

TEST(ServiceReference, NamesEveryKeyThatIsReadAndNoOther) {
  std::set<std::string> page;
  for (const KeyRow& row : rows_of_the_page()) {
    page.insert(row.key.substr(row.key.rfind('.') + 1));
    EXPECT_NE(with_setting(row.key, "x").status().reason(), "config.unknown_key") << row.key;
  }

  std::set<std::string> code = {};
  const std::string source = read_file(FL_SOURCE_DIR "/src/fairlead/service/spec.cc") +
                             read_file(FL_SOURCE_DIR "/src/fairlead/service/secure_setting.cc") +
                             read_file(FL_SOURCE_DIR "/src/fairlead/service/http_setting.cc") +
                             read_file(FL_SOURCE_DIR "/src/fairlead/runtime/protection.h") +
                             read_file(FL_SOURCE_DIR "/src/fairlead/service/resend_setting.cc") +
                             read_file(FL_SOURCE_DIR "/src/fairlead/service/network_spec.cc");
  const std::regex reads(R"re((?:(?:optional(?:_bytes)?|required|look|section|list)\(|)re"
                         R"re(read_(?:word|choice)\(reader, )"(\w+)")re");
  for (std::sregex_iterator i(source.begin(), source.end(), reads), end; i != end; ++i) {
    code.insert((*i)[1]);
  }
  for (const char* section :
       {"log", "limits", "heartbeat", "idle", "pools", "clients", "certificates", "secure", "http",
        "upgrade", "dial", "resend", "dedup"}) {
    code.erase(section);  // holds further keys
  }
  EXPECT_EQ(page, code);
}

TEST(ServiceReference, MarksTheKeysThatAreLiveAndHasTheTablesOthers) {
  std::vector<std::string> page;
  for (const KeyRow& row : rows_of_the_page()) page.push_back(row.key + (row.live ? " live" : ""));
  std::vector<std::string> table;
  for (const Setting& setting : settings()) {
    table.push_back(std::string(setting.key) + (setting.live ? " live" : ""));
  }
  EXPECT_EQ(page, table);
}

TEST(ServiceReference, GivesTheLimitsThatAreChecked) {
  const auto changed = [](const std::string& limit, int by) {  // in the same unit
    const std::size_t unit = std::min(limit.find_first_not_of("0123456789"), limit.size());
    return std::to_string(std::stoll(limit.substr(0, unit)) + by) + limit.substr(unit);
  };
  const auto below = [&](const std::string& low) { return changed(low, -1); };
  const auto above = [&](const std::string& high) { return changed(high, 1); };
  for (const KeyRow& row : rows_of_the_page()) {
    if (row.low.empty()) continue;
    EXPECT_TRUE(with_setting(row.key, row.low).ok()) << row.key;
    EXPECT_TRUE(with_setting(row.key, row.high).ok()) << row.key;
    EXPECT_EQ(with_setting(row.key, above(row.high)).status().reason(), "config.out_of_range")
        << row.key;
    if (row.low == "0") continue;
    EXPECT_EQ(with_setting(row.key, below(row.low)).status().reason(), "config.out_of_range")
        << row.key;
  }
}

auto dial_of(const Spec& spec) {
  const upstream::RedialOptions& redial = spec.dial.redial;
  return std::tuple(spec.dial.connect_timeout, spec.dial.handshake_timeout, redial.first_wait_min,
                    redial.first_wait_max, redial.multiplier, redial.backoff_max, redial.stable,
                    redial.quarantine_after, redial.redial_times, redial.goaway_spread,
                    spec.dial_limits.dials_max, spec.dial_limits.dials_per_second);
}

TEST(ServiceReference, GivesTheDefaults) {
  const Spec defaults;
  for (const KeyRow& row : rows_of_the_page()) {
    if (row.low.empty() && !row.key.starts_with("log.")) continue;
    const Result<Start> read = with_setting(row.key, row.value);
    ASSERT_TRUE(read.ok()) << row.key << ": " << read.status();
    const Spec& spec = read->spec;
    EXPECT_EQ(spec.cores, defaults.cores);
    EXPECT_EQ(spec.drain, defaults.drain);
    EXPECT_EQ(spec.stuck_after, defaults.stuck_after);
    EXPECT_EQ(spec.spin, defaults.spin);
    for (const auto& [name, pool] : spec.pools) {
      EXPECT_EQ(pool.threads.value_or(PoolOptions{}.threads), PoolOptions{}.threads);
      EXPECT_EQ(pool.waiting_jobs_max.value_or(PoolOptions{}.waiting_jobs_max),
                PoolOptions{}.waiting_jobs_max);
      EXPECT_EQ(pool.queue_target.value_or(PoolOptions{}.queue_target), PoolOptions{}.queue_target);
      EXPECT_EQ(pool.queue_interval.value_or(PoolOptions{}.queue_interval),
                PoolOptions{}.queue_interval);
    }
    EXPECT_EQ(spec.tls.handshake_timeout, defaults.tls.handshake_timeout);
    EXPECT_EQ(spec.log_level, defaults.log_level);
    EXPECT_EQ(spec.log_form, defaults.log_form);
    EXPECT_EQ(spec.limits.limits.frame_bytes_max, defaults.limits.limits.frame_bytes_max);
    EXPECT_EQ(spec.limits.inflight_calls_max, defaults.limits.inflight_calls_max);
    EXPECT_EQ(spec.limits.write_queue_bytes_max, defaults.limits.write_queue_bytes_max);
    EXPECT_EQ(spec.limits.call_timeout, defaults.limits.call_timeout);
    EXPECT_EQ(spec.limits.login_timeout, defaults.limits.login_timeout);
    EXPECT_EQ(spec.limits.heartbeat, defaults.limits.heartbeat) << row.key;
    EXPECT_EQ(spec.limits.idle, defaults.limits.idle) << row.key;
    EXPECT_EQ(dial_of(spec), dial_of(defaults)) << row.key;
  }
}

TEST(ServiceReference, ShowsTheHelp) {
  const std::string page = read_file(FL_SOURCE_DIR "/docs/reference/service.md");
  EXPECT_NE(page.find(help_text("math")), std::string::npos) << help_text("math");
}

}  // namespace
}  // namespace fairlead::service
