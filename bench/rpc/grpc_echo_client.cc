// Load client for gRPC C++: one channel with its own TCP connection for each of --conns, --depth
// calls outstanding on each, one thread on a completion queue, in a closed loop or, with --rate, in
// an open one. Options: ../options.h; the body is a message with --payload bytes.
#include <grpcpp/grpcpp.h>
#include <sched.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "echo.grpc.pb.h"
#include "measure.h"
#include "schedule.h"

namespace {

using fairlead::bench::Echo;
using fairlead::bench::EchoBytes;
using fairlead::bench::Measurement;
using fairlead::bench::now_ns;

// One call after the other on one channel; the tag in the queue is the object itself.
class EchoCall {
 public:
  EchoCall(Measurement& run, Echo::Stub& stub, grpc::CompletionQueue& queue)
      : run_(run), stub_(stub), queue_(queue) {
    request_.set_data(std::string(run.options().payload_bytes, 'x'));
  }

  void start(std::uint64_t began_ns) {
    if (!run_.may_start()) return;
    context_ = std::make_unique<grpc::ClientContext>();
    began_ns_ = began_ns;
    reader_ = stub_.AsyncCall(context_.get(), request_, &queue_);
    reader_->Finish(&reply_, &status_, this);
  }

  void end() {
    if (!status_.ok()) {
      run_.failed(status_.error_message());
    } else if (reply_.data().size() != request_.data().size()) {
      run_.failed("the reply's body is not the request's");
    } else {
      run_.completed(began_ns_, now_ns());
    }
  }

 private:
  Measurement& run_;
  Echo::Stub& stub_;
  grpc::CompletionQueue& queue_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<EchoBytes>> reader_;
  EchoBytes request_;
  EchoBytes reply_;
  grpc::Status status_;
  std::uint64_t began_ns_ = 0;
};

std::unique_ptr<Echo::Stub> connect(const fairlead::bench::Options& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // else all share one connection
  const auto channel = grpc::CreateCustomChannel(options.host + ":" + std::to_string(options.port),
                                                 grpc::InsecureChannelCredentials(), arguments);
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(20))) {
    fairlead::bench::give_up("cannot connect to " + options.host);
  }
  return Echo::NewStub(channel);
}

using Calls = std::vector<std::unique_ptr<EchoCall>>;

void generate_closed(grpc::CompletionQueue& queue, const Calls& calls) {
  for (const auto& call : calls) call->start(now_ns());
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
    auto* call = static_cast<EchoCall*>(tag);
    call->end();
    call->start(now_ns());
  }
}

// Never sleeps, but leaves the CPU to a server that shares it.
void generate_open(grpc::CompletionQueue& queue, const Calls& calls,
                   fairlead::bench::Schedule schedule) {
  std::deque<EchoCall*> idle;
  for (const auto& call : calls) idle.push_back(call.get());
  void* tag = nullptr;
  bool ok = false;
  while (true) {
    const gpr_timespec at_once = gpr_time_0(GPR_CLOCK_MONOTONIC);
    while (queue.AsyncNext(&tag, &ok, at_once) == grpc::CompletionQueue::GOT_EVENT) {
      idle.push_back(static_cast<EchoCall*>(tag));
      idle.back()->end();
    }
    const std::uint64_t now = now_ns();
    if (!schedule.due(now)) sched_yield();
    while (schedule.due(now) && !idle.empty()) {
      idle.front()->start(schedule.take());
      idle.pop_front();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Measurement run(fairlead::bench::parse_options(argc, argv, {.open_loop = true}));
  const fairlead::bench::Options& options = run.options();
  std::vector<std::unique_ptr<Echo::Stub>> stubs;
  for (int i = 0; i < options.sessions; ++i) stubs.push_back(connect(options));
  grpc::CompletionQueue queue;
  Calls calls;
  for (int i = 0; i < (options.idle ? 1 : options.depth); ++i) {
    for (const auto& stub : stubs) calls.push_back(std::make_unique<EchoCall>(run, *stub, queue));
  }
  run.begin();
  if (options.rate > 0) {
    generate_open(queue, calls, {options.rate, options.seed, now_ns()});
  } else {
    generate_closed(queue, calls);
  }
}
