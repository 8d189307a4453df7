// Ugly requests of HTTP where they would become calls, from the bytes on the socket to the handler.
// Numbered as in the project's list of bad inputs (section 2, beyond framing);
// tests/e2e/http/README.md says which test has the numbers that are missing.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "fairlead/http/server.h"

#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/http_calls.h"
#include "tests/testkit/raw_client.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;

class BadHttpRequests : public ::testing::Test, private http::Responder {
 protected:
  void SetUp() override {
    for (const char* method : {"/a/b", "/%2e/x", "/a;v=1/b"}) {
      const Status added =
          router.add(wire::Kind::kCall, method, make_handler([this](Context& context) {
                       ++served;
                       metadata = context.metadata_text();
                       context.reply_with('s', Bytes(context.method()));
                       return Status();
                     }));
      ASSERT_TRUE(added.ok()) << added;
    }
    server = http::Server::make(*core, {.body_timeout = 30ms}, *this).value();
    address = server->listen(io::Address::loopback(0)).value();
  }
  void TearDown() override {
    EXPECT_TRUE(core->run(server->close(core->deadline_after(5s))).ok());
    EXPECT_TRUE(core->run(peer.close(core->deadline_after(5s))).ok());
  }
  Result<http::BodyPlan> plan(const http::Request&) override { return http::BodyPlan{}; }
  void respond(http::Exchange& exchange) override {
    const auto answer = [](void* to, int status, std::span<const http::Field> fields,
                           std::string_view body) {
      static_cast<http::Exchange*>(to)->answer(status, fields, body);
    };
    calls.respond(exchange.request(), {.to = &exchange, .answer = answer});
  }
  // All that a client hears until the connection is closed.
  std::string post(std::string_view target, std::string_view fields = "",
                   std::string_view body = "") {
    testkit::RawClient client(*core, address);
    const bool framed = fields.find("Content-Length") != std::string_view::npos;
    client.send("POST " + std::string(target) + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" +
                (framed ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") +
                std::string(fields) + "\r\n" + std::string(body));
    return client.wait_for_close();
  }
  void expect_refused(const std::string& answer, std::string_view status, std::string_view reason) {
    EXPECT_EQ(answer.substr(9, 3), status) << answer;
    EXPECT_NE(answer.find("\"reason\":\"" + std::string(reason) + "\""), std::string::npos)
        << answer;
    EXPECT_EQ(served, 0);
  }

  std::unique_ptr<io::Core> core = io::Core::make().value();
  Router router;
  Peer peer{*core, router, PeerOptions{}};
  HttpCalls calls{peer, {}};
  std::unique_ptr<http::Server> server;
  io::Address address;
  int served = 0;
  std::string metadata;
};

bool ends_with_body(const std::string& answer, std::string_view body) {
  return answer.ends_with("\r\n\r\n" + std::string(body));
}

TEST_F(BadHttpRequests, No1TheMethodIsThePathDecodedOnce) {
  EXPECT_TRUE(ends_with_body(post("/%252e/x"), "/%2e/x"));
  EXPECT_TRUE(ends_with_body(post("/%61/%62"), "/a/b"));
  served = 0;
  expect_refused(post("/%2561/b"), "404", "route.unknown");
}

TEST_F(BadHttpRequests, No2TheMethodThatIsFoundIsTheOneThatTheHandlerSees) {
  for (const char* same : {"/a/b", "//a/b", "/a///b", "http://o/a//b"}) {
    EXPECT_TRUE(ends_with_body(post(same), "/a/b")) << same;
  }
  EXPECT_TRUE(ends_with_body(post("/a;v=1/b"), "/a;v=1/b"));
}

TEST_F(BadHttpRequests, No2PathsThatReadDifferentlyElsewhereFindNoMethod) {
  for (const char* bad : {"/a/./b", "/x/../a/b", "/a%2fb", "/a%5cb", "/%2e/a/b"}) {
    expect_refused(post(bad), "400", "http.bad_path");
  }
  expect_refused(post("/a/b/"), "404", "route.unknown");
  expect_refused(post("/a/b;v=1"), "404", "route.unknown");
}

TEST_F(BadHttpRequests, No4RangesAndNo5CodingsOfTheAnswerAreNotServedAndTellTheHandlerNothing) {
  std::string fields = "Range: bytes=0-0";
  for (int i = 0; i < 999; ++i) fields += ",0-0";
  fields += "\r\nAccept-Encoding: gzip";
  for (int i = 0; i < 9000; ++i) fields += ",gzip";

  const std::string answer = post("/a/b", fields + "\r\n");

  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
  EXPECT_TRUE(ends_with_body(answer, "/a/b"));
  EXPECT_EQ(answer.find("Content-Encoding"), std::string::npos);
  EXPECT_EQ(metadata.find("gzip"), std::string::npos);
}

TEST_F(BadHttpRequests, No6ABodyInACodingIsRefusedByItsHead) {
  constexpr std::string_view kGzip("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);
  for (const char* coding : {"gzip", "x-gzip", "deflate", "br", "zstd", "gzip, gzip, gzip"}) {
    const std::string answer =
        post("/a/b",
             "Content-Type: application/json\r\nContent-Encoding: " + std::string(coding) + "\r\n",
             kGzip);
    expect_refused(answer, "415", "http.content_coding");
    EXPECT_NE(answer.find("\r\nAccept-Encoding: identity\r\n"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("\r\nAccept: "), std::string::npos) << answer;
  }
}

TEST_F(BadHttpRequests, No7MultipartIsNotTakenWhetherItEndsOrNot) {
  const std::string type = "Content-Type: multipart/form-data; boundary=b\r\n";
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
  for (const std::string& body : {part, part + "--b--\r\n"}) {
    const std::string answer = post("/a/b", type, body);
    expect_refused(answer, "415", "http.media_type");
    EXPECT_NE(answer.find("\r\nAccept: application/json"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("Accept-Encoding"), std::string::npos) << "the coding was right";
  }
  expect_refused(post("/a/b", type + "Content-Length: 1000\r\n", part), "408", "http.body_timeout");
}

TEST_F(BadHttpRequests, No8ABodyThatWasAnnouncedAndDoesNotComeIsNoCall) {
  const std::string answer = post("/a/b", "Content-Length: 5\r\nExpect: 100-continue\r\n");
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  ASSERT_TRUE(answer.starts_with(kContinue)) << answer;
  expect_refused(answer.substr(kContinue.size()), "408", "http.body_timeout");
}

TEST_F(BadHttpRequests, No13WhoAsksIsToldByTheConnectionAlone) {
  const std::string spoofed =
      "X-Forwarded-For: 6.6.6.6, 127.0.0.1\r\nx-forwarded-host: evil\r\nX-Forwarded-Proto: "
      "https\r\n"
      "Forwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n";

  post("/a/b?X-Forwarded-For=6.6.6.6&X-Real-IP=6.6.6.6", spoofed);

  EXPECT_EQ(served, 1);
  EXPECT_NE(metadata.find("&X-Real-IP=127.0.0.1&"), std::string::npos) << metadata;
  EXPECT_EQ(metadata.find("6.6.6.6"), std::string::npos) << metadata;
  EXPECT_EQ(metadata.find("evil"), std::string::npos) << metadata;
}

}  // namespace
}  // namespace fairlead::rpc
