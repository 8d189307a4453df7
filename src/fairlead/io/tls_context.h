// TlsContext: certificates, keys and rules of TLS connections, read from files and checked once.
//
//   FL_TRY_ASSIGN(auto context, TlsContext::make(TlsRole::kServer, options, wall_ms()));
//
// TLS 1.2 and 1.3. Ciphers are the library's for 1.3 and ECDHE with AES-GCM or ChaCha20 for 1.2;
// compression, renegotiation and early data are off. None of this is an option.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/base/time.h"

namespace fairlead::io {

namespace internal {
struct TlsState;
}

enum class TlsRole : std::uint8_t { kServer, kClient };

enum class TlsVersion : std::uint8_t { kTls12, kTls13 };

// What a server asks of its clients.
enum class ClientCertificate : std::uint8_t {
  kNone,
  kWanted,    // whoever has none is let in; a bad one is refused
  kRequired,  // `tls.no_certificate` without one
};

// Files in PEM form.
struct TlsCertificate {
  std::string certificate_file{};  // the certificate itself, then its issuers, each before its own
  std::string key_file{};          // without a passphrase
  bool operator==(const TlsCertificate&) const = default;
};

struct TlsOptions {
  // Server: at least one; the first is shown to clients that ask for no name or for one that none
  // of them has. Client: none or one, shown when the server asks.
  std::vector<TlsCertificate> certificates{};
  // Who may have signed the other side's certificate. Server: needed to ask for client
  // certificates. Client: empty means the system's list.
  std::string ca_file{};
  ClientCertificate client_certificate = ClientCertificate::kNone;  // server only
  bool verify_server = true;        // client only; false lets anybody answer
  std::vector<std::string> alpn{};  // protocol names, the preferred first; at most 16
  TlsVersion version_min = TlsVersion::kTls12;
  TlsVersion version_max = TlsVersion::kTls13;
  bool tickets = true;                                   // shorter handshakes for who comes again
  Duration handshake_timeout = std::chrono::seconds(5);  // 10 ms .. 60 s
  bool operator==(const TlsOptions&) const = default;
};

// Something that a person should look at and that stops nothing.
struct TlsWarning {
  std::string reason{};   // `tls.expired`, `tls.expires_soon` (14 days), `tls.not_yet_valid`,
                          // `tls.key_readable`, `tls.not_verified`
  std::string message{};  // names the file
};

// Immutable. Thread: any; connections share it, and it lives as long as the last of them.
class TlsContext {
 public:
  // Reads the files (this blocks) and checks everything. `wall_ms` is now, for the dates of our own
  // certificates; those of others are checked against the system's clock.
  // Errors, all kInvalidOperation, naming file or option: `tls.file_missing` (also: unreadable),
  //         `tls.bad_file` (no such thing in PEM form, or larger than 1 MiB), `tls.key_locked`
  //         (passphrase), `tls.key_mismatch`, `tls.chain_order`, `tls.bad_option`,
  //         `tls.unavailable` (the library refuses).
  static Result<std::shared_ptr<const TlsContext>> make(TlsRole role, const TlsOptions& options,
                                                        std::int64_t wall_ms);
  explicit TlsContext(std::unique_ptr<internal::TlsState> state);
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  TlsRole role() const;
  const std::vector<TlsWarning>& warnings() const;
  // When the first of our own certificates ends, in milliseconds since 1970; the largest number
  // when there is none.
  std::int64_t expires_ms() const;
  Duration handshake_timeout() const;

  internal::TlsState& state() const { return *state_; }  // for this room

 private:
  const std::unique_ptr<internal::TlsState> state_;
};

}  // namespace fairlead::io
