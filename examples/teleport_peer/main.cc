// teleport_peer: the check services of a teleport/erpc peer, and a client that exercises them, over
// every protocol, codec and transform. README.md tells how.
#include <cstdio>
#include <string>

#include "client.h"
#include "flags.h"
#include "server.h"

int main(int argc, char** argv) {
  using namespace teleport_peer;  // NOLINT(google-build-using-namespace): all of it is this program

  const fl::Result<Flags> flags = parse_flags(argc, argv);
  if (!flags.ok()) {
    const std::string what(flags.status().message());
    std::fprintf(stderr, "teleport_peer: %s\n%s", what.c_str(), usage().data());
    return 2;
  }
  return flags->role == Role::kServer ? run_server(*flags) : run_client(*flags);
}
