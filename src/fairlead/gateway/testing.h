// Helpers for this room's tests: a gateway, a service behind it and a client in front, on one core.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/gateway/gateway.h"
#include "fairlead/http/client.h"
#include "fairlead/io/core.h"
#include "fairlead/rpc/peer.h"

namespace fairlead::gateway::testing {

// Routes: /api to the service `math`, which is served here, and /away to one without a copy.
class GatewayTest : public ::testing::Test {
 protected:
  GatewayTest() {
    core_ = io::Core::make().value();
    cores_ = {core_.get()};
    client_ = http::Client::make(*core_, {}).value();
    spec_.listen = io::Address::loopback(0);
    spec_.routes = {{"/api", "math", true}, {"/away", "away", true}};
  }
  ~GatewayTest() override {
    if (gateway_ != nullptr) {
      const Status closed = core_->run(gateway_->close(core_->deadline_after(kPatience)));
      EXPECT_TRUE(closed.ok()) << closed;
    }
    EXPECT_TRUE(core_->run(client_->close(core_->deadline_after(kPatience))).ok());
    listener_.reset();
    for (const auto& peer : peers_)
      (void)core_->run(peer->close(core_->deadline_after(Duration::zero())));
  }

  void handle(std::string_view method, std::function<Status(rpc::Context&)> function) {
    ASSERT_TRUE(router_.add(wire::Kind::kCall, method, rpc::make_handler(function)).ok());
  }
  void handle_later(std::string_view method, std::function<Task<Status>(rpc::Context&)> function) {
    ASSERT_TRUE(router_.add(wire::Kind::kCall, method, rpc::make_handler(function)).ok());
  }

  void start() {
    peers_.push_back(std::make_unique<rpc::Peer>(*core_, router_, rpc::PeerOptions{}));
    const auto accept = [this](io::Core&, std::unique_ptr<io::Stream> stream) {
      peers_.front()->accept(std::move(stream));
    };
    listener_ = core_->listen(io::Address::loopback(0), {}, accept).value();
    gateway_ = Gateway::make(
                   spec_, {.cores = cores_, .metrics = metrics_, .protection = protection_.get()})
                   .value();
    address_ = gateway_->listen().value();
    upstream::EndpointSet copies{{.id = "1", .address = listener_->local()}};
    gateway_->update("math", std::make_shared<const upstream::EndpointSet>(std::move(copies)));
    gateway_->update("away", std::make_shared<const upstream::EndpointSet>());
  }

  http::Response send(http::ClientRequest request) {
    request.address = address_;
    Result<http::Response> response =
        core_->run(client_->send(std::move(request), core_->deadline_after(kPatience)));
    EXPECT_TRUE(response.ok()) << response.status();
    return std::move(response).value_or({});
  }
  http::Response get(std::string target) {
    return send({.address = address_, .target = std::move(target)});
  }
  http::Response post(std::string target, std::string_view type, std::string_view body) {
    http::ClientRequest request{.address = address_, .method = "POST", .target = std::move(target)};
    request.fields.add("Content-Type", type);
    request.body = Bytes(body);
    return send(std::move(request));
  }
  // A handler that answers when leave_ is set.
  Task<Status> wait_for_leave(rpc::Context& context) {
    entered_.set();
    Status left = co_await leave_.wait(core_->timers(), Deadline());
    context.reply_with('j', Bytes("1"));
    co_return left;
  }
  // Sends a request to wait_for_leave(), and returns when that has it.
  void begin_waiting(Result<http::Response>* out) {
    const auto sending = [](http::Client& client, http::ClientRequest what, Deadline deadline,
                            Result<http::Response>* answer) -> Task<void> {
      Result<http::Response> got = co_await client.send(std::move(what), deadline);
      *answer = std::move(got);
    };
    http::ClientRequest request{.address = address_, .target = "/api/math/wait"};
    core_->spawn(sending(*client_, std::move(request), core_->deadline_after(kPatience), out));
    while (!entered_.is_set()) core_->turn(core_->deadline_after(std::chrono::milliseconds(10)));
  }
  static bool says(const http::Response& response, std::string_view reason) {
    return response.body.view().find("\"reason\":\"" + std::string(reason) + "\"") !=
           std::string_view::npos;
  }

  static constexpr Duration kPatience = std::chrono::seconds(10);

  observe::Registry metrics_;
  std::unique_ptr<runtime::Protection> protection_;  // null: nothing is bounded
  std::unique_ptr<io::Core> core_;
  std::vector<io::Core*> cores_;  // of the gateway
  rpc::Router router_;
  std::vector<std::unique_ptr<rpc::Peer>> peers_;
  std::unique_ptr<io::Listener> listener_;
  std::unique_ptr<http::Client> client_;
  GatewaySpec spec_;
  std::unique_ptr<Gateway> gateway_;
  io::Address address_;
  Event entered_;
  Event leave_;
};

}  // namespace fairlead::gateway::testing
