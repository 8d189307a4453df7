// RPC over HTTP beside the HTTP server: from a request that was read to the answer's bytes.
#include <gtest/gtest.h>

#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/http_calls.h"
#include "malloc_count.h"

namespace fairlead::allocations {
namespace {

using namespace std::chrono_literals;

TEST(HttpCalls, TakeNoMemoryForARequestInTheSteadyState) {
  rpc::Router router;
  ASSERT_TRUE(router
                  .add(wire::Kind::kCall, "/echo", rpc::make_handler([](rpc::Context& context) {
                         if (Buffer* out = context.begin_reply('j')) out->append(context.body());
                         return Status();
                       }))
                  .ok());
  const auto core = io::Core::make().value();
  rpc::Peer peer(*core, router, {});
  rpc::HttpCalls calls(peer, {});
  http::Request request;
  request.method = "POST";
  request.path = "/echo";
  request.id = "0f3k2m9q1ab4c";
  request.peer = io::Address::loopback(9);
  request.body = Bytes(std::string_view(R"({"a":10,"b":2})"));
  for (const auto& [name, value] :
       std::initializer_list<http::Field>{{"Host", "h"},
                                          {"User-Agent", "curl/7.88.1"},
                                          {"Accept", "*/*"},
                                          {"Content-Length", "14"},
                                          {"Content-Type", "application/x-www-form-urlencoded"}}) {
    request.fields.add(name, value);
  }
  int right = 0;
  const rpc::HttpReplyTo to{
      &right, [](void* count, int status, std::span<const http::Field>, std::string_view body) {
        *static_cast<int*>(count) += status == 200 && body == R"({"a":10,"b":2})" ? 1 : 0;
      }};
  for (int i = 0; i < 10; ++i) calls.respond(request, to);

  MallocCount count;
  for (int i = 0; i < 1000; ++i) calls.respond(request, to);

  EXPECT_EQ(count.blocks(), 0U) << count.first_stack();
  EXPECT_EQ(right, 1010);
  EXPECT_TRUE(core->run(peer.close(core->deadline_after(1s))).ok());
}

}  // namespace
}  // namespace fairlead::allocations
