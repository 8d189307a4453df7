#include "tests/testkit/certificates.h"

#include <unistd.h>

#include <atomic>
#include <fstream>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "fairlead/base/check.h"

namespace fairlead::testkit {

namespace {

struct FreeOpenssl {
  void operator()(BIO* object) const { BIO_free(object); }
  void operator()(EVP_PKEY* object) const { EVP_PKEY_free(object); }
  void operator()(X509* object) const { X509_free(object); }
};
template <class T>
using Openssl = std::unique_ptr<T, FreeOpenssl>;

}  // namespace

struct TestIdentity::Parts {
  Openssl<EVP_PKEY> key;
  Openssl<X509> certificate;
};

namespace {

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  FL_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

TestIdentity::TestIdentity(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
TestIdentity::~TestIdentity() = default;
TestIdentity::TestIdentity(TestIdentity&&) noexcept = default;
TestIdentity& TestIdentity::operator=(TestIdentity&&) noexcept = default;

TestIdentity TestIdentity::root(const std::string& name) {
  return make({.name = name, .alternatives = {}, .may_sign = true}, nullptr);
}

TestIdentity TestIdentity::issue(const TestWishes& wishes) const {
  return make(wishes, parts_.get());
}

TestIdentity TestIdentity::make(const TestWishes& wishes, const Parts* issuer) {
  static std::atomic<long> serial{1};
  auto parts = std::make_unique<Parts>();
  parts->key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  parts->certificate.reset(X509_new());
  X509* const certificate = parts->certificate.get();
  const Parts* const signer = issuer != nullptr ? issuer : parts.get();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 100'000 + serial.fetch_add(1));
  constexpr long kDaySeconds = 24L * 3600;
  X509_gmtime_adj(X509_getm_notBefore(certificate), wishes.begins_days * kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate), wishes.ends_days * kDaySeconds);
  X509_set_pubkey(certificate, parts->key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wishes.name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate, X509_get_subject_name(signer->certificate.get()));
  add_extension(certificate, signer->certificate.get(), NID_basic_constraints,
                wishes.may_sign ? "critical,CA:TRUE" : "critical,CA:FALSE");
  std::string alternatives;
  for (const std::string& one : wishes.alternatives) {
    alternatives += (alternatives.empty() ? "" : ",") + one;
  }
  if (!alternatives.empty()) {
    add_extension(certificate, signer->certificate.get(), NID_subject_alt_name, alternatives);
  }
  FL_CHECK(X509_sign(certificate, signer->key.get(), nullptr) > 0);
  return TestIdentity(std::move(parts));
}

std::string TestIdentity::certificate_pem() const {
  const Openssl<BIO> memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(memory.get(), parts_->certificate.get());
  return text_of(memory.get());
}

std::string TestIdentity::key_pem(const char* passphrase) const {
  const Openssl<BIO> memory(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* cipher = passphrase != nullptr ? EVP_aes_256_cbc() : nullptr;
  const int size = passphrase != nullptr ? static_cast<int>(std::string(passphrase).size()) : 0;
  PEM_write_bio_PrivateKey(memory.get(), parts_->key.get(), cipher,
                           reinterpret_cast<const unsigned char*>(passphrase), size, nullptr,
                           nullptr);
  return text_of(memory.get());
}

TestFolder::TestFolder() {
  std::string form = (std::filesystem::temp_directory_path() / "fl_tls_XXXXXX").string();
  FL_CHECK(mkdtemp(form.data()) != nullptr);
  path_ = form;
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TestFolder::write(const std::string& name, const std::string& text) const {
  const std::filesystem::path file = path_ / name;
  std::ofstream(file) << text;
  using std::filesystem::perms;
  std::filesystem::permissions(file, perms::owner_read | perms::owner_write);
  return file.string();
}

io::TlsCertificate TestFolder::write(const std::string& name, const TestIdentity& identity,
                                     const std::string& issuers) const {
  return {.certificate_file = write(name + ".pem", identity.certificate_pem() + issuers),
          .key_file = write(name + ".key", identity.key_pem())};
}

}  // namespace fairlead::testkit
