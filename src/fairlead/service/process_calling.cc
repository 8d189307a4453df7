// How a process calls: what it is told of a service, and the upstream of that on every core.
#include <algorithm>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/base/time.h"
#include "fairlead/service/process.h"

namespace fairlead::service {

upstream::Service* Target::on_this_core() const {
  const io::Core* here = io::Core::current();
  if (here == nullptr) return nullptr;
  for (const Place& place : places_) {
    if (place.core == here) return place.service.get();
  }
  return nullptr;
}

std::optional<codec::CodecId> Target::codec_for(const contract::TypeInfo& type) const {
  switch (type.kind) {
    case contract::Kind::kVoid:       // no body
    case contract::Kind::kBytes:      // no codec
    case contract::Kind::kGenerated:  // made for one
      return std::nullopt;
    default:
      return codec_;
  }
}

io::Core& Target::next_core() const {
  return *places_[next_.fetch_add(1, std::memory_order_relaxed) % places_.size()].core;
}

// What calls are set to of which nobody says more.
ClientOptions Process::client_defaults() const {
  const auto found = spec_.clients.find("default");
  return found != spec_.clients.end() ? found->second : ClientOptions();
}

// What the code says, under what the configuration says.
ClientOptions Process::settled(std::string_view name, ClientOptions options) const {
  options = merged(std::move(options), client_defaults());
  if (const auto own = spec_.clients.find(name); own != spec_.clients.end()) {
    options = merged(std::move(options), own->second);
  }
  return options;
}

// What a session of ours to this service begins with.
Result<upstream::ServiceOptions> Process::calling_options(
    std::string_view name, ClientOptions options, const upstream::EndpointSnapshot& endpoints) {
  upstream::ServiceOptions out{.dial = settings_->now()->dial, .metrics = link_metrics_};
  if (!options.protocol.empty()) {
    FL_TRY_ASSIGN(out.protocol, find_protocol(options.protocol));
  }
  if (endpoints != nullptr) FL_TRY(upstream::check_protocol(*endpoints, out.protocol));
  out.tls_required = options.tls.required.value_or(false);
  out.server_name = options.tls.server_name;
  out.login = std::move(options.login);
  out.connections_max = options.connections_max.value_or(out.connections_max);
  if (out.connections_max < 1 || out.connections_max > upstream::kConnectionsMax) {
    return Status(Code::kInvalidOperation, "client.bad_option",
                  "connections_max of '" + std::string(name) + "' is " +
                      std::to_string(out.connections_max) + "; it goes from 1 to " +
                      std::to_string(upstream::kConnectionsMax));
  }
  out.connections_idle = options.connections_idle.value_or(out.connections_idle);
  if (out.connections_idle <= Duration::zero()) {
    return Status(Code::kInvalidOperation, "client.bad_option",
                  "connections_idle of '" + std::string(name) + "' is not above zero");
  }
  out.delivery = options.delivery.value_or(spec_.resend.mode.value_or(out.delivery));
  out.resend = settings_->now()->resend.options;
  out.resend.process = &resend_budget_;
  const bool plain = endpoints != nullptr && !out.tls_required &&
                     std::ranges::none_of(*endpoints, &upstream::Endpoint::tls);
  if (plain) return out;  // a copy in the registry may speak TLS any time
  FL_TRY_ASSIGN(out.tls, tls_->add(io::TlsRole::kClient, "clients." + std::string(name),
                                   tls_options_of(options.tls), wall_ms()));
  return out;
}

Result<Target*> Process::target(std::string_view name_or_addresses, const ClientOptions& told) {
  const auto known = targets_.find(name_or_addresses);
  if (known != targets_.end()) return known->second.get();
  const bool by_address = name_or_addresses.find(':') != std::string_view::npos;
  upstream::EndpointSnapshot endpoints;
  if (by_address) {
    FL_TRY_ASSIGN(endpoints, upstream::parse_endpoints(name_or_addresses));
  } else {
    FL_TRY(upstream::check_service_name(name_or_addresses));
    if (directory_ == nullptr) {
      return Status(Code::kInvalidOperation, "client.no_store",
                    "'" + std::string(name_or_addresses) +
                        "' must be looked up and no store is set; give --store "
                        "file:/path/store.db, or an address as 127.0.0.1:9090");
    }
  }
  const ClientOptions options = settled(name_or_addresses, told);
  std::optional<codec::CodecId> codec;
  if (!options.codec.empty()) {
    FL_TRY_ASSIGN(codec, find_codec(options.codec));
  }
  FL_TRY_ASSIGN(const upstream::ServiceOptions calling,
                calling_options(name_or_addresses, options, endpoints));
  auto target = std::make_unique<Target>(std::string(name_or_addresses), codec);
  for (std::size_t i = 0; i < calling_.size(); ++i) {
    upstream::ServiceOptions of_core = calling;
    of_core.line = dial_lines_[i].get();
    target->places_.push_back(
        {&calling_[i]->core(),
         std::make_unique<upstream::Service>(*calling_[i], target->name(), std::move(of_core))});
  }
  Target* made = target.get();
  {
    const MutexLock lock(targets_mutex_);
    targets_.emplace(target->name(), std::move(target));
  }
  const auto update_all = [made](const upstream::EndpointSnapshot& set) {
    for (const Target::Place& place : made->places_) {
      place.core->post([service = place.service.get(), set] { service->update(set); });
    }
  };
  if (by_address) {
    update_all(endpoints);
  } else {
    cores_->first().post([this, made, update_all] {
      FL_CHECK(directory_->follow(made->name(), update_all).ok());  // the name was checked
    });
  }
  return made;
}

Task<Status> Process::dial_on_this_core(io::Address address, HubDial how,
                                        std::optional<SessionRef>* out) {
  FL_CO_TRY_ASSIGN(SessionRef session, co_await hub_->dial(std::move(address), std::move(how)));
  *out = std::move(session);
  co_return Status();
}

Result<SessionRef> Process::dial(std::string_view address, const ClientOptions& told) {
  FL_TRY_ASSIGN(const upstream::EndpointSnapshot endpoints, upstream::parse_endpoints(address));
  const upstream::Endpoint& endpoint = endpoints->front();
  const ClientOptions settings = settled(address, told);
  FL_TRY_ASSIGN(const upstream::ServiceOptions calling,
                calling_options(address, settings, endpoints));
  HubDial how;
  how.options = {.protocol = calling.protocol, .login = calling.login};
  if (endpoint.tls || calling.tls_required) {
    how.tls = calling.tls;
    how.options.tls = calling.tls->current();
    how.options.server_name =
        calling.server_name.empty() ? endpoint.server_name : calling.server_name;
  }
  if (settings.redial.value_or(true)) how.redial = settings_->now()->dial;
  how.delivery = calling.delivery;
  how.resend = calling.resend;
  std::optional<SessionRef> session;
  rpc::Peer& peer = *calling_[next_dial_++ % calling_.size()];
  FL_TRY(run_on(peer.core(), dial_on_this_core(endpoint.address, std::move(how), &session)));
  return *std::move(session);
}

}  // namespace fairlead::service
