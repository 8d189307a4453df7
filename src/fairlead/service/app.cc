#include "fairlead/service/app.h"

#include <cstdio>
#include <cstdlib>

namespace fairlead::service {
namespace {

constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;

Task<void> keep_result(Task<int> task, int* out) { *out = co_await task; }

}  // namespace

Status error(std::int32_t code, std::string_view message) {
  return Status(static_cast<Code>(code), "", message);
}

Runtime::Runtime(int argc, const char* const* argv, std::string name)
    : name_(std::move(name)), process_(name_) {
  Result<Start> read = read_start(argc, argv, name_, Spec{});
  if (read.ok())
    start_ = *std::move(read);
  else
    status_ = read.status();
}

int Runtime::fail(const Status& status) const {
  std::fprintf(stderr, "%s: %.*s\n", name_.c_str(), static_cast<int>(status.message().size()),
               status.message().data());
  return status.reason().starts_with("flag.") ? kExitUsage : kExitFailure;
}

std::optional<int> Runtime::early_end() {
  if (!status_.ok()) return fail(status_);
  if (start_.help) {
    std::fputs(help_text(name_).c_str(), stdout);
    return 0;
  }
  if (start_.version) {
    std::printf("%s on fairlead %s\n", name_.c_str(), FL_VERSION);
    return 0;
  }
  return std::nullopt;
}

Status Runtime::start() {
  FL_TRY(process_.start(start_.spec, start_.source));
  return may_serve() ? Status() : process_.serve_nothing();
}

const Target& Runtime::target(std::string_view name_or_addresses, const ClientOptions& options) {
  if (const std::optional<int> code = early_end()) std::exit(*code);
  if (const Status started = start(); !started.ok()) {
    process_.stop();
    std::exit(fail(started));
  }
  const Result<Target*> target = process_.target(name_or_addresses, options);
  if (!target.ok()) {
    const int code = fail(target.status());
    process_.stop();
    std::exit(code);
  }
  return **target;
}

Result<SessionRef> Runtime::dial(std::string_view address, const ClientOptions& options) {
  FL_TRY(status_);
  process_.sessions();
  FL_TRY(start());
  return process_.dial(address, options);
}

int Runtime::run(Task<void> task) {
  if (const std::optional<int> code = early_end()) return *code;
  Status started = start();
  if (started.ok()) started = process_.serve_nothing();  // an App that runs a task serves nothing
  if (!started.ok()) return fail(started);
  const bool ended = process_.run(std::move(task));
  process_.stop();
  if (!ended) return kExitInterrupted;
  return process_.calls_cut() == 0 ? 0 : kExitFailure;
}

int Runtime::run(Task<int> task) {
  int result = 0;
  const int code = run(keep_result(std::move(task), &result));
  return code != 0 ? code : result;
}

int App::serve_at(const std::vector<std::string>& addresses) {
  if (const std::optional<int> code = early_end()) return *code;
  if (const Status started = start(); !started.ok()) return fail(started);
  if (const Status serving = process_.serve(discover_, addresses); !serving.ok()) {
    process_.stop();
    return fail(serving);
  }
  if (on_ready_) on_ready_(process_.addresses());
  process_.wait_for_signal();
  process_.stop();
  return process_.calls_cut() == 0 ? 0 : kExitFailure;
}

}  // namespace fairlead::service
