// Proxy: passes on every CALL and PUSH that this program does not serve itself.
//
//   auto proxy = std::make_shared<fl::Proxy>();
//   app.use(proxy);                              // before the first client
//   proxy->to(app.raw_client("backend"));        // before run()
//
// Body and its codec, transforms and metadata go on as they came, X-Real-IP is added where nobody
// said it, and time and cancelling follow the caller. The reply comes back with its codec and
// metadata, an error with its metadata too; but 100 to 199, which speak of the link behind us,
// become 502. What a peer behind us refused, safe to repeat, is that for a caller that said hello.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "fairlead/rpc/plugin.h"
#include "fairlead/service/raw_client.h"

namespace fairlead::service {

class Proxy final : public rpc::Plugin {
 public:
  // Whom a message goes to; nullopt: nobody, answered 502 `proxy.no_target`.
  // Thread: any core's.
  using Choose = std::function<std::optional<RawClient>(const rpc::Context& context)>;

  Proxy();
  ~Proxy() override;

  // Everything goes to this service. Before the program serves.
  void to(RawClient client);
  void choose(Choose choose);

  // Takes the place of on_unknown_call() and on_unknown_push().
  // Errors: those of rpc::Router::add_unknown().
  Status pre_new_peer(rpc::NewPeer& peer) override;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the handlers
};

}  // namespace fairlead::service
