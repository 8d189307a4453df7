#include "fairlead/rpc/metrics.h"

#include <iterator>
#include <string_view>

#include "fairlead/rpc/resend_queue.h"

namespace fairlead::rpc {

std::string_view link_end_name(LinkEnd end) {
  constexpr std::string_view kEnds[] = {
      "unknown",     "closed", "peer",      "error", "protocol",       "login",      "plugin",
      "slow_reader", "age",    "heartbeat", "idle",  "too_many_pings", "conn_limit", "slow_frame"};
  static_assert(std::size(kEnds) == static_cast<std::size_t>(LinkEnd::kCount));
  return kEnds[static_cast<std::size_t>(end)];
}

Result<Metrics> Metrics::make(observe::Registry& registry) {
  struct Entry {
    observe::Counter Metrics::* member;
    std::string_view name;
    std::string_view help;
  };
  constexpr Entry kEntries[] = {
      {&Metrics::sessions_opened, "fairlead_rpc_sessions_opened_total", "Sessions that began."},
      {&Metrics::sessions_closed, "fairlead_rpc_sessions_closed_total", "Sessions that ended."},
      {&Metrics::calls_sent, "fairlead_rpc_calls_sent_total", "Calls that this process sent."},
      {&Metrics::calls_timed_out, "fairlead_rpc_calls_timed_out_total",
       "Calls sent whose deadline passed without a reply."},
      {&Metrics::calls_received, "fairlead_rpc_calls_received_total", "Calls that came in."},
      {&Metrics::calls_failed, "fairlead_rpc_calls_failed_total",
       "Calls that a handler answered with an error."},
      {&Metrics::calls_refused, "fairlead_rpc_calls_refused_total",
       "Calls answered with an error before any handler ran."},
      {&Metrics::calls_cancelled, "fairlead_rpc_calls_cancelled_total",
       "Calls given up by their callers while a handler worked on them."},
      {&Metrics::pushes_sent, "fairlead_rpc_pushes_sent_total", "Pushes that this process sent."},
      {&Metrics::pushes_received, "fairlead_rpc_pushes_received_total", "Pushes that came in."},
      {&Metrics::pushes_failed, "fairlead_rpc_pushes_failed_total",
       "Pushes without a route, or whose handler failed."},
      {&Metrics::replies_late, "fairlead_rpc_replies_late_total",
       "Replies that nobody waited for any more."},
      {&Metrics::output_lost_bytes, "fairlead_rpc_output_lost_bytes_total",
       "Bytes of messages that were written and had not been sent when their connection was lost."},
      {&Metrics::protocol_errors, "fairlead_rpc_protocol_errors_total",
       "Connections closed because of bytes that are no frame."},
      {&Metrics::logins_refused, "fairlead_rpc_logins_refused_total",
       "Sessions closed because their login was refused, late or missing."},
      {&Metrics::heartbeats_sent, "fairlead_rpc_heartbeat_sent_total",
       "Heartbeats that were sent because nothing passed."},
      {&Metrics::heartbeats_missed, "fairlead_rpc_heartbeat_missed_total",
       "Heartbeats after which no byte came in time."},
  };
  Metrics metrics;
  for (const Entry& entry : kEntries) {
    FL_TRY_ASSIGN(metrics.*entry.member, registry.counter({entry.name, entry.help}));
  }
  FL_TRY(metrics.add_links(registry));
  FL_TRY(metrics.add_resend(registry));
  return metrics;
}

Status Metrics::add_resend(observe::Registry& registry) {
  constexpr std::string_view kStates[] = {"queued", "writing", "sent"};
  struct Result {
    observe::Counter* counter;
    std::string_view word;
  };
  const auto ended = [this](ResendQueue::State state) {
    return &resend_results[static_cast<std::size_t>(state)];
  };
  using enum ResendQueue::State;
  const Result results[] = {{ended(kReplied), "replied"}, {ended(kExpired), "expired"},
                            {ended(kMoved), "moved"},     {ended(kFailed), "failed"},
                            {&resend_again, "again"},     {&resend_refused, "refused"}};
  for (std::size_t i = 0; i < resend_queue.size(); ++i) {
    FL_TRY_ASSIGN(resend_queue[i],
                  registry.gauge({"fairlead_rpc_resend_queue",
                                  "Messages that outlive their connections, by state."},
                                 {{"state", kStates[i]}}));
  }
  for (const Result& result : results) {
    FL_TRY_ASSIGN(*result.counter,
                  registry.counter({"fairlead_rpc_resend_total",
                                    "Ends of such messages, and attempts beyond the first."},
                                   {{"result", result.word}}));
  }
  FL_TRY_ASSIGN(dedup_hits, registry.counter({"fairlead_rpc_dedup_hits_total",
                                              "Messages that came again and were not served."}));
  return {};
}

Status Metrics::add_links(observe::Registry& registry) {
  constexpr std::string_view kStates[] = {"alive", "suspect"};
  constexpr std::string_view kKinds[] = {"read", "write", "both"};
  for (std::size_t i = 0; i < links.size(); ++i) {
    FL_TRY_ASSIGN(links[i], registry.gauge({"fairlead_rpc_link_state", "Open sessions by state."},
                                           {{"state", kStates[i]}}));
  }
  for (std::size_t i = 1; i < links_closed.size(); ++i) {  // nothing ends as unknown
    FL_TRY_ASSIGN(links_closed[i],
                  registry.counter({"fairlead_rpc_link_closed_total", "Connections that ended."},
                                   {{"reason", link_end_name(static_cast<LinkEnd>(i))}}));
  }
  for (std::size_t i = 0; i < idle_events.size(); ++i) {
    FL_TRY_ASSIGN(idle_events[i],
                  registry.counter({"fairlead_rpc_idle_events_total",
                                    "Times that nothing had passed for as long as idle.* says."},
                                   {{"kind", kKinds[i]}}));
  }
  FL_TRY_ASSIGN(link_rtt, registry.histogram(
                              {"fairlead_rpc_link_rtt_seconds", "From a heartbeat to its answer."},
                              observe::Unit::kSeconds));
  return {};
}

}  // namespace fairlead::rpc
