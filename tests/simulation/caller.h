// One session's user on the client side: dials, calls, pushes, cancels, closes, dials again; and
// checks what comes back.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/async/cancel.h"
#include "fairlead/async/scope.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"
#include "plan.h"
#include "scenario.h"

namespace fairlead::simulation {

// What all parts of a run share. Lives as long as the run.
struct Run {
  Run(std::uint64_t seed, Random choices) : plan(draw_plan(choices)), network(seed, plan.network) {}

  Random& random() { return network.random(); }
  Duration up_to(Duration most) {
    return Duration(
        static_cast<Duration::rep>(random().below(static_cast<std::uint64_t>(most.count()))));
  }
  bool one_in(std::uint64_t count) { return random().below(count) == 0; }
  void fail(std::string what) { outcome.violations.push_back(std::move(what)); }
  std::string body(std::uint64_t number, std::size_t bytes_max);

  const Plan plan;
  io::Simulation network;
  Outcome outcome;
  std::uint64_t last_call = 0;
};

class Caller {
 public:
  Caller(Run& run, rpc::Peer& peer, io::Address server, int number);
  ~Caller();

  Task<void> live();

 private:
  class Question;

  io::Core& core() const { return peer_.core(); }
  Task<void> use(rpc::Session* session, std::string name);
  void act(rpc::Session& session, const std::string& name, int action, Scope& calls);
  Task<void> call_once(rpc::Session& session, Scope& calls);
  Task<void> cancel_later(std::shared_ptr<CancelSource> source, Duration after);
  void check(const rpc::Reply& reply, std::string_view method, std::string_view body);
  void push_once(rpc::Session& session, std::string_view method, std::string body);
  void ask(rpc::Session& session);
  std::size_t questions_open() const;
  Task<void> wait_for(Scope& calls);

  Run& run_;
  rpc::Peer& peer_;
  const io::Address server_;
  const std::string name_;
  std::vector<std::unique_ptr<Question>> questions_;
};

}  // namespace fairlead::simulation
