#include "fairlead/service/plugin_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/config/document.h"
#include "fairlead/config/reader.h"
#include "fairlead/service/process.h"
#include "fairlead/service/spec.h"

namespace fairlead::service {
namespace {

using ::testing::HasSubstr;

Status read_text(const std::string& text, Spec& out) {
  FL_TRY_ASSIGN(const config::Document document, config::parse(text, "test.yaml"));
  return config::bind(document, out);
}

// Starts a program with these plugins.
Status start_with(const std::string& text) {
  Spec spec;
  FL_TRY(read_text(text, spec));
  spec.cores = 1;
  spec.log_level = "off";
  Process process("test");
  return process.start(spec);
}

TEST(PluginList, EveryNameCanBeMade) {
  Spec spec;
  const Status read = read_text(R"(
plugins:
  - {name: auth_bearer, token: secret}
  - {name: auth_checker, tokens: {alice: wonder}}
  - {name: ignore_case}
  - {name: overloader, connections_max: 10, calls_per_second_max: 100, burst: 1s, methods: {/a: 5}}
  - {name: proxy, to: '127.0.0.1:9'}
  - {name: real_ip, trusted: [10.0.0.0/8, unix]}
  - {name: run_log, slow_after: 10ms, details: true, form: text, body_bytes_max: 1KiB}
  - {name: tps}
)",
                                spec);
  ASSERT_TRUE(read.ok()) << read;
  spec.cores = 1;
  spec.log_level = "off";
  Process process("test");

  const Status started = process.start(spec);

  ASSERT_TRUE(started.ok()) << started;
  ASSERT_EQ(process.plugins().plugins().size(), plugin_names().size());
  for (std::size_t i = 0; i < plugin_names().size(); ++i) {
    EXPECT_EQ(process.plugins().plugins()[i].name(), plugin_names()[i]);
  }
}

TEST(PluginList, AMistakeIsToldAtItsPlace) {
  struct Case {
    const char* text;
    const char* told;
  };
  for (const Case& wrong : {
           Case{"plugins: [{name: overlaoder}]", "did you mean 'overloader'?"},
           Case{"plugins: [{name: x}]", "there are auth_bearer"},
           Case{"plugins: [{}]", "name"},
           Case{"plugins: [{name: tps, rate: 1}]", "rate"},
           Case{"plugins: [{name: auth_bearer}]", "token"},
           Case{"plugins: [{name: auth_checker, tokens: {alice: ''}}]", "'alice' is empty"},
           Case{"plugins: [{name: overloader, burst: 2m}]", "burst"},
           Case{"plugins: [{name: overloader, methods: {/a: often}}]", "/a"},
           Case{"plugins: [{name: proxy}]", "to"},
           Case{"plugins: [{name: proxy, to: ''}]", "to"},
           Case{"plugins: [{name: real_ip, trusted: [10.0.0.0/40]}]", "10.0.0.0/40"},
           Case{"plugins: [{name: run_log, form: xml}]", "'xml' is no form"},
       }) {
    Spec spec;
    const Status read = read_text(wrong.text, spec);
    EXPECT_FALSE(read.ok()) << wrong.text;
    EXPECT_THAT(std::string(read.message()), HasSubstr(wrong.told)) << wrong.text;
    EXPECT_THAT(std::string(read.message()), HasSubstr("test.yaml:1")) << wrong.text;
  }
}

TEST(PluginList, TheSamePluginTwiceIsAnError) {
  const Status twice = start_with("plugins: [{name: tps}, {name: tps}]");

  EXPECT_EQ(twice.reason(), "plugin.taken");
  EXPECT_THAT(std::string(twice.message()), HasSubstr("key 'plugins[1].name'"));
}

TEST(PluginList, AProxyToNobodyIsToldBeforeItServes) {
  Spec spec;
  ASSERT_TRUE(read_text("plugins: [{name: proxy, to: backend}]", spec).ok());
  spec.cores = 1;
  spec.log_level = "off";
  spec.listen = {"tcp://127.0.0.1:0"};
  Process process("test");
  ASSERT_TRUE(process.start(spec).ok());

  EXPECT_EQ(process.serve(false).reason(), "client.no_store");
}

TEST(PluginList, AProxyThatCannotSpeakToItsTargetIsToldBeforeItServes) {
  Spec spec;
  ASSERT_TRUE(read_text("plugins: [{name: proxy, to: 'ws://127.0.0.1:9/rpc'}]\n"
                        "clients: {default: {protocol: thrift-binary}}",
                        spec)
                  .ok());
  spec.cores = 1;
  spec.log_level = "off";
  spec.listen = {"tcp://127.0.0.1:0"};
  Process process("test");
  ASSERT_TRUE(process.start(spec).ok());

  const Status served = process.serve(false);

  EXPECT_EQ(served.reason(), "dial.no_sub_protocol");
  EXPECT_THAT(std::string(served.message()), HasSubstr("plugins[0].to"));
}

}  // namespace
}  // namespace fairlead::service
