// Overloader: refuses what is more than this program wants to serve, before it costs anything.
//
//   auto overloader = Overloader::make({.calls_per_second_max = 5000,
//                                       .methods = {{"/report/build", 10}}}, &app.metrics());
//   app.use(*overloader);
//   (*overloader)->update({.calls_per_second_max = 8000});   // any time, any thread
//
// A CALL over a limit is answered 503 with X-Fl-Retry-After, its message names the limit; a PUSH is
// dropped and counted; a connection over the limit is closed.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/rpc/plugin.h"
#include "fairlead/rpc/plugins/token_bucket.h"

namespace fairlead::rpc {

// All limits are of the process, whatever its cores; 0: none.
struct OverloaderOptions {
  std::uint32_t connections_max = 0;       // accepted ones; requests of HTTP are not counted
  std::uint32_t calls_per_second_max = 0;  // CALLs and PUSHes together
  std::map<std::string, std::uint32_t, std::less<>> methods{};  // each on its own
  // What so much time brings may come at once; 1 ms .. 1 min.
  Duration burst = std::chrono::milliseconds(100);

  // Errors: kInvalidOperation `overloader.bad_option`.
  Status validate() const;
};

// Counted: fairlead_rpc_overload_refused_total{limit="connections" "total" "method"}.
// Thread: as Plugin; update() and limits() from any. Cost: one or two compare-and-swaps a message;
// a hash of the method only where methods have limits.
class Overloader final : public Plugin {
 public:
  static constexpr std::size_t kUpdatesMax = 10'000;

  // Errors: those of OverloaderOptions::validate() and observe::Registry::counter().
  static Result<std::shared_ptr<Overloader>> make(OverloaderOptions options,
                                                  observe::Registry* metrics = nullptr);
  Overloader() = delete;

  // New limits from the next message on; buckets begin full. An old set is kept until the end,
  // since some core may be reading it.
  // Errors: those of validate(); kLocalLimit `overloader.updates` after kUpdatesMax of them.
  Status update(OverloaderOptions options);
  // Those that count now. Good as long as the plugin, also when new ones have come.
  const OverloaderOptions& limits() const;
  std::uint32_t connections() const { return connections_.load(std::memory_order_relaxed); }

  Status post_accept(Session& session) override;
  Status post_disconnect(Session& session, const Status& why) override;
  Status post_read_call_header(IncomingHead& head) override { return admit(head); }
  Status post_read_push_header(IncomingHead& head) override { return admit(head); }

 private:
  struct Limits;
  struct Key {};

 public:
  explicit Overloader(Key /*of make()*/);
  ~Overloader() override;

 private:
  Status admit(IncomingHead& head);

  std::atomic<std::uint32_t> connections_{0};
  std::atomic<Limits*> limits_{nullptr};
  Mutex mutex_;
  std::vector<std::unique_ptr<Limits>> all_ FL_GUARDED_BY(mutex_);
  observe::Counter refused_connections_;
  observe::Counter refused_total_;
  observe::Counter refused_method_;
};

}  // namespace fairlead::rpc
