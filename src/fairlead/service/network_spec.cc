#include "fairlead/service/network_spec.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/config/reader.h"
#include "fairlead/service/resend_setting.h"
#include "fairlead/upstream/service.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

// A word of the configuration that stands for a value.
template <class T>
struct Word {
  std::string_view text;
  T value;
};

constexpr std::array kVersions = std::to_array<Word<io::TlsVersion>>({
    {"1.2", io::TlsVersion::kTls12},
    {"1.3", io::TlsVersion::kTls13},
});
constexpr std::array kClientCertificates = std::to_array<Word<io::ClientCertificate>>({
    {"none", io::ClientCertificate::kNone},
    {"wanted", io::ClientCertificate::kWanted},
    {"required", io::ClientCertificate::kRequired},
});

template <class T, std::size_t N>
void read_word(config::ObjectReader& reader, std::string_view key,
               const std::array<Word<T>, N>& words, T& out) {
  std::string text;
  reader.optional(key, text);
  if (text.empty()) return;
  const auto found = std::ranges::find(words, text, &Word<T>::text);
  if (found != words.end()) {
    out = found->value;
    return;
  }
  std::string known;
  for (const Word<T>& word : words) {
    known.append(known.empty() ? "" : ", ").append(word.text);
  }
  reader.reject(key, "config.bad_value", "'" + escape_text(text) + "' is none of " + known);
}

void check_pair(config::ObjectReader& reader, const std::string& certificate,
                const std::string& key) {
  if (certificate.empty() == key.empty()) return;
  reader.reject(certificate.empty() ? "key_file" : "certificate_file", "config.bad_value",
                "stands alone; certificate_file and key_file belong together: give both");
}

Status read_certificate(const config::Value& value, io::TlsCertificate& out) {
  config::ObjectReader reader(value);
  reader.optional("certificate_file", out.certificate_file);
  reader.optional("key_file", out.key_file);
  check_pair(reader, out.certificate_file, out.key_file);
  return reader.finish();
}

constexpr std::string_view kHttp = "http";
constexpr std::string_view kWebsocket = "websocket";

// The problem of a value that is no protocol or no address, at its place.
void check(config::ObjectReader& reader, std::string_view key, const Status& status) {
  if (!status.ok()) reader.reject(key, "config.bad_value", status.message());
}

void read_protocol(config::ObjectReader& reader, std::string& out) {
  reader.optional("protocol", out);
  if (!out.empty()) check(reader, "protocol", find_protocol(out).status());
}

void override_with(std::string& text, const std::string& over) {
  if (!over.empty()) text = over;
}

}  // namespace

Result<const wire::Protocol*> find_protocol(std::string_view name) {
  if (const wire::Protocol* found = wire::find_protocol(name)) return found;
  std::vector<std::string_view> names;
  std::string known;
  for (const wire::Protocol* protocol : wire::protocols()) {
    names.push_back(protocol->name());
    known.append(known.empty() ? "" : ", ").append(protocol->name());
  }
  const std::string near(nearest_name(name, names));
  return Status(Code::kBadMessage, "protocol.unknown",
                "'" + escape_text(name) + "' is no wire protocol" +
                    (near.empty() ? "; use one of " + known : "; did you mean '" + near + "'?"));
}

Result<upstream::Endpoint> parse_advertised(std::string_view text) {
  FL_TRY_ASSIGN(upstream::Endpoint advertised, upstream::parse_endpoint(text));
  if (advertised.websocket.empty()) return advertised;
  return Status(
      Code::kBadMessage, "address.bad",
      "'" + escape_text(text) + "' cannot be advertised: copies are called without WebSocket");
}

Result<codec::CodecId> find_codec(std::string_view name) {
  const std::optional<codec::CodecId> found = codec::find_codec(name);
  if (found.has_value()) return *found;
  constexpr codec::CodecId kNamed[] = {codec::CodecId::kJson,   codec::CodecId::kProtobuf,
                                       codec::CodecId::kForm,   codec::CodecId::kPlain,
                                       codec::CodecId::kThrift, codec::CodecId::kXml};
  std::vector<std::string_view> names;
  std::string known;
  for (const codec::CodecId id : kNamed) {
    names.push_back(codec::codec_name(id));
    known.append(known.empty() ? "" : ", ").append(codec::codec_name(id));
  }
  const std::string near(nearest_name(name, names));
  return Status(Code::kBadMessage, "codec.unknown",
                "'" + escape_text(name) + "' is no codec" +
                    (near.empty() ? "; use one of " + known : "; did you mean '" + near + "'?"));
}

namespace {

Status bad_set(std::string_view what) {
  return Status(Code::kBadMessage, "protocol.bad_set", what);
}

// One name of a listener's list into its plan.
Status add_protocol(ListenPlan& plan, std::string_view name) {
  if (name == kHttp || name == kWebsocket) {
    (name == kHttp ? plan.http : plan.websocket) = true;
    return {};
  }
  FL_TRY_ASSIGN(const wire::Protocol* protocol, find_protocol(name));
  const bool thrift = name.starts_with("thrift-");
  const wire::Protocol*& place = thrift ? plan.thrift : plan.frames;
  if (place != nullptr && place != protocol) {
    return bad_set("'" + std::string(place->name()) + "' and '" + std::string(name) +
                   "' cannot be told apart by their first bytes; give each a listener of its own");
  }
  place = protocol;
  return {};
}

// "https://127.0.0.1:8443" is "tls://127.0.0.1:8443" where nothing but "http" is spoken.
struct WebAddress {
  std::string_view scheme;
  std::string_view network;
  std::string_view protocol;
};
constexpr std::array kWebAddresses = std::to_array<WebAddress>({
    {"http://", "tcp://", kHttp},
    {"https://", "tls://", kHttp},
    {"ws://", "tcp://", kWebsocket},
    {"wss://", "tls://", kWebsocket},
});

const WebAddress* web_address(std::string_view text) {
  const auto found = std::ranges::find_if(
      kWebAddresses, [text](const WebAddress& web) { return text.starts_with(web.scheme); });
  return found == kWebAddresses.end() ? nullptr : &*found;
}

Result<upstream::Endpoint> parse_listen_address(std::string_view text) {
  const WebAddress* web = web_address(text);
  if (web == nullptr) return upstream::parse_endpoint(text);
  return upstream::parse_endpoint(std::string(web->network) +
                                  std::string(text.substr(web->scheme.size())));
}

// Which protocols, whatever the address.
Status add_protocols(ListenPlan& plan, const ListenSpec& spec, std::string_view default_protocol) {
  const WebAddress* web = web_address(spec.address);
  if (!spec.protocols.empty() && !spec.protocol.empty()) {
    return bad_set("give protocol or protocols, not both");
  }
  if (web != nullptr && (!spec.protocols.empty() || !spec.protocol.empty())) {
    return bad_set("'" + escape_text(spec.address) +
                   "' says already what is spoken there; write tcp:// or tls:// to list protocols");
  }
  if (web != nullptr) return add_protocol(plan, web->protocol);
  if (!spec.protocol.empty()) return add_protocol(plan, spec.protocol);
  for (const std::string& name : spec.protocols) FL_TRY(add_protocol(plan, name));
  if (!spec.protocols.empty()) return {};
  plan.http = plan.websocket = true;
  return add_protocol(plan, default_protocol);
}

}  // namespace

std::string ListenPlan::names() const {
  std::string text;
  const auto add = [&text](std::string_view name) {
    text.append(text.empty() ? "" : " ").append(name);
  };
  if (frames != nullptr) add(frames->name());
  if (thrift != nullptr) add(thrift->name());
  if (http) add(kHttp);
  if (websocket) add(kWebsocket);
  if (erpc_http) add("erpc_http");
  return text;
}

Result<ListenPlan> plan_of(const ListenSpec& spec, std::string_view default_protocol) {
  ListenPlan plan;
  FL_TRY_ASSIGN(plan.where, parse_listen_address(spec.address));
  plan.where.tls = spec.tls.value_or(plan.where.tls);
  FL_TRY(add_protocols(plan, spec, default_protocol));
  if (spec.erpc_http && !plan.http) return bad_set("erpc_http needs http among the protocols");
  plan.erpc_http = spec.erpc_http;
  plan.tls_too =
      plan.detects() && !plan.where.tls && !spec.tls.has_value() && !plan.where.address.is_unix();
  return plan;
}

ClientOptions merged(ClientOptions under, const ClientOptions& over) {
  override_with(under.protocol, over.protocol);
  override_with(under.codec, over.codec);
  if (over.login.has_value()) under.login = over.login;
  if (over.connections_max.has_value()) under.connections_max = over.connections_max;
  if (over.connections_idle.has_value()) under.connections_idle = over.connections_idle;
  if (over.delivery.has_value()) under.delivery = over.delivery;
  if (over.redial.has_value()) under.redial = over.redial;
  ClientTls& tls = under.tls;
  if (over.tls.required.has_value()) tls.required = over.tls.required;
  if (over.tls.verify_server.has_value()) tls.verify_server = over.tls.verify_server;
  override_with(tls.ca_file, over.tls.ca_file);
  override_with(tls.server_name, over.tls.server_name);
  override_with(tls.certificate_file, over.tls.certificate_file);
  override_with(tls.key_file, over.tls.key_file);
  return under;
}

io::TlsOptions tls_options_of(const ClientTls& tls) {
  io::TlsOptions options;
  options.ca_file = tls.ca_file;
  options.verify_server = tls.verify_server.value_or(true);
  if (!tls.certificate_file.empty() || !tls.key_file.empty()) {
    options.certificates = {{.certificate_file = tls.certificate_file, .key_file = tls.key_file}};
  }
  return options;
}

// ---- reading

Status read(const config::Value& value, ListenSpec& out) {
  if (value.kind() == config::Value::Kind::kScalar) {
    config::Problems problems;
    problems.add(config::read(value, out.address));
    const Status address = parse_listen_address(out.address).status();
    if (problems.empty() && !address.ok()) {
      problems.add(value.place(), "config.bad_value", address.message());
    }
    return problems.status();
  }
  config::ObjectReader reader(value);
  reader.required("address", out.address);
  if (!out.address.empty()) {
    check(reader, "address", parse_listen_address(out.address).status());
  }
  reader.optional("protocol", out.protocol);
  reader.optional("protocols", out.protocols);
  reader.optional("erpc_http", out.erpc_http);
  ListenPlan plan;
  const Status protocols = add_protocols(plan, out, "raw");
  check(reader, out.protocols.empty() ? "protocol" : "protocols", protocols);
  if (protocols.ok() && out.erpc_http && !plan.http) {
    reader.reject("erpc_http", "config.bad_value", "erpc_http needs http among the protocols");
  }
  bool tls = false;
  if (const config::Value* found = reader.look("tls"); found != nullptr) {
    reader.optional("tls", tls);
    out.tls = tls;
  }
  return reader.finish();
}

Status read(const config::Value& value, ClientTls& out) {
  config::ObjectReader reader(value);
  reader.optional("required", out.required);
  reader.optional("ca_file", out.ca_file);
  reader.optional("server_name", out.server_name);
  reader.optional("verify_server", out.verify_server);
  reader.optional("certificate_file", out.certificate_file);
  reader.optional("key_file", out.key_file);
  check_pair(reader, out.certificate_file, out.key_file);
  return reader.finish();
}

Status read(const config::Value& value, ClientOptions& out) {
  config::ObjectReader reader(value);
  read_protocol(reader, out.protocol);
  reader.optional("tls", out.tls);
  reader.optional("codec", out.codec);
  if (!out.codec.empty()) check(reader, "codec", find_codec(out.codec).status());
  std::optional<std::string> token;
  reader.optional("login_token", token);
  if (token.has_value()) out.login = rpc::Login{.body = *std::move(token)};
  std::uint32_t connections = 0;
  reader.optional("connections_max", connections, {1, upstream::kConnectionsMax});
  if (connections != 0) out.connections_max = connections;
  Duration idle{};
  reader.optional("connections_idle", idle, {1s, 1h});
  if (idle != Duration::zero()) out.connections_idle = idle;
  reader.optional("redial", out.redial);
  Status resend;
  if (const config::Value* section = reader.look("resend")) {
    resend = read_client_resend(*section, out.delivery);
  }
  config::Problems problems;
  problems.add(reader.finish());
  problems.add(std::move(resend));
  return problems.status();
}

Status read_server_tls(const config::Value& value, io::TlsOptions& out) {
  config::ObjectReader reader(value);
  if (reader.look("certificates") != nullptr) out.certificates.clear();
  reader.list("certificates", [&out](const config::Value& item) {
    return read_certificate(item, out.certificates.emplace_back());
  });
  reader.optional("ca_file", out.ca_file);
  read_word(reader, "client_certificate", kClientCertificates, out.client_certificate);
  reader.optional("alpn", out.alpn);
  read_word(reader, "version_min", kVersions, out.version_min);
  read_word(reader, "version_max", kVersions, out.version_max);
  reader.optional("tickets", out.tickets);
  reader.optional("handshake_timeout", out.handshake_timeout, {10ms, 60s});
  return reader.finish();
}

}  // namespace fairlead::service
