// What the tests of simulated cores share: two cores, a link between them, an end on each side.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "fairlead/io/simulation.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::io {

// One end that echoes, or collects what comes.
struct End final : StreamHandler {
  End(Core& owner, std::unique_ptr<Stream> made, bool echoes)
      : core(owner), stream(std::move(made)), echo(echoes) {
    stream->start(*this);
  }
  ~End() { core.dispose(std::move(stream)); }
  ReadResult on_read(const Bytes& input) override {
    received.append(input.view());
    if (echo) {
      stream->output().append(input.view());
      stream->wrote();
    }
    return {input.size(), 0};
  }
  void on_end() override {
    ended = true;
    stream->close();
  }
  void on_close(Status status) override {
    closed = true;
    why = std::move(status);
  }

  Core& core;
  std::unique_ptr<Stream> stream;
  std::string received;
  bool echo;
  bool ended = false;
  bool closed = false;
  Status why;
};

class SimulationTest : public ::testing::Test {
 protected:
  void make(std::uint64_t seed, NetworkOptions options = {}, const char* at = "10.0.0.1:80") {
    simulation.emplace(seed, options);
    near = &simulation->add_core("near");
    far = &simulation->add_core("far");
    listener = far->listen(Address::parse(at).value(), {},
                           [this](Core& core, std::unique_ptr<Stream> stream) {
                             server.emplace(core, std::move(stream), true);
                           })
                   .value();
    auto dialled = near->run(near->connect(listener->local(), Deadline(), {}));
    ASSERT_TRUE(dialled.ok()) << dialled.status();
    client.emplace(*near, std::move(dialled).value(), false);
  }
  void TearDown() override {
    client.reset();
    server.reset();
    listener.reset();
    for (Core* core : {near, far}) {
      if (core != nullptr) core->turn(Deadline(simulation->now()));
    }
    if (simulation.has_value()) {
      EXPECT_EQ(simulation->streams(), 0U);
    }
  }
  void send(std::string_view text) {
    client->stream->output().append(text);
    client->stream->wrote();
  }
  void pass(Duration time) { testkit::pass_time(*near, time); }

  std::optional<Simulation> simulation;
  Core* near = nullptr;
  Core* far = nullptr;
  std::unique_ptr<Listener> listener;
  std::optional<End> client;
  std::optional<End> server;
};

}  // namespace fairlead::io
