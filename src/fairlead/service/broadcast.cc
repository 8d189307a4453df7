#include "fairlead/service/broadcast.h"

#include <algorithm>

#include "fairlead/rpc/peer.h"
#include "fairlead/service/default_codec.h"
#include "fairlead/service/session_hub.h"

namespace fairlead::service::internal {
namespace {

// Nobody looks at the number of a PUSH, so that all may have the same.
constexpr std::int32_t kPushSeq = 1;

Status too_many(std::string_view what) {
  return Status(Code::kLocalLimit, "broadcast.inflight",
                "too many broadcasts are under way: " + std::string(what));
}

}  // namespace

BroadcastJob::BroadcastJob(std::shared_ptr<BroadcastLoad> load, const contract::MethodInfo& method,
                           std::shared_ptr<const void> argument, CallOptions options,
                           Audience audience)
    : load_(std::move(load)),
      method_(method),
      argument_(std::move(argument)),
      options_(std::move(options)),
      audience_(std::move(audience)) {}

BroadcastJob::~BroadcastJob() {
  if (!loaded_) return;
  load_->jobs.fetch_sub(1, std::memory_order_relaxed);
  load_->bytes.fetch_sub(load_bytes_, std::memory_order_relaxed);
}

Status BroadcastJob::begin() {
  loaded_ = true;
  if (load_->jobs.fetch_add(1, std::memory_order_relaxed) >= kJobsMax) {
    return too_many("at most " + std::to_string(kJobsMax) + " may");
  }
  MutexLock lock(mutex_);
  FL_TRY_ASSIGN(const Bytes first, body(options_.codec.value_or(default_codec(*method_.argument))));
  load_bytes_ = first.size();
  const std::size_t before = load_->bytes.fetch_add(load_bytes_, std::memory_order_relaxed);
  // One alone may be as large as a frame may.
  if (before > 0 && before + load_bytes_ > kBytesMax) {
    return too_many("their bodies hold " + std::to_string(before) + " bytes");
  }
  return {};
}

void BroadcastJob::ends_after(std::size_t cores,
                              std::shared_ptr<Distant<BroadcastResult>> distant) {
  cores_left_ = cores;
  distant_ = std::move(distant);
}

bool BroadcastJob::send(rpc::Session& session, const HubEntry& entry,
                        std::size_t unsent_bytes_max) {
  if (audience_.without.get() == &entry) return false;
  if (audience_.predicate && !audience_.predicate(session)) return false;
  const Status sent = send_to(session, unsent_bytes_max);
  const bool full = sent.code() == Code::kSendQueueFull;
  (sent.ok() ? sent_ : (full ? skipped_ : failed_)).fetch_add(1, std::memory_order_relaxed);
  return full;
}

Status BroadcastJob::send_to(rpc::Session& session, std::size_t unsent_bytes_max) {
  if (options_.secure == wire::SecureForm::kPlain) {
    FL_TRY_ASSIGN(const Bytes frame, frame_for(session));
    return session.push_frame(frame, unsent_bytes_max);
  }
  // A seal is made for one: only the body is shared.
  if (session.unsent_bytes() > unsent_bytes_max) {
    return Status(Code::kSendQueueFull, "session.write_queue", "the peer does not read");
  }
  const codec::CodecId codec = codec_for(session.protocol());
  Bytes encoded;
  {
    MutexLock lock(mutex_);
    FL_TRY_ASSIGN(encoded, body(codec));
  }
  return session.push({.method = method_.path,
                       .body_codec = static_cast<std::uint8_t>(codec),
                       .metadata = options_.metadata,
                       .transforms = options_.transforms,
                       .secure = options_.secure},
                      encoded);
}

void BroadcastJob::core_done() {
  if (cores_left_.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
  distant_->deliver(BroadcastResult{.sent = sent_, .skipped = skipped_, .failed = failed_});
}

codec::CodecId BroadcastJob::codec_for(const wire::Protocol& protocol) const {
  return options_.codec.has_value() ? *options_.codec : codec_over(protocol, *method_.argument);
}

Result<Bytes> BroadcastJob::body(codec::CodecId codec) {
  const auto known =
      std::ranges::find(bodies_, codec, &std::pair<codec::CodecId, Result<Bytes>>::first);
  if (known != bodies_.end()) return known->second;
  Buffer out;
  const Status encoded = codec::encode(codec, *method_.argument, argument_.get(), out);
  Result<Bytes> made = encoded.ok() ? Result<Bytes>(Bytes(out.view())) : Result<Bytes>(encoded);
  return bodies_.emplace_back(codec, std::move(made)).second;
}

Result<Bytes> BroadcastJob::frame_for(const rpc::Session& session) {
  const wire::Protocol* const protocol = &session.protocol();
  MutexLock lock(mutex_);
  const auto known =
      std::ranges::find(frames_, protocol, &std::pair<const wire::Protocol*, Result<Bytes>>::first);
  if (known != frames_.end()) return known->second;
  const codec::CodecId codec = codec_for(*protocol);
  const Result<Bytes> encoded = body(codec);
  if (!encoded.ok()) return frames_.emplace_back(protocol, encoded.status()).second;
  const rpc::PeerOptions& options = session.peer().options();  // those of all peers of the process
  const wire::MessageHead head{.seq = kPushSeq,
                               .kind = wire::Kind::kPush,
                               .body_codec = static_cast<std::uint8_t>(codec),
                               .method = method_.path,
                               .metadata = options_.metadata,
                               .transforms = options_.transforms};
  Buffer out;
  const Status framed =
      protocol->append(out, head, encoded->view(), options.limits, options.transforms);
  Result<Bytes> made = framed.ok() ? Result<Bytes>(Bytes(out.view())) : Result<Bytes>(framed);
  return frames_.emplace_back(protocol, std::move(made)).second;
}

Broadcast BroadcastCaller::begin(const contract::MethodInfo& method,
                                 std::shared_ptr<const void> argument, CallOptions options) const {
  return hub_->broadcast(method, std::move(argument), std::move(options), audience_);
}

}  // namespace fairlead::service::internal
