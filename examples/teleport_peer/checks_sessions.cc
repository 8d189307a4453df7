// Both directions of a session, many calls on one, many sessions.
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "checks.h"
#include "settings.h"

namespace teleport_peer {
namespace {

using fl::CodecId;

constexpr std::chrono::milliseconds kSlow(200);

fl::Task<fl::Status> pushed_to(Caller& caller) {
  constexpr std::size_t kPushes = 5;
  caller.notices().clear();
  auto call = caller.call(caller.names()("Echo", "Pushme"), CodecId::kPlain, "p",
                          fl::with_meta("n", std::to_string(kPushes)));
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  FL_CO_TRY(expect("reply", std::string(reply.body.view()), "pushed"));
  // They were sent before the reply, and in order.
  FL_CO_TRY(expect("pushes", caller.notices().size(), kPushes));
  for (std::size_t i = 0; i < kPushes; ++i) {
    const Notice& got = caller.notices()[i];
    FL_CO_TRY(expect("body", got.body, "p#" + std::to_string(i)));
    FL_CO_TRY(expect("metadata i", got.i, std::to_string(i)));
    FL_CO_TRY(expect("codec", got.codec, static_cast<std::uint8_t>(CodecId::kPlain)));
  }
  co_return fl::Status();
}

fl::Task<fl::Status> called_by(Caller& caller, CodecId codec) {
  auto asked =
      ask<std::string>(caller, caller.names()("Echo", "Callme"), codec, std::string("who"));
  FL_CO_TRY_ASSIGN(const std::string got, co_await asked);
  co_return expect("reply", got, "asked:who");
}

// One call of many that run beside each other: the first that fails says why.
fl::Task<void> echo_one(Caller& caller, std::string method, std::string body, fl::Status& failed) {
  auto call = caller.call(method, CodecId::kPlain, body,
                          fl::with_meta("ms", std::to_string(kSlow.count())));
  const fl::Result<fl::Reply> reply = co_await call;
  if (!failed.ok()) co_return;
  failed = reply.ok() ? expect("body", std::string(reply->body.view()), body) : reply.status();
}

// A slow handler takes its time and holds up no other call of its session.
fl::Task<fl::Status> overtake(Caller& caller) {
  fl::io::Core& core = *fl::io::Core::current();
  const fl::Time start = core.now();
  fl::Scope scope;
  fl::Status slow;
  scope.spawn(echo_one(caller, caller.names()("Echo", "Slow"), "slow", slow));
  fl::Status fast;
  auto echo = echo_one(caller, caller.names()("Echo", "Bytes"), "fast", fast);
  co_await echo;
  const bool overtook = scope.running() == 1;
  FL_CO_TRY(co_await scope.close(core.timers(), core.deadline_after(caller.flags().timeout)));
  FL_CO_TRY(std::move(slow));
  FL_CO_TRY(std::move(fast));
  FL_CO_TRY(expect("it was slow", core.now() - start >= kSlow, true));
  co_return expect("the fast call was first", overtook, true);
}

fl::Task<fl::Status> call_500_times_at_once(Caller& caller) {
  fl::Scope scope;
  fl::Status failed;
  const std::string method = caller.names()("Echo", "Bytes");
  for (int i = 0; i < 500; ++i) {
    scope.spawn(echo_one(caller, method, "call " + std::to_string(i), failed));
  }
  fl::io::Core& core = *fl::io::Core::current();
  FL_CO_TRY(co_await scope.close(core.timers(), core.deadline_after(caller.flags().timeout)));
  co_return failed;
}

// What the server has counted, and the rest of its text: last body, last metadata k.
struct Sunk {
  std::int64_t count = 0;
  std::string rest{};
};

fl::Task<fl::Result<Sunk>> ask_sink(Caller& caller) {
  auto call = caller.call(caller.names()("SinkStat", "Get"), CodecId::kPlain, "x");
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  const std::string_view text = reply.body.view();
  const std::size_t bar = text.find('|');
  const std::optional<std::int64_t> count = fl::parse_int64(text.substr(0, bar));
  if (bar == std::string_view::npos || !count.has_value()) {
    co_return differs("the sink says " + shown(text));
  }
  Sunk sunk;
  sunk.count = *count;
  sunk.rest = text.substr(bar + 1);
  co_return sunk;
}

// A peer may run handlers beside each other, so a PUSH may be counted after the next CALL.
fl::Task<fl::Status> wait_for_push(Caller& caller, std::int64_t before, std::string want) {
  fl::io::Core& core = *fl::io::Core::current();
  const fl::Deadline deadline = core.deadline_after(caller.flags().timeout);
  while (!deadline.passed(core.now())) {
    auto asked = ask_sink(caller);
    FL_CO_TRY_ASSIGN(const Sunk sunk, co_await asked);
    if (sunk.count > before) {
      FL_CO_TRY(expect("count", sunk.count, before + 1));
      co_return expect("last body and k", sunk.rest, want);
    }
    fl::Sleep pause(core.timers(), core.deadline_after(std::chrono::milliseconds(5)));
    FL_CO_TRY(co_await pause);
  }
  co_return differs("the push did not arrive");
}

struct Pushed {
  std::string method{};
  CodecId codec = CodecId::kPlain;
  std::string body{};
  std::string k{};
  std::string transforms{};  // beside those of --filters
  fl::wire::SecureForm form = fl::wire::SecureForm::kPlain;
};

fl::Task<fl::Status> push(Caller& caller, Pushed pushed) {
  auto asked = ask_sink(caller);
  FL_CO_TRY_ASSIGN(const Sunk before, co_await asked);
  auto sending = caller.push(pushed.method, pushed.codec, pushed.body, fl::with_meta("k", pushed.k),
                             fl::with_transforms(caller.flags().filters + pushed.transforms),
                             fl::sealed(pushed.form));
  FL_CO_TRY(co_await sending);
  auto waiting = wait_for_push(caller, before.count, pushed.body + "|" + pushed.k);
  co_return co_await waiting;
}

void add_push_checks(const Flags& flags, Checks& checks) {
  const auto add = [&](const char* name, Pushed pushed) {
    if (pushed.method.empty()) pushed.method = Names(flags.mapper)("Sink", "Push");
    checks.push_back({std::string("push/") + name, [pushed = std::move(pushed)](Caller& caller) {
                        return push(caller, pushed);
                      }});
  };
  add("plain", {.body = "pushed text", .k = "v"});
  add("json", {.codec = CodecId::kJson, .body = R"({"a":1})", .k = "j"});
  add("transforms", {.body = "zipped", .k = "w", .transforms = "gm"});
  if (!flags.secure.empty()) {
    add("sealed",
        {.codec = CodecId::kJson, .body = R"({"a":2})", .k = "s", .form = form_of(flags)});
  }
  if (flags.unknown) add("unknown", {.method = "/no/such/push", .body = "lost", .k = "u"});
}

// Nobody hears of a PUSH that nobody serves, and the session goes on.
fl::Task<fl::Status> push_nowhere(Caller& caller) {
  auto number = number_of_call(caller);
  FL_CO_TRY_ASSIGN(const std::int64_t before, co_await number);
  auto sending = caller.push("/no/such/push", CodecId::kPlain, "lost");
  FL_CO_TRY(co_await sending);
  auto same = expect_same_session(caller, before);
  co_return co_await same;
}

fl::Task<fl::Status> call_unknown(Caller& caller, CodecId codec) {
  const std::string body("raw \0 bytes", 11);
  auto call = caller.call("/no/such", codec, body);
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  FL_CO_TRY(expect("body", std::string(reply.body.view()), body));
  FL_CO_TRY(expect("metadata Unknown",
                   fl::wire::find_in_encoded(reply.metadata, "Unknown").value_or(""), "/no/such"));
  co_return expect_codec(reply, codec);
}

void add_unknown_checks(const Flags& flags, Checks& checks) {
  if (!flags.unknown) {
    checks.push_back({"push/not_found_is_silent", push_nowhere});
    return;
  }
  for (const CodecId codec : {CodecId::kProtobuf, static_cast<CodecId>('Z')}) {
    checks.push_back({std::string("unknown/codec_") + static_cast<char>(codec),
                      [codec](Caller& caller) { return call_unknown(caller, codec); }});
  }
}

}  // namespace

void add_session_checks(const Flags& flags, Checks& checks) {
  checks.push_back({"slow", overtake});
  checks.push_back({"pushme", pushed_to});
  for (const CodecId codec : {CodecId::kPlain, CodecId::kJson}) {
    if (!wants(flags, codec)) continue;
    checks.push_back({"callme/" + std::string(codec_name(codec)),
                      [codec](Caller& caller) { return called_by(caller, codec); }});
  }
  add_push_checks(flags, checks);
  add_unknown_checks(flags, checks);
  checks.push_back({"parallel/500", call_500_times_at_once});
}

// The client of this visit knows the server under twenty addresses, so each call goes over the next
// session.
Checks many_sessions_checks() {
  return {{"sessions/20", [](Caller& caller) -> fl::Task<fl::Status> {
             const std::string method = caller.names()("Echo", "Bytes");
             for (int i = 0; i < 200; ++i) {
               fl::Status failed;
               auto echo = echo_one(caller, method, std::to_string(i), failed);
               co_await echo;
               FL_CO_TRY(std::move(failed));
             }
             co_return fl::Status();
           }}};
}

}  // namespace teleport_peer
