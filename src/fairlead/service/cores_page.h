// The admin page /cores: what each core is doing.
#pragma once

#include <string>
#include <vector>

#include "fairlead/admin/server.h"
#include "fairlead/runtime/core_watch.h"

namespace fairlead::service::internal {

// {"cores":[{"number":0,"connections":2,"state":"running","method":"/math/divide","busy_ms":7,
//            "turns":12,"longest_turn_ms":7,"stuck_total":0}]}
// `state`: waiting (for events), running, stuck. docs/reference/admin.md explains the rest.
std::string cores_json(const std::vector<runtime::CoreReport>& reports);

// `watch` outlives the page.
admin::Page cores_page(const runtime::CoreWatch& watch);

}  // namespace fairlead::service::internal
