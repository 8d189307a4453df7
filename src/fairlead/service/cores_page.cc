#include "fairlead/service/cores_page.h"

#include <chrono>

#include "fairlead/base/text.h"

namespace fairlead::service::internal {
namespace {

std::string milliseconds(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

std::string_view state_of(const runtime::CoreReport& report) {
  if (report.stuck) return "stuck";
  return report.running ? "running" : "waiting";
}

}  // namespace

std::string cores_json(const std::vector<runtime::CoreReport>& reports) {
  std::string out = "{\"cores\":[";
  for (const runtime::CoreReport& report : reports) {
    if (report.number > 0) out += ',';
    out += "{\"number\":" + std::to_string(report.number);
    out += ",\"connections\":" + std::to_string(report.connections);
    out.append(",\"state\":\"").append(state_of(report)).append("\",\"method\":");
    append_json_string(out, report.method);
    out += ",\"busy_ms\":" + milliseconds(report.busy);
    out += ",\"turns\":" + std::to_string(report.turns);
    out += ",\"longest_turn_ms\":" + milliseconds(report.longest_turn);
    out += ",\"stuck_total\":" + std::to_string(report.stuck_count) + '}';
  }
  return out + "]}\n";
}

admin::Page cores_page(const runtime::CoreWatch& watch) {
  const auto show = [&watch](const http::Request&) {
    return http::Response::json(200, cores_json(watch.report(steady_now())));
  };
  return {
      .path = "/cores", .title = "What each core is doing.", .handler = http::plain_handler(show)};
}

}  // namespace fairlead::service::internal
