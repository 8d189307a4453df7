#include "fairlead/service/session_ref.h"

#include "fairlead/rpc/peer.h"
#include "fairlead/service/default_codec.h"
#include "fairlead/service/session_hub.h"
#include "fairlead/service/session_redial.h"

namespace fairlead::service {
namespace internal {

HubEntry::HubEntry(Hub& owner, rpc::Session& of)
    : hub(owner), core(of.core()), protocol(of.protocol()), peer(of.peer_address()), session(&of) {}

HubEntry::~HubEntry() = default;

Status session_gone() {
  return Status(Code::kConnectionClosed, "session.closed", "the session has ended")
      .with_outcome(Outcome::kNotSent);
}

codec::CodecId codec_over(const wire::Protocol& protocol, const contract::TypeInfo& type) {
  const codec::CodecId own = default_codec(type);
  switch (type.kind) {
    case contract::Kind::kVoid:
    case contract::Kind::kBytes:
    case contract::Kind::kGenerated:
      return own;
    default:
      break;
  }
  const std::uint8_t only = protocol.carries().only_codec;
  if (only != wire::kNoCodec) return static_cast<codec::CodecId>(only);
  return protocol.name().ends_with("json") ? codec::CodecId::kJson : own;
}

Status push_now(rpc::Session* session, const contract::MethodInfo& method, const void* argument,
                const CallOptions& options) {
  if (session == nullptr) return session_gone();
  const auto codec = *options.codec;
  const rpc::CallHead head{.method = method.path,
                           .body_codec = static_cast<std::uint8_t>(codec),
                           .metadata = options.metadata,
                           .transforms = options.transforms,
                           .secure = options.secure};
  if (method.argument->kind == contract::Kind::kBytes) {
    return session->push(head, *static_cast<const Bytes*>(argument));
  }
  return session->push(
      head, [&](Buffer& out) { return codec::encode(codec, *method.argument, argument, out); });
}

Deadline ambient_deadline() {
  const Ambient* here = ambient();
  return here == nullptr ? Deadline() : here->deadline;
}

rpc::ResendLine* line_for(HubEntry& entry, CallOptions& options) {
  return entry.redial == nullptr ? nullptr : entry.redial->line_for(options);
}

Deadline deadline_over(const HubEntry& entry, const CallOptions& options) {
  const Duration told = options.within;
  if (told > Duration::zero()) return entry.core.deadline_after(told);
  const rpc::Peer& peer = entry.session != nullptr ? entry.session->peer() : entry.redial->peer();
  return entry.core.deadline_after(peer.options().call_timeout);
}

}  // namespace internal

std::string SessionRef::id() const { return entry_->hub.id_of(*entry_); }

Status SessionRef::set_id(std::string_view id) const { return entry_->hub.set_id(*this, id); }

void SessionRef::visit(std::function<void(rpc::Session& session)> function) const {
  if (io::Core::current() == &entry_->core) {
    if (entry_->session != nullptr) function(*entry_->session);
    return;
  }
  entry_->core.post([entry = entry_, function = std::move(function)] {
    if (entry->session != nullptr) function(*entry->session);
  });
}

void SessionRef::kick(std::string_view reason) const {
  entry_->hub.send_away(entry_, reason, false);
}

}  // namespace fairlead::service
