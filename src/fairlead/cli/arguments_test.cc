#include "fairlead/cli/arguments.h"

#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

Result<Arguments> read(std::vector<const char*> words) {
  words.insert(words.begin(), "fairlead");
  return read_arguments(static_cast<int>(words.size()), words.data());
}

std::string message(std::vector<const char*> words) {
  const auto arguments = read(std::move(words));
  EXPECT_EQ(arguments.status().reason(), "usage.bad_arguments");
  return std::string(arguments.status().message());
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST(Arguments, ReadACall) {
  const auto arguments =
      read({"call", "math", "/math/divide", R"({"a":1})", "--meta", "a=1", "--meta", "b=2=3",
            "--timeout", "200ms", "--codec", "plain", "--store", "file:x.db", "--json"});

  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->command, Arguments::Command::kCall);
  EXPECT_EQ(arguments->call.target, "math");
  EXPECT_EQ(arguments->call.method, "/math/divide");
  EXPECT_EQ(arguments->call.body, R"({"a":1})");
  EXPECT_EQ(arguments->call.meta, (std::vector<std::string>{"a=1", "b=2=3"}));
  EXPECT_EQ(arguments->call.timeout, std::chrono::milliseconds(200));
  EXPECT_EQ(arguments->call.codec, codec::CodecId::kPlain);
  EXPECT_EQ(arguments->call.store, "file:x.db");
  EXPECT_TRUE(arguments->json);
}

TEST(Arguments, ACallNeedsNeitherBodyNorOptions) {
  const auto arguments = read({"call", "math", "/m"});

  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_FALSE(arguments->call.body.has_value());
  EXPECT_EQ(arguments->call.codec, codec::CodecId::kJson);
  EXPECT_EQ(arguments->call.timeout, std::chrono::seconds(5));
}

TEST(Arguments, ABodyMayBeADashAListOrEmpty) {
  EXPECT_EQ(read({"push", "math", "/m", "-"}).value().call.body, "-");
  EXPECT_EQ(read({"call", "math", "/m", "[1,2]"}).value().call.body, "[1,2]");
  EXPECT_EQ(read({"call", "math", "/m", ""}).value().call.body, "");
  EXPECT_EQ(read({"call", "math", "/m", "--", "-5"}).value().call.body, "-5");
}

TEST(Arguments, ReadHowAnAddressIsSpokenTo) {
  const auto arguments =
      read({"call", "127.0.0.1:1", "/m", "--protocol", "json", "--tls-ca", "ca.pem", "--tls-name",
            "shop", "--tls-certificate", "me.pem", "--tls-key", "me.key"});

  ASSERT_TRUE(arguments.ok()) << arguments.status();
  const service::ClientOptions& client = arguments->call.client;
  EXPECT_EQ(client.protocol, "json");
  EXPECT_EQ(client.tls.ca_file, "ca.pem");
  EXPECT_EQ(client.tls.server_name, "shop");
  EXPECT_EQ(client.tls.certificate_file, "me.pem");
  EXPECT_EQ(client.tls.key_file, "me.key");
  EXPECT_EQ(client.tls.required, true);
  EXPECT_FALSE(client.tls.verify_server.has_value());
}

TEST(Arguments, RequireTlsOfAnAddressOnly) {
  EXPECT_EQ(read({"call", ":1", "/m", "--tls-insecure"})->call.client.tls.required, true);
  EXPECT_EQ(read({"call", ":1", "/m", "--tls-insecure"})->call.client.tls.verify_server, false);
  EXPECT_FALSE(read({"call", ":1", "/m"})->call.client.tls.required.has_value());
  EXPECT_FALSE(read({"push", "math", "/m", "--tls-ca", "x"})->call.client.tls.required.has_value());
}

TEST(Arguments, RefuseProtocolsAndHalfPairs) {
  EXPECT_TRUE(has(message({"call", ":1", "/m", "--protocol", "jsom"}), "did you mean 'json'?"));
  EXPECT_TRUE(has(message({"call", "math", "/m", "--protocol", "json"}), "is for addresses"));
  EXPECT_TRUE(has(message({"call", ":1", "/m", "--tls-key", "a"}), "belong together"));
}

TEST(Arguments, ReadLoginAndTransforms) {
  const auto told = read({"call", "127.0.0.1:1", "/m", "--login", "t", "--transforms", "gm"});
  const auto plain = read({"call", "127.0.0.1:1", "/m"});

  ASSERT_TRUE(told.ok()) << told.status();
  ASSERT_TRUE(told->call.client.login.has_value());
  EXPECT_EQ(told->call.client.login->body, "t");
  EXPECT_EQ(told->call.transforms, "gm");
  EXPECT_FALSE(plain->call.client.login.has_value());
  EXPECT_TRUE(has(message({"call", "127.0.0.1:1", "/m", "--transforms", "gx"}), "--transforms"));
}

TEST(Arguments, ReadAFileOfVectors) {
  const auto arguments = read({"wire", "check", "vectors.json", "--json"});

  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->command, Arguments::Command::kWireCheck);
  EXPECT_EQ(arguments->wire_check.file, "vectors.json");
  EXPECT_TRUE(arguments->json);
}

TEST(Arguments, OfACommandInACommandAreExplained) {
  EXPECT_TRUE(has(message({"wire"}), "a command is missing; 'fairlead wire --help'"));
  EXPECT_TRUE(has(message({"wire", "chekc", "f"}), "did you mean 'check'?"));
  EXPECT_TRUE(has(message({"wire", "check"}), "'fairlead wire check --help'"));
  EXPECT_TRUE(has(message({"wire", "check", "f", "--jsn"}), "did you mean '--json'?"));
  EXPECT_TRUE(has(read({"wire", "check", "--help"}).value().help, "golden vectors"));
}

TEST(Arguments, ReadWhatToRun) {
  const auto arguments =
      read({"gateway", "--config", "a.yaml", "--set", "gateway.cores=1", "--set=a=b", "--check"});

  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->command, Arguments::Command::kGateway);
  EXPECT_EQ(arguments->run.config, "a.yaml");
  EXPECT_EQ(arguments->run.settings, (std::vector<std::string>{"gateway.cores=1", "a=b"}));
  EXPECT_TRUE(arguments->run.check);
  EXPECT_EQ(read({"up"}).value().run.config, "fairlead.yaml");
}

TEST(Arguments, ReadWhomToUpgrade) {
  const auto by_number = read({"upgrade", "4711", "--timeout", "5s"});
  ASSERT_TRUE(by_number.ok()) << by_number.status();
  EXPECT_EQ(by_number->command, Arguments::Command::kUpgrade);
  EXPECT_EQ(by_number->upgrade.pid, "4711");
  EXPECT_EQ(by_number->upgrade.timeout, std::chrono::seconds(5));
  EXPECT_EQ(read({"upgrade", "--pid-file", "a.pid"}).value().upgrade.pid_file, "a.pid");

  EXPECT_TRUE(has(message({"upgrade"}), "say which process"));
  EXPECT_TRUE(has(message({"upgrade", "1", "--pid-file", "a"}), "say which process"));
  EXPECT_TRUE(has(message({"upgrade", "1", "--timeout", "soon"}), "is no time"));
}

TEST(Arguments, EveryHelpHasAnExampleAndTheExitCodes) {
  for (const std::vector<const char*>& words : {std::vector<const char*>{"--help"},
                                                {"-h"},
                                                {"up", "--help"},
                                                {"gateway", "-h"},
                                                {"call", "--help"},
                                                {"push", "--help"},
                                                {"wire", "--help"},
                                                {"upgrade", "--help"},
                                                {"version", "--help"}}) {
    const auto arguments = read(words);
    ASSERT_TRUE(arguments.ok()) << arguments.status();
    EXPECT_EQ(arguments->command, Arguments::Command::kHelp);
    EXPECT_TRUE(has(arguments->help, "example")) << words[0];
    EXPECT_TRUE(has(arguments->help, "exit codes:")) << words[0];
    EXPECT_TRUE(has(arguments->help, "\n  143  ")) << words[0];
  }
  EXPECT_EQ(read({"--version"}).value().command, Arguments::Command::kVersion);
  EXPECT_FALSE(has(read({"wire", "--help"}).value().help, "fairlead up"));
}

TEST(Arguments, SuggestTheNearestCommandAndOption) {
  EXPECT_EQ(message({"gatway"}),
            "there is no command 'gatway'; did you mean 'gateway'? 'fairlead --help' explains it");
  EXPECT_TRUE(has(message({"cal", "math"}), "did you mean 'call'?"));
  EXPECT_TRUE(has(message({"call", "math", "/m", "--timeot", "1s"}), "did you mean '--timeout'?"));
  EXPECT_TRUE(has(message({"up", "--confg=a"}), "did you mean '--config'?"));
  EXPECT_TRUE(has(message({"zzzzzz"}), "there is no command 'zzzzzz'"));
}

TEST(Arguments, SayWhatIsMissingOrWrong) {
  EXPECT_TRUE(has(message({}), "a command is missing"));
  EXPECT_TRUE(has(message({"call"}), "SERVICE"));
  EXPECT_TRUE(has(message({"call", "math"}), "METHOD is required"));
  EXPECT_TRUE(has(message({"call", "a", "b", "c", "d"}), "unexpected word 'd'"));
  EXPECT_TRUE(has(message({"call", "a", "b", "--timeout", "5"}), "--timeout '5'"));
  EXPECT_TRUE(has(message({"call", "a", "b", "--timeout", "0"}), "--timeout '0'"));
  EXPECT_TRUE(has(message({"call", "a", "b", "--codec", "xml"}), "--codec 'xml'"));
  EXPECT_TRUE(has(message({"call", "a", "b", "--meta", "x"}), "--meta 'x'"));
  EXPECT_TRUE(has(message({"call", "a", "b", "--timeout"}), "--timeout"));
  EXPECT_TRUE(has(message({"up", "x"}), "unexpected word 'x'"));
}

TEST(Arguments, KnowThatJsonIsWantedEvenWhenTheRestIsWrong) {
  const std::vector<const char*> words = {"fairlead", "cal", "--json"};
  EXPECT_TRUE(wants_json(3, words.data()));
  EXPECT_FALSE(wants_json(2, words.data()));
  const std::vector<const char*> behind = {"fairlead", "call", "--", "--json"};
  EXPECT_FALSE(wants_json(4, behind.data()));
}

}  // namespace
}  // namespace fairlead::cli
