#include "fairlead/io/tls_context.h"

#include <algorithm>
#include <utility>

#include <openssl/err.h>

#include "fairlead/io/tls_state.h"

namespace fairlead::io {
namespace {

using internal::Openssl;
using internal::TlsCredential;
using internal::TlsState;

constexpr std::size_t kAlpnNamesMax = 16;
constexpr char kCiphers12[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
// Tickets of one context are never valid for another: the keys that seal them differ anyway.
constexpr unsigned char kSessionContext[] = "fairlead";

Status bad_option(std::string_view what) {
  return {Code::kInvalidOperation, "tls.bad_option", what};
}

Status unavailable(std::string_view what) {
  const unsigned long error = ERR_get_error();
  const char* text = ERR_reason_error_string(error);
  ERR_clear_error();
  return {Code::kInvalidOperation, "tls.unavailable",
          std::string(what) + (text != nullptr ? std::string(": ") + text : std::string())};
}

Status check_options(TlsRole role, const TlsOptions& options) {
  using namespace std::chrono_literals;
  const bool server = role == TlsRole::kServer;
  if (options.version_min > options.version_max) {
    return bad_option("the lowest TLS version is above the highest");
  }
  if (options.handshake_timeout < 10ms || options.handshake_timeout > 60s) {
    return bad_option("the handshake's timeout must be from 10ms to 60s");
  }
  if (options.alpn.size() > kAlpnNamesMax) return bad_option("more than 16 names of protocols");
  for (const std::string& name : options.alpn) {
    if (name.empty() || name.size() > 255)
      return bad_option("a protocol's name has 1 to 255 bytes");
  }
  if (server && options.certificates.empty()) return bad_option("a server needs a certificate");
  if (!server && options.certificates.size() > 1) {
    return bad_option("a client shows one certificate at most");
  }
  const bool asks_clients = options.client_certificate != ClientCertificate::kNone;
  if (asks_clients && !server) return bad_option("only a server asks for client certificates");
  if (asks_clients && options.ca_file.empty()) {
    return bad_option("client certificates need a file of those who may sign them (ca_file)");
  }
  return {};
}

int version_number(TlsVersion version) {
  return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// Takes the first of our protocols that the client also has; refuses when there is none (RFC 7301).
int choose_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                const unsigned char* offered, unsigned offered_size, void* argument) {
  const std::string& ours = static_cast<TlsState*>(argument)->alpn;
  unsigned char* found = nullptr;
  const int result = SSL_select_next_proto(
      &found, chosen_size, reinterpret_cast<const unsigned char*>(ours.data()),
      static_cast<unsigned>(ours.size()), offered, offered_size);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// Shows the first certificate that has the name which the client asks for.
int choose_certificate(SSL* ssl, void* argument) {
  const auto& credentials = static_cast<TlsState*>(argument)->credentials;
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return 1;
  const TlsCredential& credential = internal::chosen_credential(credentials, name);
  if (&credential == credentials.data()) return 1;  // there already
  return SSL_use_cert_and_key(ssl, credential.certificate.get(), credential.key.get(),
                              credential.chain.get(), 1);
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* sink = static_cast<internal::TlsSessionSink*>(SSL_get_app_data(ssl));
  if (sink == nullptr) return 0;
  sink->on_session(Openssl<SSL_SESSION>(session));
  return 1;  // the reference is ours now
}

Status set_rules(TlsState& state, const TlsOptions& options) {
  SSL_CTX* const context = state.context.get();
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  if (!options.tickets) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  // An idle connection owns no record buffers (32 KiB); output may move while it waits.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (SSL_CTX_set_min_proto_version(context, version_number(options.version_min)) != 1 ||
      SSL_CTX_set_max_proto_version(context, version_number(options.version_max)) != 1 ||
      SSL_CTX_set_cipher_list(context, kCiphers12) != 1 ||
      SSL_CTX_set_session_id_context(context, kSessionContext, sizeof(kSessionContext) - 1) != 1) {
    return unavailable("the TLS library refuses versions or ciphers");
  }
  for (const std::string& name : options.alpn) {
    state.alpn += static_cast<char>(name.size());
    state.alpn += name;
  }
  if (state.role == TlsRole::kServer) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets keep the state
    SSL_CTX_set_num_tickets(context, options.tickets ? 1 : 0);
    if (!state.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, choose_alpn, &state);
    if (state.credentials.size() > 1) SSL_CTX_set_cert_cb(context, choose_certificate, &state);
    return {};
  }
  if (options.tickets) {
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, keep_session);
  }
  // Unlike its neighbours this function gives 0 for success.
  if (!state.alpn.empty() &&
      SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(state.alpn.data()),
                              static_cast<unsigned>(state.alpn.size())) != 0) {
    return unavailable("the TLS library refuses the names of protocols");
  }
  return {};
}

Status set_certificates(TlsState& state, const TlsOptions& options, std::int64_t wall_ms) {
  for (const TlsCertificate& files : options.certificates) {
    FL_TRY_ASSIGN(TlsCredential credential,
                  internal::load_credential(files, wall_ms, state.warnings));
    state.expires_ms = std::min(state.expires_ms, credential.expires_ms);
    state.credentials.push_back(std::move(credential));
  }
  if (state.credentials.empty()) return {};
  const TlsCredential& first = state.credentials.front();
  if (SSL_CTX_use_cert_and_key(state.context.get(), first.certificate.get(), first.key.get(),
                               first.chain.get(), 1) != 1) {
    return unavailable(options.certificates.front().certificate_file +
                       ": the TLS library refuses the certificate");
  }
  return {};
}

// Who may have signed the other side's certificate, and whether that is looked at.
Status set_verification(TlsState& state, const TlsOptions& options) {
  SSL_CTX* const context = state.context.get();
  const bool server = state.role == TlsRole::kServer;
  if (!options.ca_file.empty()) {
    FL_TRY_ASSIGN(const auto authorities, internal::load_certificates(options.ca_file));
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    for (const Openssl<X509>& authority : authorities) {
      if (X509_STORE_add_cert(store, authority.get()) != 1 ||
          (server && SSL_CTX_add_client_CA(context, authority.get()) != 1)) {
        return unavailable(options.ca_file + ": the TLS library refuses a certificate");
      }
    }
  } else if (!server && SSL_CTX_set_default_verify_paths(context) != 1) {
    return unavailable("the system's list of authorities cannot be read");
  }
  int mode = SSL_VERIFY_NONE;
  if (server && options.client_certificate != ClientCertificate::kNone) mode = SSL_VERIFY_PEER;
  if (server && options.client_certificate == ClientCertificate::kRequired) {
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  if (!server && options.verify_server) mode = SSL_VERIFY_PEER;
  if (!server && !options.verify_server) {
    state.warnings.push_back({"tls.not_verified", "servers are not verified: anybody may answer"});
  }
  SSL_CTX_set_verify(context, mode, nullptr);
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::make(TlsRole role, const TlsOptions& options,
                                                           std::int64_t wall_ms) {
  FL_TRY(check_options(role, options));
  ERR_clear_error();
  auto state = std::make_unique<TlsState>();
  state->role = role;
  state->verify_server = options.verify_server;
  state->handshake_timeout = options.handshake_timeout;
  state->context.reset(
      SSL_CTX_new(role == TlsRole::kServer ? TLS_server_method() : TLS_client_method()));
  if (state->context == nullptr) return unavailable("the TLS library does not start");
  FL_TRY(set_certificates(*state, options, wall_ms));
  FL_TRY(set_verification(*state, options));
  FL_TRY(set_rules(*state, options));
  return std::make_shared<const TlsContext>(std::move(state));
}

TlsContext::TlsContext(std::unique_ptr<internal::TlsState> state) : state_(std::move(state)) {}
TlsContext::~TlsContext() = default;

TlsRole TlsContext::role() const { return state_->role; }
const std::vector<TlsWarning>& TlsContext::warnings() const { return state_->warnings; }
std::int64_t TlsContext::expires_ms() const { return state_->expires_ms; }

Duration TlsContext::handshake_timeout() const { return state_->handshake_timeout; }

}  // namespace fairlead::io
