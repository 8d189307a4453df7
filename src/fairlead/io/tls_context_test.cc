#include "fairlead/io/tls_context.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "fairlead/base/time.h"
#include "fairlead/io/tls_holder.h"
#include "tests/testkit/certificates.h"

namespace fairlead::io {
namespace {

using testkit::TestFolder;
using testkit::TestIdentity;
using testkit::TestWishes;

using namespace std::chrono_literals;

class TlsContextTest : public ::testing::Test {
 protected:
  TlsOptions server_options() const { return {.certificates = {files}}; }
  static Status made(TlsRole role, const TlsOptions& options) {
    return TlsContext::make(role, options, wall_ms()).status();
  }
  Status server(const TlsCertificate& with) const {
    return made(TlsRole::kServer, {.certificates = {with}});
  }
  static std::vector<std::string> warnings(const TlsOptions& options,
                                           TlsRole role = TlsRole::kServer) {
    const auto context = TlsContext::make(role, options, wall_ms());
    EXPECT_TRUE(context.ok()) << context.status();
    std::vector<std::string> reasons;
    for (const TlsWarning& warning : (*context)->warnings()) reasons.push_back(warning.reason);
    return reasons;
  }

  TestFolder folder;
  TestIdentity root = TestIdentity::root();
  TestIdentity identity = root.issue({});
  TlsCertificate files = folder.write("server", identity);
};

TEST_F(TlsContextTest, IsMadeOfACertificateAndItsKey) {
  const auto context = TlsContext::make(TlsRole::kServer, server_options(), wall_ms());

  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_TRUE((*context)->warnings().empty());
  const std::int64_t days = ((*context)->expires_ms() - wall_ms()) / (24 * 3600 * 1000);
  EXPECT_NEAR(static_cast<double>(days), 30, 1);
}

TEST_F(TlsContextTest, NamesAFileThatIsMissing) {
  const std::string missing = (folder.path() / "nothing").string();
  for (const TlsCertificate& bad :
       {TlsCertificate{missing, files.key_file}, TlsCertificate{files.certificate_file, missing},
        TlsCertificate{folder.path().string(), files.key_file}}) {
    const Status status = server(bad);
    EXPECT_EQ(status.code(), Code::kInvalidOperation);
    EXPECT_EQ(status.reason(), "tls.file_missing");
    EXPECT_NE(status.message().find(folder.path().string()), std::string_view::npos);
  }
  EXPECT_EQ(made(TlsRole::kClient, {.ca_file = missing}).reason(), "tls.file_missing");
}

TEST_F(TlsContextTest, RefusesFilesThatHoldSomethingElse) {
  const std::string empty = folder.write("empty", "");
  const std::string huge = folder.write("huge", std::string((1U << 20) + 1, '\n'));
  const std::string pem = identity.certificate_pem();
  const std::string cut = folder.write("cut", pem + pem.substr(0, pem.size() / 2));

  EXPECT_EQ(server({empty, files.key_file}).reason(), "tls.bad_file");
  EXPECT_EQ(server({files.certificate_file, empty}).reason(), "tls.bad_file");
  EXPECT_EQ(server({files.key_file, files.key_file}).reason(), "tls.bad_file");
  EXPECT_EQ(server({files.certificate_file, files.certificate_file}).reason(), "tls.bad_file");
  EXPECT_EQ(server({huge, files.key_file}).reason(), "tls.bad_file");
  EXPECT_EQ(server({cut, files.key_file}).reason(), "tls.bad_file");
  EXPECT_EQ(made(TlsRole::kClient, {.ca_file = empty}).reason(), "tls.bad_file");
}

TEST_F(TlsContextTest, RefusesAKeyOfAnotherCertificate) {
  const TlsCertificate other = folder.write("other", root.issue({}));
  EXPECT_EQ(server({files.certificate_file, other.key_file}).reason(), "tls.key_mismatch");
}

TEST_F(TlsContextTest, RefusesAKeyWithAPassphraseAndSaysWhatToDo) {
  const Status status =
      server({files.certificate_file, folder.write("locked.key", identity.key_pem("open sesame"))});
  EXPECT_EQ(status.reason(), "tls.key_locked");
  EXPECT_NE(status.message().find("openssl pkey"), std::string_view::npos);
}

TEST_F(TlsContextTest, WantsTheChainInOrder) {
  const TestIdentity between =
      root.issue({.name = "between", .alternatives = {}, .may_sign = true});
  const TestIdentity leaf = between.issue({});
  const std::string key = folder.write("leaf.key", leaf.key_pem());
  const auto chain = [&](const std::string& text) {
    return TlsCertificate{folder.write("chain.pem", text), key};
  };

  EXPECT_TRUE(server(chain(leaf.certificate_pem() + between.certificate_pem())).ok());
  EXPECT_TRUE(
      server(chain(leaf.certificate_pem() + between.certificate_pem() + root.certificate_pem()))
          .ok());
  EXPECT_EQ(server(chain(between.certificate_pem() + leaf.certificate_pem())).reason(),
            "tls.chain_order");
  EXPECT_EQ(server(chain(leaf.certificate_pem() + root.certificate_pem())).reason(),
            "tls.chain_order");
}

TEST_F(TlsContextTest, WarnsOfDatesAndOfAKeyThatEverybodyCanRead) {
  const auto with = [&](const TestWishes& wishes) {
    return TlsOptions{.certificates = {folder.write("dated", root.issue(wishes))}};
  };
  EXPECT_EQ(warnings(with({.begins_days = -9, .ends_days = -1})),
            std::vector<std::string>{"tls.expired"});
  EXPECT_EQ(warnings(with({.ends_days = 13})), std::vector<std::string>{"tls.expires_soon"});
  EXPECT_EQ(warnings(with({.ends_days = 15})), std::vector<std::string>{});
  EXPECT_EQ(warnings(with({.begins_days = 1})), std::vector<std::string>{"tls.not_yet_valid"});

  std::filesystem::permissions(files.key_file, std::filesystem::perms::others_read,
                               std::filesystem::perm_options::add);
  EXPECT_EQ(warnings(server_options()), std::vector<std::string>{"tls.key_readable"});
  EXPECT_EQ(warnings({.verify_server = false}, TlsRole::kClient),
            std::vector<std::string>{"tls.not_verified"});
}

TEST_F(TlsContextTest, RefusesOptionsThatContradictEachOther) {
  const auto reason = [&](TlsRole role, auto change) {
    TlsOptions options = role == TlsRole::kServer ? server_options() : TlsOptions{};
    change(options);
    return std::string(made(role, options).reason());
  };
  const auto server_with = [&](auto change) { return reason(TlsRole::kServer, change); };
  const auto client_with = [&](auto change) { return reason(TlsRole::kClient, change); };

  EXPECT_EQ(server_with([](TlsOptions& o) { o.certificates.clear(); }), "tls.bad_option");
  EXPECT_EQ(server_with([](TlsOptions& o) {
              o.version_min = TlsVersion::kTls13;
              o.version_max = TlsVersion::kTls12;
            }),
            "tls.bad_option");
  EXPECT_EQ(server_with([](TlsOptions& o) { o.client_certificate = ClientCertificate::kWanted; }),
            "tls.bad_option")
      << "no authorities";
  EXPECT_EQ(server_with([](TlsOptions& o) { o.handshake_timeout = 9ms; }), "tls.bad_option");
  EXPECT_EQ(server_with([](TlsOptions& o) { o.handshake_timeout = 61s; }), "tls.bad_option");
  EXPECT_EQ(server_with([](TlsOptions& o) { o.alpn = {""}; }), "tls.bad_option");
  EXPECT_EQ(server_with([](TlsOptions& o) { o.alpn = {std::string(256, 'a')}; }), "tls.bad_option");
  EXPECT_EQ(server_with([](TlsOptions& o) { o.alpn.assign(17, "h2"); }), "tls.bad_option");
  EXPECT_EQ(server_with([](TlsOptions& o) { o.alpn.assign(16, "h2"); }), "");
  EXPECT_EQ(client_with([&](TlsOptions& o) { o.certificates = {files, files}; }), "tls.bad_option");
  EXPECT_EQ(client_with([&](TlsOptions& o) {
              o.ca_file = files.certificate_file;
              o.client_certificate = ClientCertificate::kRequired;
            }),
            "tls.bad_option");
}

TEST_F(TlsContextTest, IsReplacedByFilesThatAreGoodAndKeptWhenTheyAreNot) {
  auto holder = TlsHolder::make(TlsRole::kServer, server_options(), wall_ms()).value();
  const auto before = holder->current();

  EXPECT_TRUE(holder->reload(wall_ms()).ok());
  const auto after = holder->current();
  EXPECT_NE(after, before);

  folder.write("server.key", "half a fi");
  EXPECT_EQ(holder->reload(wall_ms()).reason(), "tls.bad_file");
  EXPECT_EQ(holder->current(), after);

  folder.write("server.key", root.issue({}).key_pem());
  EXPECT_EQ(holder->reload(wall_ms()).reason(), "tls.key_mismatch");
  EXPECT_EQ(holder->current(), after);

  EXPECT_EQ(TlsHolder::make(TlsRole::kServer, server_options(), wall_ms()).status().reason(),
            "tls.key_mismatch");
}

}  // namespace
}  // namespace fairlead::io
