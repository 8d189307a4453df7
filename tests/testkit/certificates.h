// Certificates for tests, made when they run: no private key lies in the project.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/io/tls_context.h"

namespace fairlead::testkit {

// What a certificate shall say.
struct TestWishes {
  std::string name = "test";
  std::vector<std::string> alternatives{"DNS:localhost", "IP:127.0.0.1"};  // as openssl writes them
  int begins_days = -1;                                                    // from now
  int ends_days = 30;
  bool may_sign = false;
};

// A certificate and its key, and what may be signed with them. Ed25519: made at once, and every
// signature has the same length, so that simulations replay.
class TestIdentity {
 public:
  // Signed by itself.
  static TestIdentity root(const std::string& name = "test root");
  ~TestIdentity();
  TestIdentity(TestIdentity&&) noexcept;
  TestIdentity& operator=(TestIdentity&&) noexcept;

  TestIdentity issue(const TestWishes& wishes) const;
  std::string certificate_pem() const;
  std::string key_pem(const char* passphrase = nullptr) const;

 private:
  struct Parts;
  explicit TestIdentity(std::unique_ptr<Parts> parts);
  static TestIdentity make(const TestWishes& wishes, const Parts* issuer);

  std::unique_ptr<Parts> parts_;
};

// A folder of its own that goes with the object.
class TestFolder {
 public:
  TestFolder();
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder();

  // Writes a file that only its owner may read; its path.
  std::string write(const std::string& name, const std::string& text) const;
  // Writes NAME.pem (with `issuers` behind it) and NAME.key.
  io::TlsCertificate write(const std::string& name, const TestIdentity& identity,
                           const std::string& issuers = "") const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace fairlead::testkit
