#include "fairlead/service/reload_outcome.h"

#include <algorithm>
#include <string_view>

#include "fairlead/base/text.h"
#include "fairlead/observe/log.h"

namespace fairlead::service {
namespace {

constexpr std::size_t kShownBytesMax = 80;
constexpr std::size_t kChangesToldMax = 20;

std::string shown_value(const std::string& value, bool secret) {
  if (value.empty()) return "(not set)";
  return secret ? "***" : escape_text(value, kShownBytesMax);
}

// "limits.call_timeout: 250ms -> 1s; drain: 10s -> 20s"
std::string list_of(const std::vector<ShownChange>& changes) {
  std::string out;
  for (std::size_t i = 0; i < std::min(changes.size(), kChangesToldMax); ++i) {
    out.append(i == 0 ? "" : "; ").append(to_text(changes[i]));
  }
  if (changes.size() <= kChangesToldMax) return out;
  return out + "; and " + std::to_string(changes.size() - kChangesToldMax) + " more";
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out.append(out.ends_with('{') ? "\"" : ",\"").append(name).append("\":");
  append_json_string(out, value);
}

template <class Items, class Append>
void append_list(std::string& out, std::string_view name, const Items& items, Append append) {
  out.append(",\"").append(name).append("\":[");
  for (const auto& item : items) {
    out += out.ends_with('[') ? "{" : ",{";
    append(item);
    out += '}';
  }
  out += ']';
}

}  // namespace

ShownChange shown(const config::Change& change, bool secret) {
  return {.key = escape_text(change.path(), kShownBytesMax),
          .before = shown_value(change.before, secret),
          .after = shown_value(change.after, secret)};
}

std::string to_text(const ShownChange& change) {
  return change.key + ": " + change.before + " -> " + change.after;
}

std::string to_json(const ReloadOutcome& outcome) {
  std::string out = outcome.ok() ? "{\"ok\":true" : "{\"ok\":false";
  append_member(out, "file", outcome.file);
  const auto append_change = [&out](const ShownChange& change) {
    append_member(out, "key", change.key);
    append_member(out, "before", change.before);
    append_member(out, "after", change.after);
  };
  append_list(out, "changed", outcome.changed, append_change);
  append_list(out, "needs_restart", outcome.at_next_start, append_change);
  append_list(out, "errors", outcome.errors, [&out](const Status& error) {
    append_member(out, "reason", error.reason());
    append_member(out, "message", error.message());
  });
  return out + "}\n";
}

Result<ReloadReport> ReloadReport::make(observe::Registry& metrics) {
  ReloadReport made;
  FL_TRY_ASSIGN(made.reloads_,
                metrics.counter({"fairlead_service_config_reloads_total",
                                 "Times that the configuration was read again and counted."}));
  FL_TRY_ASSIGN(
      made.failures_,
      metrics.counter(
          {"fairlead_service_config_reloads_failed_total",
           "Times that the configuration was read again, was wrong, and changed nothing."}));
  FL_TRY_ASSIGN(made.waiting_keys_,
                metrics.gauge({"fairlead_service_config_waiting_keys",
                               "Keys whose values have changed and count at the next start."}));
  return made;
}

void ReloadReport::tell(const ReloadOutcome& outcome) const {
  if (!outcome.ok()) {
    failures_.add();
    const Status& why = outcome.errors.front();
    FL_LOG(error, "config.not_reloaded", {"reason", why.reason()}, {"message", why.message()});
    return;
  }
  reloads_.add();
  if (outcome.file.empty()) return;
  waiting_keys_.set(static_cast<std::int64_t>(outcome.at_next_start.size()));
  const std::string changed = outcome.changed.empty() ? "nothing" : list_of(outcome.changed);
  FL_LOG(info, "config.reloaded", {"file", outcome.file}, {"changed", changed});
  const std::string waiting = list_of(outcome.at_next_start);
  if (!waiting.empty()) FL_LOG(warn, "config.needs_restart", {"keys", waiting});
}

}  // namespace fairlead::service
