// Calls that never rest, and a line for what became of each.
//
//   ledger_client ADDRESS IN_FLIGHT TIMEOUT_MS
//
// IN_FLIGHT callers make one call after the other. When a call begins nothing is told; when it ends
//   ID OUTCOME CODE REASON
// with OUTCOME one of ok, not_sent, not_processed, unknown, processed, and "wrong" for a reply that
// is not that call's. After TERM, when all have ended: "begun N ended N". Exit code 0.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "ledger.h"

namespace {

using namespace std::chrono_literals;

constexpr fl::Duration kPause = 2ms;        // after each call: the others need time too
constexpr fl::Duration kErrorPause = 20ms;  // an error may come at once, again and again

std::string_view outcome_name(fairlead::Outcome outcome) {
  switch (outcome) {
    case fairlead::Outcome::kNotSent:
      return "not_sent";
    case fairlead::Outcome::kNotProcessed:
      return "not_processed";
    case fairlead::Outcome::kUnknown:
      return "unknown";
    case fairlead::Outcome::kProcessed:
      return "processed";
  }
  return "?";
}

class Load {
 public:
  Load(fl::Runtime& runtime, fl::Client<Ledger> ledger, fl::Duration timeout)
      : runtime_(runtime), ledger_(std::move(ledger)), timeout_(timeout) {}

  fl::Task<void> call_on(int caller) {
    for (int n = 0; !runtime_.stopping().cancelled(); ++n) {
      const std::string id =
          std::to_string(::getpid()) + "-" + std::to_string(caller) + "-" + std::to_string(n);
      const std::string text(static_cast<std::size_t>(n % 97) * 31, 'x');  // up to 3 kB
      ++begun_;
      auto call = ledger_.add({.id = id, .text = text}, fl::within(timeout_));
      const fl::Result<Entry> reply = co_await call;
      ++ended_;
      const bool wrong = reply.ok() && (reply->id != id || reply->text != text);
      const std::string_view outcome =
          wrong ? "wrong" : (reply.ok() ? "ok" : outcome_name(reply.status().outcome()));
      std::printf("%s %.*s %d %.*s\n", id.c_str(), static_cast<int>(outcome.size()), outcome.data(),
                  static_cast<int>(reply.status().code()),
                  static_cast<int>(reply.status().reason().size()), reply.status().reason().data());
      std::fflush(stdout);
      co_await pause(reply.ok() ? kPause : kErrorPause);
    }
  }

  fl::Task<int> run(int callers) {
    fl::Scope scope;
    for (int i = 0; i < callers; ++i) scope.spawn(call_on(i));
    const fl::Status closed =
        co_await scope.close(fairlead::io::Core::current()->timers(), fl::Deadline());
    std::printf("begun %d ended %d\n", begun_, ended_);
    co_return closed.ok() ? 0 : 1;
  }

 private:
  static fl::Task<void> pause(fl::Duration time) {
    fairlead::io::Core& core = *fairlead::io::Core::current();
    const fl::Status slept = co_await fl::Sleep(core.timers(), core.deadline_after(time));
    if (!slept.ok()) std::fprintf(stderr, "pause: %s\n", slept.to_string().c_str());
  }

  fl::Runtime& runtime_;
  fl::Client<Ledger> ledger_;
  const fl::Duration timeout_;
  int begun_ = 0;
  int ended_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  fl::Runtime runtime(1, argv, "ledger_client");  // ledger_client.yaml in the working folder
  Load load(runtime, runtime.client<Ledger>(argv[1]),
            std::chrono::milliseconds(std::atoi(argv[3])));
  const int code = runtime.run(load.run(std::atoi(argv[2])));
  return code == 130 ? 0 : code;
}
