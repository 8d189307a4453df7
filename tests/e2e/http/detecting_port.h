// A port at which raw calls and HTTP are told apart, and TLS in front of both where it is wanted.
// Behind raw there is no method.
#pragma once

#include <memory>
#include <optional>

#include "fairlead/http/server.h"
#include "fairlead/rpc/entrance.h"
#include "fairlead/rpc/peer.h"
#include "tests/testkit/certificates.h"

namespace fairlead {

// Thread: its core. Lifetime: the server outlives it; close() before destruction.
class DetectingPort {
 public:
  // `tls`: with a certificate for localhost that is made here.
  DetectingPort(io::Core& core, http::Server& server, bool tls);

  // Opens an address; gives the one really bound. Errors: those of io::Core::listen().
  Result<io::Address> listen(const io::Address& address);
  Task<Status> close(Deadline deadline);

 private:
  rpc::EntranceOptions entrance_options() const;

  io::Core& core_;
  const rpc::Router router_;
  rpc::Peer peer_;
  const std::unique_ptr<io::TlsHolder> tls_;  // null: none
  rpc::Entrance entrance_;
  std::unique_ptr<io::Listener> listener_;
};

}  // namespace fairlead
