// What a program can be told from outside: file < environment < flags, over what the code says.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/config/reader.h"
#include "fairlead/io/tls_context.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/runtime/protection.h"
#include "fairlead/service/http_setting.h"
#include "fairlead/service/network_spec.h"
#include "fairlead/service/plugin_list.h"
#include "fairlead/service/resend_setting.h"
#include "fairlead/service/secure_setting.h"
#include "fairlead/service/session_hub.h"
#include "fairlead/upstream/dial_limits.h"
#include "fairlead/upstream/service.h"

namespace fairlead::service {

// What the configuration says of one pool; what it leaves open the code decides.
struct PoolSpec {
  std::optional<std::uint32_t> threads{};
  std::optional<std::uint32_t> waiting_jobs_max{};
  std::optional<Duration> queue_target{};
  std::optional<Duration> queue_interval{};
};

// Found by config::bind(). Errors: those of config::ObjectReader.
Status read(const config::Value& value, PoolSpec& out);

// The configuration of a program made with App or Runtime. `<name>.yaml` in the working folder is
// read when it is there; --config names another file, which must be there.
struct Spec {
  std::vector<ListenSpec> listen{};  // "tcp://127.0.0.1:9090", "unix:///run/math.sock"
  std::string protocol = "raw";  // of listeners that name none, beside HTTP; of wire::protocols()
  io::TlsOptions tls{};          // of listeners that speak it: "tls://127.0.0.1:9443"
  std::string advertise{};       // what the registry tells others; default: where it listens
  std::string store{};           // "file:/path/store.db"; empty: no registry
  std::string admin{};           // "127.0.0.1:9901"; empty: no admin listener
  std::uint32_t cores = 0;       // threads; 0: one per CPU
  Duration drain = std::chrono::seconds(20);  // time for running calls when it ends
  // Before that: not ready any more, and still accepting, for who looks at readiness now and then.
  Duration notice = Duration::zero();
  std::string pid_file{};  // empty: none
  Duration upgrade_ready_timeout = std::chrono::seconds(30);
  std::string log_level = "info";  // debug, info, warn, error, off
  std::string log_form = "text";   // text, json
  // A core whose turn lasts longer is named in the log; 0: nobody looks. Under 10 ms means 10 ms.
  Duration stuck_after = std::chrono::seconds(1);
  // A loop looks for events so long before it sleeps, while they come that fast; only where CPUs
  // are spare (io::CoreOptions).
  Duration spin = std::chrono::microseconds(50);
  // With what `heartbeat` and `idle` say.
  rpc::PeerOptions limits{
      .hello = true, .heartbeat = rpc::kUsualHeartbeat, .idle = rpc::kUsualIdle};
  // How programs that are called are dialled, and dialled again.
  upstream::DialSettings dial{};
  upstream::DialLimitOptions dial_limits{};
  runtime::ProtectionOptions protection{};
  std::uint32_t handlers_max = 200'000;  // that wait, of the process; each core has its share
  // Connections that have not said yet what they speak, of the process; 0: 80 % of its descriptors.
  std::uint32_t undecided_connections_max = 0;
  // A session for whose peer more bytes wait is skipped by broadcasts.
  std::size_t broadcast_queue_bytes_max = HubOptions().broadcast_queue_bytes_max;
  SecureSpec secure{};
  HttpSpec http{};
  std::vector<PluginSpec> plugins{};  // behind those of the code
  std::map<std::string, PoolSpec> pools{};
  // By the name or the addresses that the code gives; `default` is for all that say less.
  std::map<std::string, ClientOptions, std::less<>> clients{};
  ResendSpec resend{};
  DedupSpec dedup{};
};

// Found by config::bind(). Errors: those of config::ObjectReader.
Status read(const config::Value& value, Spec& out);

class SpecSource;  // spec_source.h

// What the command line asked for.
struct Start {
  Spec spec{};
  bool help = false;
  bool version = false;
  std::shared_ptr<SpecSource> source{};  // of the spec, to be read again; null with help, version
};

// Reads the file, the environment (FAIRLEAD_LISTEN, FAIRLEAD_LOG__LEVEL, ...) and the flags.
// `spec` holds what the code says.
// Errors: kInvalidOperation `flag.unknown`, `flag.no_value`: the command line is wrong;
//         those of config: the file or a value is wrong.
Result<Start> read_start(int argc, const char* const* argv, std::string_view name, Spec spec);

// What --help prints.
std::string help_text(std::string_view name);

}  // namespace fairlead::service
