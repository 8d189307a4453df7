// What a connection costs while nothing passes over it.
#include <sys/ioctl.h>

#include <algorithm>
#include <deque>
#include <limits>

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
  const auto call_on_each = [&](std::size_t from) {
    for (std::size_t i = from; i < clients.size(); ++i) {
      const testkit::RawClient& client = clients[i];
      ASSERT_EQ(::send(client.socket(), frame.data(), frame.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(frame.size()));
      ASSERT_TRUE(testkit::turn_until(*core, [&] {
        int bytes = 0;
        return ioctl(client.socket(), FIONREAD, &bytes) == 0 && bytes > 0;
      }));
    }
  };
  // What the core and the peer own for all comes with the first round, or with any one: the least
  // is what a connection costs.
  constexpr std::size_t kConnections = 100;
  std::int64_t least = std::numeric_limits<std::int64_t>::max();
  for (int round = 0; round < 4; ++round) {
    const std::size_t from = clients.size();
    for (std::size_t i = 0; i < kConnections; ++i) clients.emplace_back(*core, listener->local());
    const std::int64_t before = testkit::heap().bytes;
    call_on_each(from);
    least = std::min(least, testkit::heap().bytes - before);
  }
  const auto each = least / static_cast<std::int64_t>(kConnections);

  RecordProperty("bytes_each", static_cast<int>(each));
  EXPECT_LE(each, 512);
  clients.clear();
  EXPECT_TRUE(core->run(peer.close(core->deadline_after(5s))).ok());
  listener.reset();
  core->turn(Deadline(core->now()));
}

}  // namespace
}  // namespace fairlead::rpc
