// Copies that speak TLS, as their callers meet them.

#include <gtest/gtest.h>

#include "fairlead/base/time.h"
#include "fairlead/io/tls_stream.h"
#include "fairlead/upstream/service.h"
#include "tests/testkit/certificates.h"

namespace fairlead::upstream {
namespace {

using namespace std::chrono_literals;
using testkit::TestFolder;
using testkit::TestIdentity;
using testkit::TestWishes;

class ServiceTlsTest : public ::testing::Test {
 protected:
  using Holder = std::unique_ptr<io::TlsHolder>;

  ServiceTlsTest() {
    const auto hello = [](rpc::Context& context) {
      if (Buffer* out = context.begin_reply('s')) out->append("hello");
      return Status();
    };
    EXPECT_TRUE(routes.add(wire::Kind::kCall, "/hello", rpc::make_handler(hello)).ok());
    server_options.certificates = {folder.write("server", root.issue({}))};
    client_options.ca_file = folder.write("root.pem", root.certificate_pem());
  }
  void TearDown() override {
    if (service.has_value()) (void)core->run(service->close(core->deadline_after(1s)));
    listener.reset();
    (void)core->run(serving.close(Deadline(core->now())));
    (void)core->run(calling.close(core->deadline_after(1s)));
  }

  static Holder holder_of(io::TlsRole role, const io::TlsOptions& options) {
    auto made = io::TlsHolder::make(role, options, wall_ms());
    EXPECT_TRUE(made.ok()) << made.status();
    return std::move(made).value();
  }
  void listen(bool tls) {
    if (tls) server_tls = holder_of(io::TlsRole::kServer, server_options);
    const auto accept = [this](io::Core& on, std::unique_ptr<io::Stream> stream) {
      if (server_tls != nullptr) stream = tls_wrap(on, std::move(stream), server_tls->current());
      serving.accept(std::move(stream));
    };
    listener = core->listen(io::Address::loopback(0), {}, accept).value();
  }
  Endpoint endpoint(bool tls) const {
    return {.id = "a", .address = listener->local(), .tls = tls, .server_name = "localhost"};
  }
  // The outcome of one call to a copy that is known as `to`.
  Status call(const Endpoint& to, ServiceOptions options = {}) {
    options.dial.connect_timeout = 5s;
    service.emplace(calling, "math", options);
    service->update(std::make_shared<const EndpointSet>(EndpointSet{to}));
    RawRequest request{.method = "/hello", .body_codec = 's'};
    const auto reply = core->run(service->call(std::move(request), core->deadline_after(10s)));
    EXPECT_EQ(reply.ok() ? reply->body.view() : "hello", "hello");
    (void)core->run(service->close(core->deadline_after(1s)));
    return reply.status();
  }
  Status call_with_tls(const Endpoint& to) {
    client_tls = holder_of(io::TlsRole::kClient, client_options);
    return call(to, {.tls = client_tls.get()});
  }
  // Why no copy could be reached; the reason stands at the cause's end.
  static std::string cause(const Status& status) {
    EXPECT_EQ(status.reason(), "upstream.no_endpoint");
    EXPECT_EQ(status.outcome(), Outcome::kNotSent);
    return status.cause() != nullptr ? *status.cause() : std::string();
  }

  TestFolder folder;
  TestIdentity root = TestIdentity::root();
  io::TlsOptions server_options;
  io::TlsOptions client_options;
  Holder server_tls;
  Holder client_tls;
  std::unique_ptr<io::Core> core = io::Core::make().value();
  rpc::Router routes;
  rpc::Router no_routes;
  rpc::Peer serving{*core, routes, {}};
  rpc::Peer calling{*core, no_routes, {}};
  std::unique_ptr<io::Listener> listener;
  std::optional<Service> service;
};

TEST_F(ServiceTlsTest, CallsACopyThatSpeaksTls) {
  listen(true);
  EXPECT_TRUE(call_with_tls(endpoint(true)).ok());
}

TEST_F(ServiceTlsTest, SpeaksTlsUnaskedWhenThatIsRequired) {
  listen(true);
  client_tls = holder_of(io::TlsRole::kClient, client_options);
  const Status called = call(endpoint(false), {.tls = client_tls.get(), .tls_required = true});
  EXPECT_TRUE(called.ok()) << called;
}

TEST_F(ServiceTlsTest, SpeaksNoneToACopyThatDoesNot) {
  listen(false);
  EXPECT_TRUE(call_with_tls(endpoint(false)).ok());
}

TEST_F(ServiceTlsTest, ChecksTheNameThatItIsTold) {
  listen(true);
  client_tls = holder_of(io::TlsRole::kClient, client_options);
  const Status called = call(endpoint(true), {.tls = client_tls.get(), .server_name = "shop"});
  EXPECT_TRUE(cause(called).ends_with("[tls.name_mismatch]")) << called;
}

TEST_F(ServiceTlsTest, SaysThatItHasNoSettingsForTls) {
  listen(true);
  const Status called = call(endpoint(true));
  EXPECT_TRUE(cause(called).ends_with("[upstream.no_tls]")) << called;
}

TEST_F(ServiceTlsTest, SaysThatTheCertificateHasExpired) {
  const TestWishes old{.begins_days = -9, .ends_days = -1};
  server_options.certificates = {folder.write("old", root.issue(old))};
  listen(true);
  const Status called = call_with_tls(endpoint(true));
  EXPECT_TRUE(cause(called).ends_with("[tls.expired]")) << called;
}

TEST_F(ServiceTlsTest, SaysThatStrangersSignedTheCertificate) {
  client_options.ca_file = folder.write("other.pem", TestIdentity::root("o").certificate_pem());
  listen(true);
  const Status called = call_with_tls(endpoint(true));
  EXPECT_TRUE(cause(called).ends_with("[tls.bad_certificate]")) << called;
}

TEST_F(ServiceTlsTest, SaysThatItHasNoCertificateWhereOneIsRequired) {
  server_options.client_certificate = io::ClientCertificate::kRequired;
  server_options.ca_file = client_options.ca_file;
  listen(true);
  const Status called = call_with_tls(endpoint(true));
  EXPECT_EQ(called.code(), Code::kConnectionClosed) << called;
  EXPECT_NE(called.to_string().find("certificate"), std::string::npos) << called;
}

TEST_F(ServiceTlsTest, SaysThatACopySpeaksNoTls) {
  listen(false);
  const Status called = call_with_tls(endpoint(true));
  EXPECT_TRUE(cause(called).ends_with("perhaps it speaks none there [tls.handshake_cut]"))
      << called;
}

TEST_F(ServiceTlsTest, SaysThatACopySpeaksTlsToWhomDoesNot) {
  listen(true);
  const Status called = call(endpoint(false));
  EXPECT_EQ(called.code(), Code::kConnectionClosed) << called;
}

}  // namespace
}  // namespace fairlead::upstream
