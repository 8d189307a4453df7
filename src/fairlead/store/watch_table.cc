#include "fairlead/store/watch_table.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace fairlead::store::internal {
namespace {

bool stalled(const WatchState& watch) {
  return watch.under_way.load(std::memory_order_acquire) >= kBatchesUnderWayMax;
}

}  // namespace

bool tell(WatchState& state, Result<WatchBatch> batch) {
  const int before = state.under_way.fetch_sub(1, std::memory_order_acq_rel);
  if (state.active) {
    if (!batch.ok()) state.active = false;
    state.handler(std::move(batch));
  }
  return before >= kBatchesUnderWayMax;
}

void WatchTable::add(Engine& engine, std::shared_ptr<WatchState> watch) {
  if (watch->next == 0) {
    const Result<Revision> revision = engine.revision();
    if (!revision.ok()) {
      watch->under_way.fetch_add(1, std::memory_order_acq_rel);
      return deliver_(std::move(watch), revision.status());
    }
    watch->next = *revision + 1;
  }
  watches_.push_back(std::move(watch));
}

void WatchTable::remove(const WatchState* watch) {
  std::erase_if(watches_, [&](const auto& other) { return other.get() == watch; });
}

void WatchTable::pump(Engine& engine) {
  while (true) {
    std::optional<Revision> from;
    for (const auto& watch : watches_) {
      if (!stalled(*watch)) from = std::min(from.value_or(watch->next), watch->next);
    }
    if (!from.has_value()) return;
    const Result<Changes> page = engine.changes(*from);
    if (!page.ok() && page.status().reason() == "store.compacted") {
      fail(page.status(), *from);
      continue;
    }
    // Overload passes: the next pump tries again. Anything else ends the watches.
    if (!page.ok() && page.status().code() == Code::kOverloaded) return;
    if (!page.ok()) return fail(page.status(), std::numeric_limits<Revision>::max());
    if (page->changes.empty()) return;
    give(*from, *page);
  }
}

// Ends the watches that would go on at `next_max` or before.
void WatchTable::fail(const Status& status, Revision next_max) {
  std::vector<std::shared_ptr<WatchState>> ended;
  std::erase_if(watches_, [&](const auto& watch) {
    if (watch->next > next_max) return false;
    ended.push_back(watch);
    return true;
  });
  for (auto& watch : ended) {
    watch->under_way.fetch_add(1, std::memory_order_acq_rel);
    deliver_(std::move(watch), status);
  }
}

void WatchTable::give(Revision from, const Changes& page) {
  for (const auto& watch : watches_) {
    // One that stopped being stalled after `from` was chosen may need more than this page has.
    if (watch->next < from || watch->next >= page.next || stalled(*watch)) continue;
    WatchBatch batch;
    for (const Change& change : page.changes) {
      if (change.entry.mod_revision < watch->next || !change.entry.key.starts_with(watch->prefix)) {
        continue;
      }
      batch.changes.push_back(change);
    }
    watch->next = page.next;
    if (batch.changes.empty()) continue;
    batch.revision = page.next - 1;
    watch->under_way.fetch_add(1, std::memory_order_acq_rel);
    deliver_(watch, std::move(batch));
  }
}

}  // namespace fairlead::store::internal
