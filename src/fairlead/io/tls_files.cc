#include "fairlead/io/tls_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fairlead/io/descriptor.h"

namespace fairlead::io::internal {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{1} << 20;
constexpr std::int64_t kSoonMs = std::int64_t{14} * 24 * 3600 * 1000;

Status refused(std::string_view reason, const std::string& path, std::string_view what) {
  return {Code::kInvalidOperation, reason, path + ": " + std::string(what)};
}

// A file's text, wiped when it goes: it may be a key.
struct FileText {
  FileText() = default;
  FileText(FileText&&) = default;
  FileText& operator=(FileText&&) = default;
  ~FileText() { OPENSSL_cleanse(text.data(), text.size()); }

  std::vector<char> text;
  bool others_may_read = false;
};

Result<FileText> read_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!file.valid() || fstat(file.get(), &info) != 0) {
    return refused("tls.file_missing", path, std::strerror(errno));
  }
  if (!S_ISREG(info.st_mode)) return refused("tls.file_missing", path, "is not a file");
  FileText read;
  read.others_may_read = (info.st_mode & S_IROTH) != 0;
  read.text.resize(kFileBytesMax + 1);
  std::size_t filled = 0;
  while (filled < read.text.size()) {
    const ssize_t count = ::read(file.get(), read.text.data() + filled, read.text.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refused("tls.file_missing", path, std::strerror(errno));
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  if (filled > kFileBytesMax) return refused("tls.bad_file", path, "is larger than 1 MiB");
  read.text.resize(filled);
  return read;
}

Openssl<BIO> reader_of(const FileText& file) {
  return Openssl<BIO>(BIO_new_mem_buf(file.text.data(), static_cast<int>(file.text.size())));
}

// Called when a key is protected; says so instead of asking at the terminal.
int note_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Result<Openssl<EVP_PKEY>> load_key(const std::string& path, std::vector<TlsWarning>& warnings) {
  FL_TRY_ASSIGN(const FileText file, read_file(path));
  bool asked = false;
  ERR_clear_error();
  const Openssl<BIO> reader = reader_of(file);
  Openssl<EVP_PKEY> key(PEM_read_bio_PrivateKey(reader.get(), nullptr, note_passphrase, &asked));
  ERR_clear_error();
  if (asked) {
    return refused(
        "tls.key_locked", path,
        "the key has a passphrase; write it without one: openssl pkey -in FILE -out NEW");
  }
  if (key == nullptr) return refused("tls.bad_file", path, "holds no private key in PEM form");
  if (file.others_may_read) {
    warnings.push_back(
        {"tls.key_readable", path + ": everybody on this machine can read the key: chmod o-r"});
  }
  return key;
}

std::int64_t milliseconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return std::int64_t{timegm(&parts)} * 1000;
}

void look_at_dates(const std::string& path, const X509* certificate, std::int64_t wall_ms,
                   std::vector<TlsWarning>& warnings) {
  const std::int64_t begins = milliseconds_of(X509_get0_notBefore(certificate));
  const std::int64_t ends = milliseconds_of(X509_get0_notAfter(certificate));
  if (ends <= wall_ms) {
    warnings.push_back({"tls.expired", path + ": the certificate has expired"});
  } else if (ends - wall_ms < kSoonMs) {
    warnings.push_back({"tls.expires_soon", path + ": the certificate expires within 14 days"});
  }
  if (begins > wall_ms) {
    warnings.push_back({"tls.not_yet_valid", path + ": the certificate is not valid yet"});
  }
}

// The key must fit the first certificate, and each certificate must be signed by the next.
Status check_chain(const std::string& path, const std::vector<Openssl<X509>>& certificates,
                   EVP_PKEY* key) {
  if (X509_check_private_key(certificates.front().get(), key) != 1) {
    for (std::size_t i = 1; i < certificates.size(); ++i) {
      if (X509_check_private_key(certificates[i].get(), key) == 1) {
        return refused(
            "tls.chain_order", path,
            "certificate " + std::to_string(i + 1) + " belongs to the key; it must be the first");
      }
    }
    return refused("tls.key_mismatch", path, "the key belongs to another certificate");
  }
  for (std::size_t i = 0; i + 1 < certificates.size(); ++i) {
    if (X509_check_issued(certificates[i + 1].get(), certificates[i].get()) != X509_V_OK) {
      return refused("tls.chain_order", path,
                     "certificate " + std::to_string(i + 1) + " is not signed by the next one");
    }
  }
  return {};
}

}  // namespace

const TlsCredential& chosen_credential(const std::vector<TlsCredential>& credentials,
                                       std::string_view name) {
  for (const TlsCredential& credential : credentials) {
    X509* const certificate = credential.certificate.get();
    if (X509_check_host(certificate, name.data(), name.size(), 0, nullptr) == 1) return credential;
  }
  return credentials.front();
}

Result<std::vector<Openssl<X509>>> load_certificates(const std::string& path) {
  FL_TRY_ASSIGN(const FileText file, read_file(path));
  const Openssl<BIO> reader = reader_of(file);
  std::vector<Openssl<X509>> certificates;
  ERR_clear_error();
  while (X509* certificate = PEM_read_bio_X509_AUX(reader.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  const unsigned long error = ERR_peek_last_error();
  const bool at_the_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates.empty()) {
    return refused("tls.bad_file", path, "holds no certificate in PEM form");
  }
  if (!at_the_end) {
    return refused("tls.bad_file", path,
                   "certificate " + std::to_string(certificates.size() + 1) + " is damaged");
  }
  return certificates;
}

Result<TlsCredential> load_credential(const TlsCertificate& files, std::int64_t wall_ms,
                                      std::vector<TlsWarning>& warnings) {
  FL_TRY_ASSIGN(std::vector<Openssl<X509>> certificates, load_certificates(files.certificate_file));
  TlsCredential credential;
  FL_TRY_ASSIGN(credential.key, load_key(files.key_file, warnings));
  FL_TRY(check_chain(files.certificate_file, certificates, credential.key.get()));
  credential.chain.reset(sk_X509_new_null());
  credential.expires_ms = std::numeric_limits<std::int64_t>::max();
  for (Openssl<X509>& certificate : certificates) {
    look_at_dates(files.certificate_file, certificate.get(), wall_ms, warnings);
    credential.expires_ms =
        std::min(credential.expires_ms, milliseconds_of(X509_get0_notAfter(certificate.get())));
    if (credential.certificate == nullptr) {
      credential.begins_ms = milliseconds_of(X509_get0_notBefore(certificate.get()));
      credential.ends_ms = milliseconds_of(X509_get0_notAfter(certificate.get()));
      credential.certificate = std::move(certificate);
    } else {
      sk_X509_push(credential.chain.get(), certificate.release());
    }
  }
  return credential;
}

}  // namespace fairlead::io::internal
