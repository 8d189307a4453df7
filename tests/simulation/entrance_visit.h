// One connection to an Entrance: what it says and in which pieces, how it ends, and what became of
// it at the other side.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "fairlead/async/task.h"
#include "fairlead/io/simulation.h"
#include "fairlead/io/tls_context.h"
#include "fairlead/rpc/entrance.h"

namespace fairlead::simulation {

// What is said. The door behind which it belongs is known without the code under test.
enum class Speech : std::uint8_t {
  kFrame,       // a frame of raw, json or pb
  kHeader,      // Thrift in THeader
  kBareThrift,  // Thrift without a header
  kRequest,     // of HTTP
  kEmptyLine,   // the same behind an empty line
  kErpc,        // a request of erpc's form
  kGreeting,    // of SSH
  kNoise,       // nobody's
  kNothing,
};
inline constexpr std::uint64_t kSpeeches = 9;

struct Visit {
  Speech speech = Speech::kNothing;
  bool tls = false;

  std::string written;      // by the client, in order
  bool complete = false;    // the client wrote all of it
  bool broken_off = false;  // and the last of it may not have been sent
  // At the server.
  Time accepted_at = Time::max();  // max: never
  Time reached_at{};
  int doors = 0;
  std::string door{};
  std::string received{};
  bool ended = false;  // the door heard the end of the client's bytes
};

std::string_view words_of(Speech speech);
// The door of `speech` under these options: "raw", "thrift-binary", "http" (erpc's form), "server";
// empty: it is closed.
std::string door_of(Speech speech, bool tls, const rpc::EntranceOptions& options);

// Connects, says its words in pieces, and ends in one way or another. `visit` is added to `known`
// under its own address when there is a connection. Lives as long as the run.
Task<void> make_visit(io::Simulation* network, io::Core* core, io::Address to,
                      std::shared_ptr<const io::TlsContext> tls, Visit* visit,
                      std::function<void(const io::Address& from)> connected);

}  // namespace fairlead::simulation
