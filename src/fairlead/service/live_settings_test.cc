// Settings that change in a program that runs, by HUP and as its callers see it.
#include "fairlead/service/live_settings.h"

#include <unistd.h>
#include <csignal>

#include <array>
#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/service/process.h"
#include "fairlead/service/spec_source.h"
#include "tests/testkit/certificates.h"
#include "tests/testkit/log_records.h"
#include "tests/testkit/raw_client.h"
#include "tests/testkit/room.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

// ---- reload(), without a program

class LiveSettingsTest : public ::testing::Test {
 protected:
  void write(const std::string& text) { file = folder.write("math.yaml", text); }
  void make(const std::string& text) {
    write(text);
    auto source = SpecSource::read({.program = "math", .file = file}, Spec{});
    ASSERT_TRUE(source.ok()) << source.status();
    const Spec spec = source->spec();
    settings =
        LiveSettings::make(spec, std::make_shared<SpecSource>(*std::move(source)), metrics).value();
  }
  bool reload() {
    outcome = settings->reload([this](const auto&, const auto& now) { applied.push_back(now); });
    return outcome.ok();
  }
  std::uint64_t counted(const char* name) { return metrics.counter({name, ""}).value().value(); }
  std::int64_t waiting_keys() {
    return metrics.gauge({"fairlead_service_config_waiting_keys", ""}).value().value();
  }

  std::vector<std::string> lines;
  observe::Logger logger{{}, std::make_unique<testkit::LogRecords>(lines)};
  observe::ScopedDefaultLogger as_default{logger};
  testkit::TestFolder folder;
  std::string file;
  observe::Registry metrics;
  std::unique_ptr<LiveSettings> settings;
  std::vector<std::shared_ptr<const Spec>> applied;
  ReloadOutcome outcome;
};

TEST_F(LiveSettingsTest, ApplyWhatChangedAndSayIt) {
  make("notice: 1s\ncores: 1\n");
  write("notice: 2s\ncores: 2\n");

  EXPECT_TRUE(reload());

  ASSERT_EQ(applied.size(), 1U);
  EXPECT_EQ(applied[0], settings->now());
  EXPECT_EQ(settings->now()->notice, 2s);
  EXPECT_EQ(settings->now()->cores, 1U);
  EXPECT_EQ(counted("fairlead_service_config_reloads_total"), 1U);
  EXPECT_EQ(waiting_keys(), 1);
  EXPECT_THAT(lines, Contains(HasSubstr("changed=\"notice: 1s -> 2s\"")));
  EXPECT_THAT(lines, Contains(HasSubstr("config.needs_restart keys=\"cores: 1 -> 2\"")));
}

TEST_F(LiveSettingsTest, GiveWhoAskedWhatTheLogSays) {
  make("notice: 1s\ncores: 1\n");
  write("notice: 2s\ncores: 2\n");
  EXPECT_TRUE(reload());
  EXPECT_EQ(outcome.file, file);
  ASSERT_EQ(outcome.changed.size(), 1U);
  EXPECT_EQ(to_text(outcome.changed[0]), "notice: 1s -> 2s");
  ASSERT_EQ(outcome.at_next_start.size(), 1U);
  EXPECT_EQ(to_text(outcome.at_next_start[0]), "cores: 1 -> 2");

  write("notice: soon\n");
  EXPECT_FALSE(reload());
  ASSERT_EQ(outcome.errors.size(), 1U);
  EXPECT_THAT(std::string(outcome.errors[0].message()), HasSubstr("math.yaml:1:9"));
}

TEST_F(LiveSettingsTest, PrepareWhatTheNextOnesNameBeforeTheyCount) {
  make("notice: 1s\n");
  std::vector<std::string> order;
  bool good = true;
  settings->prepare_by([&](const Spec& next, const config::Document&) -> Result<TakeRead> {
    order.push_back("prepare " + std::to_string(next.notice / 1s));
    if (!good) return Status(Code::kBadMessage, "tls.file_missing", "clients.math: /no");
    return TakeRead([&order] { order.emplace_back("take"); });
  });

  write("notice: 2s\n");
  EXPECT_TRUE(reload());
  good = false;
  write("notice: 3s\n");
  EXPECT_FALSE(reload());

  EXPECT_EQ(order, (std::vector<std::string>{"prepare 2", "take", "prepare 3"}));
  EXPECT_EQ(settings->now()->notice, 2s);
  EXPECT_EQ(outcome.errors.at(0).reason(), "tls.file_missing");
}

TEST_F(LiveSettingsTest, ApplyNothingWhenNothingLiveChanged) {
  make("cores: 1\n");
  write("cores: 2\n");

  EXPECT_TRUE(reload());

  EXPECT_TRUE(applied.empty());
  EXPECT_THAT(lines, Contains(HasSubstr("changed=nothing")));
}

TEST_F(LiveSettingsTest, ChangeNothingWhenAnythingIsWrong) {
  make("notice: 1s\n");
  int taken = 0;
  settings->rereads().emplace_back([&taken] { return TakeRead([&taken] { ++taken; }); });
  write("notice: 2s\nlog: {level: loud}\n");

  EXPECT_FALSE(reload());

  EXPECT_TRUE(applied.empty());
  EXPECT_EQ(taken, 0);
  EXPECT_EQ(settings->now()->notice, 1s);
  EXPECT_EQ(counted("fairlead_service_config_reloads_failed_total"), 1U);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("config.not_reloaded reason=config.bad_value"));
  EXPECT_THAT(lines[0], HasSubstr("math.yaml:2:14"));
}

TEST_F(LiveSettingsTest, ChangeNothingWhenAFileBesideItIsWrong) {
  make("notice: 1s\n");
  int taken = 0;
  settings->rereads().emplace_back([&taken] { return TakeRead([&taken] { ++taken; }); });
  settings->rereads().emplace_back(
      [] { return Result<TakeRead>(Status(Code::kBadMessage, "keys.bad", "keys.txt: line 2")); });
  write("notice: 2s\n");

  EXPECT_FALSE(reload());

  EXPECT_EQ(taken, 0);
  EXPECT_EQ(settings->now()->notice, 1s);
  EXPECT_THAT(lines, Contains(HasSubstr("reason=keys.bad message=\"keys.txt: line 2\"")));
}

TEST_F(LiveSettingsTest, NameTwentyKeysAndCountTheOthers) {
  make("");
  std::string pools = "clients:\n";
  for (int i = 0; i < 25; ++i) pools += "  c" + std::to_string(i) + ": {codec: json}\n";
  write(pools);

  EXPECT_TRUE(reload());

  EXPECT_THAT(lines, Contains(HasSubstr("; and 5 more")));
}

TEST(LiveSettings, LeaveWhatAPluginSetWhereTheFileSaysTheSame) {
  const rpc::PeerOptions before;
  rpc::PeerOptions now = before;
  now.request_time_max = 5s;
  rpc::PeerOptions mine = before;
  mine.call_timeout = 9s;  // of a plugin

  const rpc::PeerOptions options = with_changes(mine, before, now);

  EXPECT_EQ(options.call_timeout, 9s);
  EXPECT_EQ(options.request_time_max, 5s);
}

TEST(LiveSettings, LeaveTheRestOfASectionOfWhichThePluginSetAPart) {
  const rpc::PeerOptions before = Spec{}.limits;
  rpc::PeerOptions now = before;
  now.heartbeat.timeout = 2s;
  now.idle.both = 3s;
  now.guards.frame_time_max = 4s;
  rpc::PeerOptions mine = before;  // of a plugin
  mine.heartbeat.mode = rpc::HeartbeatMode::kOff;
  mine.idle.read = 5s;
  mine.guards.slow_reader_after = 6s;

  const rpc::PeerOptions options = with_changes(mine, before, now);

  EXPECT_EQ(options.heartbeat.mode, rpc::HeartbeatMode::kOff);
  EXPECT_EQ(options.heartbeat.timeout, 2s);
  EXPECT_EQ(options.idle.read, 5s);
  EXPECT_EQ(options.idle.both, 3s);
  EXPECT_EQ(options.guards.slow_reader_after, 6s);
  EXPECT_EQ(options.guards.frame_time_max, 4s);
}

// A plugin's mode and a number of the file may each be good and make no sense together.
TEST(LiveSettings, LeaveHeartbeatsWhereAPluginsModeAndTheFileDoNotGoTogether) {
  const rpc::PeerOptions before = Spec{}.limits;
  rpc::PeerOptions now = before;
  now.heartbeat.miss_max = 1;
  rpc::PeerOptions mine = before;
  mine.heartbeat.mode = rpc::HeartbeatMode::kPingPing;

  EXPECT_EQ(with_changes(mine, before, now).heartbeat, mine.heartbeat);
}

// Every live key that belongs to peers reaches them: told by what the options look like after each.
TEST(LiveSettings, BringEveryLimitToThePeers) {
  const rpc::PeerOptions before = Spec{}.limits;
  rpc::PeerOptions now = before;
  now.limits.frame_bytes_max = 1;
  now.inflight_calls_max = 2;
  now.write_queue_bytes_max = 3;
  now.call_timeout = 4s;
  now.login_timeout = 8s;
  now.request_time_max = 5s;
  now.session_age = 6s;
  now.heartbeat = {.mode = rpc::HeartbeatMode::kPingPing,
                   .interval = 7s,
                   .timeout = 8s,
                   .miss_max = 9,
                   .fast_probe = 10s,
                   .interval_min = 11s};
  now.idle = {.read = 12s, .write = 13s, .both = 14s};
  now.guards = {
      .frame_time_max = 15s, .frame_rate_min = 16, .slow_reader_after = 17s, .handlers_max = 18};

  const rpc::PeerOptions options = with_changes(before, before, now);

  EXPECT_EQ(options.limits.frame_bytes_max, 1U);
  EXPECT_EQ(options.inflight_calls_max, 2U);
  EXPECT_EQ(options.write_queue_bytes_max, 3U);
  EXPECT_EQ(options.call_timeout, 4s);
  EXPECT_EQ(options.request_time_max, 5s);
  EXPECT_EQ(options.login_timeout, 8s);
  EXPECT_EQ(options.session_age, 6s);
  EXPECT_EQ(options.heartbeat, now.heartbeat);
  EXPECT_EQ(options.idle, now.idle);
  EXPECT_EQ(options.guards, now.guards);
}

// ---- HUP

class LiveProgramTest : public ::testing::Test {
 protected:
  // All of it but that nobody can come.
  void begin(const std::string& text) {
    const std::string file = folder.write("math.yaml", text);
    const std::array<const char*, 3> words{"math", "--config", file.c_str()};
    Result<Start> begun = read_start(3, words.data(), "math", Spec{});
    ASSERT_TRUE(begun.ok()) << begun.status();
    ASSERT_TRUE(process.router()
                    .add(wire::Kind::kCall, "/times", rpc::make_handler([](rpc::Context& context) {
                           const rpc::PeerOptions& options = context.session().peer().options();
                           context.reply_with('s',
                                              Bytes(std::to_string(options.request_time_max / 1s)));
                           return Status();
                         }))
                    .ok());
    ASSERT_TRUE(process.router()
                    .add(wire::Kind::kCall, "/much", rpc::make_handler([](rpc::Context& context) {
                           context.reply_with('s', Bytes(std::string(300'000, 'x')));
                           return Status();
                         }))
                    .ok());
    ASSERT_TRUE(process.start(begun->spec, begun->source).ok());
  }
  void start(const std::string& text) {
    begin(text);
    ASSERT_TRUE(process.serve(false).ok());
    session = core->run(caller.dial(process.addresses().at(0), core->deadline_after(5s))).value();
  }
  ~LiveProgramTest() override {
    EXPECT_TRUE(core->run(caller.close(core->deadline_after(5s))).ok());
  }
  std::string seconds() {
    auto calling = session->call("/times", 's', Bytes(), {}, core->deadline_after(5s));
    const Result<rpc::Reply> reply = core->run(std::move(calling));
    return reply.ok() ? std::string(reply->body.view()) : reply.status().to_string();
  }
  std::uint64_t counted(const char* name) {
    return process.metrics().counter({name, ""}).value().value();
  }
  std::int64_t undecided() {
    return process.metrics().gauge({"fairlead_rpc_undecided_connections", ""}).value().value();
  }
  // What the service of a core goes by, asked there.
  static rpc::DeliveryMode delivery(const Target& target) {
    std::promise<rpc::DeliveryMode> told;
    target.next_core().post([&] { told.set_value(target.on_this_core()->delivery()); });
    return told.get_future().get();
  }
  template <class Condition>
  static bool becomes(Condition condition) {
    const Time end = steady_now() + 10s;
    while (!condition() && steady_now() < end) std::this_thread::yield();
    return condition();
  }
  // Until its only core has read what was posted to it: a connection may be faster.
  void wait_for_letters() { (void)delivery(*process.target("127.0.0.1:1").value()); }
  // Until the program has done something about the signal.
  void hang_up() {
    const auto done = [this] {
      return counted("fairlead_service_config_reloads_total") +
             counted("fairlead_service_config_reloads_failed_total");
    };
    const std::uint64_t before = done();
    ::kill(::getpid(), SIGHUP);
    const Time end = steady_now() + 10s;
    while (done() == before && steady_now() < end) std::this_thread::yield();
    ASSERT_EQ(done(), before + 1);
  }

  testkit::TestFolder folder;
  Process process{"math"};
  std::unique_ptr<io::Core> core = io::Core::make().value();
  rpc::Router router;
  rpc::Peer caller{*core, router, {}};
  rpc::Session* session = nullptr;
};

constexpr const char* kRefused = "fairlead_rpc_undecided_refused_total";
constexpr std::string_view kQuiet = "listen: tcp://127.0.0.1:0\ncores: 2\nlog: {level: off}\n";

TEST_F(LiveProgramTest, TakesNewLimitsOverOnEveryCore) {
  start(std::string(kQuiet) + "limits: {request_time_max: 7s}\n");
  ASSERT_EQ(seconds(), "7");
  folder.write("math.yaml", std::string(kQuiet) + "limits: {request_time_max: 9s}\n");

  hang_up();

  const Time end = steady_now() + 10s;  // the letter to the core may be under way
  while (seconds() != "9" && steady_now() < end) {
  }
  EXPECT_EQ(seconds(), "9");
}

TEST_F(LiveProgramTest, ServesOnWithTheOldOnesWhenTheFileIsWrong) {
  start(std::string(kQuiet) + "limits: {request_time_max: 7s}\n");
  folder.write("math.yaml", std::string(kQuiet) + "limits: {request_time_max: 9s}\nx: 1\n");

  hang_up();

  EXPECT_EQ(seconds(), "7");
  EXPECT_EQ(counted("fairlead_service_config_reloads_failed_total"), 1U);
}

TEST_F(LiveProgramTest, LetsMoreComeUndecidedAtOnceAndClosesNobodyWhenFewerMay) {
  const auto may_be = [](int undecided) {
    return "listen: tcp://127.0.0.1:0\ncores: 1\nlog: {level: off}\nlimits: "
           "{undecided_connections_max: " +
           std::to_string(undecided) + "}\n";
  };
  start(may_be(1));
  ASSERT_EQ(seconds(), "60") << "whose session has said what it speaks by then";
  std::vector<std::unique_ptr<io::Stream>> silent;
  const auto come = [&] {
    auto connected =
        core->run(core->connect(process.addresses().at(0), core->deadline_after(5s), {}));
    silent.push_back(std::move(connected).value());
  };
  come();
  ASSERT_TRUE(becomes([&] { return undecided() == 1; }));
  come();
  ASSERT_TRUE(becomes([&] { return counted(kRefused) == 1; }));

  folder.write("math.yaml", may_be(2));
  hang_up();
  wait_for_letters();
  come();
  EXPECT_TRUE(becomes([&] { return undecided() == 2; }));

  folder.write("math.yaml", may_be(1));
  hang_up();
  wait_for_letters();
  come();
  EXPECT_TRUE(becomes([&] { return counted(kRefused) == 2; }));
  EXPECT_EQ(undecided(), 2);
  for (auto& stream : silent) core->dispose(std::move(stream));
}

// They have been read, and the letters that tell the cores are under way: no port is made of
// settings that have gone, and none is made of options that another core changes.
TEST_F(LiveProgramTest, TakesNewLimitsOverForPortsThatAreBeingMade) {
  constexpr int kPorts = 64;
  const auto silent_for = [](const char* time) {
    std::string listen = "tcp://127.0.0.1:0";
    for (int i = 1; i < kPorts; ++i) listen += ", tcp://127.0.0.1:0";
    return "listen: [" + listen + "]\ncores: 2\nlog: {level: off}\nidle: {both: " + time + "}\n";
  };
  begin(silent_for("10m"));
  folder.write("math.yaml", silent_for("100ms"));

  hang_up();
  ASSERT_TRUE(process.serve(false).ok());

  const std::vector<io::Address> addresses = process.addresses();
  ASSERT_EQ(addresses.size(), kPorts);
  std::vector<std::unique_ptr<testkit::RawClient>> silent;
  for (const io::Address& address : addresses) {
    for (int i = 0; i < 4; ++i) {
      silent.push_back(std::make_unique<testkit::RawClient>(*core, address));
    }
  }
  for (const auto& client : silent) client->wait_for_close();
}

TEST_F(LiveProgramTest, TakesLargerMessagesOverWebSocketsThatComeLater) {
  const auto up_to = [](const char* bytes) {
    return "listen: tcp://127.0.0.1:0\ncores: 1\nlog: {level: off}\nlimits: {frame_bytes_max: " +
           std::string(bytes) + "}\n";
  };
  const auto dial = [this] {
    auto dialling =
        caller.dial(process.addresses().at(0), core->deadline_after(5s), {},
                    {.protocol = wire::find_protocol("json"), .websocket = rpc::WebSocketWay{}});
    return core->run(std::move(dialling)).value();
  };
  const auto call = [this](rpc::Session* over, std::string method, std::size_t bytes) {
    auto calling = over->call(std::move(method), 's', Bytes(std::string(bytes, 'x')), {},
                              core->deadline_after(5s));
    return core->run(std::move(calling)).status();
  };
  start(up_to("100KiB"));
  rpc::Session* const early = dial();
  EXPECT_EQ(call(early, "/much", 1).reason(), "reply.not_sent");
  EXPECT_EQ(call(dial(), "/times", 200'000).reason(), "session.closed");

  folder.write("math.yaml", up_to("1MiB"));
  hang_up();
  wait_for_letters();

  EXPECT_TRUE(call(dial(), "/times", 200'000).ok());
  EXPECT_TRUE(call(early, "/much", 1).ok()) << "what one may be told follows at once";
}

TEST_F(LiveProgramTest, SkipsWhoDoesNotReadByTheLastReading) {
  const auto up_to = [](const char* bytes) {
    return "listen: tcp://127.0.0.1:0\ncores: 1\nlog: {level: off}\nlimits: "
           "{broadcast_queue_bytes_max: " +
           std::string(bytes) + "}\n";
  };
  Hub& hub = process.sessions();
  start(up_to("64KiB"));
  ASSERT_EQ(seconds(), "60");  // reads nothing from here on
  const std::string text(100'000, 't');
  const auto skipped = [&] {
    return hub.all<room_test::Room>().say({.from = "x", .text = text}).get().value().skipped;
  };
  for (int i = 0; i < 150 && skipped() == 0; ++i) {
  }
  ASSERT_EQ(skipped(), 1U);

  folder.write("math.yaml", up_to("1GiB"));
  hang_up();
  EXPECT_EQ(skipped(), 0U);

  folder.write("math.yaml", up_to("64KiB"));
  hang_up();
  EXPECT_EQ(skipped(), 1U);
}

TEST_F(LiveProgramTest, CallsServicesByTheLastReading) {
  start(std::string(kQuiet) + "clients: {default: {codec: json, resend: {mode: best_effort}}}\n");
  const Target& target = *process.target("127.0.0.1:1").value();
  const contract::TypeInfo& type = contract::type_info<std::string>();
  EXPECT_EQ(target.codec_for(type), codec::CodecId::kJson);
  EXPECT_EQ(delivery(target), rpc::DeliveryMode::kBestEffort);

  folder.write("math.yaml", std::string(kQuiet) +
                                "resend: {mode: at_least_once}\nclients:\n"
                                "  127.0.0.1:1: {codec: xml}\n  other: {codec: form}\n");
  hang_up();
  EXPECT_EQ(target.codec_for(type), codec::CodecId::kXml);
  EXPECT_EQ(delivery(target), rpc::DeliveryMode::kAtLeastOnce);

  folder.write("math.yaml", std::string(kQuiet));
  hang_up();
  EXPECT_EQ(target.codec_for(type), std::nullopt);
  EXPECT_EQ(delivery(target), rpc::DeliveryMode::kAtMostOnce);
}

TEST_F(LiveProgramTest, TreatsMessagesOfSessionsThatComeBackByTheLastReading) {
  Hub& hub = process.sessions();
  const std::string rests =
      std::string(kQuiet) + "dial: {first_wait_min: 10m, first_wait_max: 10m}\n";
  start(rests);
  const SessionRef link = process.dial(process.addresses().at(0).to_text(), {}).value();
  // It and its other end, which is there when its first bytes are read.
  ASSERT_TRUE(becomes([&] { return hub.count() == 2; }));
  folder.write("math.yaml", rests + "resend: {mode: at_least_once}\n");
  hang_up();
  hub.for_each([&](const SessionRef& each) {
    if (each != link) each.kick("test");
  });
  ASSERT_TRUE(becomes([&] { return link.away(); }));

  const auto reply = link.as<room_test::Device>().probe({.at = 1}, within(20ms)).get();

  EXPECT_EQ(reply.status().reason(), "call.deadline");
}

TEST_F(LiveProgramTest, LeavesClientsAsTheyAreWhenAFileOfOneIsNoGood) {
  start(std::string(kQuiet) + "clients: {default: {codec: json}}\n");
  const Target& target = *process.target("127.0.0.1:1").value();
  folder.write("math.yaml", std::string(kQuiet) +
                                "clients: {default: {codec: xml}, math: {tls: {ca_file: /no}}}\n");

  hang_up();

  EXPECT_EQ(counted("fairlead_service_config_reloads_failed_total"), 1U);
  EXPECT_EQ(target.codec_for(contract::type_info<std::string>()), codec::CodecId::kJson);
}

TEST_F(LiveProgramTest, CallsWhatIsCalledForTheFirstTimeByTheLastReading) {
  start(std::string(kQuiet));
  folder.write("math.yaml", std::string(kQuiet) + "clients: {default: {codec: json}}\n");
  hang_up();

  const Target& target = *process.target("127.0.0.1:1").value();

  EXPECT_EQ(target.codec_for(contract::type_info<std::string>()), codec::CodecId::kJson);
}

TEST_F(LiveProgramTest, DrainsForAsLongAsTheLastReadingSays) {
  start(std::string(kQuiet) + "notice: 1h\n");
  folder.write("math.yaml", std::string(kQuiet) + "notice: 0\n");
  hang_up();

  const Time began = steady_now();
  process.stop();

  EXPECT_LT(steady_now() - began, 1min);
}

// ---- what the next start would refuse

TEST_F(LiveSettingsTest, AskAboutAllThatIsWrittenAndNotOnlyWhatCountsNow) {
  make("notice: 1s\ncores: 1\n");
  std::vector<std::uint32_t> asked;
  settings->check_by([&](const Spec& whole, const config::Document& written) {
    asked.push_back(whole.cores);
    return written.blame({"cores"}, Status(Code::kBadMessage, "cores.too_many", "too many"));
  });
  write("notice: 2s\ncores: 2\n");

  EXPECT_FALSE(reload());

  EXPECT_EQ(asked, std::vector<std::uint32_t>{2});
  EXPECT_EQ(settings->now()->notice, 1s);
  EXPECT_EQ(outcome.errors.at(0).reason(), "cores.too_many");
  EXPECT_THAT(std::string(outcome.errors.at(0).message()),
              HasSubstr("math.yaml:2:8: key 'cores': too many"));
}

// The log cuts long values, so one record cannot have them all.
TEST_F(LiveSettingsTest, TellEveryMistakeInTheLog) {
  make("");
  std::string text;
  for (int i = 0; i < 20; ++i) text += "unknown_" + std::to_string(i) + ": 1\n";
  write(text);

  EXPECT_FALSE(reload());

  EXPECT_GT(lines.size(), 1U);
  std::string all;
  for (const std::string& line : lines) {
    EXPECT_THAT(line, HasSubstr("config.not_reloaded reason=config.unknown_key"));
    EXPECT_THAT(line, ::testing::Not(HasSubstr("...")));
    all += line;
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(all, HasSubstr("unknown key 'unknown_" + std::to_string(i) + "'"));
  }
  EXPECT_EQ(counted("fairlead_service_config_reloads_failed_total"), 1U);
}

TEST_F(LiveSettingsTest, TellAsManyMistakesAsTheLogTakesAndCountTheOthers) {
  make("");
  std::string text;
  for (int i = 0; i < 50; ++i) {
    text += "unknown_" + std::string(60, 'x') + std::to_string(i) + ": 1\n";
  }
  write(text);

  EXPECT_FALSE(reload());

  EXPECT_EQ(lines.size(), 9U);
  EXPECT_THAT(lines.back(), HasSubstr("... and "));
}

}  // namespace
}  // namespace fairlead::service
