// Load client for Cap'n Proto: one connection for each of --conns, --depth calls outstanding on
// each, in a closed loop on one thread. Options: ../options.h.
#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <memory>
#include <string>
#include <vector>

#include "echo.capnp.h"
#include "measure.h"

namespace {

using fairlead::bench::Measurement;
using fairlead::bench::now_ns;

class Connection {
 public:
  explicit Connection(kj::Own<kj::AsyncIoStream> stream)
      : stream_(kj::mv(stream)), client_(*stream_), echo_(client_.bootstrap().castAs<Echo>()) {
    const int on = 1;
    stream_->setsockopt(IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  Echo::Client& echo() { return echo_; }

 private:
  kj::Own<kj::AsyncIoStream> stream_;
  capnp::TwoPartyClient client_;
  Echo::Client echo_;
};

// Keeps the calls going; each one's end starts the next.
class Load final : private kj::TaskSet::ErrorHandler {
 public:
  explicit Load(Measurement& run) : run_(run), data_(run.options().payload_bytes, 'x') {}

  void start(Connection& connection) {
    if (!run_.may_start()) return;
    const capnp::MessageSize size{data_.size() / sizeof(capnp::word) + 8, 0};
    auto request = connection.echo().callRequest(size);
    request.setData({reinterpret_cast<const kj::byte*>(data_.data()), data_.size()});
    const std::uint64_t began_ns = now_ns();
    tasks_.add(request.send().then(
        [this, &connection, began_ns](capnp::Response<Echo::CallResults>&& reply) {
          if (reply.getData().size() == data_.size()) {
            run_.completed(began_ns, now_ns());
          } else {
            run_.failed("the reply's body is not the request's");
          }
          start(connection);
        }));
  }

 private:
  void taskFailed(kj::Exception&& error) override {
    fairlead::bench::give_up(error.getDescription().cStr());
  }

  Measurement& run_;
  const std::string data_;
  kj::TaskSet tasks_{*this};
};

}  // namespace

int main(int argc, char** argv) {
  Measurement run(fairlead::bench::parse_options(argc, argv));
  const fairlead::bench::Options& options = run.options();
  kj::AsyncIoContext io = kj::setupAsyncIo();
  kj::Own<kj::NetworkAddress> address =
      io.provider->getNetwork().parseAddress(options.host.c_str(), options.port).wait(io.waitScope);
  std::vector<std::unique_ptr<Connection>> connections;
  for (int i = 0; i < options.sessions; ++i) {
    connections.push_back(std::make_unique<Connection>(address->connect().wait(io.waitScope)));
  }
  Load load(run);
  run.begin();
  for (int i = 0; i < (options.idle ? 1 : options.depth); ++i) {
    for (const auto& connection : connections) load.start(*connection);
  }
  kj::NEVER_DONE.wait(io.waitScope);
}
