// For tests of sessions: the contracts of a room and a device, and programs on simulated cores.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/fairlead.h"
#include "fairlead/io/simulation.h"
#include "fairlead/upstream/dial_limits.h"

namespace room_test {

struct Line {
  std::string from{}, text{};
};
struct Ping {
  std::int64_t at = 0;
};
struct Pong {
  std::int64_t battery = 0;
};
FL_STRUCT(Line, (1, from), (2, text))
FL_STRUCT(Ping, (1, at))
FL_STRUCT(Pong, (1, battery))

struct Room {
  static fl::Push say(Line);
  static fl::Push say_in_turn(Line);  // heard after as many ms as the text says
};
struct Device {
  static Pong probe(Ping);
  static Pong hold(Ping);  // until nobody waits any more
  static Pong ask(Ping);   // asks the caller's probe()
};
FL_SERVICE(Room, (say), (say_in_turn, serial))
FL_SERVICE(Device, (probe, idempotent), (hold), (ask))

// What one program heard. Its handlers run on several cores of one thread.
struct Heard {
  std::vector<std::string> lines{};
  int holding = 0;
  std::vector<fl::Code> held{};  // how holding ended
};

struct RoomLogic {
  Heard* heard;
  void say(Line in) const { heard->lines.push_back(in.from + ":" + in.text); }
  fl::Task<fl::Status> say_in_turn(fl::Context& context, Line in) const {
    Heard* const to = heard;
    fl::Sleep waiting(context.core().timers(),
                      context.core().deadline_after(std::chrono::milliseconds(std::stoi(in.text))));
    FL_CO_TRY(co_await waiting);
    to->lines.push_back(in.from + ":" + in.text);
    co_return fl::Status();
  }
};

struct DeviceLogic {
  Heard* heard;
  fl::Hub* hub;
  Pong probe(Ping in) const { return {.battery = in.at + 1}; }
  fl::Task<fl::Result<Pong>> hold(fl::Context& context, Ping) const {
    Heard* const to = heard;
    ++to->holding;
    fl::Event never;
    fl::Status ended =
        co_await never.wait(context.core().timers(), fl::Deadline(), context.cancel());
    --to->holding;
    to->held.push_back(ended.code());
    co_return ended;
  }
  fl::Task<fl::Result<Pong>> ask(fl::Context& context, Ping in) const {
    auto question = hub->of(context).as<Device>().probe({.at = in.at * 10});
    fl::Result<Pong> answer = co_await question;
    co_return answer;
  }
};

// A program with so many simulated cores: serves Room and Device on each, dials and is dialled.
class Party {
 public:
  Party(fl::io::Simulation& simulation, const std::string& name, std::size_t cores,
        fl::rpc::PeerOptions options = {.hello = true})
      : options_(std::move(options)) {
    for (std::size_t i = 0; i < cores; ++i) {
      cores_.push_back(&simulation.add_core(name + " " + std::to_string(i)));
    }
    options_.watcher = &hub.watcher();
    namespace internal = fl::service::internal;
    FL_CHECK(internal::add_routes<Room>(router, std::make_shared<RoomLogic>(&heard)).ok());
    FL_CHECK(
        internal::add_routes<Device>(router, std::make_shared<DeviceLogic>(&heard, &hub)).ok());
  }
  ~Party() {
    for (const auto& peer : peers_) {
      (void)peer->core().run(
          hub.close(peer->core(), peer->core().deadline_after(std::chrono::seconds(1))));
      (void)peer->core().run(peer->close(peer->core().deadline_after(std::chrono::seconds(1))));
    }
    for (auto& listener : listeners_) listener.reset();
    for (fl::io::Core* core : cores_) core->turn(fl::Deadline(core->now()));
  }

  // After the routes are complete. `limits`: of dials that come again; null: there are none.
  void open(fl::upstream::DialLimits* limits = nullptr) {
    for (fl::io::Core* core : cores_) {
      peers_.push_back(std::make_unique<fl::rpc::Peer>(*core, router, options_));
      lines_.push_back(
          limits == nullptr ? nullptr : std::make_unique<fl::upstream::DialLine>(*core, *limits));
      hub.add_core(*peers_.back(), lines_.back().get());
    }
  }
  // Where sessions of `protocol` are accepted on core `index`.
  fl::io::Address listen(std::size_t index, const char* at = "127.0.0.1:0",
                         const char* protocol = "raw") {
    fl::rpc::Peer& peer = *peers_[index];
    listeners_.push_back(peer.core()
                             .listen(fl::io::Address::parse(at).value(), {},
                                     [&peer, form = fl::wire::find_protocol(protocol)](
                                         fl::io::Core&, std::unique_ptr<fl::io::Stream> stream) {
                                       peer.accept(std::move(stream), form);
                                     })
                             .value());
    return listeners_.back()->local();
  }
  fl::SessionRef dial(std::size_t index, const fl::io::Address& address,
                      fl::rpc::DialOptions options = {}) {
    return core(index).run(hub.dial(address, std::move(options))).value();
  }
  // One that comes back when it was lost.
  fl::SessionRef keep(std::size_t index, const fl::io::Address& address, fl::service::HubDial how) {
    return core(index).run(hub.dial(address, std::move(how))).value();
  }
  void stop_listening() { listeners_.clear(); }
  fl::io::Core& core(std::size_t index) { return *cores_[index]; }
  fl::rpc::Peer& peer(std::size_t index) { return *peers_[index]; }

  Heard heard;
  fl::rpc::Router router;
  fl::Hub hub;

 private:
  fl::rpc::PeerOptions options_;
  std::vector<fl::io::Core*> cores_;
  std::vector<std::unique_ptr<fl::upstream::DialLine>> lines_;
  std::vector<std::unique_ptr<fl::rpc::Peer>> peers_;
  std::vector<std::unique_ptr<fl::io::Listener>> listeners_;
};

}  // namespace room_test
