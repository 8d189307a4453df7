#include "client.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "runner.h"
#include "settings.h"

namespace teleport_peer {
namespace {

constexpr std::size_t kNoticesMax = 1000;

// One stay at the server: a program of its own as far as the server can see.
struct Visit {
  std::string token{};
  std::string key{};
  bool heartbeat = false;
  std::string address{};
  Checks checks{};
};

Visit plain_visit(const Flags& flags, Checks checks) {
  return {.token = flags.auth, .address = url_of(flags), .checks = std::move(checks)};
}

// What the client serves: a CALL and a PUSH under one name each.
void serve_callbacks(fl::App& app, const Names& names, std::vector<Notice>& notices) {
  app.on_call(names("Cb", "Ask"),
              [](fl::Context&, const std::string& text) { return "asked:" + text; });
  app.on_push(names("Cb", "Notify"), [&notices](fl::Context& context) {
    if (notices.size() < kNoticesMax) {
      notices.push_back({.body = std::string(context.body()),
                         .i = context.meta("i").value_or(""),
                         .codec = context.body_codec()});
    }
    return fl::Status();
  });
}

// Heartbeats go out beside the checks.
fl::Task<void> run_checks(Runner& runner, Caller& caller, const Visit& visit) {
  fl::Scope beside;
  if (visit.heartbeat) {
    beside.spawn(beat_on(caller.client(), caller.flags().heartbeat, caller.flags().timeout,
                         beside.token(), caller.heart()));
  }
  auto running = runner.run(caller, visit.checks);
  co_await running;
  fl::io::Core& core = *fl::io::Core::current();
  const fl::Status ended =
      co_await beside.close(core.timers(), core.deadline_after(caller.flags().timeout));
  FL_CHECK(ended.ok());
}

// 0, or the exit code when the client must end here.
int stay(Runner& runner, const Flags& flags, const Visit& visit) {
  if (!runner.selects_any(visit.checks)) return 0;
  Caller caller(flags);
  const CommandLine words = client_words();
  fl::App app(words.count(), words.words(), "teleport_peer");
  if (!visit.key.empty()) {
    fl::Result<fl::SecureKeys> keys = keys_from(visit.key);
    if (!keys.ok()) return refuse_key(keys.status());
    app.secure(*std::move(keys));
  }
  serve_callbacks(app, caller.names(), caller.notices());
  caller.set_client(app.raw_client(visit.address, client_options(flags, visit.token)));
  return app.run(run_checks(runner, caller, visit));  // 130 when INT or TERM came first
}

fl::Task<fl::Status> expect_connection(Caller& caller) {
  auto number = number_of_call(caller);
  FL_CO_TRY_ASSIGN([[maybe_unused]] const std::int64_t first, co_await number);
  co_return fl::Status();
}

Checks main_checks(const Flags& flags) {
  Checks checks;
  if (flags.proto == "thrift-struct") {
    add_thrift_struct_checks(flags, checks);
    return checks;
  }
  checks.push_back({"dial", expect_connection, true});
  add_body_checks(flags, checks);
  add_bad_body_checks(flags, checks);
  add_message_checks(flags, checks);
  add_transform_checks(flags, checks);
  add_session_checks(flags, checks);
  add_rule_checks(flags, checks);
  if (!flags.secure.empty()) add_secure_checks(flags, checks);
  if (flags.heartbeat > 0) add_heartbeat_checks(flags, checks);
  return checks;
}

void add_secure_visits(const Flags& flags, std::vector<Visit>& visits) {
  visits.push_back(plain_visit(flags, wrong_key_checks()));
  std::string& key = visits.back().key = flags.secure;
  key.front() = key.front() == 'x' ? 'y' : 'x';
  if (flags.secure_form == "erpc") visits.push_back(plain_visit(flags, damaged_body_checks()));
}

void add_login_visits(const Flags& flags, std::vector<Visit>& visits) {
  visits.push_back(plain_visit(flags, refused_login_checks()));
  visits.back().token += "x";
  visits.push_back(plain_visit(flags, missing_login_checks()));
  visits.back().token.clear();
}

std::vector<Visit> visits_of(const Flags& flags) {
  std::vector<Visit> visits{plain_visit(flags, main_checks(flags))};
  visits.back().key = flags.secure;
  visits.back().heartbeat = flags.heartbeat > 0;
  if (!flags.auth.empty()) add_login_visits(flags, visits);
  if (flags.proto == "thrift-struct") return visits;
  visits.push_back(plain_visit(flags, many_sessions_checks()));
  for (int i = 1; i < 20; ++i) visits.back().address += "," + url_of(flags);
  if (flags.heartbeat > 0) visits.push_back(plain_visit(flags, bad_rate_checks()));
  if (!flags.secure.empty()) add_secure_visits(flags, visits);
  return visits;
}

}  // namespace

int run_client(const Flags& flags) {
  Runner runner(flags);
  for (const Visit& visit : visits_of(flags)) {
    if (const int code = stay(runner, flags, visit); code != 0) return code;
    if (runner.stuck()) break;
  }
  return runner.tell_result() ? 0 : 1;
}

}  // namespace teleport_peer
