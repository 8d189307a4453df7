// Words that follow the argument of a call: math.divide({.a = 1, .b = 2}, within(200ms)).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "fairlead/async/cancel.h"
#include "fairlead/base/time.h"
#include "fairlead/codec/codec.h"
#include "fairlead/rpc/resend_queue.h"
#include "fairlead/wire/secure/secure_flags.h"

namespace fairlead::service {

// What one call was told. Nothing said: the peer's call timeout, the codec of the argument's type.
struct CallOptions {
  Duration within = Duration::zero();  // zero: not said
  std::string metadata{};              // encoded text
  std::optional<codec::CodecId> codec{};
  CancelToken cancel{};
  std::string transforms{};  // ids
  wire::SecureForm secure = wire::SecureForm::kPlain;
  std::optional<rpc::DeliveryMode> delivery{};
  bool wait_for_ready = false;
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
struct WithTransforms {
  std::string ids;
};
struct Sealed {
  wire::SecureForm form;
};
struct Delivered {
  rpc::DeliveryMode mode;
};
struct WaitForReady {};

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
// The message, and its reply, pass through these transforms, outermost first: "g" gzip, "m" md5,
// "z" zstd, "c" crc32c.
inline WithTransforms with_transforms(std::string_view ids) { return {std::string(ids)}; }
// Body and reply are sealed with the program's keys (setting `secure`): AES-256-GCM, or the form
// that erpc's secure plugin understands.
inline Sealed sealed(wire::SecureForm form = wire::SecureForm::kAesGcm) { return {form}; }
// When the connection breaks and nobody knows whether the message was served: it is sent again over
// the next one to the same copy, which serves it once. A push ends when it is acknowledged. Towards
// peers that know nothing of it: as at_most_once().
inline Delivered at_least_once() { return {rpc::DeliveryMode::kAtLeastOnce}; }
// The same, and a call ends as kConnectionClosed, UNKNOWN; the usual way.
inline Delivered at_most_once() { return {rpc::DeliveryMode::kAtMostOnce}; }
// Of a push: sent again while no byte of it had left, else dropped. Of a call: at_most_once().
inline Delivered best_effort() { return {rpc::DeliveryMode::kBestEffort}; }
// Where no copy of the service can be called now, the call waits for one until its deadline, and
// does not fail at once with kNoEndpoint. Over a session: where it was lost and is dialled again.
inline constexpr WaitForReady wait_for_ready{};

void apply(CallOptions& options, Within word);
void apply(CallOptions& options, const WithMeta& word);
void apply(CallOptions& options, WithCodec word);
void apply(CallOptions& options, CancelledBy word);
void apply(CallOptions& options, WithTransforms word);
void apply(CallOptions& options, Sealed word);
void apply(CallOptions& options, Delivered word);
void apply(CallOptions& options, WaitForReady word);

}  // namespace fairlead::service
