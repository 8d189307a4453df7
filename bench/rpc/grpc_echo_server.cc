// A peer to compare with: gRPC C++ over its completion queue, one thread polling.
//
//   grpc_echo_server PORT
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "echo.grpc.pb.h"

namespace {

using fairlead::bench::Echo;
using fairlead::bench::EchoBytes;

// Calls that wait for a request. More of them cost gRPC more CPU per call, fewer hold B back.
constexpr int kWaitingCalls = 100;

// One call from its request to its end; the tag in the queue is the object itself.
class EchoCall {
 public:
  EchoCall(Echo::AsyncService& service, grpc::ServerCompletionQueue& queue)
      : service_(service), queue_(queue), writer_(&context_) {
    service_.RequestCall(&context_, &request_, &writer_, &queue_, &queue_, this);
  }

  // What the queue reported; the object is gone when it was the call's end.
  void advance(bool ok) {
    if (!ok || answered_) {
      delete this;
      return;
    }
    new EchoCall(service_, queue_);  // ends itself
    answered_ = true;
    EchoBytes reply;
    reply.set_allocated_data(request_.release_data());
    writer_.Finish(reply, grpc::Status::OK, this);
  }

 private:
  Echo::AsyncService& service_;
  grpc::ServerCompletionQueue& queue_;
  grpc::ServerContext context_;
  EchoBytes request_;
  grpc::ServerAsyncResponseWriter<EchoBytes> writer_;
  bool answered_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s PORT\n", argv[0]);
    return 2;
  }
  Echo::AsyncService service;
  grpc::ServerBuilder builder;
  int bound_port = 0;
  builder.AddListeningPort("127.0.0.1:" + std::string(argv[1]), grpc::InsecureServerCredentials(),
                           &bound_port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::ServerCompletionQueue> queue = builder.AddCompletionQueue();
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || bound_port == 0) {
    std::fprintf(stderr, "cannot listen on port %s\n", argv[1]);
    return 1;
  }
  for (int i = 0; i < kWaitingCalls; ++i) new EchoCall(service, *queue);
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) static_cast<EchoCall*>(tag)->advance(ok);
}
