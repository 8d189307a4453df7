// What a hub and its devices say to each other, and what an operator asks the hub.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fairlead/fairlead.h>

struct ReadArg {
  std::string sensor{};
};
struct Reading {
  double value = 0;
};
struct SetArg {
  std::string name{};
  bool on = false;
};
struct SwitchState {
  bool on = false;
};
struct RestartArg {
  std::int32_t in_seconds = 0;
};
FL_STRUCT(ReadArg, (1, sensor, required, error(1001, "which sensor?")))
FL_STRUCT(Reading, (1, value))
FL_STRUCT(SetArg, (1, name, required, error(1002, "which switch?")), (2, on))
FL_STRUCT(SwitchState, (1, on))
FL_STRUCT(RestartArg, (1, in_seconds, range(0, 30)))

// Served by a device, on the connection that it opened to its hub. The hub calls it.
struct Device {
  static Reading read(ReadArg);         // CALL /device/read
  static SwitchState set(SetArg);       // CALL /device/set
  static fl::Push restart(RestartArg);  // PUSH /device/restart: leaves, and comes again
};
FL_SERVICE(Device, (read, idempotent), (set, idempotent), (restart))

// `user` is who logged in on the connection; no body can say it.
struct FleetReadArg {
  std::string id{};
  std::string sensor = "temperature";
  std::string user{};
};
struct FleetSetArg {
  std::string id{};
  std::string name{};
  bool on = false;
  std::string user{};
};
struct FleetRestartArg {
  std::string id{};
  std::int32_t in_seconds = 0;
  std::string user{};
};
struct FleetListArg {
  std::string user{};
};
struct FleetListResult {
  std::vector<std::string> ids{};
};
FL_STRUCT(FleetReadArg, (1, id, required, error(1003, "which device?")), (2, sensor),
          (3, user, from_session(), regexp("operator"), error(403, "operators only")))
FL_STRUCT(FleetSetArg, (1, id, required, error(1003, "which device?")), (2, name), (3, on),
          (4, user, from_session(), regexp("operator"), error(403, "operators only")))
FL_STRUCT(FleetRestartArg, (1, id, required, error(1003, "which device?")), (2, in_seconds),
          (3, user, from_session(), regexp("operator"), error(403, "operators only")))
FL_STRUCT(FleetListArg, (1, user, from_session(), regexp("operator"), error(403, "operators only")))
FL_STRUCT(FleetListResult, (1, ids))

// Served by the hub. Errors beside those of the device: 404 `fleet.unknown_device`,
// 503 `fleet.device_away`, 504 `fleet.device_slow`.
struct Fleet {
  static Reading read(FleetReadArg);          // CALL /fleet/read
  static SwitchState set(FleetSetArg);        // CALL /fleet/set
  static void restart(FleetRestartArg);       // CALL /fleet/restart: answered when it was told
  static FleetListResult list(FleetListArg);  // CALL /fleet/list: who is there
};
FL_SERVICE(Fleet, (read, idempotent), (set, idempotent), (restart), (list, idempotent))
