#include "fairlead/service/reload_outcome.h"

#include <algorithm>
#include <string_view>

#include "fairlead/base/json_object.h"
#include "fairlead/base/text.h"
#include "fairlead/observe/log.h"

namespace fairlead::service {
namespace {

constexpr std::size_t kShownBytesMax = 80;
constexpr std::size_t kChangesToldMax = 20;
constexpr std::size_t kPiecesMax = 8;  // the log takes 10 of one event in a second

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

// The lines of a message, packed into as few records of the log as hold them whole; what is too
// much for the log is counted in the last one.
std::vector<std::string> pieces_of(std::string_view message) {
  std::vector<std::string> pieces;
  std::size_t left_out = 0;
  for (const std::string_view line : split(message, '\n')) {
    const bool fits =
        !pieces.empty() && pieces.back().size() + 1 + line.size() <= observe::kLogValueBytesMax;
    if (fits && left_out == 0) {
      pieces.back().append("\n").append(line);
    } else if (pieces.size() < kPiecesMax) {
      pieces.emplace_back(line);
    } else {
      ++left_out;
    }
  }
  if (left_out > 0) pieces.push_back("... and " + std::to_string(left_out) + " more");
  return pieces;
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
  const auto fill_change = [](const ShownChange& change, JsonObject& one) {
    one.text("key", change.key).text("before", change.before).text("after", change.after);
  };
  const auto fill_error = [](const Status& error, JsonObject& one) {
    one.text("reason", error.reason()).text("message", error.message());
  };
  JsonObject document;
  document.boolean("ok", outcome.ok())
      .text("file", outcome.file)
      .list("changed", outcome.changed, fill_change)
      .list("needs_restart", outcome.at_next_start, fill_change)
      .list("errors", outcome.errors, fill_error);
  return document.str() + '\n';
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
    for (const std::string& piece : pieces_of(why.message())) {
      FL_LOG(error, "config.not_reloaded", {"reason", why.reason()}, {"message", piece});
    }
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
