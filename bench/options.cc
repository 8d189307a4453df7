#include "options.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace fairlead::bench {
namespace {

[[noreturn]] void refuse(std::string_view option, std::string_view why) {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(option.size()), option.data(),
               static_cast<int>(why.size()), why.data());
  std::exit(2);
}

template <class Number>
Number number(std::string_view option, std::string_view text, Number low, Number high) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high) {
    refuse(option, "'" + std::string(text) + "' is no number from " + std::to_string(low) + " to " +
                       std::to_string(high));
  }
  return value;
}

bool set_flag(Options& options, std::string_view option) {
  if (option == "--perf") return options.counters = true;
  if (option == "--idle") return options.idle = true;
  if (option == "--spin") return options.spin = true;
  return false;
}

bool set_text(Options& options, std::string_view option, std::string_view value) {
  std::string* const place = option == "--host"     ? &options.host
                             : option == "--unix"   ? &options.unix_path
                             : option == "--label"  ? &options.label
                             : option == "--scen"   ? &options.scenario
                             : option == "--proto"  ? &options.protocol
                             : option == "--method" ? &options.method
                                                    : nullptr;
  if (place != nullptr) *place = value;
  if (option == "--codec") {
    if (value.size() != 1) refuse(option, "wants one letter: s, j or p");
    options.codec = value[0];
  } else if (option == "--body") {
    if (value != "bytes" && value != "profile") refuse(option, "there are bytes and profile");
    options.body = value == "bytes" ? Body::kBytes : Body::kProfile;
  } else {
    return place != nullptr;
  }
  return true;
}

bool set_number(Options& options, std::string_view option, std::string_view value) {
  if (option == "--port") {
    options.port = number<std::uint16_t>(option, value, 1, 65535);
  } else if (option == "--conns") {
    options.sessions = number(option, value, 1, 100'000);
  } else if (option == "--depth") {
    options.depth = number(option, value, 1, 65'536);
  } else if (option == "--payload") {
    options.payload_bytes = number<std::size_t>(option, value, 1, 4U << 20);
  } else if (option == "--warm") {
    options.warm_s = number(option, value, 0.0, 60.0);
  } else if (option == "--meas") {
    options.measure_s = number(option, value, 0.01, 600.0);
  } else if (option == "--spid") {
    options.server_pid = number<pid_t>(option, value, 0, std::numeric_limits<pid_t>::max());
  } else if (option == "--calls") {
    options.calls = number<std::uint64_t>(option, value, 1, 1'000'000'000);
  } else if (option == "--rate") {
    options.rate = number(option, value, 1.0, 1e8);
  } else if (option == "--seed") {
    options.seed =
        number<std::uint64_t>(option, value, 0, std::numeric_limits<std::uint64_t>::max());
  } else {
    return false;
  }
  return true;
}

}  // namespace

Options parse_options(int argc, char** argv, const Abilities& abilities) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (set_flag(options, option)) continue;
    if (i + 1 == argc) refuse(option, "unknown, or without its value");
    const std::string_view value = argv[++i];
    if (!set_text(options, option, value) && !set_number(options, option, value)) {
      refuse(option,
             "unknown; there are --host --port --unix --label --scen --conns --depth "
             "--payload --warm --meas --calls --spid --proto --method --body --codec "
             "--rate --seed --perf --idle --spin");
    }
  }
  if (options.port == 0 && options.unix_path.empty()) refuse("--port", "is missing");
  if (options.rate > 0 && !abilities.open_loop) refuse("--rate", "this client has no open loop");
  if (options.body == Body::kProfile && !abilities.profiles) {
    refuse("--body", "this client sends bytes only");
  }
  if (!options.unix_path.empty() && !abilities.unix_sockets) {
    refuse("--unix", "this client connects over TCP only");
  }
  if (options.body == Body::kProfile && options.codec != 'j' && options.codec != 'p') {
    refuse("--codec", "a profile travels as j or p");
  }
  if (options.method.empty()) {
    options.method = options.body == Body::kBytes ? "/echo/bytes" : "/echo/profile";
  }
  return options;
}

std::string make_body(const Options& options) {
  if (options.body == Body::kProfile) {
    return options.codec == 'j'
               ? R"({"id":90071992547,"name":"Grace Hopper","mail":"grace@example.org",)"
                 R"("visits":1906,"active":true})"
               : "\x08\xe3\x91\xd6\xc5\xcf\x02"
                 "\x12\x0cGrace Hopper"
                 "\x1a\x11grace@example.org"
                 "\x20\xf2\x0e\x28\x01";
  }
  std::string body(options.payload_bytes, 'x');
  if (options.codec == 'j' && body.size() >= 2) body.front() = body.back() = '"';
  if (options.codec != 'p') return body;
  std::string message(1, '\x0a');  // field 1, with a length
  std::size_t size = body.size();
  for (; size > 127; size >>= 7) message += static_cast<char>(size | 128);
  message += static_cast<char>(size);
  return message + body;
}

}  // namespace fairlead::bench
