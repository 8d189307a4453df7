// Programs that ask for a login, and calls that are sealed, as code and settings say.
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "fairlead/service/app.h"
#include "fairlead/service/test_math.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using math_test::DivideArg;
using math_test::DivideResult;
using math_test::Math;
using math_test::MathLogic;

Status check_token(rpc::Context& context) {
  if (context.body() != "open sesame") {
    return Status(Code::kForbidden, "", "auth fail").with_cause("no such token");
  }
  context.reply_with(wire::kPlainCodec, Bytes(std::string_view("pass")));
  return {};
}

// A serving and a calling process, each with threads of its own, in one program.
class LoginServiceTest : public ::testing::Test {
 protected:
  LoginServiceTest() {
    EXPECT_TRUE(internal::add_routes<Math>(server.router(), std::make_shared<MathLogic>()).ok());
    for (Spec* spec : {&serving, &calling}) {
      spec->cores = 1;
      spec->log_level = "off";
    }
    serving.listen = {"unix:" + path};
  }
  void start() {
    ASSERT_TRUE(server.start(serving).ok());
    const Status served = server.serve(false, {});
    ASSERT_TRUE(served.ok()) << served;
    ASSERT_TRUE(caller.start(calling).ok());
  }
  template <class... Words>
  Result<DivideResult> divide(const ClientOptions& options, Words... words) {
    Client<Math> math(**caller.target("unix:" + path, options));
    return math.divide({.a = 10, .b = 4}, within(5s), words...).get();
  }
  std::string write(const std::string& name, const std::string& text) {
    const std::string file = path + "." + name;
    std::ofstream(file) << text;
    files.push_back(file);
    return file;
  }
  ~LoginServiceTest() override {
    for (const std::string& file : files) ::unlink(file.c_str());
  }

  std::string path = ::testing::TempDir() + "fl_login_" + std::to_string(getpid()) + ".sock";
  std::vector<std::string> files;
  Spec serving;
  Spec calling;
  Process server{"server"};
  Process caller{"caller"};
};

TEST_F(LoginServiceTest, ACallerWithTheTokenIsServed) {
  ASSERT_TRUE(server.router().set_login(rpc::make_handler(check_token)).ok());
  start();

  const Result<DivideResult> reply = divide({.login = rpc::Login{.body = "open sesame"}});

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->quotient, 2.5);
}

TEST_F(LoginServiceTest, TheConfigurationsTokenWins) {
  ASSERT_TRUE(server.router().set_login(rpc::make_handler(check_token)).ok());
  calling.clients["default"].login = rpc::Login{.body = "open sesame"};
  start();

  EXPECT_TRUE(divide({.login = rpc::Login{.body = "old"}}).ok());
}

TEST_F(LoginServiceTest, ACallerWithAWrongTokenHearsWhy) {
  ASSERT_TRUE(server.router().set_login(rpc::make_handler(check_token)).ok());
  start();

  const Result<DivideResult> reply = divide({.login = rpc::Login{.body = "open barley"}});

  EXPECT_EQ(reply.status().code(), Code::kForbidden);
  EXPECT_EQ(reply.status().message(), "auth fail");
  ASSERT_NE(reply.status().cause(), nullptr);
  EXPECT_EQ(*reply.status().cause(), "no such token");
}

TEST_F(LoginServiceTest, ACallerWithoutATokenHearsWhatIsMissing) {
  ASSERT_TRUE(server.router().set_login(rpc::make_handler(check_token)).ok());
  start();

  const Result<DivideResult> reply = divide({});

  EXPECT_EQ(reply.status().code(), Code::kUnauthenticated);
  EXPECT_NE(reply.status().message().find("AUTH_CALL"), std::string::npos) << reply.status();
}

TEST_F(LoginServiceTest, AWebSocketsTokenIsCheckedBeforeItIsOpened) {
  ASSERT_TRUE(server.router().set_login(rpc::make_handler(check_token)).ok());
  start();
  const auto ask = [this](const std::string& how) {
    // What a WebSocket client sends; curl waits for more behind a 101 until its time is over.
    const std::string command =
        "curl -s -i -N -m 1 --unix-socket " + path +
        " -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13'"
        " -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' -H 'Sec-WebSocket-Protocol: json' " +
        how;
    FILE* const pipe = popen(command.c_str(), "r");
    std::string answer(4096, 0);
    answer.resize(fread(answer.data(), 1, answer.size(), pipe));
    pclose(pipe);
    return answer;
  };

  const std::string good = ask("-H 'Authorization: Bearer open sesame' http://h/");
  EXPECT_TRUE(good.starts_with("HTTP/1.1 101 ")) << good;
  EXPECT_TRUE(good.ends_with("\r\n\r\n")) << "the login's reply is not sent again: " << good;
  EXPECT_TRUE(ask("'http://h/?token=open+sesame'").starts_with("HTTP/1.1 101 "));

  const std::string bad = ask("-H 'Authorization: Bearer barley' http://h/");
  EXPECT_TRUE(bad.starts_with("HTTP/1.1 401 ")) << bad;
  EXPECT_NE(bad.find("WWW-Authenticate: Bearer\r\n"), std::string::npos) << bad;
  EXPECT_NE(bad.find("auth fail"), std::string::npos) << bad;
}

TEST_F(LoginServiceTest, CallsAreSealedWithTheKeysOfTheSettings) {
  const std::string ring = write("ring", "one " + std::string(43, 'A') + "=\n");
  const std::string old = write("old", "1234567890abcdef\n");
  serving.secure = {.keys_file = ring, .erpc_keys_file = old, .required = true};
  calling.secure = {.keys_file = ring, .erpc_keys_file = old};
  start();

  const Result<DivideResult> plain = divide({});
  const Result<DivideResult> ours = divide({}, sealed());
  const Result<DivideResult> erpcs = divide({}, sealed(wire::SecureForm::kErpc));

  EXPECT_EQ(plain.status().reason(), "secure.required");
  ASSERT_TRUE(ours.ok()) << ours.status();
  EXPECT_EQ(ours->quotient, 2.5);
  EXPECT_TRUE(erpcs.ok()) << erpcs.status();
}

TEST_F(LoginServiceTest, ASealedCallWithoutKeysIsNotSent) {
  start();

  EXPECT_EQ(divide({}, sealed()).status().reason(), "secure.no_keys");
}

TEST_F(LoginServiceTest, KeysAreReadAgainOnHup) {
  const std::string first = "one " + std::string(43, 'A') + "=\n";
  const std::string second = "two " + std::string(42, 'B') + "A=\n";
  serving.secure.keys_file = write("server", first);
  calling.secure.keys_file = write("caller", second);
  start();
  EXPECT_EQ(divide({}, sealed()).status().reason(), "secure.unknown_key");

  write("server", second + first);
  Result<DivideResult> reply = divide({}, sealed());
  for (int i = 0; i < 500 && !reply.ok(); ++i) {
    ::kill(::getpid(), SIGHUP);  // either of the two programs in this one may take it
    ::usleep(10'000);
    reply = divide({}, sealed());
  }
  EXPECT_TRUE(reply.ok()) << reply.status();
}

TEST_F(LoginServiceTest, TransformsTravelWithATypedCall) {
  start();

  EXPECT_TRUE(divide({}, with_transforms("gm")).ok());
  EXPECT_TRUE(divide({}, with_transforms("zc")).ok());
  EXPECT_EQ(divide({}, with_transforms("?")).status().reason(), "frame.unknown_transform");
}

}  // namespace
}  // namespace fairlead::service
