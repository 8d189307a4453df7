// Calls as users write them: fl::Client with co_await and then(), typed handlers, plain and
// waiting. One process serves and calls itself, on one core.
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "fairlead/fairlead.h"
#include "malloc_count.h"

namespace sums {

struct AddArg {
  std::int64_t a = 0, b = 0;
};
struct AddResult {
  std::int64_t sum = 0;
};
FL_STRUCT(AddArg, (1, a), (2, b, range(0, 1e6)))
FL_STRUCT(AddResult, (1, sum))

struct Sums {
  static AddResult add(AddArg);
  static AddResult add_later(AddArg);
};
FL_SERVICE(Sums, (add), (add_later))

struct SumsLogic {
  AddResult add(AddArg in) const { return {.sum = in.a + in.b}; }
  fl::Task<fl::Result<AddResult>> add_later(fl::Context& context, AddArg in) const {
    fl::Status slept = co_await fl::Sleep(
        context.core().timers(), context.core().deadline_after(std::chrono::milliseconds(1)),
        context.cancel());
    if (!slept.ok()) co_return slept;
    co_return AddResult{.sum = in.a + in.b};
  }
};

}  // namespace sums

namespace fairlead::allocations {
namespace {

using namespace std::chrono_literals;
using service::Client;
using sums::AddResult;
using sums::Sums;

struct Outcome {
  int right = 0;
  std::uint64_t blocks = 0;
  std::string stack;
};

class TypedCalls : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        service::internal::add_routes<Sums>(process.router(), std::make_shared<sums::SumsLogic>())
            .ok());
    service::Spec spec;
    const std::string where = std::string(GetParam()) == "unix"
                                  ? "unix:" + path
                                  : "127.0.0.1:" + std::to_string(free_port());
    spec.listen = {where};
    spec.cores = 1;
    spec.log_level = "off";
    spec.stuck_after = {};  // no watching thread, whose first look takes memory
    ASSERT_TRUE(process.start(spec).ok());
    const Status serving = process.serve(false);
    ASSERT_TRUE(serving.ok()) << serving;
    client.emplace(**process.target(where));
  }
  static std::uint16_t free_port() {
    auto core = io::Core::make().value();
    return core->listen(io::Address::loopback(0), {}, [](auto&, auto) {}).value()->local().port();
  }
  // Runs `body` for `calls` calls to warm up, and again counted.
  template <class Body>
  void expect_none(Body body, int calls) {
    const auto twice = [](Body run, Client<Sums> on, int count, Outcome* out) -> Task<void> {
      {
        auto warm_up = run(on, count, &out->right);  // its frame is the counted one's, then
        co_await warm_up;
      }
      out->right = 0;
      MallocCount counter;
      auto counted = run(on, count, &out->right);
      co_await counted;
      out->blocks = counter.blocks();
      out->stack = counter.first_stack();
    };
    Outcome outcome;
    ASSERT_TRUE(process.run(twice(body, *client, calls, &outcome)));
    EXPECT_EQ(outcome.right, calls);
    EXPECT_EQ(outcome.blocks, 0U) << calls << " calls; " << outcome.stack;
  }

  const std::string path =
      std::filesystem::temp_directory_path() / ("fl_typed_" + std::to_string(getpid()) + ".sock");
  service::Process process{"sums"};
  std::optional<Client<Sums>> client;
};

Task<void> add_one_by_one(Client<Sums> client, int calls, int* right) {
  for (int i = 0; i < calls; ++i) {
    auto call = client.add({.a = i, .b = 2}, fl::within(5s));
    Result<AddResult> reply = co_await call;
    if (reply.ok() && reply->sum == i + 2) ++*right;
  }
}

Task<void> add_later_one_by_one(Client<Sums> client, int calls, int* right) {
  for (int i = 0; i < calls; ++i) {
    auto call = client.add_later({.a = i, .b = 2}, fl::within(5s));
    Result<AddResult> reply = co_await call;
    if (reply.ok() && reply->sum == i + 2) ++*right;
  }
}

Task<void> add_as_json(Client<Sums> client, int calls, int* right) {
  for (int i = 0; i < calls; ++i) {
    auto call = client.add({.a = i, .b = 2}, fl::with_codec(codec::CodecId::kJson));
    Result<AddResult> reply = co_await call;
    if (reply.ok() && reply->sum == i + 2) ++*right;
  }
}

// then(): a chain in which each answer makes the next call.
struct Chain {
  Client<Sums> client;
  int left;
  int* right;
  Event done;

  void next() {
    if (left-- == 0) return done.set();
    client.add({.a = left, .b = 2}).then([this](Result<AddResult> reply) {
      if (reply.ok() && reply->sum == left + 2) ++*right;
      next();
    });
  }
};

Task<void> add_with_then(Client<Sums> client, int calls, int* right) {
  Chain chain{.client = client, .left = calls, .right = right, .done = {}};
  chain.next();
  Status ended = co_await chain.done.wait(io::Core::current()->timers(), Deadline());
  if (!ended.ok()) *right = -1;
}

TEST_P(TypedCalls, TakeNoMemoryWhenAwaited) { expect_none(add_one_by_one, 3000); }
TEST_P(TypedCalls, TakeNoMemoryInHandlersThatWait) { expect_none(add_later_one_by_one, 300); }
TEST_P(TypedCalls, TakeNoMemoryWithThen) { expect_none(add_with_then, 3000); }
TEST_P(TypedCalls, TakeNoMemoryAsJson) { expect_none(add_as_json, 3000); }

INSTANTIATE_TEST_SUITE_P(Networks, TypedCalls, ::testing::Values("127.0.0.1:0", "unix"),
                         [](const auto& param) {
                           return std::string(param.index == 0 ? "Tcp" : "Unix");
                         });

}  // namespace
}  // namespace fairlead::allocations
