// Uses the installed library as a stranger would: a service in a process of its own, a client that
// finds it in the registry, and an orderly end. Everything lies in the folder that is given.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <fairlead/fairlead.h>

using namespace std::chrono_literals;

namespace outside {

struct GreetArg {
  std::string who{};
};
struct GreetResult {
  std::string text{};
};
FL_STRUCT(GreetArg, (1, who, regexp("[a-z]+"), error(1001, "lower case, please")))
FL_STRUCT(GreetResult, (1, text))

struct Greeter {
  static GreetResult greet(GreetArg);
};
FL_SERVICE(Greeter, (greet, idempotent))

struct GreeterLogic {
  GreetResult greet(GreetArg in) const { return {.text = "hello " + in.who}; }
};

template <class Program>
int with_options(const std::string& folder, Program program) {
  const std::string store = "file:" + folder + "/store.db";
  const char* const words[] = {"greeter", "--cores", "1", "--store", store.c_str()};
  return program(5, words);
}

int serve(const std::string& folder) {
  return with_options(folder, [&folder](int argc, const char* const* argv) {
    fl::App app(argc, argv, "greeter");
    app.serve<Greeter>(GreeterLogic{});
    return app.discover().run("unix:" + folder + "/greeter.sock");
  });
}

// The service may need a moment to be found.
fl::Result<GreetResult> greet(fl::Client<Greeter> greeter, const std::string& who) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (true) {
    auto call = greeter.greet({.who = who}, fl::within(5s));
    fl::Result<GreetResult> reply = call.get();
    const bool absent = !reply.ok() && reply.status().code() == fl::Code::kNoEndpoint;
    if (!absent || std::chrono::steady_clock::now() > end) return reply;
    usleep(10'000);
  }
}

int call(const std::string& folder) {
  return with_options(folder, [](int argc, const char* const* argv) {
    fl::Runtime runtime(argc, argv, "caller");
    const auto greeter = runtime.client<Greeter>("greeter");
    const fl::Result<GreetResult> reply = greet(greeter, "stranger");
    if (!reply.ok() || reply->text != "hello stranger") {
      std::cerr << "no greeting: " << reply.status() << "\n";
      return 1;
    }
    if (greet(greeter, "STRANGER").status().message() != "lower case, please") {
      std::cerr << "the contract's rule is not kept\n";
      return 1;
    }
    return 0;
  });
}

}  // namespace outside

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: outside FOLDER\n";
    return 2;
  }
  const std::string folder = argv[1];
  const pid_t service = fork();
  if (service == 0) return outside::serve(folder);
  const int called = outside::call(folder);
  int ended = 0;
  kill(service, SIGTERM);
  waitpid(service, &ended, 0);
  if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0) {
    std::cerr << "the service did not end in order: " << ended << "\n";
    return 1;
  }
  if (called == 0) std::cout << "the installed library works\n";
  return called;
}
