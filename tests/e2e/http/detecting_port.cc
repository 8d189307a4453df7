#include "detecting_port.h"

#include <utility>

namespace fairlead {
namespace {

std::unique_ptr<io::TlsHolder> make_certificate() {
  const testkit::TestFolder folder;  // read at once, so it need not stay
  const testkit::TestIdentity root = testkit::TestIdentity::root();
  io::TlsOptions options;
  options.certificates = {folder.write("server", root.issue({}))};
  options.alpn = {"http/1.1"};
  return io::TlsHolder::make(io::TlsRole::kServer, options, wall_ms()).value();
}

}  // namespace

DetectingPort::DetectingPort(io::Core& core, http::Server& server, bool tls)
    : core_(core),
      peer_(core, router_, {}),
      tls_(tls ? make_certificate() : nullptr),
      entrance_(core, entrance_options(),
                {.rpc =
                     [this](std::unique_ptr<io::Stream> stream, io::TlsStream*,
                            const wire::Protocol& protocol) {
                       peer_.accept(std::move(stream), &protocol);
                     },
                 .http =
                     [&server](std::unique_ptr<io::Stream> stream, io::TlsStream*,
                               std::optional<Time> head_began) {
                       server.adopt(std::move(stream), head_began);
                     }}) {}

rpc::EntranceOptions DetectingPort::entrance_options() const {
  return {.frames = wire::find_protocol("raw"), .http = true, .tls = tls_.get()};
}

Result<io::Address> DetectingPort::listen(const io::Address& address) {
  FL_TRY_ASSIGN(listener_,
                core_.listen(address, {}, [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                  entrance_.accept(std::move(stream));
                }));
  return listener_->local();
}

Task<Status> DetectingPort::close(Deadline deadline) {
  core_.dispose(std::move(listener_));
  Status undecided = co_await entrance_.close(deadline);
  Status calls = co_await peer_.close(deadline);
  co_return undecided.ok() ? calls : undecided;
}

}  // namespace fairlead
