#include "fairlead/io/tls_error.h"

#include <string>

#include <openssl/err.h>
#include <openssl/x509v3.h>

namespace fairlead::io::internal {
namespace {

struct Explained {
  std::string_view reason;
  std::string_view remedy{};
};

Explained explain_certificate(long verdict) {
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {"tls.expired", " (is the clock of this machine right?)"};
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {"tls.name_mismatch", " (the certificate is for another name)"};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {"tls.bad_certificate", " (is the clock of this machine right?)"};
    default:
      return {"tls.bad_certificate"};
  }
}

Explained explain_alert(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
      return {"tls.rejected", " (the other side refuses our certificate, or that we have none)"};
    case SSL_AD_PROTOCOL_VERSION:
      return {"tls.no_common_version"};
    case SSL_AD_NO_APPLICATION_PROTOCOL:
      return {"tls.no_common_protocol"};
    default:
      return {{}};
  }
}

bool is_alert(int reason) { return reason > SSL_AD_REASON_OFFSET; }

Explained explain(int reason) {
  if (is_alert(reason)) return explain_alert(reason - SSL_AD_REASON_OFFSET);
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return {"tls.no_certificate", " (clients must show one here)"};
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
      return {"tls.no_common_version"};
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return {"tls.no_common_protocol"};
    default:
      return {{}};
  }
}

}  // namespace

Status tls_error(Code code, TlsPhase phase, const SSL* ssl) {
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(error);
  const char* text = ERR_reason_error_string(error);
  ERR_clear_error();
  std::string message = text != nullptr ? text : "the TLS library gives no reason";
  Explained explained;
  if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    const long verdict = SSL_get_verify_result(ssl);
    explained = explain_certificate(verdict);
    message = X509_verify_cert_error_string(verdict);
  } else if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    explained = explain(reason);
  }
  message += explained.remedy;
  if (explained.reason.empty()) {
    explained.reason = is_alert(reason) ? "tls.alert" : "tls.bad_record";
    if (phase == TlsPhase::kHandshake) explained.reason = "tls.handshake_failed";
  }
  return {code, explained.reason, message};
}

}  // namespace fairlead::io::internal
