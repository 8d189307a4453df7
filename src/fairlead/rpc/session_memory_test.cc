// What a connection costs while nothing passes over it.
#include <sys/ioctl.h>

#include <deque>

#include <gtest/gtest.h>

#include "fairlead/rpc/peer.h"
#include "fairlead/wire/protocols/raw.h"
#include "tests/testkit/heap.h"
#include "tests/testkit/raw_client.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

std::string call_frame() {
  Buffer out;
  const Status framed = wire::protocols().front()->append(
      out, {.seq = 1, .kind = wire::Kind::kCall, .body_codec = 's', .method = "/echo"}, "hello",
      wire::Limits(), nullptr);
  EXPECT_TRUE(framed.ok()) << framed;
  return std::string(out.view());
}

// The spec of the engine asks for half a KiB, with what malloc adds to each block.
TEST(SessionMemory, IsHalfAKiBForAConnectionThatIsIdleAfterACall) {
  const std::unique_ptr<io::Core> core = io::Core::make().value();
  Router router;
  ASSERT_TRUE(router
                  .add(wire::Kind::kCall, "/echo", make_handler([](Context& context) {
                         if (Buffer* out = context.begin_reply('s')) out->append(context.body());
                         return Status();
                       }))
                  .ok());
  Peer peer(*core, router, PeerOptions());
  auto listener = core->listen(io::Address::loopback(0), {},
                               [&](io::Core&, std::unique_ptr<io::Stream> stream) {
                                 peer.accept(std::move(stream));
                               })
                      .value();
  const std::string frame = call_frame();
  std::deque<testkit::RawClient> clients;
  // Takes nothing from the heap for the clients themselves.
  const auto call_on_each = [&] {
    for (const testkit::RawClient& client : clients) {
      ASSERT_EQ(::send(client.socket(), frame.data(), frame.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(frame.size()));
      ASSERT_TRUE(testkit::turn_until(*core, [&] {
        int bytes = 0;
        return ioctl(client.socket(), FIONREAD, &bytes) == 0 && bytes > 0;
      }));
    }
  };
  constexpr std::size_t kConnections = 100;
  const auto connect = [&] {
    for (std::size_t i = 0; i < kConnections; ++i) clients.emplace_back(*core, listener->local());
  };
  connect();
  call_on_each();  // now there is what the core and the peer own for all
  clients.clear();
  ASSERT_TRUE(testkit::turn_until(*core, [&] { return peer.session_count() == 0; }));
  connect();
  const std::int64_t before = testkit::heap().bytes;
  call_on_each();
  const auto each = (testkit::heap().bytes - before) / static_cast<std::int64_t>(kConnections);

  RecordProperty("bytes_each", static_cast<int>(each));
  EXPECT_LE(each, 512);
  clients.clear();
  EXPECT_TRUE(core->run(peer.close(core->deadline_after(5s))).ok());
  listener.reset();
  core->turn(Deadline(core->now()));
}

}  // namespace
}  // namespace fairlead::rpc
