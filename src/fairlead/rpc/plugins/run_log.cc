#include "fairlead/rpc/plugins/run_log.h"

#include <algorithm>

#include "fairlead/base/text.h"
#include "fairlead/observe/log.h"
#include "fairlead/rpc/context.h"
#include "fairlead/rpc/session.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc {
namespace {

constexpr Duration kNotMeasured{-1};

// "128.1µs", "2.5ms", "1.5s": the largest unit that leaves something before the point.
std::string short_text(Duration took) {
  constexpr std::int64_t kMicro = 1000;
  constexpr std::int64_t kMilli = 1'000'000;
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t ns = took.count();
  if (ns < kMicro) return std::to_string(ns) + "ns";
  const std::int64_t unit = ns < kMilli ? kMicro : ns < kSecond ? kMilli : kSecond;
  std::string text = std::to_string(ns / unit);
  if (const std::int64_t rest = ns % unit; rest != 0) {
    std::string digits = std::to_string(unit + rest).substr(1);  // with its leading zeros
    digits.erase(digits.find_last_not_of('0') + 1);
    text += "." + digits;
  }
  return text + (unit == kMicro ? "µs" : unit == kMilli ? "ms" : "s");
}

std::string real_of(std::string_view metadata, const std::string& host) {
  const auto told = wire::find_in_encoded(metadata, wire::kRealIpKey);
  return !told.has_value() || told->empty() || *told == host ? "same" : escape_text(*told, 64);
}

}  // namespace

void RunLog::append(std::string& line, std::string_view word, const Part& part) const {
  line.append(" ").append(word).append("({\"size\":").append(std::to_string(part.size));
  if (part.status != nullptr && !part.status->ok()) {
    line += ",\"status\":";
    wire::append_status_text(line, *part.status);
  }
  const auto cut = [this](std::string_view text) {
    return text.substr(0, options_.body_bytes_max);
  };
  if (options_.details && !part.metadata.empty()) {
    line += ",\"meta\":";
    append_json_string(line, cut(part.metadata));
  }
  if (options_.details && !part.body.empty()) {
    line += ",\"body\":";
    const bool whole_json =
        part.body_codec == wire::kJsonCodec && part.size <= options_.body_bytes_max;
    if (whole_json && is_utf8(part.body) && part.body.find('\n') == std::string_view::npos)
      line += part.body;
    else
      append_json_string(line, cut(part.body));
  }
  line += "})";
}

void RunLog::tell(const Record& record) const {
  const bool slow = options_.slow_after > Duration::zero() && record.took >= options_.slow_after;
  const std::string_view mark = record.took < Duration::zero() ? "-" : slow ? "slow" : "fast";
  const observe::LogLevel level = slow ? observe::LogLevel::kWarn : observe::LogLevel::kInfo;
  const bool push = record.arrow.starts_with("PUSH");
  const Status ok;
  const Status* failed = &ok;
  for (const Part* part : {record.first, record.second}) {
    if (part != nullptr && part->status != nullptr && !part->status->ok()) failed = part->status;
  }
  if (!options_.text) {
    const std::size_t second = record.second != nullptr ? record.second->size : 0;
    const std::size_t received = record.received_first ? record.first->size : second;
    const std::size_t sent = record.received_first ? second : record.first->size;
    const auto log = [&](auto write) {
      write({{"way", record.arrow.ends_with("<-") ? "in" : "out"},
             {"peer", record.peer},
             {"real_ip", record.real},
             {"method", record.method},
             {"took", std::max(record.took, Duration::zero())},
             {"mark", mark},
             {"code", static_cast<std::int32_t>(failed->code())},
             {"reason", failed->reason()},
             {"received_bytes", received},
             {"sent_bytes", sent}});
    };
    using Fields = std::initializer_list<observe::LogField>;
    if (!observe::internal::default_enabled(level)) return;
    return log([&](Fields fields) {
      observe::internal::log_default(level, push ? "rpc.push" : "rpc.call", fields);
    });
  }
  std::string line;
  line.append(record.arrow).append(" ").append(record.peer);
  line.append("(real:").append(record.real).append(") ");
  if (record.took >= Duration::zero()) line += short_text(record.took);
  line.append("(").append(mark).append(") \"");
  line.append(escape_text(record.method, 255)).append("\"");
  append(line, record.received_first ? "RECV" : "SEND", *record.first);
  if (record.second != nullptr)
    append(line, record.received_first ? "SEND" : "RECV", *record.second);
  if (options_.write) return options_.write(level, line);
  if (slow && push) FL_LOG(warn, "rpc.push", {"line", line});
  if (slow && !push) FL_LOG(warn, "rpc.call", {"line", line});
  if (!slow && push) FL_LOG(info, "rpc.push", {"line", line});
  if (!slow && !push) FL_LOG(info, "rpc.call", {"line", line});
}

void RunLog::tell_served(Context& context, const Status& status, Time begun,
                         const Part* reply) const {
  const bool call = context.kind() == wire::Kind::kCall;
  const io::Address peer = context.session().peer_address();
  const Part received{.size = context.body().size(),
                      .status = reply == nullptr ? &status : nullptr,
                      .metadata = context.metadata_text(),
                      .body = context.body(),
                      .body_codec = context.body_codec()};
  tell({.arrow = call ? "CALL<-" : "PUSH<-",
        .peer = peer.to_text(),
        .real = real_of(context.metadata_text(), peer.host()),
        .method = context.method(),
        .took = context.core().measured_now() - begun,
        .first = &received,
        .second = reply,
        .received_first = true});
}

Status RunLog::post_write_reply(const OutgoingReply& reply) {
  const Part sent{.size = reply.body.size(),
                  .status = &reply.status,
                  .metadata = reply.context.reply_metadata_text(),
                  .body = reply.body,
                  .body_codec = reply.body_codec};
  tell_served(reply.context, reply.status, reply.context.begun(), &sent);
  return {};
}

// What was answered is told already.
Status RunLog::post_serve(const Served& served) {
  if (!served.answered) tell_served(served.context, served.status, served.begun, nullptr);
  return {};
}

// A body of ours is gone when its call ends.
Status RunLog::begin(OutgoingHead& head) const {
  if (options_.details) head.keep_body(options_.body_bytes_max);
  return {};
}

RunLog::Part RunLog::part_of(const OutgoingHead& sent) {
  return {.size = sent.body_bytes(),
          .metadata = sent.metadata_text(),
          .body = sent.kept_body(),
          .body_codec = sent.body_codec()};
}

Status RunLog::post_call(const EndedCall& call) {
  const Part sent = part_of(call.sent);
  Part received{.status = &call.status};
  if (call.reply != nullptr) {
    received.size = call.reply->body.size();
    received.metadata = call.reply->metadata;
    received.body = call.reply->body;
    received.body_codec = call.reply->body_codec;
  }
  tell({.arrow = "CALL->",
        .peer = call.session.peer_address().to_text(),
        .real = "-",
        .method = call.method,
        .took = call.session.core().measured_now() - call.begun,
        .first = &sent,
        .second = &received,
        .received_first = false});
  return {};
}

Status RunLog::post_write_push(const OutgoingHead& push) {
  const Part sent = part_of(push);
  tell({.arrow = "PUSH->",
        .peer = push.session().peer_address().to_text(),
        .real = "-",
        .method = push.method(),
        .took = kNotMeasured,
        .first = &sent,
        .second = nullptr,
        .received_first = false});
  return {};
}

}  // namespace fairlead::rpc
