// A peer to compare with: Cap'n Proto's two-party RPC on its own event loop, one thread.
//
//   capnp_echo_server PORT
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include <cstdio>
#include <cstdlib>

#include "echo.capnp.h"

namespace {

class EchoLogic final : public Echo::Server {
 public:
  kj::Promise<void> call(CallContext context) override {
    const capnp::Data::Reader data = context.getParams().getData();
    // The size is a hint: the reply then is one segment.
    const capnp::MessageSize size{data.size() / sizeof(capnp::word) + 8, 0};
    context.getResults(size).setData(data);
    return kj::READY_NOW;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const long port = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (port < 1 || port > 65535) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  kj::AsyncIoContext io = kj::setupAsyncIo();
  kj::Own<kj::NetworkAddress> address = io.provider->getNetwork()
                                            .parseAddress("127.0.0.1", static_cast<unsigned>(port))
                                            .wait(io.waitScope);
  kj::Own<kj::ConnectionReceiver> listener = address->listen();
  capnp::TwoPartyServer server(kj::heap<EchoLogic>());
  server.listen(*listener).wait(io.waitScope);
}
