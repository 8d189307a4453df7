// Callers that never rest, for a service that is replaced while they call.
//
//   upgrade_load IN_FLIGHT CA_FILE ADDRESS...
//
// To each address go IN_FLIGHT calls at a time by one client, and, without TLS, one after the
// other new connections with one call each, which nobody repeats. Until TERM; then it prints a line
//   {"calls":12000,"dials":900,"failed":0}
// and one for each of the first failures in front of it. Exit code 0, also with failures.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "math.h"

namespace {

using namespace std::chrono_literals;

constexpr double kSeconds = 0.5;      // that a call takes
constexpr fl::Duration kPause = 5ms;  // between connections; the service needs time too
constexpr int kFailuresTold = 20;

struct Load {
  fl::Runtime& runtime;
  int calls = 0;
  int dials = 0;
  int failed = 0;

  bool over() const { return runtime.stopping().cancelled(); }
  // On a machine that is too busy a handshake takes longer than a dial may: nothing was sent, and
  // the caller asks again.
  static bool is_late(const fl::Status& status) {
    return status.outcome() == fairlead::Outcome::kNotSent &&
           status.to_string().find("tls.timeout") != std::string::npos;
  }
  void note(const char* what, const std::string& address, const fl::Status& status) {
    if (status.ok() || is_late(status) || ++failed > kFailuresTold) return;
    std::printf("%s %s: %s\n", what, address.c_str(), status.to_string().c_str());
  }
};

fl::Task<void> pause() {
  fairlead::io::Core& core = *fairlead::io::Core::current();
  const fl::Status slept = co_await fl::Sleep(core.timers(), core.deadline_after(kPause));
  if (!slept.ok()) std::printf("pause: %s\n", slept.to_string().c_str());
}

fl::Task<void> call_on(Load* load, fl::Client<Math> math, const std::string* address) {
  while (!load->over()) {
    auto call = math.slow({.a = kSeconds, .b = 1}, fl::within(30s));
    const fl::Result<DivideResult> reply = co_await call;
    if (load->over()) break;  // it ends with our connections
    ++load->calls;
    load->note("call", *address, reply.status());
    if (!reply.ok()) co_await pause();  // an error may come at once, again and again
  }
}

fl::Task<fl::Status> dial_once(Load* load, const fairlead::io::Address* address) {
  auto dialling = load->runtime.sessions().dial(*address, fairlead::rpc::DialOptions(), 30s);
  FL_CO_TRY_ASSIGN(const fl::SessionRef session, co_await dialling);
  auto call = session.as<Math>().who(fl::within(30s));
  const fl::Result<WhoResult> reply = co_await call;
  session.kick("done");
  co_return reply.status();
}

fl::Task<void> dial_on(Load* load, const std::string* text) {
  const auto address = fairlead::io::Address::parse(*text).value();
  while (!load->over()) {
    const fl::Status ended = co_await dial_once(load, &address);
    if (load->over()) break;
    ++load->dials;
    load->note("dial", *text, ended);
    co_await pause();
  }
}

fl::Task<int> run(Load* load, const std::vector<fl::Client<Math>>* clients,
                  const std::vector<std::string>* addresses, int in_flight) {
  fl::Scope scope;
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    const std::string& address = (*addresses)[i];
    for (int n = 0; n < in_flight; ++n) scope.spawn(call_on(load, (*clients)[i], &address));
    if (!address.starts_with("tls:")) scope.spawn(dial_on(load, &address));
  }
  const fl::Status ended =
      co_await scope.close(fairlead::io::Core::current()->timers(), fl::Deadline());
  std::printf("{\"calls\":%d,\"dials\":%d,\"failed\":%d}\n", load->calls, load->dials,
              load->failed);
  co_return ended.ok() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  fl::Runtime runtime(1, argv, "upgrade_load");
  runtime.sessions();
  const int in_flight = std::atoi(argv[1]);
  const std::vector<std::string> addresses(argv + 3, argv + argc);
  std::vector<fl::Client<Math>> clients;
  for (const std::string& address : addresses) {
    fl::ClientOptions options;
    if (address.starts_with("tls:")) options.tls.ca_file = argv[2];
    clients.push_back(runtime.client<Math>(address, options));
  }
  Load load{runtime};
  const int code = runtime.run(run(&load, &clients, &addresses, in_flight));
  return code == 130 ? 0 : code;
}
