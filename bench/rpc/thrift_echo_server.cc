// A peer to compare with: Apache Thrift's event-driven server, which handles calls on the thread
// that reads them, as is fastest on one CPU. Framed transport, binary protocol.
//
//   thrift_echo_server PORT
#include <thrift/Thrift.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/server/TNonblockingServer.h>
#include <thrift/transport/TNonblockingServerSocket.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>

#include "Echo.h"

namespace {

namespace thrift = apache::thrift;
namespace echo = fairlead::bench::thrift_echo;

class EchoLogic final : public echo::EchoIf {
 public:
  void call(std::string& reply, const std::string& data) override { reply = data; }
};

// The server tells of each connection that its peer closes.
void say_nothing(const char*) {}

void serve(int port) {
  thrift::GlobalOutput.setOutputFunction(say_nothing);
  const auto socket =
      std::make_shared<thrift::transport::TNonblockingServerSocket>("127.0.0.1", port);
  thrift::server::TNonblockingServer server(
      std::make_shared<echo::EchoProcessor>(std::make_shared<EchoLogic>()),
      std::make_shared<thrift::protocol::TBinaryProtocolFactory>(), socket);
  server.setNumIOThreads(1);
  server.serve();
}

}  // namespace

int main(int argc, char** argv) {
  const long port = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (port < 1 || port > 65535) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  try {
    serve(static_cast<int>(port));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cannot serve on port %ld: %s\n", port, error.what());
    return 1;
  }
  return 0;
}
