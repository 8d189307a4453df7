#include "fairlead/service/cores_page.h"

#include <chrono>

#include "fairlead/base/json_object.h"

namespace fairlead::service::internal {
namespace {

std::int64_t milliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

std::string_view state_of(const runtime::CoreReport& report) {
  if (report.stuck) return "stuck";
  return report.running ? "running" : "waiting";
}

}  // namespace

std::string cores_json(const std::vector<runtime::CoreReport>& reports) {
  const auto fill = [](const runtime::CoreReport& report, JsonObject& core) {
    core.number("number", report.number)
        .number("connections", report.connections)
        .text("state", state_of(report))
        .text("method", report.method)
        .number("busy_ms", milliseconds(report.busy))
        .number("turns", report.turns)
        .number("longest_turn_ms", milliseconds(report.longest_turn))
        .number("stuck_total", report.stuck_count);
  };
  return JsonObject().list("cores", reports, fill).str() + '\n';
}

admin::Page cores_page(const runtime::CoreWatch& watch) {
  const auto show = [&watch](const http::Request&) {
    return http::Response::json(200, cores_json(watch.report(steady_now())));
  };
  return {
      .path = "/cores", .title = "What each core is doing.", .handler = http::plain_handler(show)};
}

}  // namespace fairlead::service::internal
