// Calls of the engine itself: rpc::PendingCall on one side, plain and waiting handlers on the
// other.
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/rpc/peer.h"
#include "malloc_count.h"

namespace fairlead::allocations {
namespace {

using namespace std::chrono_literals;

Status echo(rpc::Context& context) {
  if (Buffer* out = context.begin_reply('s')) out->append(context.body());
  return {};
}

Task<Status> echo_later(rpc::Context& context) {
  Status slept =
      co_await Sleep(context.core().timers(), context.core().deadline_after(1ms), context.cancel());
  if (!slept.ok()) co_return slept;
  co_return echo(context);
}

// Calls again as soon as it is answered, until `left` is used up.
class Echo final : public rpc::PendingCall {
 public:
  Echo(rpc::Session& session, std::string_view method, int& left)
      : session_(session), method_(method), left_(left) {}

  void start() {
    --left_;
    const Deadline deadline = session_.core().deadline_after(5s);
    session_.start_call(*this,
                        {.method = method_, .body_codec = 's', .metadata = "X-Fl-Timeout=5000"},
                        deadline, cancel_.token(), [](Buffer& out) {
                          out.append("a small body");
                          return Status();
                        });
  }
  int right = 0;

 private:
  void on_done(Status status, const wire::MessageView& reply, const Bytes&) override {
    if (status.ok() && reply.body == "a small body") ++right;
    if (left_ > 0) start();
  }

  rpc::Session& session_;
  const std::string_view method_;
  int& left_;
  CancelSource cancel_;
};

// Server and client on one core, with metrics.
class RawCalls : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    using enum wire::Kind;
    ASSERT_TRUE(router.add(kCall, "/echo", rpc::make_handler(echo)).ok());
    ASSERT_TRUE(router.add(kCall, "/echo_later", rpc::make_handler(echo_later)).ok());
    server.emplace(*core, router, rpc::PeerOptions(), rpc::Metrics::make(server_registry).value());
    client.emplace(*core, nothing, rpc::PeerOptions(), rpc::Metrics::make(client_registry).value());
    const std::string where = std::string(GetParam()) == "unix" ? "unix:" + path : GetParam();
    listener = core->listen(io::Address::parse(where).value(), {},
                            [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                              server->accept(std::move(stream));
                            })
                   .value();
    session = core->run(client->dial(listener->local(), core->deadline_after(5s))).value();
  }
  void TearDown() override {
    for (rpc::Peer* peer : {&*client, &*server}) {
      (void)core->run(peer->close(core->deadline_after(1s)));
    }
    listener.reset();
  }
  void run(std::vector<std::unique_ptr<Echo>>& echoes, int& left, int calls) {
    int before = 0;
    for (const auto& one : echoes) before += one->right;
    left = calls;
    for (const auto& one : echoes) {
      if (left > 0) one->start();
    }
    int right = 0;
    while (right < calls) {
      core->turn(core->deadline_after(100ms));
      right = -before;
      for (const auto& one : echoes) right += one->right;
    }
  }
  // `calls` calls, so many of them in flight. The warm-up begins twice, as a beginning is not the
  // steady state: its calls leave outside of a read, from a buffer of their own.
  void expect_none(std::string_view method, int in_flight, int calls) {
    int left = 0;
    std::vector<std::unique_ptr<Echo>> echoes;
    for (int i = 0; i < in_flight; ++i) {
      echoes.push_back(std::make_unique<Echo>(*session, method, left));
    }
    for (int warm_up = 0; warm_up < 2; ++warm_up) run(echoes, left, calls);
    MallocCount count;
    run(echoes, left, calls);
    EXPECT_EQ(count.blocks(), 0U) << calls << " calls; " << count.first_stack();
  }

  const std::string path =
      std::filesystem::temp_directory_path() / ("fl_raw_" + std::to_string(getpid()) + ".sock");
  observe::Registry server_registry;
  observe::Registry client_registry;
  rpc::Router router;
  rpc::Router nothing;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::optional<rpc::Peer> server;
  std::optional<rpc::Peer> client;
  std::unique_ptr<io::Listener> listener;
  rpc::Session* session = nullptr;
};

TEST_P(RawCalls, TakeNoMemoryOneByOne) { expect_none("/echo", 1, 5000); }
TEST_P(RawCalls, TakeNoMemoryManyAtOnce) { expect_none("/echo", 100, 20'000); }
TEST_P(RawCalls, TakeNoMemoryInHandlersThatWait) { expect_none("/echo_later", 100, 10'000); }

INSTANTIATE_TEST_SUITE_P(Networks, RawCalls, ::testing::Values("127.0.0.1:0", "unix"),
                         [](const auto& param) {
                           return std::string(param.index == 0 ? "Tcp" : "Unix");
                         });

}  // namespace
}  // namespace fairlead::allocations
