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
      return codec_.load(std::memory_order_relaxed);
  }
}

io::Core& Target::next_core() const {
  return *places_[next_.fetch_add(1, std::memory_order_relaxed) % places_.size()].core;
}

namespace {

// What calls are set to of which nobody says more.
ClientOptions defaults_of(const Spec& spec) {
  const auto found = spec.clients.find("default");
  return found != spec.clients.end() ? found->second : ClientOptions();
}

// What the code says, under what the configuration says.
ClientOptions settled(const Spec& spec, std::string_view name, ClientOptions told) {
  told = merged(std::move(told), defaults_of(spec));
  if (const auto own = spec.clients.find(name); own != spec.clients.end()) {
    told = merged(std::move(told), own->second);
  }
  return told;
}

Status check_connections(std::string_view name, const upstream::ServiceOptions& options) {
  if (options.connections_max < 1 || options.connections_max > upstream::kConnectionsMax) {
    return Status(Code::kInvalidOperation, "client.bad_option",
                  "connections_max of '" + std::string(name) + "' is " +
                      std::to_string(options.connections_max) + "; it goes from 1 to " +
                      std::to_string(upstream::kConnectionsMax));
  }
  if (options.connections_idle <= Duration::zero()) {
    return Status(Code::kInvalidOperation, "client.bad_option",
                  "connections_idle of '" + std::string(name) + "' is not above zero");
  }
  return {};
}

}  // namespace

Result<std::vector<std::shared_ptr<const io::TlsHolder>>> Process::client_tls(
    const Spec& spec, const config::Document& written) {
  std::vector<std::shared_ptr<const io::TlsHolder>> all;
  for (const auto& [name, options] : spec.clients) {
    const ClientTls tls = merged(defaults_of(spec), options).tls;
    if (tls.empty()) continue;
    auto made = tls_->add(io::TlsRole::kClient, "clients." + name, tls_options_of(tls), wall_ms());
    if (!made.ok()) return blame_client_tls(written, spec, name, made.status());
    all.push_back(*std::move(made));
  }
  return all;
}

Status Process::check_addresses(const Spec& spec, const std::string& addresses) {
  FL_TRY_ASSIGN(const upstream::EndpointSnapshot endpoints, upstream::parse_endpoints(addresses));
  const ClientOptions options = settled(spec, addresses, {});
  const wire::Protocol* protocol = nullptr;
  if (!options.protocol.empty()) {
    FL_TRY_ASSIGN(protocol, find_protocol(options.protocol));
  }
  return upstream::check_protocol(*endpoints, protocol);
}

// What a session of ours to this service begins with.
Result<Process::Calling> Process::calling_by(const Spec& spec, std::string_view name,
                                             ClientOptions told,
                                             const upstream::EndpointSnapshot& endpoints) {
  ClientOptions options = settled(spec, name, std::move(told));
  Calling calling{.options = {.dial = spec.dial, .metrics = link_metrics_}};
  calling.redial = options.redial.value_or(true);
  upstream::ServiceOptions& out = calling.options;
  if (!options.codec.empty()) {
    FL_TRY_ASSIGN(calling.codec, find_codec(options.codec));
  }
  if (!options.protocol.empty()) {
    FL_TRY_ASSIGN(out.protocol, find_protocol(options.protocol));
  }
  if (endpoints != nullptr) FL_TRY(upstream::check_protocol(*endpoints, out.protocol));
  out.tls_required = options.tls.required.value_or(false);
  out.server_name = options.tls.server_name;
  out.login = std::move(options.login);
  out.connections_max = options.connections_max.value_or(out.connections_max);
  out.connections_idle = options.connections_idle.value_or(out.connections_idle);
  FL_TRY(check_connections(name, out));
  calling.delivery = options.delivery;
  out.delivery = options.delivery.value_or(spec.resend.mode.value_or(out.delivery));
  out.resend = spec.resend.options;
  out.resend.process = &resend_budget_;
  const bool plain = endpoints != nullptr && !out.tls_required &&
                     std::ranges::none_of(*endpoints, &upstream::Endpoint::tls);
  if (plain) return calling;  // a copy in the registry may speak TLS any time
  FL_TRY_ASSIGN(calling.tls, tls_->add(io::TlsRole::kClient, "clients." + std::string(name),
                                       tls_options_of(options.tls), wall_ms()));
  out.tls = calling.tls.get();
  return calling;
}

Status Process::no_store_for(std::string_view service) {
  return Status(Code::kInvalidOperation, "client.no_store",
                "'" + std::string(service) +
                    "' must be looked up and no store is set; give --store "
                    "file:/path/store.db, or an address as 127.0.0.1:9090");
}

Result<Target*> Process::target(std::string_view name_or_addresses, const ClientOptions& told) {
  const auto known = targets_.find(name_or_addresses);
  if (known != targets_.end()) return known->second.get();
  const bool by_address = name_or_addresses.find(':') != std::string_view::npos;
  auto target = std::make_unique<Target>(std::string(name_or_addresses));
  target->told_ = told;
  if (by_address) {
    FL_TRY_ASSIGN(target->endpoints_, upstream::parse_endpoints(name_or_addresses));
  } else {
    FL_TRY(upstream::check_service_name(name_or_addresses));
    if (directory_ == nullptr) return no_store_for(name_or_addresses);
  }
  Target* const made = target.get();
  FL_TRY(add_target(std::move(target)));
  const auto update_all = [made](const upstream::EndpointSnapshot& set) {
    for (const Target::Place& place : made->places_) {
      place.core->post([service = place.service.get(), set] { service->update(set); });
    }
  };
  if (by_address) {
    update_all(made->endpoints_);
  } else {
    cores_->first().post([this, made, update_all] {
      FL_CHECK(directory_->follow(made->name(), update_all).ok());  // the name was checked
    });
  }
  return made;
}

// By the settings of now: none change until it is in the list, by which they reach it later.
Status Process::add_target(std::unique_ptr<Target> target) {
  const MutexLock settling(settling_mutex_);
  const std::shared_ptr<const Spec> spec = settings_->now();
  FL_TRY_ASSIGN(Calling calling,
                calling_by(*spec, target->name(), target->told_, target->endpoints_));
  target->codec_ = calling.codec;
  target->tls_ = std::move(calling.tls);
  for (std::size_t i = 0; i < calling_.size(); ++i) {
    upstream::ServiceOptions of_core = calling.options;
    of_core.line = dial_lines_[i].get();
    target->places_.push_back(
        {&calling_[i]->core(),
         std::make_unique<upstream::Service>(*calling_[i], target->name(), std::move(of_core))});
  }
  const MutexLock lock(parts_mutex_);
  std::string name = target->name();
  targets_.emplace(std::move(name), std::move(target));
  return {};
}

// On the thread that reads settings, which holds settling_mutex_: so nobody adds targets.
Result<TakeRead> Process::prepare_clients(const Spec& next, const config::Document& written) {
  using Callings = std::vector<std::pair<Target*, Calling>>;
  FL_TRY_ASSIGN(std::vector<std::shared_ptr<const io::TlsHolder>> tls, client_tls(next, written));
  const auto callings = std::make_shared<Callings>();
  for (const auto& [name, target] : targets_) {
    Result<Calling> calling = calling_by(next, name, target->told_, target->endpoints_);
    if (!calling.ok()) return written.blame({"clients", name}, calling.status());
    callings->emplace_back(target.get(), *std::move(calling));
  }
  return TakeRead([this, tls = std::move(tls), callings] {
    client_tls_ = tls;
    // What services use is used until their cores have got the letter.
    const auto before = std::make_shared<std::vector<std::shared_ptr<const io::TlsHolder>>>();
    for (const auto& [target, calling] : *callings) {
      before->push_back(std::exchange(target->tls_, calling.tls));
      target->codec_.store(calling.codec, std::memory_order_relaxed);
    }
    for (std::size_t i = 0; i < calling_.size(); ++i) {
      calling_[i]->core().post([i, callings, before] {
        for (const auto& [target, calling] : *callings) {
          target->places_[i].service->update(calling.options);
        }
      });
    }
  });
}

// What of the settings changes comes by letters to this core: it is read here, so that none falls
// between.
Task<Status> Process::dial_on_this_core(io::Address address, HubDial how,
                                        std::optional<SessionRef>* out) {
  const std::shared_ptr<const Spec> now = settings_->now();
  if (how.redial.has_value()) how.redial = now->dial;
  how.resend.take(now->resend.options);
  FL_CO_TRY_ASSIGN(SessionRef session, co_await hub_->dial(std::move(address), std::move(how)));
  *out = std::move(session);
  co_return Status();
}

Result<SessionRef> Process::dial(std::string_view address, const ClientOptions& told) {
  FL_TRY_ASSIGN(const upstream::EndpointSnapshot endpoints, upstream::parse_endpoints(address));
  const upstream::Endpoint& endpoint = endpoints->front();
  const std::shared_ptr<const Spec> spec = settings_->now();
  FL_TRY_ASSIGN(const Calling calling, calling_by(*spec, address, told, endpoints));
  HubDial how;
  how.options = {.protocol = calling.options.protocol, .login = calling.options.login};
  if (endpoint.tls || calling.options.tls_required) {
    how.tls = calling.tls;
    how.options.tls = calling.tls->current();
    how.options.server_name =
        calling.options.server_name.empty() ? endpoint.server_name : calling.options.server_name;
  }
  if (calling.redial) how.redial = spec->dial;
  how.delivery = calling.delivery;
  how.resend = calling.options.resend;
  std::optional<SessionRef> session;
  rpc::Peer& peer = *calling_[next_dial_++ % calling_.size()];
  FL_TRY(run_on(peer.core(), dial_on_this_core(endpoint.address, std::move(how), &session)));
  return *std::move(session);
}

}  // namespace fairlead::service
