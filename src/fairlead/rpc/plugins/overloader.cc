#include "fairlead/rpc/plugins/overloader.h"

#include <chrono>
#include <optional>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/rpc/hooked_message.h"
#include "fairlead/rpc/session.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::rpc {
namespace {

Status over(IncomingHead& head, std::string_view reason, const std::string& limit, Duration until) {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(until).count();
  head.add_reply_meta(wire::kRetryAfterKey, std::to_string(ms));
  return Status(Code::kOverloaded, reason, limit + " is reached");
}

}  // namespace

// What one update says, with the state of its buckets.
struct Overloader::Limits {
  explicit Limits(OverloaderOptions given) : options(std::move(given)) {
    if (options.calls_per_second_max > 0)
      total.emplace(options.calls_per_second_max, options.burst);
    for (const auto& [method, rate] : options.methods) {
      if (rate > 0) methods.try_emplace(method, rate, options.burst);
    }
  }
  const OverloaderOptions options;
  std::optional<TokenBucket> total;
  std::map<std::string, TokenBucket, std::less<>> methods;
};

Status OverloaderOptions::validate() const {
  if (burst < std::chrono::milliseconds(1) || burst > std::chrono::minutes(1)) {
    return Status(Code::kInvalidOperation, "overloader.bad_option",
                  "burst must be from 1ms to 1m, not " + to_text(burst));
  }
  return {};
}

Overloader::Overloader(Key) : Plugin("overloader") {}
Overloader::~Overloader() = default;

Result<std::shared_ptr<Overloader>> Overloader::make(OverloaderOptions options,
                                                     observe::Registry* metrics) {
  auto made = std::make_shared<Overloader>(Key());
  FL_TRY(made->update(std::move(options)));
  if (metrics == nullptr) return made;
  const auto counter = [metrics](std::string_view limit) {
    return metrics->counter({"fairlead_rpc_overload_refused_total",
                             "Connections, calls and pushes refused by the overloader."},
                            {{"limit", limit}});
  };
  FL_TRY_ASSIGN(made->refused_connections_, counter("connections"));
  FL_TRY_ASSIGN(made->refused_total_, counter("total"));
  FL_TRY_ASSIGN(made->refused_method_, counter("method"));
  return made;
}

Status Overloader::update(OverloaderOptions options) {
  FL_TRY(options.validate());
  auto made = std::make_unique<Limits>(std::move(options));
  const MutexLock lock(mutex_);
  if (all_.size() == kUpdatesMax) {
    return Status(Code::kLocalLimit, "overloader.updates",
                  "the limits were changed 10000 times; start the program again");
  }
  limits_.store(made.get(), std::memory_order_release);
  all_.push_back(std::move(made));
  return {};
}

const OverloaderOptions& Overloader::limits() const {
  return limits_.load(std::memory_order_acquire)->options;
}

Status Overloader::post_accept(Session&) {
  const std::uint32_t now = connections_.fetch_add(1, std::memory_order_relaxed) + 1;
  const std::uint32_t most = limits_.load(std::memory_order_acquire)->options.connections_max;
  if (most == 0 || now <= most) return {};
  refused_connections_.add();
  return Status(Code::kOverloaded, "overloader.connections",
                "connections_max of " + std::to_string(most) + " is reached");
}

Status Overloader::post_disconnect(Session& session, const Status&) {
  if (!session.dialled()) connections_.fetch_sub(1, std::memory_order_relaxed);
  return {};
}

Status Overloader::admit(IncomingHead& head) {
  Limits& limits = *limits_.load(std::memory_order_acquire);
  if (!limits.methods.empty()) {
    const std::string_view path = head.method().substr(0, head.method().find('?'));
    const auto found = limits.methods.find(path);
    if (found != limits.methods.end()) {
      const Duration until = found->second.take(head.begun());
      if (until > Duration::zero()) {
        refused_method_.add();
        return over(head, "overloader.method",
                    "the limit of " + std::to_string(limits.options.methods.at(found->first)) +
                        " a second of " + escape_text(found->first),
                    until);
      }
    }
  }
  if (!limits.total.has_value()) return {};
  const Duration until = limits.total->take(head.begun());
  if (until == Duration::zero()) return {};
  refused_total_.add();
  return over(head, "overloader.total",
              "calls_per_second_max of " + std::to_string(limits.options.calls_per_second_max),
              until);
}

}  // namespace fairlead::rpc
