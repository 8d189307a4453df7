// The watches of one open store: what each has been told, and how the next changes reach it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/store/engine.h"
#include "fairlead/store/store.h"

namespace fairlead::store::internal {

// One watch, shared by its Watch object (on the core), the table and batches on their way.
struct WatchState {
  // Engine side.
  std::string prefix;
  Revision next = 0;  // first revision not yet told; 0: to be set when the table gets it

  // Core side.
  WatchHandler handler;
  bool active = true;

  // Both: batches that the core has not yet seen. Bounds what a slow core makes us keep.
  std::atomic<int> under_way{0};
};
inline constexpr int kBatchesUnderWayMax = 4;

// Calls the handler on the core's side unless the watch has ended. True: the table had stopped
// telling this watch, so it must be pumped again.
bool tell(WatchState& state, Result<WatchBatch> batch);

// Thread: the engine's. Cost of pump(): one look at the engine when nothing happened; else each
// change is read once and compared with each watch's prefix.
class WatchTable {
 public:
  using Deliver = std::function<void(std::shared_ptr<WatchState> watch, Result<WatchBatch> batch)>;
  explicit WatchTable(Deliver deliver) : deliver_(std::move(deliver)) {}

  void add(Engine& engine, std::shared_ptr<WatchState> watch);
  void remove(const WatchState* watch);
  bool empty() const { return watches_.empty(); }
  // Tells every watch what it has not seen.
  void pump(Engine& engine);

 private:
  void fail(const Status& status, Revision next_max);
  void give(Revision from, const Changes& page);

  const Deliver deliver_;
  std::vector<std::shared_ptr<WatchState>> watches_;
};

}  // namespace fairlead::store::internal
