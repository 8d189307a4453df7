// A device: dials its hub, serves what the hub calls, and dials again whenever the link is lost.
//
//   DEVICE_KEY=KEY device 127.0.0.1:7000 tv-42
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "backoff.h"
#include "fleet.h"

using namespace std::chrono_literals;

namespace {

constexpr std::string_view kUsage = R"(usage: DEVICE_KEY=KEY device HUB ID [options]

Dials the hub, logs in as ID, and answers what the hub asks. Sensors: temperature, humidity, and
barometer, which takes a minute. Ends with INT or TERM.

  DEVICE_KEY=KEY device 127.0.0.1:7000 tv-42

Options are those of every program on Fairlead: device HUB ID --help
)";

fl::io::Core& core() { return *fl::io::Core::current(); }

// Everything happens on the one core whose task dialled.
class DeviceLogic {
 public:
  explicit DeviceLogic(fl::Hub& hub) : hub_(hub) {}

  fl::Task<fl::Result<Reading>> read(fl::Context& context, ReadArg in) {
    if (in.sensor == "temperature") co_return Reading{.value = 21.5};
    if (in.sensor == "humidity") co_return Reading{.value = 40};
    if (in.sensor != "barometer") co_return fl::error(1001, "no sensor '" + in.sensor + "'");
    FL_LOG(info, "device.settles", {"sensor", in.sensor});
    fl::Sleep settling(core().timers(), core().deadline_after(1min), context.cancel());
    const fl::Status settled = co_await settling;
    if (!settled.ok()) {  // nobody waits any more: the sensor need not run on
      FL_LOG(info, "device.read_given_up", {"sensor", in.sensor});
      co_return settled;
    }
    co_return Reading{.value = 1013};
  }

  fl::Result<SwitchState> set(SetArg in) {
    if (in.name != "light" && in.name != "fan") {
      return fl::error(1002, "no switch '" + in.name + "'");
    }
    on_[in.name] = in.on;
    FL_LOG(info, "device.switched", {"name", in.name}, {"on", in.on});
    return SwitchState{.on = in.on};
  }

  fl::Task<fl::Status> restart(fl::Context& context, RestartArg in) {
    FL_LOG(info, "device.restarts", {"in_seconds", in.in_seconds});
    const fl::SessionRef link = hub_.of(context);
    fl::Sleep notice(core().timers(), core().deadline_after(std::chrono::seconds(in.in_seconds)),
                     context.cancel());
    FL_CO_TRY(co_await notice);
    on_.clear();
    link.kick("restart");
    co_return fl::Status();
  }

 private:
  fl::Hub& hub_;
  std::map<std::string, bool> on_;
};

// The link to the hub, which is dialled as long as the program runs.
class Link {
 public:
  Link(fl::io::Address address, std::string login) : address_(address), login_(std::move(login)) {}

  // A link that held for less counts as a failed try: two devices with one id, who send each other
  // away, would else do so without a pause.
  static constexpr auto kSteady = 5s;

  fl::Task<void> keep(fl::App& app, fl::Hub& hub) {
    const fl::CancelToken stopping = app.stopping();
    for (Backoff backoff(fl::Random::from_system());;) {
      ended_.emplace();
      fl::rpc::DialOptions options{.login = fl::Login{.body = login_}};
      auto dialling = hub.dial(address_, std::move(options));
      const fl::Result<fl::SessionRef> link = co_await dialling;
      if (link.ok()) {
        FL_LOG(info, "device.connected", {"hub", address_.to_text()});
        const fl::Time since = core().now();
        const fl::Status waited = co_await ended_->wait(core().timers(), fl::Deadline(), stopping);
        if (!waited.ok()) co_return;
        if (core().now() - since >= kSteady) backoff.reset();
      }
      const fl::Duration pause = backoff.next();
      FL_LOG(info, "device.dials_again", {"in_ms", pause / 1ms},
             {"why", link.ok() ? "the link has ended" : link.status().message()});
      fl::Sleep sleep(core().timers(), core().deadline_after(pause), stopping);
      const fl::Status slept = co_await sleep;
      if (!slept.ok()) co_return;
    }
  }
  // The hub's close notification.
  void ended() { ended_->set(); }

 private:
  const fl::io::Address address_;
  const std::string login_;
  std::optional<fl::Event> ended_;  // of the present link
};

}  // namespace

int main(int argc, char** argv) {
  const char* const key = std::getenv("DEVICE_KEY");  // the list of processes does not show it
  if (argc < 3 || argv[1][0] == '-' || argv[2][0] == '-' || key == nullptr) {
    std::fputs(kUsage.data(), stdout);
    return argc == 2 && std::string_view(argv[1]) == "--help" ? 0 : 2;
  }
  const fl::Result<fl::io::Address> address = fl::io::Address::parse(argv[1]);
  if (!address.ok()) {
    std::fprintf(stderr, "device: %s\n", address.status().to_string().c_str());
    return 2;
  }
  Link link(*address, std::string(argv[2]) + ":" + key);
  fl::App app(argc - 2, argv + 2, "device");  // ID stands where the program's name would
  fl::Hub& hub = app.sessions();
  hub.on_closed([&link](const fl::SessionRef&, const fl::Status&) { link.ended(); });
  app.serve<Device>(DeviceLogic(hub));
  return app.run(link.keep(app, hub));
}
