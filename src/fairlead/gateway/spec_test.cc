#include "fairlead/gateway/spec.h"

#include <gtest/gtest.h>

#include "fairlead/config/document.h"

namespace fairlead::gateway {
namespace {

Result<GatewaySpec> load(std::string_view text) {
  FL_TRY_ASSIGN(const config::Document document, config::parse(text, "gateway.yaml"));
  GatewaySpec spec;
  FL_TRY(config::bind(document, spec));
  return spec;
}

constexpr std::string_view kSmallest = R"(listen: 127.0.0.1:8080
routes:
  - {prefix: /api, service: math}
)";

std::string with(std::string_view more) { return std::string(kSmallest) + std::string(more); }

TEST(GatewaySpec, HasDefaultsForAllButListenAndRoutes) {
  const auto spec = load(kSmallest);

  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->listen.to_text(), "127.0.0.1:8080");
  EXPECT_EQ(spec->timeout, std::chrono::seconds(15));
  EXPECT_EQ(spec->drain, std::chrono::seconds(20));
  EXPECT_EQ(spec->notice, std::chrono::seconds(0));
  EXPECT_EQ(spec->body_bytes_max, 8U << 20U);
  EXPECT_EQ(spec->status_style, HttpStyle::kStrict);
  ASSERT_EQ(spec->routes.size(), 1U);
  EXPECT_FALSE(spec->routes[0].strip);
}

TEST(GatewaySpec, ReadsEveryKey) {
  const auto spec = load(R"(listen: "[::1]:0"
admin: 127.0.0.1:9901
store: file:/tmp/store.db
cores: 2
timeout: 250ms
drain: 3s
notice: 2s
body_max: 64KiB
status_style: biz299
limits:
  connections_max: 5000
  ip_connections_max: 7
  accepts_per_second_max: 100
  loopback_trusted: false
  trusted_nets: [10.0.0.0/8, "fd00::/8"]
  memory: 2GiB
routes:
  - {prefix: /, service: shop.cart, strip: true}
)");

  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->listen.to_text(), "[::1]:0");
  EXPECT_EQ(spec->admin, "127.0.0.1:9901");
  EXPECT_EQ(spec->store, "file:/tmp/store.db");
  EXPECT_EQ(spec->cores, 2U);
  EXPECT_EQ(spec->timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(spec->drain, std::chrono::seconds(3));
  EXPECT_EQ(spec->notice, std::chrono::seconds(2));
  EXPECT_EQ(spec->body_bytes_max, 64U << 10U);
  EXPECT_EQ(spec->status_style, HttpStyle::kBiz299);
  EXPECT_TRUE(spec->routes[0].strip);
  EXPECT_EQ(spec->limits.connections.connections_max, 5000U);
  EXPECT_EQ(spec->limits.connections.ip_connections_max, 7U);
  EXPECT_EQ(spec->limits.connections.accepts_per_second_max, 100U);
  EXPECT_FALSE(spec->limits.connections.loopback_trusted);
  EXPECT_EQ(spec->limits.connections.trusted_nets.size(), 2U);
  EXPECT_EQ(spec->limits.memory_max, 2ULL << 30U);
}

TEST(GatewaySpec, RefusesAnUnknownKeyWithItsPlaceAndTheNearestName) {
  const auto spec = load(with("timeuot: 1s\n"));

  EXPECT_EQ(spec.status().code(), Code::kBadMessage);
  EXPECT_EQ(spec.status().reason(), "config.unknown_key");
  EXPECT_NE(spec.status().message().find("gateway.yaml:4:1"), std::string::npos);
  EXPECT_NE(spec.status().message().find("'timeout'"), std::string::npos);
}

TEST(GatewaySpec, RefusesValuesOfAWrongType) {
  EXPECT_EQ(load(with("timeout: soon\n")).status().reason(), "config.wrong_type");
  EXPECT_EQ(load(with("status_style: loose\n")).status().reason(), "config.wrong_type");
  EXPECT_EQ(load("listen: 127.0.0.1:1\nroutes: math\n").status().reason(), "config.wrong_type");
  EXPECT_EQ(load("listen: 127.0.0.1:1\n").status().reason(), "config.missing_key");
}

TEST(GatewaySpec, HoldsItsLimits) {
  EXPECT_TRUE(load(with("body_max: 8MiB\n")).ok());
  EXPECT_EQ(load(with("body_max: 8388609\n")).status().reason(), "config.out_of_range");
  EXPECT_EQ(load(with("body_max: 0\n")).status().reason(), "config.out_of_range");
  EXPECT_TRUE(load(with("timeout: 1h\n")).ok());
  EXPECT_EQ(load(with("timeout: 61m\n")).status().reason(), "config.out_of_range");
  EXPECT_EQ(load(with("timeout: 0\n")).status().reason(), "config.out_of_range");
  EXPECT_TRUE(load(with("cores: 256\n")).ok());
  EXPECT_EQ(load(with("cores: 257\n")).status().reason(), "config.out_of_range");
  EXPECT_EQ(load(with("limits: {connections_max: 10000001}\n")).status().reason(),
            "config.out_of_range");
  EXPECT_EQ(load(with("limits: {conections_max: 1}\n")).status().reason(), "config.unknown_key");
  EXPECT_EQ(load(with("limits: {trusted_nets: [10.0.0.0/40]}\n")).status().reason(),
            "config.bad_value");
}

TEST(GatewaySpec, RefusesAddressesThatAreNone) {
  EXPECT_EQ(load("listen: nowhere\nroutes: []\n").status().reason(), "address.bad");
  EXPECT_EQ(load(with("admin: 127.0.0.1:70000\n")).status().reason(), "address.bad");
}

TEST(GatewaySpec, RefusesPrefixesThatNoPathCanHave) {
  for (const std::string_view prefix :
       {"api", "/api/", "//", "/a//b", "/a/../b", "/.", "'/a\\b'"}) {
    const std::string text =
        "listen: 127.0.0.1:1\nroutes: [{prefix: " + std::string(prefix) + ", service: math}]\n";
    EXPECT_EQ(load(text).status().reason(), "gateway.bad_prefix") << prefix;
  }
}

TEST(GatewaySpec, RefusesServiceNamesThatCannotBeRegistered) {
  const auto spec = load("listen: 127.0.0.1:1\nroutes: [{prefix: /, service: Math}]\n");
  EXPECT_EQ(spec.status().reason(), "service.bad_name");
}

TEST(GatewaySpec, RefusesASecondRouteForOnePrefix) {
  const auto spec = load(with("  - {prefix: /api, service: other}\n"));

  EXPECT_EQ(spec.status().reason(), "gateway.prefix_taken");
  EXPECT_NE(spec.status().message().find("gateway.yaml:4:5"), std::string::npos);
}

TEST(GatewaySpec, RefusesAnAdminListenerThatOthersCanReach) {
  EXPECT_TRUE(load(with("admin: 127.0.0.1:9901\n")).ok());
  EXPECT_TRUE(load(with("admin: '[::1]:9901'\n")).ok());
  const Status outside = load(with("admin: 0.0.0.0:9901\n")).status();
  EXPECT_EQ(outside.reason(), "admin.not_loopback");
  EXPECT_TRUE(outside.message().starts_with("gateway.yaml:4:8: key 'admin' 0.0.0.0:9901 can be"))
      << outside;
  EXPECT_EQ(load(with("admin: nowhere\n")).status().reason(), "address.bad");
}

}  // namespace
}  // namespace fairlead::gateway
