#include "fairlead/service/tls_keeper.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "fairlead/base/time.h"
#include "fairlead/observe/log.h"
#include "tests/testkit/certificates.h"

namespace fairlead::service::internal {
namespace {

using testkit::TestFolder;
using testkit::TestIdentity;

constexpr std::int64_t kDayMs = std::int64_t{24} * 3600 * 1000;

// Events of the log with their reason, if they have one.
class Lines final : public observe::LogSink {
 public:
  explicit Lines(std::vector<std::string>& lines) : lines_(lines) {}
  void write(const observe::LogRecord& record) override {
    std::string line(record.event);
    for (const observe::LogField& field : record.fields) {
      if (field.name() != "reason") continue;
      line += " ";
      field.append_text(line);
    }
    lines_.push_back(std::move(line));
  }
  void flush() override {}

 private:
  std::vector<std::string>& lines_;
};

class TlsKeeperTest : public ::testing::Test {
 protected:
  TlsKeeperTest() { options.certificates = {folder.write("server", root.issue({}))}; }

  const io::TlsHolder* add() {
    const auto added = keeper.add(io::TlsRole::kServer, "tls", options, now_ms);
    EXPECT_TRUE(added.ok()) << added.status();
    if (added.ok()) held.push_back(*added);
    return added.ok() ? added->get() : nullptr;
  }
  std::uint64_t counted(const char* name) {
    return metrics.counter({name, ""}, {{"use", "tls"}}).value().value();
  }
  std::int64_t expires_seconds() {
    return metrics.gauge({"fairlead_tls_certificate_expires_seconds", ""}, {{"use", "tls"}})
        .value()
        .value();
  }

  std::vector<std::string> lines;
  observe::Logger logger{{}, std::make_unique<Lines>(lines)};
  observe::ScopedDefaultLogger as_default{logger};
  TestFolder folder;
  TestIdentity root = TestIdentity::root();
  io::TlsOptions options;
  observe::Registry metrics;
  observe::Transitions transitions;
  TlsKeeper keeper{metrics, &transitions};
  std::vector<std::shared_ptr<const io::TlsHolder>> held;
  std::int64_t now_ms = wall_ms();
};

TEST_F(TlsKeeperTest, ReadsAgainOnlyWhatHasChanged) {
  const io::TlsHolder* holder = add();
  const auto before = holder->current();
  keeper.look(false, now_ms);
  EXPECT_EQ(holder->current(), before);

  folder.write("server", root.issue({.ends_days = 60}));
  keeper.look(false, now_ms);

  EXPECT_NE(holder->current(), before);
  EXPECT_EQ(counted("fairlead_tls_reloads_total"), 1U);
  EXPECT_EQ(expires_seconds(), holder->current()->expires_ms() / 1000);
  EXPECT_GT(expires_seconds(), before->expires_ms() / 1000);
  EXPECT_EQ(lines, std::vector<std::string>{"tls.reloaded"});
}

TEST_F(TlsKeeperTest, ReadsEverythingAgainWhenAsked) {
  const io::TlsHolder* holder = add();
  const auto before = holder->current();
  keeper.look(true, now_ms);
  EXPECT_NE(holder->current(), before);
}

// As when certificate and key are replaced one after the other, and a look comes in between.
TEST_F(TlsKeeperTest, GivesHandshakesAnotherTimeWithTheNextReload) {
  const io::TlsHolder* holder = add();
  keeper.update_handshake_timeout(std::chrono::seconds(9));
  keeper.look(true, now_ms);

  EXPECT_EQ(holder->current()->handshake_timeout(), std::chrono::seconds(9));
  options.handshake_timeout = std::chrono::seconds(9);
  EXPECT_EQ(add(), holder) << "who asks for the same has the same";
}

TEST_F(TlsKeeperTest, KeepsTheOldOnesUntilTheNewOnesFit) {
  const io::TlsHolder* holder = add();
  const auto before = holder->current();
  const TestIdentity fresh = root.issue({});

  folder.write("server.pem", fresh.certificate_pem());
  keeper.look(false, now_ms);
  EXPECT_EQ(holder->current(), before);
  EXPECT_EQ(counted("fairlead_tls_reloads_failed_total"), 1U);
  EXPECT_EQ(lines, std::vector<std::string>{"tls.not_reloaded tls.key_mismatch"});

  folder.write("server.key", fresh.key_pem());
  keeper.look(false, now_ms);
  EXPECT_NE(holder->current(), before);
}

TEST_F(TlsKeeperTest, TriesAgainAfterAFailureThoughNothingChanged) {
  add();
  std::filesystem::remove(folder.path() / "server.key");
  keeper.look(false, now_ms);
  keeper.look(false, now_ms);
  EXPECT_EQ(counted("fairlead_tls_reloads_failed_total"), 2U);
}

TEST_F(TlsKeeperTest, SeesAFileThatIsMovedIntoPlace) {
  const io::TlsHolder* holder = add();
  const auto before = holder->current();
  const TestIdentity fresh = root.issue({});
  folder.write("new", fresh);
  std::filesystem::rename(folder.path() / "new.pem", folder.path() / "server.pem");
  std::filesystem::rename(folder.path() / "new.key", folder.path() / "server.key");

  keeper.look(false, now_ms);
  EXPECT_NE(holder->current(), before);
}

TEST_F(TlsKeeperTest, WarnsOfWhatAPersonShouldKnow) {
  options.certificates = {folder.write("short", root.issue({.ends_days = 3}))};
  add();
  EXPECT_EQ(lines, std::vector<std::string>{"tls.warning tls.expires_soon"});
}

TEST_F(TlsKeeperTest, WarnsEveryDayOnceACertificateHasGrownOld) {
  add();  // for 30 days
  keeper.look(false, now_ms + 10 * kDayMs);
  EXPECT_TRUE(lines.empty());

  keeper.look(false, now_ms + 17 * kDayMs);
  keeper.look(false, now_ms + 17 * kDayMs + 1000);
  EXPECT_EQ(lines, std::vector<std::string>{"tls.expires_soon"});
  keeper.look(false, now_ms + 18 * kDayMs);
  EXPECT_EQ(lines.size(), 2U);
}

TEST_F(TlsKeeperTest, SaysEveryDayThatACertificateHasExpired) {
  add();  // for 30 days
  keeper.look(false, now_ms + 31 * kDayMs);
  keeper.look(false, now_ms + 31 * kDayMs + 1000);
  EXPECT_EQ(lines, std::vector<std::string>{"tls.expired"});

  keeper.look(false, now_ms + 32 * kDayMs);
  EXPECT_EQ(lines.size(), 2U);
}

TEST_F(TlsKeeperTest, SaysAtOnceThatACertificateHasExpiredThatWasExpiring) {
  options.certificates = {folder.write("short", root.issue({.ends_days = 1}))};
  add();
  EXPECT_EQ(lines, std::vector<std::string>{"tls.warning tls.expires_soon"});
  EXPECT_EQ(transitions.recent().at(0).to, "expiring") << "as it was read";
  lines.clear();

  keeper.look(false, now_ms + kDayMs / 2);
  EXPECT_TRUE(lines.empty()) << "half a day";
  keeper.look(false, now_ms + kDayMs);

  EXPECT_EQ(lines, std::vector<std::string>{"tls.expired"});
  EXPECT_EQ(transitions.recent().at(0).to, "expired");
}

TEST_F(TlsKeeperTest, KeepsAValidCertificateRatherThanOneThatIsNot) {
  const io::TlsHolder* holder = add();  // for 30 days
  const auto before = holder->current();

  folder.write("server", root.issue({.begins_days = -9, .ends_days = -2}));
  keeper.look(false, now_ms);
  EXPECT_EQ(holder->current(), before);
  folder.write("server", root.issue({.begins_days = 2, .ends_days = 60}));
  keeper.look(false, now_ms);
  keeper.look(false, now_ms + 1000);
  EXPECT_EQ(holder->current(), before);
  EXPECT_EQ(lines, (std::vector<std::string>{"tls.not_reloaded tls.expired",
                                             "tls.not_reloaded tls.not_yet_valid"}))
      << "once each";
  keeper.look(false, now_ms + 2 * kDayMs);

  EXPECT_NE(holder->current(), before) << "its day has come";
}

TEST_F(TlsKeeperTest, TakesAnyCertificateInThePlaceOfOneThatHasExpired) {
  const io::TlsHolder* holder = add();  // for 30 days
  const auto before = holder->current();
  folder.write("server", root.issue({.ends_days = 29}));

  keeper.look(false, now_ms + 31 * kDayMs);

  EXPECT_NE(holder->current(), before);
}

TEST_F(TlsKeeperTest, SharesWhatIsTheSame) {
  const io::TlsOptions clients;
  const auto first = keeper.add(io::TlsRole::kClient, "clients.a", clients, now_ms);
  const auto second = keeper.add(io::TlsRole::kClient, "clients.b", clients, now_ms);
  EXPECT_EQ(first.value(), second.value());
}

TEST_F(TlsKeeperTest, LooksAfterNothingThatNobodyUses) {
  add();
  held.clear();
  std::filesystem::remove(folder.path() / "server.key");

  keeper.look(true, now_ms);

  EXPECT_TRUE(lines.empty()) << lines.front();
  EXPECT_EQ(expires_seconds(), 0);
}

TEST_F(TlsKeeperTest, KeepsTheEndOfTheOneThatTookItsPlace) {
  add();
  held.clear();
  options.version_min = io::TlsVersion::kTls13;
  const io::TlsHolder* const second = add();

  keeper.look(false, now_ms);

  EXPECT_EQ(expires_seconds(), second->current()->expires_ms() / 1000);
}

TEST_F(TlsKeeperTest, TellsWhoAskedWhatIsWrong) {
  add();
  std::vector<std::vector<Status>> told;
  keeper.tell_last([&told](std::vector<Status> wrong) { told.push_back(std::move(wrong)); });
  std::filesystem::remove(folder.path() / "server.key");

  keeper.look(false, now_ms);
  keeper.look(true, now_ms);

  ASSERT_EQ(told.size(), 1U) << "nobody asked for the first look";
  ASSERT_EQ(told[0].size(), 1U);
  EXPECT_EQ(told[0][0].reason(), "tls.file_missing");
  EXPECT_TRUE(told[0][0].message().starts_with("tls: ")) << told[0][0];
}

TEST_F(TlsKeeperTest, NamesTheSectionOfABadFile) {
  options.ca_file = "/no/such/ca.pem";
  const Status status = keeper.add(io::TlsRole::kServer, "tls", options, now_ms).status();
  EXPECT_EQ(status.reason(), "tls.file_missing");
  EXPECT_TRUE(status.message().starts_with("tls: /no/such/ca.pem")) << status;
}

}  // namespace
}  // namespace fairlead::service::internal
