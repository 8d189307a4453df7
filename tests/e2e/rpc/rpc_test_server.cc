// A server for tests from outside: speaks the raw protocol and answers the CALL /echo with its
// body.
//
//   rpc_test_server             listens on a free port of loopback and prints "listening on ..."
//
// Frames of more than 64 KiB are refused. The built-in transforms are known. Ends with 0 after
// draining when its standard input is closed.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/peer.h"

namespace {

using namespace fairlead;

constexpr std::uint32_t kFrameBytesMax = 64 * 1024;  // tests/data/frame_garbage_*.json say it too

Status echo(rpc::Context& context) {
  context.reply_with(context.body_codec(), context.body_bytes());
  return {};
}

Status serve(io::Core& core) {
  wire::TransformSet transforms;
  FL_TRY(wire::add_builtin_transforms(transforms));
  rpc::Router router;
  FL_TRY(router.add(wire::Kind::kCall, "/echo", rpc::make_handler(echo)));
  const rpc::PeerOptions options{.limits = {.frame_bytes_max = kFrameBytesMax},
                                 .transforms = &transforms};
  FL_TRY(options.validate());
  rpc::Peer peer(core, router, options);
  FL_TRY_ASSIGN(const std::unique_ptr<io::Listener> listener,
                core.listen(io::Address::loopback(0), {},
                            [&peer](io::Core&, std::unique_ptr<io::Stream> stream) {
                              peer.accept(std::move(stream));
                            }));
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  FL_TRY_ASSIGN(const auto watch, core.watch_readable(STDIN_FILENO, [&core] {
    char block[256];
    if (read(STDIN_FILENO, block, sizeof(block)) == 0) core.stop();
  }));
  std::printf("listening on %s\n", listener->local().to_text().c_str());
  std::fflush(stdout);
  core.run();
  return core.run(peer.close(core.deadline_after(std::chrono::seconds(5))));
}

}  // namespace

int main() {
  const auto core = io::Core::make();
  const Status ended = core.ok() ? serve(**core) : core.status();
  if (!ended.ok()) std::fprintf(stderr, "%s\n", ended.to_string().c_str());
  return ended.ok() ? 0 : 1;
}
