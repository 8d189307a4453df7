#include "fairlead/service/network_spec.h"

#include <gtest/gtest.h>

#include "fairlead/config/document.h"
#include "fairlead/service/spec.h"

namespace fairlead::service {
namespace {

Result<Spec> spec_of(std::string_view yaml) {
  FL_TRY_ASSIGN(const config::Document document, config::parse(yaml, "math.yaml"));
  Spec spec;
  FL_TRY(config::bind(document, spec));
  return spec;
}

TEST(NetworkSpec, ReadsListenersAsTextsAndAsMaps) {
  const Result<Spec> spec = spec_of(
      "protocol: pb\n"
      "listen:\n"
      "  - tcp6://[::1]:1\n"
      "  - {address: 'unix:/run/a', protocol: json, tls: true}\n"
      "  - {address: 'tls://127.0.0.1:2', tls: false}\n"
      "  - tls://127.0.0.1:3\n");
  ASSERT_TRUE(spec.ok()) << spec.status();

  std::vector<ListenPlan> plans;
  for (const ListenSpec& each : spec->listen)
    plans.push_back(plan_of(each, spec->protocol).value());
  ASSERT_EQ(plans.size(), 4U);
  EXPECT_EQ(plans[0].frames->name(), "pb");
  EXPECT_FALSE(plans[0].where.tls);
  EXPECT_EQ(plans[1].frames->name(), "json");
  EXPECT_EQ(plans[1].where.address.to_text(), "unix:/run/a");
  EXPECT_TRUE(plans[1].where.tls);
  EXPECT_FALSE(plans[2].where.tls);
  EXPECT_TRUE(plans[3].where.tls);
}

ListenPlan plan(const ListenSpec& spec) {
  Result<ListenPlan> made = plan_of(spec, "raw");
  EXPECT_TRUE(made.ok()) << made.status();
  return made.ok() ? *std::move(made) : ListenPlan();
}

TEST(NetworkSpec, SpeaksHttpBesideTheDefaultProtocolWhereNothingIsSaid) {
  const ListenPlan said_nothing = plan("tcp://127.0.0.1:1");
  EXPECT_EQ(said_nothing.names(), "raw http websocket");
  EXPECT_TRUE(said_nothing.detects());
  EXPECT_TRUE(said_nothing.tls_too);
  EXPECT_FALSE(plan("unix:/run/a").tls_too) << "nobody needs it there";
  EXPECT_FALSE(plan("tls://127.0.0.1:1").tls_too) << "nothing plain";
}

TEST(NetworkSpec, DetectsNothingWhereOneProtocolIsSaid) {
  ListenSpec by_name("tcp://127.0.0.1:1");
  by_name.protocol = "raw";
  ListenSpec by_list("tcp://127.0.0.1:1");
  by_list.protocols = {"http"};
  for (const ListenSpec& spec : {by_name, by_list, ListenSpec("ws://127.0.0.1:1")}) {
    EXPECT_FALSE(plan(spec).detects()) << spec.address;
    EXPECT_FALSE(plan(spec).tls_too) << spec.address;
  }
}

TEST(NetworkSpec, ReadsAddressesThatSayWhatIsSpoken) {
  EXPECT_EQ(plan("http://:8080").names(), "http");
  EXPECT_EQ(plan("http://:8080").where.address.to_text(), "0.0.0.0:8080");
  EXPECT_TRUE(plan("https://127.0.0.1:1").where.tls);
  EXPECT_EQ(plan("wss://127.0.0.1:1").names(), "websocket");
  EXPECT_EQ(plan_of("http://x", "raw").status().reason(), "address.bad");
}

TEST(NetworkSpec, RefusesProtocolsThatCannotShareAListener) {
  for (const char* listener : {
           "{address: 'tcp://:1', protocols: [raw, json]}",
           "{address: 'tcp://:1', protocols: [thrift-binary, thrift-struct]}",
           "{address: 'tcp://:1', protocol: raw, protocols: [raw]}",
           "{address: 'http://:1', protocol: raw}",
           "{address: 'tcp://:1', protocols: [raw], erpc_http: true}",
           "{address: 'tcp://:1', protocols: [rawr]}",
       }) {
    const Status status = spec_of("listen: [" + std::string(listener) + "]\n").status();
    EXPECT_EQ(status.reason(), "config.bad_value") << listener << ": " << status;
    EXPECT_NE(status.message().find("math.yaml:1:"), std::string_view::npos) << status;
  }
}

TEST(NetworkSpec, ReadsTheExampleOfTheGuide) {
  const auto document = config::load_file(FL_SOURCE_DIR "/examples/guide/one_port/math.yaml", {});
  ASSERT_TRUE(document.ok()) << document.status();
  Spec spec;
  const Status read = config::bind(*document, spec);
  ASSERT_TRUE(read.ok()) << read;

  std::vector<std::string> names;
  for (const ListenSpec& each : spec.listen) names.push_back(plan(each).names());
  const std::vector<std::string> expected = {
      "raw http websocket",          "json thrift-binary http", "raw",
      "raw http websocket",          "raw http websocket",      "http",
      "raw http websocket erpc_http"};
  EXPECT_EQ(names, expected);
}

TEST(NetworkSpec, ReadsHowListenersSpeakTls) {
  const Result<Spec> spec = spec_of(
      "tls:\n"
      "  certificates:\n"
      "    - {certificate_file: a.pem, key_file: a.key}\n"
      "    - {certificate_file: b.pem, key_file: b.key}\n"
      "  ca_file: ca.pem\n"
      "  client_certificate: required\n"
      "  alpn: [fl]\n"
      "  version_min: 1.3\n"
      "  tickets: false\n"
      "  handshake_timeout: 2s\n");
  ASSERT_TRUE(spec.ok()) << spec.status();

  const io::TlsOptions expected{
      .certificates = {{.certificate_file = "a.pem", .key_file = "a.key"},
                       {.certificate_file = "b.pem", .key_file = "b.key"}},
      .ca_file = "ca.pem",
      .client_certificate = io::ClientCertificate::kRequired,
      .alpn = {"fl"},
      .version_min = io::TlsVersion::kTls13,
      .tickets = false,
      .handshake_timeout = std::chrono::seconds(2)};
  EXPECT_EQ(spec->tls, expected);
}

TEST(NetworkSpec, OverridesWhatTheCodeSaysOfACallFieldByField) {
  const Result<Spec> spec = spec_of(
      "clients:\n"
      "  default: {protocol: pb, tls: {ca_file: ca.pem, verify_server: false}}\n"
      "  math: {protocol: json, tls: {verify_server: true, required: true}}\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  const ClientOptions code{.protocol = "raw", .tls = {.ca_file = "x.pem", .server_name = "shop"}};

  const ClientOptions both =
      merged(merged(code, spec->clients.at("default")), spec->clients.at("math"));

  EXPECT_EQ(both.protocol, "json");
  EXPECT_EQ(both.tls.ca_file, "ca.pem");
  EXPECT_EQ(both.tls.server_name, "shop");
  EXPECT_EQ(both.tls.verify_server, true);
  EXPECT_EQ(both.tls.required, true);
}

// Each with its place, the path of its key, and what would be right.
TEST(NetworkSpec, TellsEveryMistakeWithItsPlace) {
  struct Mistake {
    const char* yaml;
    const char* told;
  };
  const Mistake kMistakes[] = {
      {"protocol: jsom", "math.yaml:1:11: key 'protocol'"},
      {"protocol: jsom", "did you mean 'json'?"},
      {"protocol: smoke", "use one of raw, json, pb, thrift-binary, thrift-struct"},
      {"listen: tls://nowhere:1", "math.yaml:1:9: "},
      {"listen: [{protocol: raw}]", "key 'listen[0]' lacks the key 'address'"},
      {"listen: [{address: 'http://x:1'}]", "key 'listen[0].address'"},
      {"listen: [{address: ':1', protocol: pbb}]", "key 'listen[0].protocol'"},
      {"listen: [{address: ':1', tsl: true}]", "did you mean 'tls'"},
      {"tls: {certificates: [{certificate_file: a}]}",
       "key 'tls.certificates[0].certificate_file'"},
      {"tls: {certificates: [{key_file: a}]}", "key_file' stands alone; certificate_file and"},
      {"tls: {client_certificate: maybe}", "'maybe' is none of none, wanted, required"},
      {"tls: {version_max: 1.1}", "'1.1' is none of 1.2, 1.3"},
      {"tls: {handshake_timeout: 2m}", "key 'tls.handshake_timeout'"},
      {"clients: {math: {protocol: rwa}}", "key 'clients.math.protocol'"},
      {"clients: {math: {tls: {key_file: a}}}", "key 'clients.math.tls.key_file'"},
      {"clients: [math]", "wants a map"},
  };
  for (const auto& [yaml, told] : kMistakes) {
    const Status status = spec_of(yaml).status();
    EXPECT_NE(status.message().find(told), std::string_view::npos) << yaml << "\n" << status;
  }
}

TEST(NetworkSpec, TellsWhatTheCodeGotWrong) {
  EXPECT_EQ(plan_of({"127.0.0.1:1"}, "jsom").status().reason(), "protocol.unknown");
  EXPECT_EQ(plan_of({"math.example:1"}, "raw").status().reason(), "address.bad");
}

}  // namespace
}  // namespace fairlead::service
