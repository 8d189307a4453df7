// Against programs that nobody here wrote: `openssl s_client` and `openssl s_server`.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/text.h"
#include "fairlead/io/descriptor.h"
#include "fairlead/io/tls_test.h"

namespace fairlead::io {
namespace {

using namespace std::chrono_literals;

// A program with pipes to its input and from its output and errors.
class Program {
 public:
  explicit Program(const std::vector<std::string>& words) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    FL_CHECK(pipe2(in.data(), O_CLOEXEC) == 0 && pipe2(out.data(), O_CLOEXEC) == 0);
    const internal::Descriptor their_input(in[0]);
    const internal::Descriptor their_output(out[1]);
    input_ = internal::Descriptor(in[1]);
    output_ = internal::Descriptor(out[0]);
    FL_CHECK(fcntl(output_.get(), F_SETFL, O_NONBLOCK) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    FL_CHECK(posix_spawnp(&process_, arguments[0], &actions, nullptr, arguments.data(), environ) ==
             0);
    posix_spawn_file_actions_destroy(&actions);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (!ended_) {
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
  }

  void write(std::string_view text) {
    EXPECT_EQ(::write(input_.get(), text.data(), text.size()), std::ssize(text));
  }
  void end_input() { input_.reset(); }
  // All that it has printed so far.
  const std::string& output() {
    std::array<char, 4096> block{};
    ssize_t count = 0;
    while ((count = ::read(output_.get(), block.data(), block.size())) > 0) {
      printed_.append(block.data(), static_cast<std::size_t>(count));
    }
    return printed_;
  }
  bool prints(std::string_view text) { return output().find(text) != std::string::npos; }
  bool ended() {
    int state = 0;
    if (!ended_ && waitpid(process_, &state, WNOHANG) == process_) {
      ended_ = true;
      exit_code = WIFEXITED(state) ? WEXITSTATUS(state) : -1;
    }
    return ended_;
  }

  int exit_code = -1;

 private:
  pid_t process_ = 0;
  internal::Descriptor input_;
  internal::Descriptor output_;
  std::string printed_;
  bool ended_ = false;
};

class OpensslPrograms : public TlsTest, public ::testing::WithParamInterface<const char*> {
 protected:
  std::vector<std::string> client_words() const {
    return {"openssl",
            "s_client",
            "-connect",
            listener->local().to_text(),
            "-CAfile",
            client_options.ca_file,
            "-verify_return_error",
            "-quiet",
            GetParam()};
  }
  std::vector<std::string> server_words(const std::vector<std::string>& more) const {
    const TlsCertificate& files = server_options.certificates.front();
    std::vector<std::string> words{"openssl",     "s_server",     "-accept",
                                   "127.0.0.1:0", "-cert",        files.certificate_file,
                                   "-key",        files.key_file, GetParam()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  // Where a server says that it listens.
  Address address_of(Program& server_program) {
    constexpr std::string_view kSays = "ACCEPT 127.0.0.1:";
    std::string port;
    turn_until([&] {
      const std::string& text = server_program.output();
      const std::size_t at = text.find(kSays);
      const std::size_t end = at == std::string::npos ? at : text.find('\n', at);
      if (end != std::string::npos) port = text.substr(at + kSays.size(), end - at - kSays.size());
      return !port.empty();
    });
    return Address::loopback(static_cast<std::uint16_t>(parse_uint64(port).value_or(0)));
  }
};

TEST_P(OpensslPrograms, TalkToOurServer) {
  server_options.alpn = {"fairlead"};
  echo = true;
  listen();
  std::vector<std::string> words = client_words();
  words.insert(words.end(),
               {"-servername", "localhost", "-verify_hostname", "localhost", "-alpn", "fairlead"});
  Program client_program(words);

  client_program.write("hello from elsewhere\n");
  turn_until([&] { return client_program.prints("hello from elsewhere\n"); });
  EXPECT_EQ(server->tls->info().alpn, "fairlead");
  EXPECT_EQ(server->tls->info().server_name, "localhost");

  server->stream->close();
  turn_until([&] { return client_program.ended(); });
  EXPECT_EQ(client_program.exit_code, 0) << client_program.output();
}

TEST_P(OpensslPrograms, CloseInOrderWhenTheyEnd) {
  listen();
  std::vector<std::string> words = client_words();
  words[7] = "-no_ign_eof";
  Program client_program(words);
  client_program.write("bye\n");
  client_program.end_input();

  turn_until([this] { return server != nullptr && server->closed; });
  EXPECT_EQ(server->received, "bye\n");
  EXPECT_TRUE(server->ended) << "close_notify came";
  turn_until([&] { return client_program.ended(); });
}

TEST_P(OpensslPrograms, ShowTheirCertificateToOurServer) {
  server_options.client_certificate = ClientCertificate::kRequired;
  server_options.ca_file = client_options.ca_file;
  listen();
  const TlsCertificate files = folder.write("client", root.issue({.name = "caller"}));
  std::vector<std::string> words = client_words();
  words.insert(words.end(), {"-cert", files.certificate_file, "-key", files.key_file});
  Program with_certificate(words);
  with_certificate.write("x");
  turn_until([this] { return server != nullptr && server->received == "x"; });
  EXPECT_EQ(server->tls->info().peer_subject, "CN=caller");

  hang_up();
  Program without(client_words());
  turn_until([this] { return server != nullptr && server->closed; });
  EXPECT_EQ(server->why.reason(), "tls.no_certificate");
}

TEST_P(OpensslPrograms, AreRefusedWhenTheyAskForANewHandshake) {
  listen();
  std::vector<std::string> words = client_words();
  words[7] = "-no_ign_eof";
  Program client_program(words);
  client_program.write("one\n");
  turn_until([this] { return server != nullptr && server->received == "one\n"; });
  client_program.write("R\n");  // TLS 1.2: a new handshake; TLS 1.3 knows none
  turn_until([&] { return client_program.ended(); });
  EXPECT_TRUE(client_program.prints(
      std::string_view(GetParam()) == "-tls1_2" ? "no renegotiation" : "wrong ssl version"))
      << client_program.output();
  EXPECT_EQ(server->received, "one\n");
}

TEST_P(OpensslPrograms, ServeOurClient) {
  Program server_program(server_words({"-rev", "-alpn", "fairlead"}));
  const Address there = address_of(server_program);
  client_options.alpn = {"fairlead"};
  client_context = context_of(TlsRole::kClient, client_options);

  const Status dialed = dial(there, "localhost", client);
  ASSERT_TRUE(dialed.ok()) << dialed;
  client->write("hello\n");
  turn_until([this] { return client->received == "olleh\n"; });
  EXPECT_EQ(client->tls->info().alpn, "fairlead");

  client->stream->close();
  turn_until([this] { return client->closed; });
  EXPECT_TRUE(client->why.ok());
  EXPECT_EQ(dial(there, "elsewhere.example", client).reason(), "tls.name_mismatch");
}

// A server asks for a new handshake with "r"; TLS 1.3 knows no such thing.
TEST_P(OpensslPrograms, AreRefusedWhenTheyAskOurClientForANewHandshake) {
  Program server_program(server_words({}));
  const Address there = address_of(server_program);
  client_context = context_of(TlsRole::kClient, client_options);
  ASSERT_TRUE(dial(there, "localhost", client).ok());
  client->write("hello\n");
  turn_until([&] { return server_program.prints("hello"); });

  server_program.write("r\n");

  if (std::string_view(GetParam()) == "-tls1_2") {
    turn_until([&] { return server_program.prints("no renegotiation"); });
  } else {
    // What it reads together with a command is part of the command, and it says nothing visible to
    // this one: so it is told again until it passes something on.
    turn_until([&] {
      if (client->received.find("and on") != std::string::npos) return true;
      server_program.write("and on\n");
      return false;
    });
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, OpensslPrograms, ::testing::Values("-tls1_2", "-tls1_3"),
                         [](const auto& param) {
                           return std::string(param.index == 0 ? "Tls12" : "Tls13");
                         });

}  // namespace
}  // namespace fairlead::io
