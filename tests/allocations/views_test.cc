// Views of what was read keep memory, and the last one gives it back: it does not grow.
#include <algorithm>
#include <deque>
#include <optional>

#include <gtest/gtest.h>

#include "fairlead/rpc/peer.h"
#include "malloc_count.h"

namespace fairlead::allocations {
namespace {

using namespace std::chrono_literals;

Status echo(rpc::Context& context) {
  if (Buffer* out = context.begin_reply('s')) out->append(context.body());
  return {};
}

// Keeps the last 20 replies of 2,000 calls, of all sizes. Returns the bytes in use at the end.
std::size_t keep_some_replies(io::Core& core, rpc::Session& session) {
  std::deque<rpc::Reply> kept;
  for (std::size_t i = 0; i < 2000; ++i) {
    const std::string body(i % 10 == 0 ? 150'000 : i % 1000, static_cast<char>('a' + i % 26));
    Result<rpc::Reply> reply = core.run(session.call("/echo", 's', Bytes(body)));
    EXPECT_TRUE(reply.ok() && reply->body.view() == body);
    if (!reply.ok()) return 0;
    kept.push_back(std::move(*reply));
    if (kept.size() > 20) kept.pop_front();
  }
  kept.clear();
  return bytes_in_use();
}

TEST(Views, GiveTheirMemoryBack) {
  rpc::Router router;
  const rpc::Router nothing;
  ASSERT_TRUE(router.add(wire::Kind::kCall, "/echo", rpc::make_handler(echo)).ok());
  auto core = io::Core::make().value();
  rpc::Peer server(*core, router, {});
  rpc::Peer client(*core, nothing, {});
  auto listener = core->listen(io::Address::loopback(0), {},
                               [&](io::Core&, std::unique_ptr<io::Stream> stream) {
                                 server.accept(std::move(stream));
                               })
                      .value();
  rpc::Session& session = *core->run(client.dial(listener->local(), Deadline())).value();

  const std::size_t first = keep_some_replies(*core, session);
  std::size_t most = 0;
  for (int round = 0; round < 4; ++round) {
    most = std::max(most, keep_some_replies(*core, session));
  }

  constexpr std::size_t kOneReadChunk = 128 * 1024;  // which chunk is the current one, is chance
  EXPECT_LE(most, first + kOneReadChunk);
  for (rpc::Peer* peer : {&client, &server}) (void)core->run(peer->close(core->deadline_after(1s)));
}

}  // namespace
}  // namespace fairlead::allocations
