#include "fairlead/config/reader.h"

#include <gtest/gtest.h>

namespace fairlead::shop {

using namespace std::chrono_literals;
using config::ByteSize;

struct RouteSpec {
  std::string prefix;
  std::string service;
  bool strip = false;
};

struct GatewaySpec {
  std::string listen;
  Duration timeout = 1s;
  ByteSize body_max{1024};
  std::uint16_t port = 80;
  std::vector<RouteSpec> routes;
  std::map<std::string, std::int32_t> weights;
  std::optional<double> ratio;
};

Status read(const config::Value& value, RouteSpec& out) {
  config::ObjectReader reader(value);
  reader.required("prefix", out.prefix);
  reader.required("service", out.service);
  reader.optional("strip", out.strip);
  return reader.finish();
}

Status read(const config::Value& value, GatewaySpec& out) {
  config::ObjectReader reader(value);
  reader.required("listen", out.listen);
  reader.optional("timeout", out.timeout, {1ms, 1h});
  reader.optional("body_max", out.body_max, {ByteSize{1}, ByteSize{1 << 20}});
  reader.optional("port", out.port, {1, 65535});
  reader.optional("routes", out.routes);
  reader.optional("weights", out.weights);
  reader.optional("ratio", out.ratio);
  return reader.finish();
}

Result<GatewaySpec> read_gateway(std::string_view text) {
  FL_TRY_ASSIGN(const config::Document document, config::parse(text, "g.yaml"));
  GatewaySpec spec;
  FL_TRY(config::bind(document, spec));
  return spec;
}

// The error of one key beside a good rest.
Status error_of(const std::string& line) { return read_gateway("listen: x\n" + line).status(); }

TEST(ObjectReader, FillsAStruct) {
  const auto spec = read_gateway(
      "listen: :80\ntimeout: 250ms\nbody_max: 64KiB\nport: 8080\nratio: 0.5\n"
      "weights: {a: 1, b: -2}\nroutes:\n- {prefix: /a, service: math, strip: true}\n");

  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->listen, ":80");
  EXPECT_EQ(spec->timeout, 250ms);
  EXPECT_EQ(spec->body_max.bytes, 65536U);
  EXPECT_EQ(spec->port, 8080);
  EXPECT_EQ(spec->ratio, 0.5);
  EXPECT_EQ(spec->weights.at("b"), -2);
  ASSERT_EQ(spec->routes.size(), 1U);
  EXPECT_TRUE(spec->routes[0].strip);
}

TEST(ObjectReader, KeepsDefaultsWhereAKeyIsMissingOrNull) {
  const auto spec = read_gateway("listen: x\ntimeout:\nport: ~\n");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->timeout, 1s);
  EXPECT_EQ(spec->port, 80);
}

TEST(ObjectReader, SuggestsTheNearestNameForAnUnknownKey) {
  const Status status = read_gateway("listen: x\n\nlistn: y\n").status();
  EXPECT_EQ(status.code(), Code::kBadMessage);
  EXPECT_EQ(status.reason(), "config.unknown_key");
  EXPECT_EQ(status.message(), "g.yaml:3:1: unknown key 'listn'; did you mean 'listen'?");
}

TEST(ObjectReader, ListsTheKnownNamesWhenNoneIsNear) {
  const Status status = read_gateway("listen: x\nroutes: [{prefix: a, service: b, q: 1}]").status();
  EXPECT_EQ(status.message(),
            "g.yaml:2:34: unknown key 'q' in 'routes[0]'; known keys: prefix service strip");
}

TEST(ObjectReader, NamesAMissingKey) {
  for (const char* text : {"", "{}", "listen:", "port: 1"}) {
    const Status status = read_gateway(text).status();
    EXPECT_EQ(status.reason(), "config.missing_key") << text;
    EXPECT_NE(status.message().find("'listen'"), std::string_view::npos) << status;
  }
}

TEST(ObjectReader, NamesKeyWantedAndGotForAWrongType) {
  const Status status = error_of("routes:\n- {prefix: a, service: b, strip: maybe}\n");
  EXPECT_EQ(status.reason(), "config.wrong_type");
  EXPECT_EQ(status.message(),
            "g.yaml:3:34: key 'routes[0].strip' wants true or false, got 'maybe'");
}

TEST(ObjectReader, RefusesOtherTypes) {
  for (const char* line : {"listen: y\n",
                           "port: abc",
                           "port: \"80\"",
                           "port: 1.5",
                           "port: 1e2",
                           "port: 0x10",
                           "port: [1]",
                           "port: true",
                           "port: 1 2",
                           "timeout: 5",
                           "timeout: 5x",
                           "timeout: -1s",
                           "timeout: 1e9h",
                           "timeout: [1s]",
                           "body_max: 10mb",
                           "body_max: 10Q",
                           "body_max: -1",
                           "body_max: 99999999999999999999",
                           "body_max: 18446744073709551615GiB",
                           "routes: x",
                           "routes: {a: 1}",
                           "routes: [x]",
                           "weights: [1]",
                           "weights: {a: x}",
                           "ratio: nan",
                           "ratio: inf",
                           "ratio: x",
                           "ratio: '0.5'",
                           "ratio: 1e400"}) {
    const Status status = error_of(line);
    EXPECT_EQ(status.code(), Code::kBadMessage) << line;
    if (std::string_view(line).starts_with("listen")) {
      EXPECT_EQ(status.reason(), "config.duplicate_key");
    } else {
      EXPECT_EQ(status.reason(), "config.wrong_type") << line << " " << status;
    }
  }
  for (const char* text : {"listen: true", "listen: [a]", "listen: {a: b}", "- a", "just text"}) {
    EXPECT_EQ(read_gateway(text).status().reason(), "config.wrong_type") << text;
  }
}

TEST(ObjectReader, ChecksRangesAtBothEnds) {
  for (const char* line :
       {"port: 1", "port: 65535", "timeout: 1ms", "timeout: 1h", "body_max: 1", "body_max: 1MiB"}) {
    EXPECT_TRUE(error_of(line).ok()) << line;
  }
  for (const char* line :
       {"port: 0", "port: 65536", "port: -1", "port: 99999999999999999999999", "timeout: 999us",
        "timeout: 0", "timeout: 3601s", "body_max: 0", "body_max: 1048577",
        "weights: {a: 2147483648}", "weights: {a: -2147483649}"}) {
    EXPECT_EQ(error_of(line).reason(), "config.out_of_range") << line << error_of(line);
  }
  EXPECT_EQ(error_of("timeout: 2h").message(),
            "g.yaml:2:10: key 'timeout' is '2h'; give a value from 1ms to 1h");
  EXPECT_EQ(error_of("body_max: 2MiB").message(),
            "g.yaml:2:11: key 'body_max' is '2MiB'; give a value from 1 to 1MiB");
}

// A value that its type cannot hold is beyond the limits of its key, too: those are what helps.
TEST(ObjectReader, TellsTheLimitsOfTheKeyAndNotOfItsType) {
  for (const char* port : {"-1", "0", "65536", "99999999999999999999999"}) {
    EXPECT_TRUE(
        error_of("port: " + std::string(port))
            .message()
            .ends_with("key 'port' is '" + std::string(port) + "'; give a value from 1 to 65535"))
        << error_of("port: " + std::string(port));
  }
}

TEST(ObjectReader, ShowsTheLargestSizesAsTheyAreWritten) {
  const config::Document document = config::parse("a: 2PiB\n", "g.yaml").value();
  std::uint64_t a = 0;

  config::ObjectReader reader(document.root());
  reader.optional_bytes("a", a, {std::uint64_t{1} << 40U, std::uint64_t{1} << 50U});

  EXPECT_EQ(reader.finish().message(),
            "g.yaml:1:4: key 'a' is '2PiB'; give a value from 1TiB to 1PiB");
}

TEST(ObjectReader, ReportsEverythingAtOnce) {
  const Status status =
      read_gateway("port: 0\nroutes: [{prefix: a}, {service: 1, x: 1}]\ntimeout: 5\nextra: 1\n")
          .status();
  for (const char* part : {"'listen'", "'port'", "'routes[0]' lacks the key 'service'",
                           "'routes[1]' lacks the key 'prefix'", "unknown key 'x'", "'timeout'",
                           "unknown key 'extra'"}) {
    EXPECT_NE(status.message().find(part), std::string_view::npos) << part << "\n" << status;
  }
}

TEST(ObjectReader, ShowsABoundedNumberOfProblems) {
  std::string text = "listen: x\n";
  for (int i = 0; i < 60; ++i) text += "unknown_" + std::to_string(i) + ": 1\n";
  const Status status = read_gateway(text).status();
  EXPECT_TRUE(status.message().ends_with("\n... and 10 more")) << status;
}

TEST(ObjectReader, TakesNumbersAsTextButNotTheWordTrue) {
  EXPECT_EQ(read_gateway("listen: 1.10")->listen, "1.10");
  EXPECT_EQ(read_gateway("listen: 'true'")->listen, "true");
  EXPECT_EQ(read_gateway("listen: ''")->listen, "");
}

TEST(ObjectReader, LeavesTheTargetAloneOnAnError) {
  const config::Document document = config::parse("{a: 70000, b: [1, x]}", "g.yaml").value();
  std::uint16_t a = 7;
  std::vector<std::int64_t> b{1, 2, 3};

  config::ObjectReader reader(document.root());
  reader.optional("a", a);
  reader.optional("b", b);

  EXPECT_FALSE(reader.finish().ok());
  EXPECT_EQ(a, 7);
  EXPECT_EQ(b.size(), 3U);
}

TEST(ObjectReader, VisitsListsAndMapsAndTakesRulesOfTheCaller) {
  const config::Document document =
      config::parse("l: [1, 2]\nm: {a: 1}\nbad: 1\nscalar: 1\n", "g.yaml").value();
  std::vector<std::string> seen;

  config::ObjectReader reader(document.root());
  reader.list("l", [&](const config::Value& item) {
    seen.emplace_back(item.text());
    return Status();
  });
  reader.map("m", [&](const config::Value& member) {
    seen.emplace_back(member.key());
    return Status();
  });
  reader.look("bad");
  EXPECT_TRUE(reader.good());
  reader.reject("bad", "shop.bad_rule", "breaks the rule; choose another");
  reader.list("scalar", [](const config::Value&) { return Status(); });
  reader.map("scalar", [](const config::Value&) { return Status(); });
  const Status status = reader.finish();

  EXPECT_EQ(seen, (std::vector<std::string>{"1", "2", "a"}));
  EXPECT_EQ(status.reason(), "shop.bad_rule");
  EXPECT_TRUE(status.message().starts_with("g.yaml:3:6: key 'bad' breaks the rule")) << status;
  EXPECT_NE(status.message().find("wants a map"), std::string_view::npos);
}

TEST(ObjectReader, ReadsSizesIntoPlainNumbersAndLeavesThemAloneOnAnError) {
  const config::Document document =
      config::parse("a: 64KiB\nhuge: 2KiB\nword: many\n", "g.yaml").value();
  std::uint32_t a = 1;
  std::uint64_t huge = 2;
  std::size_t word = 3;
  std::size_t missing = 4;

  config::ObjectReader reader(document.root());
  reader.optional_bytes("a", a, {1, 1 << 20});
  reader.optional_bytes("missing", missing, {1, 1 << 20});
  EXPECT_TRUE(reader.good());
  reader.optional_bytes("huge", huge, {1, 1024});
  reader.optional_bytes("word", word, {1, 1024});
  const Status status = reader.finish();

  EXPECT_EQ(a, 65536U);
  EXPECT_EQ(huge, 2U);
  EXPECT_EQ(word, 3U);
  EXPECT_EQ(missing, 4U);
  EXPECT_NE(status.message().find("g.yaml:2:7"), std::string_view::npos) << status;
  EXPECT_NE(status.message().find("1KiB"), std::string_view::npos) << status;
  EXPECT_NE(status.message().find("g.yaml:3:7"), std::string_view::npos) << status;
}

TEST(ObjectReader, EscapesWhatItShows) {
  const Status status = error_of("\"a\\nb\\x1b[31m\": 1");
  EXPECT_EQ(status.message().find('\n'), std::string_view::npos);
  EXPECT_EQ(status.message().find('\x1b'), std::string_view::npos);
}

}  // namespace fairlead::shop
