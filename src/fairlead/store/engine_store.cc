#include "fairlead/store/engine_store.h"

namespace fairlead::store::internal {

template <class T>
Task<Result<T>> EngineStore::call(Function<T> function, bool writes) {
  core_.assert_here();
  std::optional<Gate::Pass> pass = gate_.enter();
  if (!pass.has_value()) co_return closed();
  auto pending = std::make_shared<Pending<T>>();
  FL_CO_TRY(start<T>(pending, std::move(function), writes));
  FL_CO_TRY(co_await pending->done.wait(core_.timers(), Deadline()));
  co_return std::move(*pending->result);
}

Task<Result<std::optional<Entry>>> EngineStore::get(std::string key) {
  return call<std::optional<Entry>>(
      [key = std::move(key)](Engine& engine, BootTime) { return engine.get(key); }, false);
}

Task<Result<Listing>> EngineStore::range(std::string prefix, RangeOptions options) {
  return call<Listing>([prefix = std::move(prefix), options = std::move(options)](
                           Engine& engine, BootTime) { return engine.range(prefix, options); },
                       false);
}

Task<Result<Revision>> EngineStore::put(std::string key, std::string value, PutOptions options) {
  return call<Revision>(
      [key = std::move(key), value = std::move(value), options](Engine& engine, BootTime now) {
        return engine.put(key, value, options, now);
      },
      true);
}

Task<Result<bool>> EngineStore::remove(std::string key, RemoveOptions options) {
  return call<bool>([key = std::move(key), options](
                        Engine& engine, BootTime) { return engine.remove(key, options); },
                    true);
}

Task<Result<LeaseId>> EngineStore::grant(Duration ttl) {
  return call<LeaseId>([ttl](Engine& engine, BootTime now) { return engine.grant(ttl, now); },
                       false);
}

Task<Result<Duration>> EngineStore::keep_alive(LeaseId lease) {
  return call<Duration>(
      [lease](Engine& engine, BootTime now) { return engine.keep_alive(lease, now); }, false);
}

Task<Status> EngineStore::revoke(LeaseId lease) {
  Function<bool> function = [lease](Engine& engine, BootTime) -> Result<bool> {
    FL_TRY(engine.revoke(lease));
    return true;
  };
  Result<bool> revoked = co_await call<bool>(std::move(function), true);
  co_return revoked.status();
}

}  // namespace fairlead::store::internal
