#include "fairlead/upstream/registry.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/testkit/log_records.h"

namespace fairlead::upstream {
namespace {

using namespace std::chrono_literals;

class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() {
    store = store::open(*core, {.url = "memory:"}).value();
    directory.emplace(*core, *store);
  }
  ~RegistryTest() override {
    (void)core->run(directory->close(core->deadline_after(1s)));
    directory.reset();
    (void)core->run(store->close(core->deadline_after(1s)));
  }
  void follow(const std::string& service) {
    const Status followed = directory->follow(service, [this](const EndpointSnapshot& endpoints) {
      seen.clear();
      for (const Endpoint& endpoint : *endpoints) {
        seen.push_back(endpoint.address.to_text());
        last_seen = endpoint;
      }
    });
    ASSERT_TRUE(followed.ok()) << followed;
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) core->turn(core->deadline_after(50ms));
    ASSERT_TRUE(condition());
  }
  Record record(const std::string& address) {
    return {.address = address, .protocol = "raw", .pid = 1, .started_ms = 1};
  }
  void put(const std::string& key, const std::string& value) {
    ASSERT_TRUE(core->run(store->put(key, value, store::PutOptions())).ok());
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  std::unique_ptr<store::Store> store;
  std::optional<Directory> directory;
  std::vector<std::string> seen;
  Endpoint last_seen;
};

TEST_F(RegistryTest, TellsWhoIsThereAndWhoComesAndGoes) {
  Registrar first(*core, *store);
  ASSERT_TRUE(core->run(first.add("math", record("127.0.0.1:1"))).ok());
  follow("math");
  turn_until([&] { return seen == std::vector<std::string>{"127.0.0.1:1"}; });

  Registrar second(*core, *store);
  ASSERT_TRUE(core->run(second.add("math", record("127.0.0.1:2"))).ok());
  turn_until([&] { return seen.size() == 2; });

  EXPECT_TRUE(core->run(first.close(core->deadline_after(1s))).ok());
  turn_until([&] { return seen == std::vector<std::string>{"127.0.0.1:2"}; });
  EXPECT_EQ(core->run(directory->services()).value(), std::vector<std::string>{"math"});

  EXPECT_TRUE(core->run(second.close(core->deadline_after(1s))).ok());
  turn_until([&] { return seen.empty(); });
}

TEST_F(RegistryTest, WritesItsRecordsAgainWhenItsLeaseWasLost) {
  Registrar registrar(*core, *store, {.lease = 1s});
  ASSERT_TRUE(core->run(registrar.add("math", record("127.0.0.1:1"))).ok());
  follow("math");
  turn_until([&] { return seen.size() == 1; });

  // Somebody else ends the lease, as a store that thought us dead would.
  const auto listing =
      core->run(store->range("/fairlead/services/math/", store::RangeOptions())).value();
  ASSERT_EQ(listing.entries.size(), 1U);
  ASSERT_TRUE(core->run(store->revoke(listing.entries[0].lease)).ok());
  turn_until([&] { return seen.empty(); });

  turn_until([&] { return seen.size() == 1; });
  EXPECT_TRUE(core->run(registrar.close(core->deadline_after(1s))).ok());
}

// It is gone and written again in one turn, and who reads the log is to know that it was gone.
TEST_F(RegistryTest, SaysThatARecordWhichWasLostIsBack) {
  std::vector<std::string> lines;
  observe::Logger logger({}, std::make_unique<testkit::LogRecords>(lines));
  const observe::ScopedDefaultLogger as_default(logger);
  Registrar registrar(*core, *store, {.lease = 1s});
  ASSERT_TRUE(core->run(registrar.add("math", record("127.0.0.1:1"))).ok());
  const auto listing =
      core->run(store->range("/fairlead/services/math/", store::RangeOptions())).value();
  ASSERT_EQ(listing.entries.size(), 1U);

  ASSERT_TRUE(core->run(store->revoke(listing.entries[0].lease)).ok());
  follow("math");
  const auto is_back = [](const std::string& line) {
    return line.find("registry.back records=1") != std::string::npos;
  };
  turn_until([&] { return seen.size() == 1 && std::ranges::any_of(lines, is_back); });

  EXPECT_TRUE(core->run(registrar.close(core->deadline_after(1s))).ok());
}

TEST_F(RegistryTest, ARecordGoesFromOneProcessToTheNextWithoutAGap) {
  Registrar old(*core, *store, {.lease = 1s});
  ASSERT_TRUE(core->run(old.add("math", record("127.0.0.1:1"))).ok());
  std::vector<std::size_t> counts;
  ASSERT_TRUE(
      directory
          ->follow("math",
                   [&](const EndpointSnapshot& endpoints) { counts.push_back(endpoints->size()); })
          .ok());
  turn_until([&] { return counts.size() == 1; });

  Registrar next(*core, *store, {.lease = 1s, .instance = old.instance()});
  ASSERT_TRUE(core->run(next.add("math", record("127.0.0.1:2"))).ok());
  EXPECT_TRUE(core->run(old.leave(core->deadline_after(1s))).ok());
  const Time end = steady_now() + 2s;  // the old lease is over by then
  while (steady_now() < end) core->turn(core->deadline_after(50ms));

  EXPECT_EQ(counts, (std::vector<std::size_t>{1, 1}));
  EXPECT_TRUE(core->run(next.close(core->deadline_after(1s))).ok());
  turn_until([&] { return counts.back() == 0; });
}

TEST_F(RegistryTest, RecordsThatNobodyTakesOverEndWithTheirLease) {
  Registrar old(*core, *store, {.lease = 1s});
  ASSERT_TRUE(core->run(old.add("math", record("127.0.0.1:1"))).ok());
  follow("math");
  turn_until([&] { return seen.size() == 1; });

  EXPECT_TRUE(core->run(old.leave(core->deadline_after(1s))).ok());

  turn_until([&] { return seen.empty(); });
}

TEST_F(RegistryTest, LeavesOutRecordsThatCannotBeRead) {
  follow("math");
  put("/fairlead/services/math/garbage", "{");
  put("/fairlead/services/math/nowhere", R"({"address":"nowhere","protocol":"raw"})");
  put("/fairlead/services/math/other", R"({"address":"127.0.0.1:6","protocol":"smoke"})");
  put("/fairlead/services/maths/other", R"({"address":"127.0.0.1:7","protocol":"raw"})");
  put("/fairlead/services/math/good", R"({"address":"127.0.0.1:5","protocol":"raw"})");
  turn_until([&] { return !seen.empty(); });
  EXPECT_EQ(seen, std::vector<std::string>{"127.0.0.1:5"});

  put("/fairlead/services/math/good", "broken now");
  turn_until([&] { return seen.empty(); });
}

TEST_F(RegistryTest, TellsWhatACopySpeaks) {
  Registrar registrar(*core, *store);
  Record json_over_tls = record("127.0.0.1:1");
  json_over_tls.protocol = "json";
  json_over_tls.tls = true;
  ASSERT_TRUE(core->run(registrar.add("math", json_over_tls)).ok());
  follow("math");
  turn_until([&] { return !seen.empty(); });

  EXPECT_EQ(last_seen.protocol, wire::find_protocol("json"));
  EXPECT_TRUE(last_seen.tls);
  EXPECT_EQ(last_seen.server_name, "127.0.0.1");
  EXPECT_TRUE(core->run(registrar.close(core->deadline_after(1s))).ok());
}

// Records of older programs say less.
TEST_F(RegistryTest, ReadsRecordsThatDoNotSayWhatTheCopySpeaks) {
  follow("math");
  put("/fairlead/services/math/old", R"({"address":"127.0.0.1:5"})");
  turn_until([&] { return !seen.empty(); });

  EXPECT_EQ(last_seen.protocol, nullptr);
  EXPECT_FALSE(last_seen.tls);
}

TEST_F(RegistryTest, RefusesBadNames) {
  EXPECT_EQ(directory->follow("A/B", [](const EndpointSnapshot&) {}).reason(), "service.bad_name");
  Registrar registrar(*core, *store);
  EXPECT_EQ(core->run(registrar.add("", record("127.0.0.1:1"))).reason(), "service.bad_name");
  EXPECT_TRUE(core->run(registrar.close(core->deadline_after(1s))).ok());
}

}  // namespace
}  // namespace fairlead::upstream
