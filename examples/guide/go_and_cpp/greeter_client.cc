// Calls a greeter, in Go or C++: ./build/greeter_client 127.0.0.1:9090
#include <cstdio>

#include "greeter.h"  // NOLINT(modernize-deprecated-headers): ours, beside this file

fl::Task<int> greet(fl::Client<Greeter> greeter) {
  auto call = greeter.hello({.name = "Ann"});
  const fl::Result<HelloResult> hello = co_await call;
  if (!hello.ok()) {
    std::fprintf(stderr, "%s\n", std::string(hello.status().message()).c_str());
    co_return 1;
  }
  std::printf("reply: %s\n", hello->text.c_str());

  auto nameless_call = greeter.hello({});
  const fl::Result<HelloResult> nameless = co_await nameless_call;
  std::printf("without a name: %d %s\n", static_cast<int>(nameless.status().code()),
              std::string(nameless.status().message()).c_str());
  co_return 0;
}

int main(int argc, char** argv) {
  const std::string address = argc > 1 ? argv[1] : "127.0.0.1:9090";
  fl::App app(1, argv, "greeter_client");
  app.on_push("/news/told", [](fl::Context&, std::string text) {  // on the connection we opened
    std::printf("told: %s\n", text.c_str());
    return fl::Status();
  });
  return app.run(greet(app.client<Greeter>(address, {.codec = "json"})));
}
