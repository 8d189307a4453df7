// Talks from a terminal: chat_client NAME [ADDRESS]; /help tells the commands.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "terminal.h"

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3 || argv[1][0] == '-') {
    std::fputs("usage: chat_client NAME [ADDRESS]   (127.0.0.1:9090)\n", stderr);
    return 2;
  }
  const std::array<const char*, 5> options = {argv[0], "--cores", "1", "--log-level", "error"};
  fl::App app(options.size(), options.data(), "chat_client");
  const char* const admin_word = std::getenv("CHAT_ADMIN_WORD");
  const auto terminal = std::make_shared<Terminal>(app.pool("keyboard", {.threads = 1}), argv[1],
                                                   admin_word == nullptr ? "" : admin_word);
  app.sessions().on_closed([terminal](const fl::SessionRef& server, const fl::Status& how) {
    terminal->on_closed(server, how);
  });
  app.serve<Room>(terminal);

  const fl::Result<fl::SessionRef> server =
      app.dial(argc == 3 ? argv[2] : "127.0.0.1:9090", {.redial = false});
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", std::string(server.status().message()).c_str());
    return 1;
  }
  return app.run(terminal->talk(*server));
}
