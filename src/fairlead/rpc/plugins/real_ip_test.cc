#include "fairlead/rpc/plugins/real_ip.h"

#include <gtest/gtest.h>

#include "fairlead/rpc/plugin_script.h"

namespace fairlead::rpc {
namespace {

class RealIpTest : public SessionPlugins {
 protected:
  RealIpTest() {
    serve(wire::Kind::kCall, "/who", [](Context& context) {
      context.reply_with('s', Bytes(context.real_ip()));
      return Status();
    });
  }
  void trust(const std::vector<std::string>& nets) {
    ASSERT_TRUE(at_server.add(RealIp::make(nets).value()).ok());
    start();
    ASSERT_TRUE(dial().ok());
  }
  std::string who(std::string_view metadata) {
    const Result<Reply> reply = ask("/who", "", metadata);
    return reply.ok() ? std::string(reply->body.view()) : std::string(reply.status().reason());
  }
};

TEST_F(RealIpTest, ATrustedProxyIsBelieved) {
  trust({"127.0.0.0/8"});

  EXPECT_EQ(who("X-Real-IP=10.9.8.7"), "10.9.8.7");
  EXPECT_EQ(who("a=1"), "127.0.0.1");
}

TEST_F(RealIpTest, OthersAreNot) {
  trust({"10.0.0.0/8"});

  EXPECT_EQ(who("a=1&X-Real-IP=10.9.8.7&X-Real-IP=10.9.8.6"), "127.0.0.1");
}

TEST_F(RealIpTest, NobodyIsWithoutNets) {
  trust({});

  EXPECT_EQ(who("X-Real-IP=10.9.8.7"), "127.0.0.1");
}

TEST(RealIpNets, EndWhereTheirBitsEnd) {
  const auto nets = RealIp::make({"10.1.0.0/15", "192.0.2.7", "fd00::/8", "::1"}).value();

  EXPECT_TRUE(nets->trusts("10.0.0.1"));
  EXPECT_TRUE(nets->trusts("10.1.255.255"));
  EXPECT_FALSE(nets->trusts("10.2.0.0"));
  EXPECT_TRUE(nets->trusts("192.0.2.7"));
  EXPECT_FALSE(nets->trusts("192.0.2.8"));
  EXPECT_TRUE(nets->trusts("fdff::1"));
  EXPECT_FALSE(nets->trusts("fe00::1"));
  EXPECT_TRUE(nets->trusts("::1"));
  EXPECT_FALSE(nets->trusts("::2"));
  EXPECT_TRUE(nets->trusts("::ffff:192.0.2.7"));  // the same address, written as IPv6
  EXPECT_FALSE(nets->trusts("unix"));
  EXPECT_FALSE(nets->trusts("no address"));
}

TEST(RealIpNets, MayBeEverybodyAndUnixSockets) {
  const auto nets = RealIp::make({"0.0.0.0/0", "unix"}).value();

  EXPECT_TRUE(nets->trusts("203.0.113.9"));
  EXPECT_TRUE(nets->trusts("unix"));
  EXPECT_FALSE(nets->trusts("2001:db8::1"));
}

TEST(RealIpNets, RefuseWhatIsNone) {
  for (const char* bad : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::1/129", "localhost"}) {
    EXPECT_EQ(RealIp::make({bad}).status().reason(), "real_ip.bad_net") << bad;
  }
  EXPECT_EQ(RealIp::make(std::vector<std::string>(257, "::1")).status().reason(),
            "real_ip.too_many");
}

}  // namespace
}  // namespace fairlead::rpc
