// Words that follow the argument of a call: math.divide({.a = 1, .b = 2}, within(200ms)).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/async/cancel.h"
#include "fairlead/base/time.h"
#include "fairlead/codec/codec.h"

namespace fairlead::service {

// What one call was told. Nothing said: the peer's call timeout, the codec of the argument's type.
struct CallOptions {
  Duration within = Duration::zero();  // zero: not said
  std::string metadata{};              // encoded text
  std::optional<codec::CodecId> codec{};
  CancelToken cancel{};
};

struct Within {
  Duration duration;
};
struct WithMeta {
  std::string key;
  std::string value;
};
struct WithCodec {
  codec::CodecId codec;
};
struct CancelledBy {
  CancelToken token;
};

// The call ends with kDeadlineExceeded `call.deadline` when no reply came within `duration` > 0.
inline Within within(Duration duration) { return {duration}; }
// One more pair of metadata.
inline WithMeta with_meta(std::string_view key, std::string_view value) {
  return {std::string(key), std::string(value)};
}
// How argument and reply are written; for peers that understand only one.
inline WithCodec with_codec(codec::CodecId codec) { return {codec}; }
// The call ends with kCancelled `call.cancelled` when the token says so. On its core only.
inline CancelledBy cancelled_by(CancelToken token) { return {std::move(token)}; }

void apply(CallOptions& options, Within word);
void apply(CallOptions& options, const WithMeta& word);
void apply(CallOptions& options, WithCodec word);
void apply(CallOptions& options, CancelledBy word);

}  // namespace fairlead::service
