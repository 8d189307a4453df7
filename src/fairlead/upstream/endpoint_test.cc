#include "fairlead/upstream/endpoint.h"

#include <gtest/gtest.h>

namespace fairlead::upstream {
namespace {

TEST(Endpoint, ReadsItsFormsAndWhomTheCertificateMustBeFor) {
  struct Form {
    const char* text;
    const char* id;
    bool tls;
    const char* server_name;
  };
  const Form kForms[] = {
      {"127.0.0.1:1", "127.0.0.1:1", false, "127.0.0.1"},
      {"tcp://localhost:1", "127.0.0.1:1", false, "localhost"},
      {"unix:/a", "unix:/a", false, "localhost"},
      {"tls://127.0.0.1:1", "tls://127.0.0.1:1", true, "127.0.0.1"},
      {"tls://localhost:1", "tls://127.0.0.1:1", true, "localhost"},
      {"tls://[::1]:1", "tls://[::1]:1", true, "::1"},
      {"tls://:1", "tls://0.0.0.0:1", true, "0.0.0.0"},
      {"tls+tcp://localhost:1", "tls://127.0.0.1:1", true, "localhost"},
      {"tls+tcp6://localhost:1", "tls://[::1]:1", true, "localhost"},
      {"tls+tcp4://127.0.0.1:1", "tls://127.0.0.1:1", true, "127.0.0.1"},
      {"tls+unix:///a", "tls+unix:/a", true, "localhost"},
      {"tls+unix:a", "tls+unix:a", true, "localhost"},
  };
  for (const Form& form : kForms) {
    const Result<Endpoint> endpoint = parse_endpoint(form.text);
    ASSERT_TRUE(endpoint.ok()) << endpoint.status();
    EXPECT_EQ(endpoint->id, form.id);
    EXPECT_EQ(endpoint->tls, form.tls) << form.text;
    EXPECT_EQ(endpoint->server_name, form.server_name) << form.text;
    EXPECT_EQ(to_text(endpoint->address, endpoint->tls), form.id);
    const Result<Endpoint> again = parse_endpoint(form.id);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->id, form.id);
  }
}

TEST(Endpoint, ReadsWhereAWebSocketIsOpened) {
  struct Form {
    const char* text;
    const char* id;
    bool tls;
    const char* server_name;
    const char* target;
  };
  const Form kForms[] = {
      {"ws://127.0.0.1:1", "ws://127.0.0.1:1", false, "127.0.0.1", "/"},
      {"ws://127.0.0.1:1/", "ws://127.0.0.1:1", false, "127.0.0.1", "/"},
      {"ws://localhost:1/a/b?c=d", "ws://127.0.0.1:1/a/b?c=d", false, "localhost", "/a/b?c=d"},
      {"ws://[::1]:1?c", "ws://[::1]:1/?c", false, "::1", "/?c"},
      {"wss://localhost:1/rpc", "wss://127.0.0.1:1/rpc", true, "localhost", "/rpc"},
  };
  for (const Form& form : kForms) {
    const Result<Endpoint> endpoint = parse_endpoint(form.text);
    ASSERT_TRUE(endpoint.ok()) << endpoint.status();
    EXPECT_EQ(endpoint->id, form.id);
    EXPECT_EQ(endpoint->tls, form.tls) << form.text;
    EXPECT_EQ(endpoint->server_name, form.server_name) << form.text;
    EXPECT_EQ(endpoint->websocket, form.target) << form.text;
    EXPECT_EQ(endpoint->address.port(), 1) << form.text;
    const Result<Endpoint> again = parse_endpoint(form.id);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->id, form.id);
  }
}

TEST(Endpoint, ShowsNoQueryOfAWebSocket) {
  EXPECT_EQ(to_text(parse_endpoint("wss://127.0.0.1:1/a?token=hush").value()),
            "wss://127.0.0.1:1/a");
  EXPECT_EQ(to_text(parse_endpoint("ws://127.0.0.1:1?token=hush").value()), "ws://127.0.0.1:1");
  EXPECT_EQ(to_text(parse_endpoint("tls://127.0.0.1:1").value()), "tls://127.0.0.1:1");
}

TEST(Endpoints, SayWhichProtocolsAWebSocketDoesNotCarry) {
  const EndpointSnapshot mixed = parse_endpoints("127.0.0.1:1,ws://127.0.0.1:1").value();
  const EndpointSnapshot plain = parse_endpoints("127.0.0.1:1").value();
  const wire::Protocol* thrift = wire::find_protocol("thrift-binary");

  EXPECT_TRUE(check_protocol(*mixed, nullptr).ok());
  EXPECT_TRUE(check_protocol(*mixed, wire::find_protocol("json")).ok());
  EXPECT_TRUE(check_protocol(*plain, thrift).ok());
  EXPECT_EQ(check_protocol(*mixed, thrift).reason(), "dial.no_sub_protocol");
}

TEST(Endpoint, RefusesWhatIsNone) {
  for (const char* bad : {"tls://",
                          "tls+",
                          "tls:127.0.0.1:1",
                          "tls+127.0.0.1:1",
                          "tls://unix:/a",
                          "tls://tcp://127.0.0.1:1",
                          "tls+tls://127.0.0.1:1",
                          "tls://math.example:1",
                          "tls+tcp6://127.0.0.1:1",
                          "tls://notlocalhost:1",
                          "",
                          "ws://",
                          "ws://127.0.0.1",
                          "ws://127.0.0.1:1#a",
                          "ws://127.0.0.1:1/a b",
                          "ws://127.0.0.1:1/\r\nX: y",
                          "ws://127.0.0.1:1/\xc3\xa4",
                          "ws://unix:/a",
                          "ws://unix:a",
                          "ws://tcp://127.0.0.1:1",
                          "wss://math.example:1",
                          "WS://127.0.0.1:1",
                          "http://127.0.0.1:1"}) {
    EXPECT_EQ(parse_endpoint(bad).status().reason(), "address.bad") << bad;
  }
}

TEST(Endpoint, IsReachedTheSameWayUnlessSomethingThatADialUsesDiffers) {
  const Endpoint a = parse_endpoint("tls://127.0.0.1:1").value();
  Endpoint b = a;
  b.id = "another";
  EXPECT_TRUE(same_way(a, b));

  b.tls = false;
  EXPECT_FALSE(same_way(a, b));
  b = a;
  b.protocol = wire::find_protocol("json");
  EXPECT_FALSE(same_way(a, b));
  b = a;
  b.server_name = "localhost";
  EXPECT_FALSE(same_way(a, b));
  b = a;
  b.address = b.address.with_port(2);
  EXPECT_FALSE(same_way(a, b));
  b = a;
  b.websocket = "/";
  EXPECT_FALSE(same_way(a, b));
}

TEST(Endpoints, AreReadFromAList) {
  EXPECT_EQ(parse_endpoints("127.0.0.1:1, unix:/a")->get()->size(), 2U);
  EXPECT_TRUE(parse_endpoints("127.0.0.1:1,tls://127.0.0.1:1")->get()->back().tls);
  EXPECT_EQ(parse_endpoints("127.0.0.1:1,,").status().reason(), "address.bad");
  EXPECT_TRUE(check_service_name("math.v1-x_2").ok());
  for (const std::string& bad : {std::string(), std::string("Math"), std::string("9a"),
                                 std::string("a/b"), std::string(101, 'a')}) {
    EXPECT_EQ(check_service_name(bad).reason(), "service.bad_name") << bad;
  }
}

}  // namespace
}  // namespace fairlead::upstream
