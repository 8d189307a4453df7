#include "fairlead/store/engine.h"

#include <algorithm>

#include "fairlead/base/text.h"

namespace fairlead::store::internal {

Status check_key(std::string_view key) {
  if (key.empty()) return Status(Code::kBadMessage, "store.bad_key", "the key is empty");
  if (key.size() <= kKeyBytesMax) return {};
  return Status(Code::kTooLarge, "store.key_too_big",
                "the key has " + std::to_string(key.size()) + " bytes, the limit is " +
                    std::to_string(kKeyBytesMax));
}

Status check_value(std::string_view value) {
  if (value.size() <= kValueBytesMax) return {};
  return Status(Code::kTooLarge, "store.value_too_big",
                "the value has " + std::to_string(value.size()) + " bytes, the limit is " +
                    std::to_string(kValueBytesMax));
}

Result<std::chrono::milliseconds> check_ttl(Duration ttl) {
  if (ttl >= kLeaseTtlMin && ttl <= kLeaseTtlMax) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(ttl);
  }
  return Status(Code::kBadMessage, "store.bad_ttl",
                "a lease lasts from 1s to 24h, not " + to_text(ttl));
}

Status version_changed(std::string_view key, Revision expected, Revision actual) {
  const std::string found = actual == 0 ? std::string("the key does not exist")
                                        : "it is at revision " + std::to_string(actual);
  const std::string wanted =
      expected == 0 ? std::string("absent") : "at revision " + std::to_string(expected);
  return Status(
      Code::kConflict, "store.version_changed",
      "'" + escape_text(key) + "' was expected " + wanted + ", but " + found + "; read it again");
}

Status no_lease(LeaseId lease) {
  return Status(Code::kNotFound, "store.no_lease",
                "lease " + std::to_string(lease) + " does not exist or is over; grant a new one");
}

Status compacted(Revision from, Revision compacted_at) {
  return Status(Code::kPreconditionFailed, "store.compacted",
                "changes from revision " + std::to_string(from) + " are asked for, those up to " +
                    std::to_string(compacted_at) + " are forgotten; list the keys again");
}

Status full(std::size_t bytes_max) {
  return Status(Code::kOverloaded, "store.full",
                "the store holds its limit of " + std::to_string(bytes_max) +
                    " bytes; delete what is not needed");
}

Status too_many_leases(std::size_t leases_max) {
  return Status(Code::kOverloaded, "store.too_many_leases",
                "the store holds its limit of " + std::to_string(leases_max) + " leases");
}

std::size_t page_limit(const RangeOptions& options) {
  return options.limit == 0 ? kRangeEntriesMax : std::min(options.limit, kRangeEntriesMax);
}

}  // namespace fairlead::store::internal
