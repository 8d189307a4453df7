// Metadata: ordered key/value pairs beside a message, and their text on the wire.
//
//   text  = pair *( "&" pair )
//   pair  = key [ "=" value ]     an empty value is written as the key alone
//
// Bytes other than A-Z a-z 0-9 * - . _ are %XX; when reading, + is a blank, an invalid % sequence
// stays as it is, and a pair with an empty key and an empty value is dropped.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fairlead/base/result.h"

namespace fairlead::wire {

inline constexpr std::size_t kMetadataPairsMax = 1000;

// Keys that the framework gives a meaning. A gateway takes them from nobody outside.
inline constexpr std::string_view kRealIpKey = "X-Real-IP";
inline constexpr std::string_view kAcceptBodyCodecKey = "X-Accept-Body-Codec";
inline constexpr std::string_view kHeartbeatKey = "hb_";
inline constexpr std::string_view kTimeoutKey = "X-Fl-Timeout";  // remaining ms
inline constexpr std::string_view kAttemptKey = "X-Fl-Attempt";
inline constexpr std::string_view kClassKey = "X-Fl-Class";      // criticality
inline constexpr std::string_view kMessageIdKey = "X-Fl-Id";     // only after hello
inline constexpr std::string_view kRefusedKey = "X-Fl-Refused";  // refused before the handler
inline constexpr std::string_view kRetryAfterKey = "X-Fl-Retry-After";  // ms

// True for the keys above and their relatives (X-Fl-*, X-Accept-*, X-Secure, _uid, _device_id,
// traceparent, tracestate, baggage), in any case, since HTTP does not keep it.
bool is_reserved_key(std::string_view key);

// Keys may repeat and are case-sensitive. Thread: one owner.
class Metadata {
 public:
  using Pair = std::pair<std::string, std::string>;

  void add(std::string_view key, std::string_view value);
  // Overwrites the first pair with this key, or adds one.
  void set(std::string_view key, std::string_view value);
  // The first value of `key`; valid until the next change.
  std::optional<std::string_view> get(std::string_view key) const;
  // Takes out every pair with this key; how many there were.
  std::size_t remove(std::string_view key);

  // Calls visitor(key, value) for each pair, in order.
  template <class Visitor>
  void visit(Visitor&& visitor) const {
    for (const auto& [key, value] : pairs_) visitor(std::string_view(key), std::string_view(value));
  }
  const std::vector<Pair>& pairs() const { return pairs_; }
  std::size_t size() const { return pairs_.size(); }
  bool empty() const { return pairs_.empty(); }
  void clear() { pairs_.clear(); }

  friend bool operator==(const Metadata& a, const Metadata& b) = default;

 private:
  std::vector<Pair> pairs_;
};

// Appends the text of `metadata`.
// Errors: kEncodeFailed `metadata.too_many` (kMetadataPairsMax). The frame's builder bounds bytes.
Status append_metadata_text(std::string& out, const Metadata& metadata);

// Appends one pair to a text that may already hold others, for who needs no Metadata object.
void append_metadata_pair(std::string& out, std::string_view key, std::string_view value);

// Errors: kBadMessage `metadata.too_many` (kMetadataPairsMax).
Result<Metadata> parse_metadata_text(std::string_view text);

// The first value of `key` in a text, as parse_metadata_text(text).get(key) would give it, without
// decoding the rest. One pass, no allocation when the value is absent or short.
std::optional<std::string> find_in_encoded(std::string_view text, std::string_view key);

}  // namespace fairlead::wire
