#include "fairlead/upstream/registry.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "fairlead/base/random.h"
#include "fairlead/base/text.h"
#include "fairlead/codec/codec.h"
#include "fairlead/observe/log.h"

namespace fairlead::upstream {
namespace {

constexpr std::string_view kPrefix = "/fairlead/services/";

// Unique among processes that share a store: machine-wide process id, and random bits against
// reuse.
std::string make_instance_id() {
  Random random = Random::from_system();
  constexpr char kDigits[] = "0123456789abcdef";
  std::string id = std::to_string(getpid()) + "-";
  for (int i = 0; i < 8; ++i) id += kDigits[random.below(16)];
  return id;
}

// Errors: what the codec and the address say; kBadMessage `protocol.unknown`.
Result<Endpoint> endpoint_of(std::string_view value) {
  FL_TRY_ASSIGN(const Record record,
                codec::decode<Record>(codec::CodecId::kJson, Bytes::borrow(value)));
  Endpoint endpoint{.tls = record.tls};
  FL_TRY_ASSIGN(endpoint.address, io::Address::parse(record.address));
  endpoint.server_name = server_name_of(endpoint.address);
  if (record.protocol.empty()) return endpoint;
  endpoint.protocol = wire::find_protocol(record.protocol);
  if (endpoint.protocol == nullptr) {
    return Status(Code::kBadMessage, "protocol.unknown",
                  "'" + escape_text(record.protocol) + "' is no protocol that we speak");
  }
  return endpoint;
}

}  // namespace

// ---- Registrar

Registrar::Registrar(io::Core& core, store::Store& store, Options options)
    : core_(core),
      store_(store),
      options_(std::move(options)),
      instance_(options_.instance.empty() ? make_instance_id() : options_.instance) {}

Task<Status> Registrar::add(std::string service, Record record) {
  FL_CO_TRY(check_service_name(service));
  Buffer value;
  FL_CO_TRY(codec::encode(codec::CodecId::kJson, record, value));
  entries_.push_back({.key = std::string(kPrefix) + service + "/" + instance_,
                      .value = std::string(value.view())});
  Status written = co_await write_all();
  if (!keeping_) {
    keeping_ = true;
    scope_.spawn(keep_alive());
  }
  co_return written;
}

Task<Status> Registrar::write_all() {
  Status status = co_await write_entries();
  written_ = status.ok();
  co_return status;
}

// All entries under the lease; a new lease when there is none.
Task<Status> Registrar::write_entries() {
  if (lease_ == 0) {
    FL_CO_TRY_ASSIGN(lease_, co_await store_.grant(options_.lease));
  }
  const store::LeaseId lease = lease_;
  const std::vector<Entry> entries = entries_;
  for (const Entry& entry : entries) {
    if (lease_ != lease) break;  // leave(): they are another one's since
    store::PutOptions put;
    put.lease = lease;
    FL_CO_TRY(co_await store_.put(entry.key, entry.value, put));
  }
  co_return Status();
}

Task<void> Registrar::keep_alive() {
  const CancelToken ended = scope_.token();
  while (true) {
    Status slept = co_await Sleep(core_.timers(), core_.deadline_after(options_.lease / 3), ended);
    if (!slept.ok()) co_return;
    Status kept;
    if (lease_ != 0) {
      Result<Duration> left = co_await store_.keep_alive(lease_);
      kept = left.status();
    }
    if (kept.code() == Code::kNotFound) {  // and the records are gone with their lease
      lease_ = 0;
      written_ = false;
    }
    const bool lost = !written_;
    if (lost) kept = co_await write_all();
    if (kept.ok() && lost) FL_LOG(info, "registry.back", {"records", entries_.size()});
    if (!kept.ok()) FL_LOG(warn, "registry.not_kept", {"reason", kept.reason()});
    written_ = kept.ok();
  }
}

Task<Status> Registrar::leave(Deadline deadline) {
  lease_ = 0;
  entries_.clear();
  co_return co_await scope_.close(core_.timers(), deadline);
}

Task<Status> Registrar::close(Deadline deadline) {
  Status ended = co_await scope_.close(core_.timers(), deadline);
  entries_.clear();
  if (lease_ != 0) {
    Status revoked = co_await store_.revoke(std::exchange(lease_, 0));
    if (ended.ok() && revoked.code() != Code::kNotFound) ended = std::move(revoked);
  }
  co_return ended;
}

// ---- Directory

struct Directory::Followed {
  std::string service;
  std::string prefix;
  std::vector<Listener> listeners;
  std::map<std::string, Endpoint> endpoints;  // by key
  EndpointSnapshot told;                      // null before the first list
  std::unique_ptr<store::Watch> watch;
};

Directory::~Directory() = default;

Status Directory::follow(std::string service, Listener listener) {
  FL_TRY(check_service_name(service));
  std::shared_ptr<Followed>& followed = followed_[service];
  const bool first = followed == nullptr;
  if (first) {
    followed = std::make_shared<Followed>();
    followed->service = service;
    followed->prefix = std::string(kPrefix) + service + "/";
  }
  if (followed->told != nullptr) listener(followed->told);
  followed->listeners.push_back(std::move(listener));
  if (first) scope_.spawn(load(followed));
  return {};
}

// Lists the copies and watches from there on; again after a pause while the store is away.
Task<void> Directory::load(std::shared_ptr<Followed> followed) {
  while (true) {
    store::Revision revision = 0;
    Status listed = co_await list(followed, &revision);
    if (listed.ok()) {
      tell(*followed);
      const auto on_changes = [this, followed](Result<store::WatchBatch> batch) {
        if (!batch.ok()) {          // compacted, or the store broke down: start over
          Directory& self = *this;  // the watch takes this closure with it
          // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): outlives the closure
          const std::shared_ptr<Followed> again = followed;
          again->watch.reset();
          if (batch.status().code() != Code::kConnectionClosed) self.scope_.spawn(self.load(again));
          return;
        }
        for (const store::Change& change : batch->changes) apply(*followed, change);
        tell(*followed);
      };
      followed->watch = store_.watch(followed->prefix, revision + 1, on_changes);
      co_return;
    }
    FL_LOG(warn, "directory.not_listed", {"service", followed->service},
           {"reason", listed.reason()});
    Status slept = co_await Sleep(
        core_.timers(), core_.deadline_after(std::chrono::milliseconds(500)), scope_.token());
    if (!slept.ok()) co_return;
  }
}

Task<Status> Directory::list(std::shared_ptr<Followed> followed, store::Revision* revision) {
  std::map<std::string, Endpoint> before = std::exchange(followed->endpoints, {});
  store::RangeOptions page;
  while (true) {
    Result<store::Listing> listing = co_await store_.range(followed->prefix, page);
    if (!listing.ok()) {
      followed->endpoints = std::move(before);
      co_return listing.status();
    }
    if (*revision == 0) *revision = listing->revision;
    for (store::Entry& entry : listing->entries) {
      page.after = entry.key;
      apply(*followed, {.kind = store::Change::Kind::kPut, .entry = std::move(entry)});
    }
    if (!listing->more) co_return Status();
  }
}

// A record that cannot be read is left out; it must not take the others with it.
void Directory::apply(Followed& followed, const store::Change& change) {
  const std::string& key = change.entry.key;
  if (change.kind == store::Change::Kind::kDelete) {
    followed.endpoints.erase(key);
    return;
  }
  Result<Endpoint> endpoint = endpoint_of(change.entry.value);
  if (!endpoint.ok()) {
    FL_LOG(warn, "directory.bad_record", {"key", key}, {"reason", endpoint.status().reason()},
           {"message", endpoint.status().message()});
    followed.endpoints.erase(key);
    return;
  }
  endpoint->id = key.substr(followed.prefix.size());
  followed.endpoints[key] = *std::move(endpoint);
}

void Directory::tell(Followed& followed) {
  auto set = std::make_shared<EndpointSet>();
  for (const auto& [key, endpoint] : followed.endpoints) set->push_back(endpoint);
  followed.told = std::move(set);
  FL_LOG(info, "directory.changed", {"service", followed.service},
         {"copies", followed.told->size()});
  const std::vector<Listener> listeners = followed.listeners;
  for (const Listener& listener : listeners) listener(followed.told);
}

Task<Result<std::vector<std::string>>> Directory::services() {
  std::vector<std::string> names;
  store::RangeOptions page;
  while (true) {
    FL_CO_TRY_ASSIGN(const store::Listing listing,
                     co_await store_.range(std::string(kPrefix), page));
    for (const store::Entry& entry : listing.entries) {
      page.after = entry.key;
      const std::string rest = entry.key.substr(kPrefix.size());
      const std::string name = rest.substr(0, rest.find('/'));
      if (names.empty() || names.back() != name) names.push_back(name);
    }
    if (!listing.more) co_return names;
  }
}

Task<Status> Directory::close(Deadline deadline) {
  for (auto& [name, followed] : followed_) followed->watch.reset();
  Status ended = co_await scope_.close(core_.timers(), deadline);
  for (auto& [name, followed] : followed_) followed->watch.reset();
  co_return ended;
}

}  // namespace fairlead::upstream
