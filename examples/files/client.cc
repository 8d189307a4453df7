// Uploads and downloads files; goes on where it ended when the connection is lost.
//
//   file_client 127.0.0.1:7001 upload PATH NAME
//   file_client 127.0.0.1:7001 download NAME PATH
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "transfer.h"

using namespace std::chrono_literals;

namespace {

constexpr std::string_view kUsage = R"(usage: file_client SERVER upload PATH NAME [options]
       file_client SERVER download NAME PATH [options]

Copies the file PATH of this machine to the server, where it is called NAME, or the other way round.
Whoever is interrupted and starts again goes on where it ended. Ends with 0 when the whole file is
there, with 1 when not.

  file_client 127.0.0.1:7001 upload holiday.jpg beach.jpg

Options are those of every program on Fairlead: file_client SERVER download NAME PATH --help
)";

constexpr int kTriesMax = 8;  // one after the other without a byte

// Another try may help: the connection was lost, or the server has not noticed yet that it was.
bool is_passing(const fl::Status& status, bool tried_before) {
  switch (status.code()) {
    case fl::Code::kConnectionClosed:
    case fl::Code::kWriteFailed:
    case fl::Code::kDialFailed:
    case fl::Code::kDeadlineExceeded:
      return true;
    default:
      return tried_before && status.reason() == "file.busy";
  }
}

fl::Task<int> run(fl::App& app, fl::Hub& hub, fl::Pool disk, Order order) {
  Progress progress(order.name);
  for (int tries = 1;; ++tries) {
    auto dialling = hub.dial(order.server);
    const fl::Result<fl::SessionRef> link = co_await dialling;
    fl::Status status = link.status();
    if (link.ok()) {
      auto transfer = order.upload ? upload(*link, disk, order, progress)
                                   : download(*link, disk, order, progress);
      status = co_await transfer;
    }
    if (status.ok()) {
      progress.say(order.upload ? "uploaded" : "downloaded");
      co_return 0;
    }
    if (progress.take_moved()) tries = 1;
    if (!is_passing(status, tries > 1) || tries == kTriesMax) {
      progress.end_line();
      std::fprintf(stderr, "file_client: %s\n", status.to_string().c_str());
      co_return 1;
    }
    if (link.ok()) link->kick("again");  // if it is there still, it is of no use
    const auto pause = std::min(100ms * (1 << tries), 2000ms);
    progress.say(std::string(status.message()) + "; again in " + std::to_string(pause.count()) +
                 " ms");
    fl::io::Core& core = *fl::io::Core::current();
    fl::Sleep sleep(core.timers(), core.deadline_after(pause), app.stopping());
    const fl::Status slept = co_await sleep;
    if (!slept.ok()) co_return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc < 5 ? "" : argv[2];
  if (what != "upload" && what != "download") {
    std::fputs(kUsage.data(), stdout);
    return argc == 2 && std::string_view(argv[1]) == "--help" ? 0 : 2;
  }
  const fl::Result<fl::io::Address> server = fl::io::Address::parse(argv[1]);
  if (!server.ok()) {
    std::fprintf(stderr, "file_client: %s\n", server.status().to_string().c_str());
    return 2;
  }
  Order order{.server = *server, .upload = what == "upload"};
  order.path = argv[order.upload ? 3 : 4];
  order.name = argv[order.upload ? 4 : 3];
  fl::App app(argc - 4, argv + 4, "file_client");  // the word before the options is no option
  fl::Hub& hub = app.sessions();
  const fl::Pool disk = app.pool("disk", {.threads = 2});
  return app.run(run(app, hub, disk, std::move(order)));
}
