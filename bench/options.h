// Options of the load clients. Their names, and the keys of the line of JSON that a client prints,
// are those that other load clients of this protocol use, so that one runner can drive all of them.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace fairlead::bench {

enum class Body : std::uint8_t {
  kBytes,    // payload_bytes of 'x', for /echo/bytes
  kProfile,  // a struct of five fields (rpc/echo_contract.h), for /echo/profile
};

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string unix_path;  // instead of host and port
  std::string label = "?";
  std::string scenario = "?";
  int sessions = 1;  // connections
  int depth = 1;     // calls outstanding on each
  std::size_t payload_bytes = 512;
  double warm_s = 2;
  double measure_s = 8;
  pid_t server_pid = 0;  // 0: no figures of the server
  std::string protocol = "raw";
  std::string method{};  // empty: that of the body
  Body body = Body::kBytes;
  char codec = 's';
  bool counters = false;    // instructions and system calls; makes times useless
  bool idle = false;        // one call on each connection, then the server's memory
  bool spin = false;        // never sleep while waiting for replies
  std::uint64_t calls = 0;  // exactly so many, without warm-up; 0: as many as the window takes
  // Open loop: so many calls a second start at random moments (schedule.h), whatever the replies
  // do, as long as sessions * depth are not out; 0: closed loop.
  double rate = 0;
  std::uint64_t seed = 1;  // of the schedule
};

// What a client can do beside bytes over TCP in a closed loop.
struct Abilities {
  bool open_loop = false;     // --rate
  bool profiles = false;      // --body profile
  bool unix_sockets = false;  // --unix
};

// Explains and ends the process with 2 when an option is unknown, out of range or beyond what the
// client can do.
Options parse_options(int argc, char** argv, const Abilities& abilities = {});

// The body that a call sends, in the form of the codec. kBytes: 's' as it is, 'j' a JSON string,
// 'p' a protobuf message with one bytes field. kProfile: 'j' and 'p'.
std::string make_body(const Options& options);

}  // namespace fairlead::bench
