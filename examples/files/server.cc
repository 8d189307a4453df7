// A file server: clients upload and download files of one folder, in chunks, over one connection.
//
//   file_server FOLDER --listen tcp://127.0.0.1:7001
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "files.h"
#include "logic.h"

namespace {

constexpr std::string_view kUsage = R"(usage: file_server FOLDER [limits] [options]

Serves the files of FOLDER to file_client. Whoever reaches it may read and write them.

limits:
  --file-bytes-max N   largest file that is taken: 1073741824
  --transfers-max N    transfers that may be open: 64
  --idle-seconds N     a transfer that nobody has used for so long makes room: 60

Options are those of every program on Fairlead: file_server FOLDER --help
)";

// "--name N" at `argv`. False if it is anything else.
template <class Number>
bool read_limit(char** argv, std::string_view name, Number& number) {
  if (argv[0] != name || argv[1] == nullptr) return false;
  const std::string_view text = argv[1];
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') {
    std::fputs(kUsage.data(), stdout);
    return argc < 2 ? 2 : 0;
  }
  ServerOptions options{.folder = argv[1]};
  int used = 1;
  while (used + 1 < argc &&
         (read_limit(argv + used + 1, "--file-bytes-max", options.file_bytes_max) ||
          read_limit(argv + used + 1, "--transfers-max", options.transfers_max) ||
          read_limit(argv + used + 1, "--idle-seconds", options.idle_seconds))) {
    used += 2;
  }
  std::error_code none;
  if (!std::filesystem::is_directory(options.folder, none)) {
    std::fprintf(stderr, "file_server: '%s' is no folder\n", argv[1]);
    return 1;
  }
  fl::App app(argc - used, argv + used, "file_server");  // the word before the options is no option
  fl::Hub& hub = app.sessions();
  const auto logic = std::make_shared<FilesLogic>(hub, app.pool("disk", {.threads = 4}), options);
  hub.on_closed(
      [&logic](const fl::SessionRef& session, const fl::Status&) { logic->forget(session); });
  app.serve<Files>(logic);
  return app.run("tcp://127.0.0.1:7001");
}
