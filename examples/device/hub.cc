// The hub: devices dial it and log in; operators ask it, and it calls the devices.
//
//   hub keys.txt --listen tcp://127.0.0.1:7000
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "fleet.h"
#include "keys.h"

using namespace std::chrono_literals;

namespace {

constexpr std::string_view kUsage = R"(usage: hub KEYS_FILE [options]

Takes connections of devices and calls them for operators. KEYS_FILE has a line "NAME KEY" for each
device and one for the operator, whose name is "operator".

  hub keys.txt --listen tcp://127.0.0.1:7000
  fairlead call 127.0.0.1:7000 /fleet/list --login operator:KEY
  curl -H 'Authorization: Bearer operator:KEY' --json '{"id":"tv-42"}' 127.0.0.1:7000/fleet/read

Options are those of every program on Fairlead: hub KEYS_FILE --help
)";

constexpr auto kPatience = 3s;  // with a device; a caller with less time gives up earlier

// What became of a call to a device, in the operator's words.
fl::Status for_operator(const fl::Status& status, const std::string& id) {
  if (status.code() == fl::Code::kDeadlineExceeded || status.code() == fl::Code::kHandlerTimeout) {
    return fl::Status(fl::Code::kHandlerTimeout, "fleet.device_slow",
                      "'" + id + "' did not answer in time");
  }
  if (status.code() == fl::Code::kConnectionClosed || status.code() == fl::Code::kWriteFailed) {
    return fl::Status(fl::Code::kOverloaded, "fleet.device_away", "'" + id + "' just went away");
  }
  return status;  // the device's own answer
}

// One object for all cores: what it refers to may be used on any of them.
class FleetLogic {
 public:
  FleetLogic(fl::Hub& hub, const Keys& keys) : hub_(hub), keys_(keys) {}

  fl::Task<fl::Result<Reading>> read(fl::Context&, FleetReadArg in) {
    FL_CO_TRY_ASSIGN(const fl::SessionRef device, find(in.id));
    auto call = device.as<Device>().read({.sensor = in.sensor}, fl::within(kPatience));
    fl::Result<Reading> reading = co_await call;
    if (!reading.ok()) co_return for_operator(reading.status(), in.id);
    co_return *reading;
  }

  fl::Task<fl::Result<SwitchState>> set(fl::Context&, FleetSetArg in) {
    FL_CO_TRY_ASSIGN(const fl::SessionRef device, find(in.id));
    auto call = device.as<Device>().set({.name = in.name, .on = in.on}, fl::within(kPatience));
    fl::Result<SwitchState> state = co_await call;
    if (!state.ok()) co_return for_operator(state.status(), in.id);
    co_return *state;
  }

  fl::Task<fl::Status> restart(fl::Context&, FleetRestartArg in) {
    FL_CO_TRY_ASSIGN(const fl::SessionRef device, find(in.id));
    auto push = device.as<Device>().restart({.in_seconds = in.in_seconds});
    const fl::Status told = co_await push;
    if (!told.ok()) co_return for_operator(told, in.id);
    co_return fl::Status();
  }

  FleetListResult list(FleetListArg) {
    FleetListResult here;
    hub_.for_each([&](const fl::SessionRef& session) {
      if (std::string id = session.id(); keys_.knows(id)) here.ids.push_back(std::move(id));
    });
    return here;
  }

 private:
  // Sessions of operators are found by their address, which is no name of a device.
  fl::Result<fl::SessionRef> find(const std::string& id) const {
    if (!keys_.knows(id)) {
      return fl::Status(fl::Code::kNotFound, "fleet.unknown_device", "no device '" + id + "'");
    }
    std::optional<fl::SessionRef> device = hub_.find(id);
    if (!device.has_value()) {
      return fl::Status(fl::Code::kOverloaded, "fleet.device_away",
                        "'" + id + "' is not connected");
    }
    return *std::move(device);
  }

  fl::Hub& hub_;
  const Keys& keys_;
};

// The login: who it is, for the contract's `user`, and the id by which a device is found.
fl::Status log_in(const Keys& keys, fl::Hub& hub, fl::Context& context) {
  FL_TRY_ASSIGN(const std::string name, keys.check(context.body()));
  FL_TRY(context.session().values().set("user", name));
  if (name == "operator") return {};  // there may be several
  FL_TRY(hub.of(context).set_id(name));
  FL_LOG(info, "fleet.joined", {"id", name});
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') {
    std::fputs(kUsage.data(), stdout);
    return argc < 2 ? 2 : 0;
  }
  const Keys keys = Keys::read(argv[1]);
  if (keys.empty()) {
    std::fprintf(stderr, "hub: no keys in '%s'\n", argv[1]);
    return 1;
  }
  fl::App app(argc - 1, argv + 1, "hub");  // the file stands where the program's name would
  fl::Hub& hub = app.sessions();
  hub.on_closed([&keys](const fl::SessionRef& session, const fl::Status& why) {
    if (!keys.knows(session.id())) return;  // an operator
    FL_LOG(info, "fleet.left", {"id", session.id()}, {"why", why.ok() ? "in order" : why.reason()});
  });
  app.on_login([&](fl::Context& context) { return log_in(keys, hub, context); });
  app.serve<Fleet>(FleetLogic(hub, keys));
  return app.run("tcp://127.0.0.1:7000");
}
