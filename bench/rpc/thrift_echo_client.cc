// Load client for Apache Thrift. Its connections carry one call at a time, so --conns connections
// with --depth calls on each become conns * depth connections with one. One thread waits for all of
// them; the calls are made by the generated client. Options: ../options.h.
#include <sys/epoll.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TSocket.h>

#include <array>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "Echo.h"
#include "measure.h"

namespace {

namespace thrift = apache::thrift;
namespace echo = fairlead::bench::thrift_echo;
using fairlead::bench::Measurement;
using fairlead::bench::now_ns;

// One call after the other on a connection of its own.
class EchoCall {
 public:
  explicit EchoCall(Measurement& run)
      : run_(run),
        socket_(
            std::make_shared<thrift::transport::TSocket>(run.options().host, run.options().port)),
        client_(std::make_shared<thrift::protocol::TBinaryProtocol>(
            std::make_shared<thrift::transport::TFramedTransport>(socket_))) {
    socket_->setNoDelay(true);
    socket_->open();
  }

  int socket() const { return socket_->getSocketFD(); }

  void start(const std::string& data) {
    if (!run_.may_start()) return;
    began_ns_ = now_ns();
    client_.send_call(data);
  }

  // The reply is here, or its beginning.
  void end(const std::string& data) {
    client_.recv_call(reply_);
    if (reply_.size() == data.size()) {
      run_.completed(began_ns_, now_ns());
    } else {
      run_.failed("the reply's body is not the request's");
    }
  }

 private:
  Measurement& run_;
  const std::shared_ptr<thrift::transport::TSocket> socket_;
  echo::EchoClient client_;
  std::string reply_;
  std::uint64_t began_ns_ = 0;
};

void generate(Measurement& run) {
  const fairlead::bench::Options& options = run.options();
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  const int count = options.sessions * (options.idle ? 1 : options.depth);
  const std::string data(options.payload_bytes, 'x');
  std::vector<std::unique_ptr<EchoCall>> calls;
  for (int i = 0; i < count; ++i) {
    calls.push_back(std::make_unique<EchoCall>(run));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = calls.back().get();
    epoll_ctl(epoll, EPOLL_CTL_ADD, calls.back()->socket(), &event);
  }
  run.begin();
  for (const auto& call : calls) call->start(data);
  std::array<epoll_event, 512> events;
  while (true) {
    const int ready = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      auto* call = static_cast<EchoCall*>(events[static_cast<std::size_t>(i)].data.ptr);
      call->end(data);
      call->start(data);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Measurement run(fairlead::bench::parse_options(argc, argv));
  try {
    generate(run);
  } catch (const std::exception& error) {
    fairlead::bench::give_up(error.what());
  }
}
